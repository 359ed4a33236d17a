/**
 * A logbook's files: a folder for each place in which the installation's database has lived, in it files with growing numbers.
 *
 *     <state>/<installation>/<worker>/<cluster>-<database>/000001.log
 *
 * A file is made whole, with its first line, under another name, and renamed into place. It is only ever appended to; its last line may be cut
 * off, where a machine lost power while it was written: then nothing of that mail had gone out, since a mail waits for its line.
 */
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { GoniecError, messageOf } from '../../errors.ts'
import { formatLine, parseLine, type Header, type Home, type Line } from './lines.ts'

/** One file of a logbook. */
export interface LogFile {
  path: string
  /** The folder of its home. */
  folder: string
  number: number
}

/** Where a worker's logbooks of an installation are. */
export interface Shelf {
  root: string
  installation: string
  worker: string
}

/** The folder of one home. */
export function homeFolder(shelf: Shelf, { systemIdentifier, databaseOid }: Home): string {
  return join(shelfFolder(shelf), `${systemIdentifier ?? 'unknown'}-${databaseOid}`)
}

/** All files of this worker, oldest first within each home. */
export async function listShelf(shelf: Shelf): Promise<LogFile[]> {
  const folders = await namesIn(shelfFolder(shelf))
  const files = await Promise.all(folders.map((name) => listFiles(join(shelfFolder(shelf), name))))
  return files.flat()
}

/** The files of one home, oldest first; none where there is no such folder. */
export async function listFiles(folder: string): Promise<LogFile[]> {
  const names = await namesIn(folder)
  return names
    .filter((name) => /^\d{6,}\.log$/.test(name))
    .map((name) => ({ path: join(folder, name), folder, number: Number.parseInt(name, 10) }))
    .toSorted((one, other) => one.number - other.number)
}

/** The highest number that a file of this folder has had, one that was moved aside (000007.log.spoilt) too; 0: none. */
export async function newestNumber(folder: string): Promise<number> {
  const names = await namesIn(folder)
  return Math.max(0, ...names.map((name) => Number(/^(\d{6,})\.log/.exec(name)?.[1] ?? 0)))
}

/** Makes the file of this number, with its first line, durable before it is seen. */
export async function createFile(root: string, folder: string, number: number, header: Header): Promise<LogFile> {
  return await refuseUnwritable(folder, async () => {
    // Addresses are from `root` on. What is above it may be others' too: the user of goniec's own database walks through root's.
    await mkdir(dirname(root), { recursive: true })
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const path = join(folder, `${String(number).padStart(6, '0')}.log`)
    const making = `${path}.${process.pid}.new`
    const handle = await open(making, 'w', 0o600)
    try {
      await handle.writeFile(formatLine({ kind: 'header', header }))
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(making, path)
    await syncFolder(folder)
    return { path, folder, number }
  })
}

/** Does what writes there, and says clearly that it cannot be done. */
export async function refuseUnwritable<Result>(folder: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof GoniecError) throw error
    throw new GoniecError('logbook_unwritable', `the worker’s logbook cannot be written: ${messageOf(error)}`, {
      hint: `make ${folder} writable for the worker, or name another directory that outlives it: GONIEC_STATE=/var/lib/goniec`,
      cause: error,
    })
  }
}

/** Whether a file can be written on: its last line is whole. */
export async function endsWhole({ path }: LogFile): Promise<boolean> {
  const { size } = await stat(path)
  if (size === 0) return false
  const handle = await open(path, 'r')
  try {
    const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1)
    return buffer[0] === '\n'.charCodeAt(0)
  } finally {
    await handle.close()
  }
}

/** Its lines. A last one that is cut off is left out; any other that is spoilt is an error that names it. */
export async function readLines({ path }: LogFile): Promise<Line[]> {
  const texts = (await readFile(path, 'utf8')).split('\n')
  // Behind the last line's end there is nothing, or what was cut off.
  texts.pop()
  const lines = texts.map((text, index) => {
    const line = parseLine(text)
    if (line === undefined || (index === 0) !== (line.kind === 'header')) throw corrupt(path, index + 1)
    return line
  })
  if (lines.length === 0) throw corrupt(path, 1)
  return lines
}

/**
 * The lines in so many bytes at its end, from the one on that so many mails have passed since; undefined where there are not as many, the file is no
 * longer than that, or one of them is spoilt: then it is to be read whole, which says where.
 */
export async function readLastLines(
  { path }: LogFile,
  { bytes, mails }: { bytes: number; mails: number },
): Promise<Line[] | undefined> {
  const handle = await open(path, 'r')
  try {
    const { size } = await handle.stat()
    if (size <= bytes) return undefined
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(bytes), 0, bytes, size - bytes)
    const texts = buffer.toString('utf8', 0, bytesRead).split('\n')
    // The first one has begun before, behind the last line's end there is nothing, or what was cut off.
    return newestLines(texts.slice(1, -1), mails)
  } finally {
    await handle.close()
  }
}

function newestLines(texts: readonly string[], mails: number): Line[] | undefined {
  const lines: Line[] = []
  let passed = 0
  for (const text of texts.toReversed()) {
    const line = parseLine(text)
    if (line === undefined || line.kind === 'header') return undefined
    lines.push(line)
    if (line.kind === 'passed' && ++passed === mails) return lines.toReversed()
  }
  return undefined
}

/** Its first line. */
export async function readHeader(file: LogFile): Promise<Header> {
  const [first] = await readLines(file)
  return first?.kind === 'header' ? first.header : Promise.reject(corrupt(file.path, 1))
}

/** Files of this folder, but for the newest, that nobody has written to for so long, oldest first; and the oldest of what is too much. */
export async function dropOld(
  folder: string,
  { keepMs, mostBytes }: { keepMs: number; mostBytes: number },
): Promise<void> {
  const files = await listFiles(folder)
  const sizes = await Promise.all(files.map(async ({ path }) => await stat(path)))
  let total = sizes.reduce((sum, { size }) => sum + size, 0)
  for (const [index, file] of files.slice(0, -1).entries()) {
    const { mtimeMs = 0, size = 0 } = sizes[index] ?? {}
    // Both are the host's clock.
    if (performance.timeOrigin + performance.now() - mtimeMs <= keepMs && total <= mostBytes) break
    await rm(file.path)
    total -= size
  }
}

function corrupt(path: string, line: number): GoniecError {
  return new GoniecError('logbook_corrupt', `the worker’s logbook is spoilt: ${path}, line ${line}`, {
    hint: `move it away (mv ${path} ${path}.spoilt) and start the worker again; should the database have to be restored, a person is asked about what stood in it`,
  })
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).toSorted()
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw new GoniecError('logbook_unreadable', `the worker’s logbook cannot be read: ${messageOf(error)}`, {
      hint: `let the worker’s user read ${folder}, or name another directory that outlives it: GONIEC_STATE=/var/lib/goniec`,
      cause: error,
    })
  }
}

/** The folder of all logbooks of this worker, whatever home. */
function shelfFolder({ root, installation, worker }: Shelf): string {
  // A worker may be called anything; "." and ".." are no folders of their own.
  return join(
    root,
    installation,
    encodeURIComponent(worker).replace(/^\.+/, (dots) => dots.replaceAll('.', '%2E')),
  )
}

/** So that the new name outlives a power cut as the file does. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
