/** The rows of a table in batches for the database; what can be seen to be wrong without it is set aside with the reason. */
import { normaliseAddress } from './address.ts'
import type { CsvRow, CsvTable } from './csv.ts'
import type { Reject } from './csv-rejects.ts'
import { SeenLines } from './seen-lines.ts'

/** A row as `goniec.import_leads` takes it. */
export interface ImportRow {
  line: number
  email: string
  given: string
  fields: Record<string, string>
}

export interface RowBatch {
  rows: ImportRow[]
  /** The cells of the rows, by line, in case the database objects. */
  cells: Map<number, string[]>
  rejects: Reject[]
}

const BATCH_ROWS = 2000
/** Rows with long cells make smaller batches: what is under way is bounded in bytes too. */
const BATCH_CHARACTERS = 4_000_000

/** Every line of the table, in exactly one batch, as a row or a reject. */
export async function* batchesOf(table: CsvTable): AsyncGenerator<RowBatch, undefined> {
  const seen = new SeenLines()
  let batch = emptyBatch()
  let characters = 0
  for await (const record of table) {
    if (record.kind === 'reject') batch.rejects.push(record)
    else characters += take(record, batch, seen)
    if (batch.rows.length + batch.rejects.length < BATCH_ROWS && characters < BATCH_CHARACTERS) continue
    yield batch
    batch = emptyBatch()
    characters = 0
  }
  yield batch
  return undefined
}

function emptyBatch(): RowBatch {
  return { rows: [], cells: new Map(), rejects: [] }
}

/** Returns the length of what was taken. */
function take({ line, address, fields, cells }: CsvRow, batch: RowBatch, seen: SeenLines): number {
  const read = normaliseAddress(address)
  const reason = read.problem !== undefined ? read.problem : (unreadable(cells) ?? duplicate(read.address, line, seen))
  if (read.problem !== undefined || reason !== undefined) {
    batch.rejects.push({ line, reason: reason ?? '', cells })
    return 0
  }
  batch.rows.push({ line, email: read.address, given: read.given, fields })
  batch.cells.set(line, cells)
  return cells.reduce((sum, cell) => sum + cell.length, 0)
}

/** Half a character, as a damaged UTF-16 file has it, is one that the database cannot keep. */
function unreadable(cells: readonly string[]): string | undefined {
  return cells.every((cell) => cell.isWellFormed()) ? undefined : 'it holds half a character: the file is damaged there'
}

function duplicate(address: string, line: number, seen: SeenLines): string | undefined {
  const before = seen.seen(address, line)
  return before === undefined ? undefined : `${address} stands on line ${before} already`
}
