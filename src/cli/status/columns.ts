/** Rows in columns that fit the width there is: first long texts become shorter, then the least important columns go. Pure. */
import { displayWidth, fit, harmless } from '../text-width.ts'

export interface FittedColumn<Row> {
  /** The cell; `width` is how much room it has, for what is drawn to measure. */
  value: (row: Row, width: number) => string
  /** 0 is never left out; the highest goes first. */
  rank: number
  /** It may be cut down to so many columns; without it never. */
  least?: number
  /** Down to so many it reads as well as ever (20 by default). */
  comfort?: number
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

/** Comfortable widths first; for them columns of a high rank go. Only then the texts of what is left become as short as they may. */
function fitWidths<Row>(columns: Measured<Row>[], width: number): Measured<Row>[] {
  const excess = columns.reduce((sum, column) => sum + column.width + GAP, -GAP) - width
  if (excess <= 0) return columns
  if (spareOf(columns, comfortOf) >= excess) return shrink(columns, excess, comfortOf)
  const last = columns.reduce((a, b) => (b.column.rank > a.column.rank ? b : a))
  const without = (): Measured<Row>[] =>
    fitWidths(
      columns.filter((column) => column !== last),
      width,
    )
  if (last.column.rank >= DISPENSABLE) return without()
  if (spareOf(columns, leastOf) >= excess) return shrink(columns, excess, leastOf)
  if (last.column.rank > 0) return without()
  // Nothing can be left out any more: then even these are cut.
  const room = Math.floor((width - GAP * (columns.length - 1)) / columns.length)
  return columns.map((column) => ({ ...column, width: Math.max(0, Math.min(column.width, room)) }))
}

/** Columns from this rank on go before any text becomes uncomfortably short. */
const DISPENSABLE = 3
const COMFORT = 20

type Floor = <Row>(column: Measured<Row>) => number

const leastOf: Floor = ({ column, width }) => Math.min(width, column.least ?? width)
const comfortOf: Floor = (measured) =>
  Math.min(measured.width, Math.max(leastOf(measured), measured.column.comfort ?? COMFORT))

/** How much these columns could give, down to their floors. */
function spareOf<Row>(columns: readonly Measured<Row>[], floorOf: Floor): number {
  return columns.reduce((sum, column) => sum + column.width - floorOf(column), 0)
}

/** Takes a column at a time from whichever has most to spare. */
function shrink<Row>(columns: readonly Measured<Row>[], excess: number, floorOf: Floor): Measured<Row>[] {
  const shrunk = columns.map((column) => ({ ...column }))
  const spare = (column: Measured<Row>): number => column.width - floorOf(column)
  for (let rest = excess; rest > 0; rest -= 1) {
    const widest = shrunk.reduce((a, b) => (spare(b) > spare(a) ? b : a))
    widest.width -= 1
  }
  return shrunk
}
