/**
 * Where a table comes from: a file, or anything that flows (standard input, a pipe), which is put into a nameless temporary file first. So a
 * table can always be read twice: once for its encoding, once for its rows.
 */
import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { GoniecError, messageOf } from '../errors.ts'

/** An open table and what to call it in messages. */
export interface CsvSource {
  file: FileHandle
  name: string
  sizeBytes: number
}

const SAVE_AS = 'in the spreadsheet: Save as, CSV UTF-8'

/** Opens a path or takes a stream in. Refuses what cannot be a table: a directory, a workbook, nothing at all. */
export async function openSource(input: string | Readable): Promise<CsvSource> {
  const name = typeof input === 'string' ? input : 'stdin'
  const file = await (typeof input === 'string' ? openPath(input) : spool(input))
  try {
    const { size: sizeBytes } = await file.stat()
    const { buffer, bytesRead } = await file.read(Buffer.alloc(4096), 0, 4096, 0)
    refuseForeign(name, buffer.subarray(0, bytesRead))
    return { file, name, sizeBytes }
  } catch (error) {
    await file.close()
    throw error
  }
}

async function openPath(path: string): Promise<FileHandle> {
  let file: FileHandle
  try {
    file = await open(path, 'r')
    const stats = await file.stat()
    if (stats.isFile()) return file
    if (stats.isDirectory()) {
      await file.close()
      throw new GoniecError('csv_unreadable', `${path} is a directory, not a CSV file`, {
        hint: `name a file in it: ls ${path}`,
      })
    }
  } catch (cause) {
    if (cause instanceof GoniecError) throw cause
    const missing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT'
    const message = missing ? `there is no file ${path}` : `cannot read ${path}: ${messageOf(cause)}`
    throw new GoniecError('csv_unreadable', message, {
      hint: missing ? 'check the path' : 'check its permissions',
      cause,
    })
  }
  return spool(file.createReadStream())
}

async function spool(stream: Readable): Promise<FileHandle> {
  const file = await openNameless()
  try {
    for await (const chunk of stream) await file.appendFile(chunk as Buffer | string)
    return file
  } catch (cause) {
    await file.close()
    const hint = `check the room in ${tmpdir()}, or set TMPDIR to another directory`
    throw new GoniecError('csv_unreadable', `cannot take in what flows from standard input: ${messageOf(cause)}`, {
      hint,
      cause,
    })
  }
}

/** The open file lives on without its name, and leaves nothing behind, whatever becomes of the process. */
async function openNameless(): Promise<FileHandle> {
  const directory = await mkdtemp(join(tmpdir(), 'goniec-'))
  try {
    return await open(join(directory, 'table'), 'w+')
  } finally {
    await rm(directory, { recursive: true })
  }
}

function refuseForeign(name: string, start: Buffer): void {
  const refuse = (what: string, hint: string): never => {
    throw new GoniecError('csv_unreadable', `${name} ${what}`, { hint })
  }
  if (start.length === 0)
    refuse('is empty', 'a list of leads has a header line with a column "email", and a lead on each line after it')
  if (start.subarray(0, 4).equals(Buffer.from('PK\u0003\u0004'))) {
    refuse('is a workbook or an archive, not a CSV file', SAVE_AS)
  }
  if (start.subarray(0, 4).equals(Buffer.from([0xd0, 0xcf, 0x11, 0xe0]))) {
    refuse('is an old Excel workbook, not a CSV file', SAVE_AS)
  }
}

/** Refuses a text that no spreadsheet wrote: a picture, a program, a disk image. A stray control character is a broken line's matter. */
export function refuseBinary(name: string, start: string): void {
  const sample = start.slice(0, 4096)
  const strange = sample.match(/[^\P{Cc}\t\n\v\f\r]|\uFFFD/gu)?.length ?? 0
  if (strange > 8 && strange > sample.length * 0.05) {
    throw new GoniecError('csv_unreadable', `${name} holds binary data, not a table`, { hint: SAVE_AS })
  }
}
