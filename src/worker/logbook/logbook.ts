/**
 * A worker's logbook: what it has put on the wire, in files of its own outside the database. Should the database forget (a backup is restored,
 * a standby without the last commits is promoted), this is what still knows; docs/decisions/restore-detection.md.
 *
 * Owns       the files of this worker's name. Promises: a mail's line is written before its content goes out, and outlives the process; the disk
 *            has it within a second. Files are bounded, by age and by size; what was dropped is told by `coversFrom`.
 * Leaves     comparing it with the database to look-back.ts. A line that cannot be written ends the worker: `onBroken`, once.
 */
import { writeSync } from 'node:fs'
import { open, stat, type FileHandle } from 'node:fs/promises'
import { GoniecError, messageOf } from '../../errors.ts'
import type { Instant } from '../../time.ts'
import {
  createFile,
  dropOld,
  endsWhole,
  homeFolder,
  listFiles,
  listShelf,
  newestNumber,
  refuseUnwritable,
  type LogFile,
  type Shelf,
} from './files.ts'
import { formatLine, type Answer, type Home, type Line, type Mark, type PassedMail } from './lines.ts'

export interface LogbookOptions extends Shelf {
  home: Home
  /** The database's clock. */
  now: Instant
  /** The database has heard of this worker: where there is no file, one was lost. */
  isKnown: boolean
  /** How long a file is kept after its last line. */
  keepMs: number
  onBroken: (error: GoniecError) => void
}

/** A new file begins after so much, or so long. */
const FILE_BYTES = 8 * 1024 * 1024
const FILE_HOURS = 24

/** More than a week of a hundred mails a second would be: then age gives way to size. */
const MOST_BYTES = 1024 ** 3

/** How soon the disk has what was written: one flush for all lines of that time. */
const FLUSH_MS = 1000

/** How long an answer waits for company. */
const ANSWERS_MS = 5

export class Logbook {
  /** The database's, as it was when the worker looked last; a fence passes on no other. */
  timeline: number | null = null
  readonly #options: LogbookOptions
  readonly #folder: string
  #file: LogFile
  #handle: FileHandle
  #bytes: number
  #begunAt: Instant
  #work: Promise<void> = Promise.resolve()
  #flush: NodeJS.Timeout | undefined
  /** Lines whose write has not begun. */
  #waiting: { lines: Line[]; written?: Promise<void> } | undefined
  #soon: NodeJS.Timeout | undefined
  #broken: GoniecError | undefined
  #isClosed = false

  private constructor(options: LogbookOptions, file: LogFile, handle: FileHandle, bytes: number) {
    this.#options = options
    this.#folder = file.folder
    this.#file = file
    this.#handle = handle
    this.#bytes = bytes
    this.#begunAt = options.now
  }

  /** Opens it to write on, and makes it where there is none. Rejects with a GoniecError where it cannot be written. */
  static async open(options: LogbookOptions): Promise<Logbook> {
    const folder = homeFolder(options, options.home)
    return await refuseUnwritable(folder, async () => {
      const last = (await listFiles(folder)).at(-1)
      const file =
        last && (await isWritable(last)) && last.number === (await newestNumber(folder))
          ? last
          : await nextFile(options, folder, last)
      await dropOld(folder, { keepMs: options.keepMs, mostBytes: MOST_BYTES })
      const handle = await open(file.path, 'a', 0o600)
      return new Logbook(options, file, handle, (await handle.stat()).size)
    })
  }

  /**
   * These mails have passed their fence, and so far was the database then. When it resolves their content may go out; it rejects where they
   * could not be written down.
   */
  async passed(mails: readonly PassedMail[], walPosition: string | null): Promise<void> {
    const newest = mails.at(-1)
    if (newest === undefined) return
    const mark = { at: newest.passedAt, walPosition, timeline: this.timeline }
    await this.#append([...mails.map((mail) => ({ kind: 'passed', mail }) as const), { kind: 'mark', mark }])
  }

  /** The server has answered. Written with what passes next, or a moment later: a write for each answer cost as much as half a dialogue. */
  answered(answer: Answer): void {
    this.#waiting ??= { lines: [] }
    this.#waiting.lines.push({ kind: 'answer', answer })
    // What fails is told by `onBroken`.
    this.#soon ??= setTimeout(() => void this.#append([]).catch(() => undefined), ANSWERS_MS)
  }

  /** So far was the database. Of one that was closed meanwhile nobody asks for it. */
  async mark({ at, walPosition }: Pick<Mark, 'at' | 'walPosition'>): Promise<void> {
    if (this.#isClosed) return
    await this.#append([{ kind: 'mark', mark: { at, walPosition, timeline: this.timeline } }])
  }

  /** Writes what is left to the disk. What comes later is not written. */
  async close(): Promise<void> {
    // What fails is told by `onBroken`.
    const written = this.#append([]).catch(() => undefined)
    this.#isClosed = true
    clearTimeout(this.#flush)
    await written
    await this.#work
    if (this.#broken === undefined) await this.#handle.datasync()
    await this.#handle.close()
  }

  /** Lines that wait for the write before them go with the next one, together. */
  async #append(lines: readonly Line[]): Promise<void> {
    if (this.#isClosed) throw new GoniecError('logbook_closed', 'its logbook is closed')
    clearTimeout(this.#soon)
    this.#soon = undefined
    const batch = (this.#waiting ??= { lines: [] })
    batch.lines.push(...lines)
    batch.written ??= this.#inOrder(() => {
      this.#waiting = undefined
      return this.#write(batch.lines)
    })
    await batch.written
  }

  async #write(lines: readonly Line[]): Promise<void> {
    if (lines.length === 0) return
    const bytes = Buffer.from(lines.map(formatLine).join(''))
    // At once: it takes microseconds, into the system's memory. From one of Node's threads the answer came behind whatever else there was to do, and
    // every mail waited for it behind its fence (4 ms in a worker that sends as fast as it can).
    const bytesWritten = writeSync(this.#handle.fd, bytes)
    this.#bytes += bytesWritten
    if (bytesWritten < bytes.length) throw new GoniecError('logbook_unwritable', 'only a part could be written')
    if (!this.#isClosed) this.#flush ??= setTimeout(() => void this.#flushNow(), FLUSH_MS).unref()
    const now = lines.map(instantOf).findLast((at) => at !== null)
    if (now && (this.#bytes > FILE_BYTES || now.since(this.#begunAt).total('hours') > FILE_HOURS))
      await this.#begin(now)
  }

  async #flushNow(): Promise<void> {
    this.#flush = undefined
    // Beside what is written meanwhile: it takes tens of milliseconds, and mails that have passed their fence do not wait for it.
    await this.#handle.datasync().catch((error: unknown) => this.#break(error))
  }

  /** Goes on in a new file. */
  async #begin(now: Instant): Promise<void> {
    const next = await nextFile({ ...this.#options, now }, this.#folder, this.#file)
    const handle = await open(next.path, 'a', 0o600)
    const full = this.#handle
    this.#file = next
    this.#handle = handle
    this.#begunAt = now
    this.#bytes = (await handle.stat()).size
    await full.datasync()
    await full.close()
    await dropOld(this.#folder, { keepMs: this.#options.keepMs, mostBytes: MOST_BYTES })
  }

  /** One write after the other. After one that failed there is none. */
  async #inOrder(work: () => Promise<void>): Promise<void> {
    const mine = this.#after(this.#work, work)
    this.#work = mine.catch((error: unknown) => this.#break(error))
    await mine
  }

  async #after(before: Promise<void>, work: () => Promise<void>): Promise<void> {
    await before
    if (this.#broken) throw this.#broken
    await work()
  }

  #break(error: unknown): void {
    if (this.#broken) return
    this.#broken = new GoniecError('logbook_unwritable', `its logbook cannot be written: ${messageOf(error)}`, {
      cause: error,
    })
    this.#options.onBroken(this.#broken)
  }
}

function instantOf(line: Line): Instant | null {
  if (line.kind === 'passed') return line.mail.passedAt
  return line.kind === 'mark' ? line.mark.at : null
}

async function isWritable(file: LogFile): Promise<boolean> {
  return (await stat(file.path)).size < FILE_BYTES && (await endsWhole(file))
}

/** The first file of all says whether anything came before it. The number of one that was moved aside is not given again: its gap tells. */
async function nextFile(options: LogbookOptions, folder: string, last: LogFile | undefined): Promise<LogFile> {
  const { installation, worker, home, now: begunAt } = options
  const hasOlder = last !== undefined || (await listShelf(options)).length > 0
  const newest = await newestNumber(folder)
  const isFirst = newest === 0 && (hasOlder || !options.isKnown)
  return await createFile(options.root, folder, newest + 1, { installation, worker, home, begunAt, isFirst })
}
