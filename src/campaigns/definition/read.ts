/** Definition files from disk. */
import { readFileSync } from 'node:fs'
import { GoniecError, messageOf } from '../../errors.ts'
import type { DefinitionFile } from './document.ts'

/** Reads the files, each once; `-` is standard input. */
export function readDefinitionFiles(paths: string[]): DefinitionFile[] {
  return [...new Set(paths)].map((path) => ({ path: path === '-' ? 'stdin' : path, text: readText(path) }))
}

function readText(path: string): string {
  let bytes: Buffer
  try {
    bytes = readFileSync(path === '-' ? 0 : path)
  } catch (error) {
    throw unreadable(path, error)
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new GoniecError('definition_unreadable', `${path} is not a text in UTF-8`, {
      hint: 'save the file as UTF-8',
      cause,
    })
  }
}

function unreadable(path: string, cause: unknown): GoniecError {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  if (code === 'ENOENT') {
    const hint = 'check the path, or start from examples/campaigns.yaml'
    return new GoniecError('definition_unreadable', `there is no definition file ${path}`, { hint, cause })
  }
  if (code === 'EISDIR') {
    return new GoniecError('definition_unreadable', `${path} is a directory, not a definition file`, {
      hint: `goniec apply ${path}/*.yaml`,
      cause,
    })
  }
  return new GoniecError('definition_unreadable', `cannot read the definition file ${path}: ${messageOf(cause)}`, {
    hint: 'see that you may read it',
    cause,
  })
}
