/** How mistakes in definition files are collected and told: all of them at once, each with its file, line, column and key. */
import { GoniecError } from '../../errors.ts'
import type { Position } from './definition.ts'

/** One mistake and where it stands. */
export interface Problem {
  at: Position
  message: string
}

/** One error for all mistakes, in the order of the files. Exit code 1. */
export function definitionError(problems: Problem[]): GoniecError {
  const count = problems.length === 1 ? 'a mistake' : `${problems.length} mistakes`
  const lines = problems.map(({ at, message }) => `  ${where(at)}${at.path === '' ? '' : ` ${at.path}`}: ${message}`)
  return new GoniecError(
    'definition_invalid',
    `The definition has ${count}; nothing was changed.\n${lines.join('\n')}`,
    {
      hint: 'mend the lines above and run the command again; examples/campaigns.yaml shows every key',
    },
  )
}

/** `campaigns.yaml:12:5`, as editors and terminals understand it. */
export function where({ file, line, column }: Position): string {
  return `${file}:${line}:${column}`
}
