/**
 * CSV that a spreadsheet opens as it was meant, and that runs nothing there.
 *
 * RFC 4180: comma, CRLF, quotes doubled. It begins with a byte order mark: without it Excel takes UTF-8 for the machine's old code page,
 * and Polish letters are gone; everything else that reads CSV, `goniec lead import` too, passes over it. Excel in Poland (and wherever
 * decimals have a comma) opens a file by double click with `;` between columns: `--delimiter ';'` writes that, and decimals with a comma,
 * or 2.5 would become the second of May. A line `sep=,` is not written: Excel then ignores the mark, and others take it for a row.
 *
 * A spreadsheet runs a cell that begins with `=`, `+`, `-`, `@`, a tab or a carriage return as a formula, and what leads and servers send us is
 * anybody's text. Such a text gets an apostrophe in front (OWASP, CSV injection); so does one that would begin a cell if the file were
 * read with another delimiter, or after its quotes were taken off. Numbers are numbers, and stay as they are.
 */
import type { ViewColumn, ViewRow } from '../../reports/views.ts'
import { showValue, zoneOf } from './show-value.ts'

export interface Dialect {
  delimiter: string
  /** Of rows that name none. */
  timeZone: string
}

const BYTE_ORDER_MARK = '\uFEFF'

/** The first line: the names of the columns. */
export function csvHeader(columns: readonly ViewColumn[], { delimiter }: Dialect): string {
  return `${BYTE_ORDER_MARK}${columns.map(({ name }) => name).join(delimiter)}\r`
}

/** One row; the line feed of its end is left to whoever writes it. */
export function csvLine(columns: readonly ViewColumn[], row: ViewRow, dialect: Dialect): string {
  const timeZone = zoneOf(row, dialect.timeZone)
  const cells = columns.map(({ name, type }) => toCell(showValue(row[name], { type, timeZone }), dialect))
  return `${cells.join(dialect.delimiter)}\r`
}

function toCell(value: string | number | null, { delimiter }: Dialect): string {
  if (value === null) return ''
  if (typeof value === 'number') return delimiter === ';' ? String(value).replace('.', ',') : String(value)
  const harmless = disarm(value)
  return /["\r\n,;\t|]|^\s|\s$/.test(harmless) || harmless.includes(delimiter)
    ? `"${harmless.replaceAll('"', '""')}"`
    : harmless
}

/** At the beginning, behind quotes or blanks that a reader may take off; or behind what some reader takes for the end of a cell. */
const FORMULA = /(^(?=["'\s]*[=+\-@\t\r＝＋－＠])|[,;\t|\r\n](?=["']*[=+\-@＝＋－＠]))/g

function disarm(text: string): string {
  return text.replaceAll(FORMULA, `$1'`)
}
