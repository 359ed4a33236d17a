/** A suppression list from a CSV file: a column of addresses or domains, and if there is one a column `reason`. */
import type { Readable } from 'node:stream'
import type { Database } from '../database/pool.ts'
import { type CsvOptions, type CsvTable, readCsv } from './csv.ts'
import { RejectsFile } from './csv-rejects.ts'
import { addSuppressions, countHeld, type Held, readSuppressible, type Suppressible } from './suppressions.ts'

export interface ImportedSuppressions extends Held {
  rows: number
  added: number
  known: number
  rejected: number
  rejectsFile: string | null
}

const BATCH_ROWS = 5000
const VALUE_NAMES = ['value', 'domain', 'domena', 'adres', 'address', 'emailordomain']

export interface SuppressionListOptions extends Pick<CsvOptions, 'addressColumn' | 'encoding' | 'delimiter'> {
  /** For lines that give none. */
  reason?: string
  dryRun?: boolean
}

/** Takes the list in; what is neither an address nor a domain goes to the rejects file. */
export async function importSuppressions(
  database: Database,
  input: string | Readable,
  { reason, dryRun = false, ...csv }: SuppressionListOptions = {},
): Promise<ImportedSuppressions> {
  const table = await readCsv(input, { ...csv, addressNames: VALUE_NAMES })
  const { name, header, delimiter } = table
  const counts = { rows: 0, added: 0, known: 0, rejected: 0 }
  const rejects = new RejectsFile({ name, header, delimiter, meant: ['reason'] })
  const added: string[] = []
  try {
    for await (const { values, rows } of batchesOf(table, reason ?? null, rejects)) {
      counts.rows += rows
      const inserted = await addSuppressions(database, values, { dryRun })
      added.push(...inserted)
      counts.added += inserted.length
      counts.known += values.length - inserted.length
    }
  } finally {
    rejects.close()
  }
  counts.rejected = rejects.count
  const held = dryRun ? { held: 0, alreadyPassed: 0 } : await countHeld(database, added)
  return { ...counts, ...held, rejectsFile: rejects.path ?? null }
}

/** Each value once in a batch. */
async function* batchesOf(table: CsvTable, reason: string | null, rejects: RejectsFile) {
  let values = new Map<string, Suppressible>()
  let rows = 0
  for await (const record of table) {
    rows++
    if (record.kind === 'reject') rejects.write(record)
    else {
      const read = readSuppressible(record.address)
      if (read.problem !== undefined) rejects.write({ line: record.line, reason: read.problem, cells: record.cells })
      else values.set(read.value, { value: read.value, reason: record.fields['reason'] || reason })
    }
    if (rows < BATCH_ROWS) continue
    yield { values: [...values.values()], rows }
    values = new Map()
    rows = 0
  }
  yield { values: [...values.values()], rows }
}
