/**
 * Importing what was sent before goniec, or elsewhere: those steps are never mailed again, and follow-ups count from them. Batches of
 * `goniec.import_history`, one after the other, each one commit; importing the file again records nothing twice.
 */
import type { Readable } from 'node:stream'
import { sql } from 'kysely'
import { reviveCompleted } from '../campaigns/tend.ts'
import { asThisActor, nameActor, thisActor } from '../database/actor.ts'
import { whileLocksAreGivenUp } from '../database/given-up-locks.ts'
import type { Database } from '../database/pool.ts'
import { type CsvTable, readCsv } from './csv.ts'
import { type Reject, RejectsFile } from './csv-rejects.ts'
import { type HistoryRow, type Names, readHistoryRow, readNames, requireColumns } from './history-rows.ts'
import { interrupted, type Imported, type ImportOptions } from './import.ts'

/** The record of changes compares the rows of a statement with each other: larger batches take longer for each row. */
const BATCH_ROWS = 150

/**
 * Records the mails of a file, or a stream. Of the counts, `new` are mails recorded, `known` those that were sent already, `updated` those
 * of `new` that were waiting here, `enrolled` leads that came into a campaign by it.
 */
export async function importHistory(
  database: Database,
  input: string | Readable,
  { dryRun = false, strict = false, onProgress = () => undefined, ...csv }: Omit<ImportOptions, 'campaign'>,
): Promise<Imported> {
  const table = await readCsv(input, { ...csv, keepOpen: true })
  try {
    requireColumns(table)
    const names = await readNames(database)
    if (!dryRun && !strict) return await run(database, table, names, { dryRun: false, onProgress })
    const tried = await run(database, table, names, { dryRun: true, onProgress })
    if (dryRun || tried.rejected > 0) return tried
    return await run(database, await table.again(), names, { dryRun: false, onProgress })
  } finally {
    await table.close()
  }
}

interface Batch {
  rows: HistoryRow[]
  cells: Map<number, string[]>
  rejects: Reject[]
}

type RunOptions = Required<Pick<ImportOptions, 'dryRun' | 'onProgress'>>

async function run(database: Database, table: CsvTable, names: Names, options: RunOptions): Promise<Imported> {
  const { dryRun, onProgress } = options
  const counts = { rows: 0, new: 0, known: 0, updated: 0, enrolled: 0, rejected: 0 }
  const rejects = new RejectsFile(table)
  try {
    for await (const batch of batchesOf(table, names)) {
      const answer = await send(database, batch.rows, dryRun)
      const refused = answer.rejects.map(({ line, reason, id }) => {
        return { line, reason: REASONS[reason](id), cells: batch.cells.get(line) ?? [] }
      })
      const rejected = [...batch.rejects, ...refused].sort((a, b) => a.line - b.line)
      // Before the rejects are written: what is recorded is counted also where that fails.
      counts.rows += batch.rows.length + batch.rejects.length
      counts.rejected += rejected.length
      for (const name of ['new', 'known', 'updated', 'enrolled'] as const) counts[name] += answer[name]
      for (const reject of rejected) rejects.write(reject)
      onProgress({ rows: counts.rows, enrolled: counts.enrolled, part: table.bytesRead / Math.max(1, table.sizeBytes) })
    }
    if (!dryRun) await finish(database, { file: table.name, ...counts })
    // Here too, where it may fail: the last of the rejects, of most lists all, are written by it.
    rejects.close()
  } catch (error) {
    throw dryRun ? error : interrupted(error, counts, database.url)
  } finally {
    rejects.close()
  }
  return { ...counts, rejectsFile: rejects.path ?? null, written: !dryRun }
}

async function* batchesOf(table: CsvTable, names: Names): AsyncGenerator<Batch, undefined> {
  let batch: Batch = { rows: [], cells: new Map(), rejects: [] }
  for await (const record of table) {
    if (record.kind === 'reject') batch.rejects.push(record)
    else {
      const { line, cells } = record
      const row = readHistoryRow(record, names)
      if ('problem' in row) batch.rejects.push({ line, reason: row.problem, cells })
      else {
        batch.rows.push(row)
        batch.cells.set(line, cells)
      }
    }
    if (batch.rows.length + batch.rejects.length < BATCH_ROWS) continue
    yield batch
    batch = { rows: [], cells: new Map(), rejects: [] }
  }
  yield batch
  return undefined
}

const REASONS = {
  sending: (id: number) => `its mail is under way here just now (message ${id}); import the file again in a minute`,
  in_doubt: (id: number) => `its mail is in doubt here: goniec doubt resolve ${id} --as sent`,
  earlier_sending: (id: number) =>
    `a mail of an earlier step is under way here just now (message ${id}); import the file again in a minute`,
  earlier_in_doubt: (id: number) =>
    `a mail of an earlier step is in doubt here: goniec doubt resolve ${id} --as sent|not-sent, then import the file again`,
  cancelled: (id: number) => `its mail was cancelled here, and is never sent (message ${id})`,
}

interface Answer {
  new: number
  known: number
  updated: number
  enrolled: number
  rejects: { line: number; reason: keyof typeof REASONS; id: number }[]
}

/** A dry run does it all and takes it back: what is waiting, sent or under way decides on each row. */
async function send(database: Database, rows: readonly HistoryRow[], dryRun: boolean): Promise<Answer> {
  let answer: Answer = { new: 0, known: 0, updated: 0, enrolled: 0, rejects: [] }
  if (rows.length === 0) return answer
  await whileLocksAreGivenUp(async () => {
    const client = await database.pool.connect()
    try {
      await client.query('begin')
      await client.query(`select set_config('goniec.actor', $1, true)`, [thisActor()])
      const { rows: answers } = await client.query<{ answer: Answer }>('select goniec.import_history($1) as answer', [
        JSON.stringify(rows),
      ])
      answer = answers[0]?.answer ?? answer
      await client.query(dryRun ? 'rollback' : 'commit')
      client.release()
    } catch (error) {
      // The transaction ends with its connection, whatever state that is in.
      client.release(true)
      throw error
    }
  })
  return answer
}

async function finish(database: Database, data: object): Promise<void> {
  await database.transaction(async (tx) => {
    await nameActor(tx)
    await sql`insert into goniec.event (type, data) values ('imported', ${JSON.stringify({ history: true, ...data })})`.execute(
      tx,
    )
  })
  await reviveCompleted(asThisActor(database))
  await database.query(`select pg_notify('goniec', 'plan')`)
}
