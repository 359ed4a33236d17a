/**
 * What commands print: data on stdout (a table for people, JSON for programs), talk on stderr. Progress is shown on a terminal only,
 * and nothing of it stays.
 */
import { once } from 'node:events'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { styleText } from 'node:util'
import { Temporal, toJsonTime, toLocalTime, type Instant } from '../time.ts'
import { displayWidth, harmless } from './text-width.ts'

/** What a cell of a table may hold. An instant is printed as local time, nothing as `–`. */
export type Cell = string | number | boolean | Instant | null | undefined

export interface Column<Row> {
  header: string
  value: (row: Row) => Cell
  /** With seconds, where minutes do not tell enough. */
  seconds?: boolean
}

export interface Output {
  /** `--json` was given: print data with `json`, no tables. */
  readonly wantsJson: boolean
  /** The zone of local times; the installation's once a database is open. */
  timeZone: string
  /** Rows for people: aligned, numbers to the right, local times. An empty table is a word on stderr. */
  table<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): void
  /** `name  value` lines for people: one thing with its properties. */
  properties(entries: readonly (readonly [name: string, value: Cell])[]): void
  /** Data for programs. Instants become ISO 8601 with `Z`, to the millisecond. */
  json(value: unknown): void
  /** JSON or, without `--json`, what `forPeople` prints. */
  data(value: unknown, forPeople: () => void): void
  /** A line of data as it is. */
  line(text: string): void
  /**
   * Resolves when data that was printed has gone on its way: whoever prints a million lines waits for whoever reads them. Throws `ReaderLeft`
   * where nobody reads any more; that ends the command as it stands.
   */
  drained(): Promise<void>
  /** Talk: what was done, what to run next. On stderr. */
  say(text: string): void
  /** The current state of a long work, in place of the one shown before; only on a terminal. */
  progress(text: string): void
  /** Takes the progress line away. `say` and data do so by themselves. */
  endProgress(): void
}

/** Nobody reads stdout any more: what only prints has nothing left to do. */
export class ReaderLeft extends Error {}

/** The streams of a process, or a test's. */
export interface Streams {
  stdout: NodeJS.WriteStream
  stderr: NodeJS.WriteStream
}

/** Prints to these streams; `wantsJson` is asked for when something is printed. */
export function createOutput(wantsJson: () => boolean, { stdout, stderr }: Streams = process): Output {
  let progressing = false
  let isRead = true
  stdout.on('error', () => (isRead = false))
  const endProgress = (): void => {
    if (progressing) stderr.write('\r\u001b[K')
    progressing = false
  }
  const write = (stream: NodeJS.WriteStream, text: string): void => {
    endProgress()
    stream.write(`${text}\n`)
  }
  const output: Output = {
    timeZone: 'Europe/Warsaw',
    get wantsJson() {
      return wantsJson()
    },
    table(rows, columns) {
      if (rows.length === 0) return output.say('Nothing to show.')
      for (const line of layOut(rows, columns, output.timeZone, stdout)) write(stdout, line)
    },
    properties(entries) {
      const width = Math.max(...entries.map(([name]) => name.length))
      for (const [name, value] of entries) {
        write(stdout, `${dim(name.padEnd(width), stdout)}  ${format(value, output.timeZone, false)}`)
      }
    },
    json: (value) => write(stdout, toJson(value)),
    data: (value, forPeople) => (wantsJson() ? output.json(value) : forPeople()),
    line: (text) => write(stdout, text),
    async drained() {
      // A write that failed is told of a turn later, and to one that waits as an error.
      await (stdout.writableNeedDrain ? once(stdout, 'drain').catch(() => nextTurn()) : nextTurn())
      if (!isRead) throw new ReaderLeft()
    },
    say: (text) => write(stderr, text),
    progress(text) {
      if (!stderr.isTTY) return
      stderr.write(`\r\u001b[K${text.slice(0, (stderr.columns ?? 80) - 1)}`)
      progressing = true
    },
    endProgress,
  }
  return output
}

/** JSON as every command prints it; on one line where it is one of many. */
export function toJson(value: unknown, { onOneLine = false } = {}): string {
  return JSON.stringify(
    value,
    function (this: Record<string, unknown>, key, replaced: unknown) {
      // `replaced` has been through toJSON(), which would print microseconds here and none there.
      const original = this[key]
      return original instanceof Temporal.Instant ? toJsonTime(original) : replaced
    },
    onOneLine ? undefined : 2,
  )
}

function layOut<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  timeZone: string,
  stdout: NodeJS.WriteStream,
): string[] {
  const cells = rows.map((row) => columns.map(({ value }) => value(row)))
  const texts = cells.map((row) => row.map((cell, i) => format(cell, timeZone, columns[i]?.seconds ?? false)))
  const headers = columns.map(({ header }) => header)
  const widths = headers.map((header, i) =>
    Math.max(displayWidth(header), ...texts.map((row) => displayWidth(row[i] ?? ''))),
  )
  const toRight = headers.map((_, i) => cells.some((row) => typeof row[i] === 'number'))
  const align = (row: readonly string[]): string =>
    row
      .map((text, i) => pad(text, widths[i] ?? 0, toRight[i] ?? false))
      .join('  ')
      .trimEnd()
  return [dim(align(headers), stdout), ...texts.map(align)]
}

function format(cell: Cell, timeZone: string, seconds: boolean): string {
  if (cell === null || cell === undefined || cell === '') return '–'
  if (cell instanceof Temporal.Instant) return toLocalTime(cell, timeZone, { seconds })
  if (typeof cell === 'boolean') return cell ? 'yes' : 'no'
  // What stands in somebody's name or in a server's words must not draw on the terminal.
  return harmless(String(cell))
}

function pad(text: string, to: number, right: boolean): string {
  const space = ' '.repeat(Math.max(0, to - displayWidth(text)))
  return right ? space + text : text + space
}

function dim(text: string, stream: NodeJS.WriteStream): string {
  return styleText('dim', text, { stream })
}
