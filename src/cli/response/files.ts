/** Reads what a response is made of: texts and attachments, within bounds, with errors that name the file. */
import { readFile, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import type { Readable } from 'node:stream'
import { detectMimeType } from 'nodemailer/lib/mime-funcs'
import type { EncodedAttachment } from '../../delivery/enqueue-response.ts'
import { GoniecError, messageOf } from '../../errors.ts'

const MEGABYTE = 1024 * 1024
/** Many servers take 25 MB; base64 makes a third more of it, and a mail waits in the database until it is sent. */
const MOST_ATTACHED = 10 * MEGABYTE
const MOST_TEXT = MEGABYTE

const TOO_LONG = 'a text of a mail has 1 MB at most; attach it instead'
const SAVE_AS = 'save it as UTF-8'

/** A text from a file in UTF-8; `-` is standard input. */
export async function readText(path: string, standardInput: Readable = process.stdin): Promise<string> {
  if (path === '-') return decode('standard input', await readInput(standardInput))
  return decode(path, await readBounded(path, MOST_TEXT, TOO_LONG))
}

/** The files, in their order, with the content type that their names say. */
export async function readAttachments(paths: readonly string[]): Promise<EncodedAttachment[]> {
  const attachments: EncodedAttachment[] = []
  let left = MOST_ATTACHED
  for (const path of paths) {
    const bytes = await readBounded(path, left, 'attachments have 10 MB together at most; give a link instead')
    left -= bytes.length
    const filename = basename(path)
    attachments.push({ filename, contentType: detectMimeType(filename), content: bytes.toString('base64') })
  }
  return attachments
}

async function readInput(input: Readable): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of input as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > MOST_TEXT) throw unusable('standard input', 'it has more than 1 MB', TOO_LONG)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** What is not surely text would be mailed with holes in it. */
function decode(name: string, bytes: Buffer): string {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    throw unusable(name, 'it is not text in UTF-8', SAVE_AS, error)
  }
  if (text.includes('\0')) throw unusable(name, 'it holds a NUL character', SAVE_AS)
  return text
}

async function readBounded(path: string, most: number, hint: string): Promise<Buffer> {
  const { size, isFile } = await attempt(path, async () => {
    const found = await stat(path)
    return { size: found.size, isFile: found.isFile() }
  })
  if (!isFile) throw unusable(path, 'it is not a file', 'name a file')
  if (size > most) throw unusable(path, `with its ${inMegabytes(size)} it is too large`, hint)
  return attempt(path, () => readFile(path))
}

async function attempt<Result>(path: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    throw unusable(
      path,
      code === 'ENOENT' ? 'there is no such file' : messageOf(error),
      'check its name and its rights',
      error,
    )
  }
}

function inMegabytes(bytes: number): string {
  return `${(bytes / MEGABYTE).toFixed(1)} MB`
}

function unusable(path: string, why: string, hint: string, cause?: unknown): GoniecError {
  return new GoniecError('file', `${path} cannot be used: ${why}`, { hint, cause })
}
