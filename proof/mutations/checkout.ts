/** A copy of the sources in which guards are switched off, and tests run. The sources themselves are never touched. */
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { assert } from '../../src/errors.ts'
import type { Edit } from './mutation.ts'

/** Where the sources are. */
export const ROOT = join(import.meta.dirname, '..', '..')

const COPIED = [
  'bin',
  'examples',
  'migrations',
  'src',
  'tests',
  'proof',
  'package.json',
  'tsconfig.json',
  'vitest.config.ts',
]

export interface Checkout extends Disposable {
  directory: string
  /** Switches guards off; returns what puts them back. Throws where a passage does not stand there exactly once. */
  apply(edits: readonly Edit[]): () => void
}

/** Copies the sources to a directory that is not there yet. */
export function makeCheckout(directory: string): Checkout {
  mkdirSync(directory, { recursive: true })
  for (const name of COPIED) cpSync(join(ROOT, name), join(directory, name), { recursive: true })
  symlinkSync(join(ROOT, 'node_modules'), join(directory, 'node_modules'))
  return {
    directory,
    apply(edits) {
      const before = new Map(edits.map(({ file }) => [file, read(directory, file)]))
      for (const edit of edits) writeFileSync(join(directory, edit.file), edited(read(directory, edit.file), edit))
      return () => {
        for (const [file, text] of before) writeFileSync(join(directory, file), text)
      }
    },
    [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }),
  }
}

/** The text with the one passage replaced. */
export function edited(text: string, { file, from, to }: Edit): string {
  const times = text.split(from).length - 1
  assert(times === 1, `${file} has ${times} times, instead of once: ${from}`)
  return text.replace(from, () => to)
}

function read(directory: string, file: string): string {
  return readFileSync(join(directory, file), 'utf8')
}
