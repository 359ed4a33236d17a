/**
 * The file of rejected lines, beside the table they come from or where it is told to be. Made with the first reject and not before; never
 * over an older one; on disk when `close` returns. UTF-8 with a byte order mark and the table's own delimiter, so that a spreadsheet opens it.
 *
 * Its columns: `reason`, the table's own columns, `raw`, and `line`. A row that could be taken apart has its cells in its own columns, so that it can be mended and
 * imported again as it is; a line that could not has its text in `raw`. A column that is never empty stands last, since Excel leaves out the delimiters of
 * columns that are empty at the end of sixteen rows, and rows without them are broken lines. Cells are kept to the letter, also those
 * that a spreadsheet would read as a formula: mending them must not change them, and the file says no more than the table did.
 */
import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { GoniecError, messageOf } from '../errors.ts'
import { fieldName } from './csv-header.ts'

/** The table that lines are rejected from. */
export interface RejectsOf {
  /** Its path; of `stdin`, `/dev/stdin` and the like the rejects go to the working directory. */
  name: string
  header: string[]
  delimiter: string
  /** Columns that mean something even where it has none of them: once it is mended, the file is read as a table like it. */
  meant?: string[]
}

/** A line with the reason: cells, where it could be taken apart, else its text. */
export interface Reject {
  line: number
  reason: string
  cells?: string[]
  raw?: string
}

const BUFFER_CHARACTERS = 1 << 16

export class RejectsFile {
  /** How many lines were rejected. */
  count = 0
  /** Undefined until the first reject. */
  path: string | undefined
  readonly #table: RejectsOf
  #descriptor: number | undefined
  #buffer = ''

  readonly #wanted: string | undefined

  /** `wanted` is its path; without one it is beside the table, under a name that is free. */
  constructor(table: RejectsOf, wanted?: string) {
    this.#table = table
    this.#wanted = wanted
  }

  /** Takes a reject. Throws `rejects_unwritable`. */
  write({ line, reason, cells = [], raw = '' }: Reject): void {
    this.#descriptor ??= this.#open()
    const own = this.#table.header.map((_, i) => cells[i] ?? '')
    // A row may have blank cells past the header; they are nobody's.
    this.#append([reason, ...own, raw, String(line)])
    this.count++
    if (this.#buffer.length > BUFFER_CHARACTERS) this.#flush(this.#descriptor)
  }

  /** Brings everything to the disk. Returns the file's path, or null where nothing was rejected. */
  close(): string | null {
    const descriptor = this.#descriptor
    if (descriptor === undefined) return this.path ?? null
    this.#descriptor = undefined
    try {
      this.#flush(descriptor)
      attempt(this.path, () => fsyncSync(descriptor))
    } finally {
      closeSync(descriptor)
    }
    return this.path ?? null
  }

  #open(): number {
    const { header, meant = [] } = this.#table
    const descriptor = this.#wanted === undefined ? this.#openBeside() : this.#openWanted(this.#wanted)
    this.#buffer = '\uFEFF'
    const [reason = '', raw = '', line = ''] = ['reason', 'raw', 'line'].map((own) =>
      unusedName(own, [...header, ...meant]),
    )
    this.#append([reason, ...header, raw, line])
    return descriptor
  }

  #openBeside(): number {
    const { name } = this.#table
    // What is named by a descriptor has no place of its own: beside /dev/stdin a file is gone with the next boot, beside a shell's <(…) there can be none.
    const directory = /^\/(dev|proc)\//.test(name) ? '' : dirname(name)
    const stem = join(directory, basename(name).replace(/\.(csv|tsv|txt)$/i, ''))
    for (let number = 1; ; number++) {
      const path = `${stem}${number === 1 ? '' : `.${number}`}.rejects.csv`
      const descriptor = attempt(path, () => createNew(path))
      this.path = path
      if (descriptor !== undefined) return descriptor
    }
  }

  #openWanted(path: string): number {
    const descriptor = attempt(path, () => createNew(path))
    this.path = path
    if (descriptor !== undefined) return descriptor
    throw new GoniecError('rejects_unwritable', `${path} is there already; it was left as it is`, {
      hint: 'give the rejected lines another name, or remove that file',
    })
  }

  #append(cells: string[]): void {
    const { delimiter } = this.#table
    this.#buffer += `${cells.map((cell) => quoted(cell, delimiter)).join(delimiter)}\r\n`
  }

  #flush(descriptor: number): void {
    const bytes = Buffer.from(this.#buffer)
    this.#buffer = ''
    let done = 0
    while (done < bytes.length) done += attempt(this.path, () => writeSync(descriptor, bytes, done))
  }
}

/** Undefined where a file of this name is there already. */
function createNew(path: string): number | undefined {
  try {
    return openSync(path, 'wx')
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return undefined
    throw error
  }
}

/** A name that no column has, so that the rejects of rejects can be imported too. */
function unusedName(name: string, header: string[]): string {
  const taken = new Set(header.map(fieldName))
  for (let number = 2, own = name; ; number++) {
    if (!taken.has(fieldName(own))) return own
    own = `${name} ${number}`
  }
}

function quoted(cell: string, delimiter: string): string {
  const plain = !cell.includes(delimiter) && !/["\r\n]|^\s|\s$/.test(cell)
  return plain ? cell : `"${cell.replaceAll('"', '""')}"`
}

function attempt<Result>(path: string | undefined, act: () => Result): Result {
  try {
    return act()
  } catch (cause) {
    const full = ['ENOSPC', 'EDQUOT', 'EFBIG'].includes(codeOf(cause) ?? '')
    throw new GoniecError(
      'rejects_unwritable',
      `cannot write the rejected lines to ${path}: ${full ? 'the disk is full' : messageOf(cause)}`,
      {
        hint: full
          ? 'make room and import the file again; nobody is enrolled twice'
          : 'copy the table to a directory that can be written, and import that',
        cause,
      },
    )
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined
}
