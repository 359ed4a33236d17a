/** A mail's text or HTML: written in the definition file, or in a file beside it. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { messageOf } from '../../errors.ts'
import { expected, leaf, Mistake } from './keyed.ts'

const MAX_BYTES = 1_000_000

/** A text, or `{ file: PATH }` relative to the definition file's directory, read at once. */
export function textPart(directory: string) {
  return leaf((value): string | Mistake => {
    const file = fileOf(value)
    if (file !== undefined) return readText(resolve(directory, file), file)
    if (typeof value !== 'string') return expected('a text, or { file: PATH }', value)
    return checked(value, 'the text')
  })
}

function fileOf(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || !('file' in value)) return undefined
  return typeof value.file === 'string' && Object.keys(value).length === 1 ? value.file : undefined
}

function readText(path: string, shown: string): string | Mistake {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path))
    return checked(text, `the file ${shown}`)
  } catch (error) {
    return new Mistake(`cannot read the file ${shown} (${path}): ${reason(error)}`)
  }
}

function reason(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'ENOENT') return 'there is none'
  if (code === 'EISDIR') return 'it is a directory'
  if (code === 'EACCES') return 'permission denied'
  return code === 'ERR_ENCODING_INVALID_ENCODED_DATA' ? 'it is not UTF-8; save it as UTF-8' : messageOf(error)
}

function checked(text: string, what: string): string | Mistake {
  if (text.trim() === '') return new Mistake(`${what} is empty`)
  if (text.includes('\0')) return new Mistake(`${what} holds a NUL character`)
  return text.length <= MAX_BYTES
    ? text
    : new Mistake(`${what} is longer than ${MAX_BYTES / 1_000_000} million characters`)
}
