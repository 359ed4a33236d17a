/**
 * Text into records, one by one, in bounded memory. Owns what a broken line is and where reading goes on after one.
 *
 * A cell may be quoted and then holds delimiters, doubled quotes and line breaks; a quote inside an unquoted cell is text, as Polish
 * company names have it (`Firma "Jan" sp. z o.o.`). Broken is: a quote that is closed in the middle of a cell, one that is not closed,
 * a wrong number of columns, a character that no text holds, a line past a million characters.
 *
 * The rule that keeps one forgotten quote from swallowing the file: whatever is wrong with a record, only its *first line* is given up, and reading goes on with
 * the line after it, even where the record had run on over many lines. A quoted cell may span a hundred lines; a quote
 * still open then, or at the end of the file, was never meant to be closed. Every line is therefore in exactly one record or one
 * reject.
 */

/** A record as it stands, or a line that is none. Lines count from one, as editors count them. */
export type RawRecord = { kind: 'record'; line: number; cells: string[] } | CsvReject

export interface CsvReject {
  kind: 'reject'
  line: number
  reason: string
  /** The line as it was read; only the start of one that is too long. */
  raw: string
}

/** How many columns records have: with fewer cells than `needed`, or text in cells past `total`, a line is broken. */
export interface RecordWidth {
  needed: number
  total: number
}

const MAX_CHARACTERS = 1_000_000
const MAX_LINES = 100

export class CsvRecords {
  /** Set once the header is known; until then any number of columns goes. */
  width: RecordWidth | undefined
  readonly #delimiter: string
  readonly #lineBreak: string
  #lines: string[] = []
  /** Index in `#lines` of the next line, and its number in the file. */
  #head = 0
  #number = 1
  #rest = ''
  #ended = false

  constructor({ delimiter, lineBreak }: { delimiter: string; lineBreak: '\n' | '\r' }) {
    this.#delimiter = delimiter
    this.#lineBreak = lineBreak
  }

  /** More text. Call only when `take` has nothing left. */
  push(text: string): void {
    const lines = (this.#rest + text).split(this.#lineBreak)
    // Cut, but still recognisably too long: what follows up to the line's end is dropped.
    this.#rest = (lines.pop() ?? '').slice(0, MAX_CHARACTERS + 1)
    this.#lines = this.#head < this.#lines.length ? [...this.#lines.slice(this.#head), ...lines] : lines
    this.#head = 0
  }

  /** No more text comes: what is open now is closed. */
  end(): void {
    if (this.#rest !== '') this.#lines.push(this.#rest)
    this.#rest = ''
    this.#ended = true
  }

  get ended(): boolean {
    return this.#ended
  }

  /** Passes over a line that is no record. */
  skipLine(): void {
    this.#advance(1)
  }

  /** The next record or reject; undefined when more text is needed, or nothing is left. Blank lines are passed over. */
  take(): RawRecord | undefined {
    while (this.#head < this.#lines.length) {
      const line = this.#number
      const found = this.#read()
      if (found === undefined) return undefined
      if ('reason' in found) return this.#reject(found.reason)
      const flaw = this.#flaw(found)
      if (flaw !== undefined) return this.#reject(flaw)
      this.#advance(found.lines)
      if (!isBlank(found.cells)) return { kind: 'record', line, cells: found.cells }
    }
    return undefined
  }

  /** Gives up the line at the head, and only that. */
  #reject(reason: string): CsvReject {
    const line = this.#number
    const raw = this.#line(this.#head)
    this.#advance(1)
    return { kind: 'reject', line, reason, raw: raw.length > MAX_CHARACTERS ? `${raw.slice(0, 1000)}…` : raw }
  }

  #advance(lines: number): void {
    this.#head += lines
    this.#number += lines
  }

  #line(index: number): string {
    const text = this.#lines[index] ?? ''
    return text.endsWith('\r') ? text.slice(0, -1) : text
  }

  /** The record at the head; undefined where its end has not been pushed yet. */
  #read(): Found | undefined {
    const text = this.#line(this.#head)
    if (text.length > MAX_CHARACTERS)
      return { reason: `the line is longer than ${MAX_CHARACTERS / 1_000_000} million characters` }
    return text.includes('"') ? this.#readQuoted(text) : { cells: text.split(this.#delimiter), lines: 1, text }
  }

  /** Cell by cell, where quotes are. */
  #readQuoted(first: string): Found | undefined {
    const cells: string[] = []
    const at: Cursor = { text: first, position: 0, lines: 1, whole: first }
    for (;;) {
      if (at.text[at.position] !== '"') {
        const end = at.text.indexOf(this.#delimiter, at.position)
        cells.push(at.text.slice(at.position, end === -1 ? undefined : end))
        if (end === -1) return { cells, lines: at.lines, text: at.whole }
        at.position = end + 1
        continue
      }
      const cell = this.#readQuotedCell(at)
      if (cell === 'open') return undefined
      if (cell === 'never closed') return { reason: `the quote that opens column ${cells.length + 1} is not closed` }
      cells.push(cell.text)
      if (at.position === at.text.length) return { cells, lines: at.lines, text: at.whole }
      if (at.text[at.position] !== this.#delimiter)
        return { reason: `the quote in column ${cells.length} is closed before the cell ends` }
      at.position++
    }
  }

  /** From an opening quote to just behind the closing one, over as many lines as that takes. */
  #readQuotedCell(at: Cursor): { text: string } | 'open' | 'never closed' {
    let cell = ''
    let from = at.position + 1
    for (;;) {
      const quote = at.text.indexOf('"', from)
      if (quote === -1) {
        cell += `${at.text.slice(from)}\n`
        const turned = this.#turnLine(at)
        if (turned !== 'next') return turned
        from = 0
      } else if (at.text[quote + 1] === '"') {
        cell += at.text.slice(from, quote + 1)
        from = quote + 2
      } else {
        at.position = quote + 1
        return { text: cell + at.text.slice(from, quote) }
      }
    }
  }

  #turnLine(at: Cursor): 'next' | 'open' | 'never closed' {
    const index = this.#head + at.lines
    if (index >= this.#lines.length) return this.#ended ? 'never closed' : 'open'
    at.text = this.#line(index)
    at.whole += `\n${at.text}`
    at.lines++
    return at.lines > MAX_LINES || at.whole.length > MAX_CHARACTERS ? 'never closed' : 'next'
  }

  /** What is wrong with a record that could be taken apart. */
  #flaw({ cells, text }: Read): string | undefined {
    if (text.includes('\0')) return 'it holds a NUL character'
    if (text.includes('\uFFFD'))
      return 'it holds a character that cannot be read: it was damaged, or is in another encoding than the rest'
    if (this.width === undefined || isBlank(cells)) return undefined
    const { needed, total } = this.width
    const fits = cells.length >= needed && (cells.length <= total || isBlank(cells.slice(total)))
    return fits ? undefined : `it has ${count(cells.length)} where the header has ${total}`
  }
}

/** Where reading stands: in this line, which is the last of so many. */
interface Cursor {
  text: string
  position: number
  lines: number
  whole: string
}

interface Read {
  cells: string[]
  /** How many lines of the file it took, and these lines. */
  lines: number
  text: string
}

type Found = Read | { reason: string }

function isBlank(cells: string[]): boolean {
  return cells.every((cell) => cell.trim() === '')
}

function count(columns: number): string {
  return columns === 1 ? '1 column' : `${columns} columns`
}
