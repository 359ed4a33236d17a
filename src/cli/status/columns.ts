/** Rows in columns that fit the width there is: first long texts become shorter, then the least important columns go. Pure. */
import { displayWidth, fit, harmless } from '../text-width.ts'

export interface FittedColumn<Row> {
  /** The cell; `width` is how much room it has, for what is drawn to measure. */
  value: (row: Row, width: number) => string
  /** 0 is never left out; the highest goes first. */
  rank: number
  /** It may be cut down to so many columns; without it never. */
  least?: number
  /** It is never wider than this. */
  most?: number
  toRight?: boolean
}

const GAP = 2

/** A line for each row, none of them wider than `width`. */
export function fitColumns<Row>(rows: readonly Row[], columns: readonly FittedColumn<Row>[], width: number): string[] {
  const measured = columns
    .map((column) => ({ column, width: naturalWidth(rows, column) }))
    .filter((column) => column.width > 0)
  const chosen = fitWidths(measured, width)
  return rows.map((row) =>
    chosen
      .map(({ column, width }) => fit(harmless(column.value(row, width)), width, column.toRight))
      .join(' '.repeat(GAP))
      .trimEnd(),
  )
}

interface Measured<Row> {
  column: FittedColumn<Row>
  width: number
}

function naturalWidth<Row>(
  rows: readonly Row[],
  { value, most = Number.POSITIVE_INFINITY }: FittedColumn<Row>,
): number {
  const widest = Math.max(0, ...rows.map((row) => displayWidth(harmless(value(row, Math.min(most, 1000))))))
  return Math.min(widest, most)
}

function fitWidths<Row>(columns: Measured<Row>[], width: number): Measured<Row>[] {
  const excess = columns.reduce((sum, column) => sum + column.width + GAP, -GAP) - width
  if (excess <= 0) return columns
  const slack = columns.reduce((sum, column) => sum + slackOf(column), 0)
  if (slack >= excess) return shrink(columns, excess)
  const last = columns.reduce((a, b) => (b.column.rank > a.column.rank ? b : a))
  if (last.column.rank > 0)
    return fitWidths(
      columns.filter((column) => column !== last),
      width,
    )
  // Nothing can be left out any more: then even these are cut.
  const room = Math.floor((width - GAP * (columns.length - 1)) / columns.length)
  return columns.map((column) => ({ ...column, width: Math.max(0, Math.min(column.width, room)) }))
}

/** Takes a column at a time from whichever has most to spare. */
function shrink<Row>(columns: Measured<Row>[], excess: number): Measured<Row>[] {
  const shrunk = columns.map((column) => ({ ...column }))
  for (let rest = excess; rest > 0; rest -= 1) {
    const widest = shrunk.reduce((a, b) => (slackOf(b) > slackOf(a) ? b : a))
    widest.width -= 1
  }
  return shrunk
}

function slackOf<Row>({ column, width }: Measured<Row>): number {
  return column.least === undefined ? 0 : Math.max(0, width - column.least)
}
