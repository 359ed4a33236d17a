/**
 * Importing a table of leads into a campaign, as a stream.
 *
 * Owns the batches: each is one call of `goniec.import_leads` and one commit, two are under way at once (one is read and packed while the
 * database works on others). Promises: in bounded memory, whatever the file's length; every line is counted, and either imported or in the rejects
 * file; importing again, or twice at once, enrolls nobody twice, so that an import that was cut off is simply repeated.
 */
import type { Readable } from 'node:stream'
import { sql } from 'kysely'
import { findCampaign, shellWord, type Campaign } from '../campaigns/campaign.ts'
import { reviveCompleted } from '../campaigns/tend.ts'
import { asThisActor, nameActor } from '../database/actor.ts'
import { explainDatabaseError } from '../database/failures.ts'
import type { Database } from '../database/pool.ts'
import { GoniecError } from '../errors.ts'
import { type CsvOptions, type CsvTable, readCsv } from './csv.ts'
import { RejectsFile } from './csv-rejects.ts'
import { reasonOf, type Objection } from './objections.ts'
import { batchesOf, type RowBatch } from './import-rows.ts'

export interface ImportOptions extends Pick<CsvOptions, 'addressColumn' | 'encoding' | 'delimiter'> {
  campaign: string
  /** Only counts, and writes the rejects file. */
  dryRun?: boolean
  /** One rejected line, and nothing is imported. */
  strict?: boolean
  /** Told after each batch. */
  onProgress?: (progress: ImportProgress) => void
}

export interface ImportProgress {
  rows: number
  enrolled: number
  /** Of the file, from 0 to 1. */
  part: number
}

/** The counts of an import. `rows` is `new` + `known` + `rejected`. */
export interface ImportCounts {
  rows: number
  new: number
  known: number
  /** Enrollments that were there, with other fields. */
  updated: number
  enrolled: number
  rejected: number
}

export interface Imported extends ImportCounts {
  rejectsFile: string | null
  /** False: it was a dry run, or strict and not clean. */
  written: boolean
}

/** Imports a file, or a stream. */
export async function importLeads(
  database: Database,
  input: string | Readable,
  { campaign: name, dryRun = false, strict = false, onProgress = () => undefined, ...csv }: ImportOptions,
): Promise<Imported> {
  const campaign = await findCampaign(database, name)
  if (campaign.status === 'cancelled') throw cancelled(campaign)
  const table = await readCsv(input, { ...csv, keepOpen: true })
  try {
    if (!dryRun && !strict) return await run(database, campaign, table, { dryRun, onProgress })
    const tried = await run(database, campaign, table, { dryRun: true, onProgress })
    if (dryRun || tried.rejected > 0) return tried
    return await run(database, campaign, await table.again(), { dryRun: false, onProgress })
  } finally {
    await table.close()
  }
}

interface RunOptions {
  dryRun: boolean
  onProgress: (progress: ImportProgress) => void
}

async function run(database: Database, campaign: Campaign, table: CsvTable, options: RunOptions): Promise<Imported> {
  const counts: ImportCounts = { rows: 0, new: 0, known: 0, updated: 0, enrolled: 0, rejected: 0 }
  const rejects = new RejectsFile(table)
  try {
    await importBatches(database, campaign, table, { ...options, counts, rejects })
    if (!options.dryRun) await finish(database, campaign, table.name, counts)
    // Here too, where it may fail: the last of the rejects, of most lists all, are written by it.
    rejects.close()
  } catch (error) {
    throw options.dryRun ? error : interrupted(error, counts, database.url)
  } finally {
    rejects.close()
  }
  return { ...counts, rejectsFile: rejects.path ?? null, written: !options.dryRun }
}

type Running = RunOptions & { counts: ImportCounts; rejects: RejectsFile }

/** Two batches under way; their rejects are written in the file's order. */
async function importBatches(
  database: Database,
  campaign: Campaign,
  table: CsvTable,
  { dryRun, onProgress, counts, rejects }: Running,
): Promise<void> {
  const underWay: { batch: RowBatch; answer: Promise<Answer> }[] = []
  const settle = async (): Promise<void> => {
    const first = underWay.shift()
    if (first === undefined) return
    count(counts, first.batch, await first.answer, rejects)
    onProgress({ rows: counts.rows, enrolled: counts.enrolled, part: table.bytesRead / Math.max(1, table.sizeBytes) })
  }
  try {
    for await (const batch of batchesOf(table)) {
      const answer = send(database, campaign.id, batch, {
        dryRun,
        messageIds: await reserveIds(database, batch, dryRun),
      })
      // Heard when its turn comes. Until then one that fails while the next batch is read would end the process as unheard.
      answer.catch(() => undefined)
      underWay.push({ batch, answer })
      if (underWay.length >= UNDER_WAY) await settle()
    }
    while (underWay.length > 0) await settle()
  } finally {
    // After an error the other batch may still commit; it counts, and must not be left to fail unheard.
    const others = await Promise.allSettled(underWay.map(({ answer }) => answer))
    for (const [i, other] of others.entries()) {
      const batch = underWay[i]?.batch
      if (other.status === 'fulfilled' && batch !== undefined) count(counts, batch, other.value, rejects)
    }
  }
}

/** One to each core of a small server. */
const UNDER_WAY = 2

interface Answer {
  new: number
  known: number
  updated: number
  enrolled: number
  rejects: { line: number; reason: Objection }[]
}

/** Batches overtake each other; ids that are reserved in the file's order keep the mails in it. */
async function reserveIds(database: Database, { rows }: RowBatch, dryRun: boolean): Promise<number[]> {
  if (dryRun || rows.length === 0) return []
  const [row] = await database.query<{ ids: number[] }>('select goniec.reserve_message_ids($1) as ids', [rows.length])
  return row?.ids ?? []
}

async function send(
  database: Database,
  campaignId: number,
  { rows }: RowBatch,
  { dryRun, messageIds }: { dryRun: boolean; messageIds: readonly number[] },
): Promise<Answer> {
  if (rows.length === 0) return { new: 0, known: 0, updated: 0, enrolled: 0, rejects: [] }
  const [row] = await asThisActor(database).query<{ answer: Answer }>(
    'select goniec.import_leads($1, $2, $3) as answer',
    [campaignId, JSON.stringify(rows.map((row, i) => ({ ...row, message_id: messageIds[i] }))), dryRun],
  )
  return row?.answer ?? { new: 0, known: 0, updated: 0, enrolled: 0, rejects: [] }
}

function count(counts: ImportCounts, batch: RowBatch, answer: Answer, file: RejectsFile): void {
  const objected = answer.rejects.map(({ line, reason }) => ({
    line,
    reason: reasonOf(reason),
    cells: batch.cells.get(line) ?? [],
  }))
  const rejected = [...batch.rejects, ...objected].sort((a, b) => a.line - b.line)
  // Before they are written: what has come in is counted also where that fails.
  counts.rows += batch.rows.length + batch.rejects.length
  counts.rejected += rejected.length
  counts.new += answer.new
  counts.known += answer.known
  counts.updated += answer.updated
  counts.enrolled += answer.enrolled
  for (const reject of rejected) file.write(reject)
}

async function finish(database: Database, campaign: Campaign, file: string, counts: ImportCounts): Promise<void> {
  await database.transaction(async (tx) => {
    await nameActor(tx)
    await sql`
      insert into goniec.event (type, campaign_id, data)
      values ('imported', ${campaign.id}, ${JSON.stringify({ file, ...counts })})`.execute(tx)
  })
  await reviveCompleted(asThisActor(database), campaign.id)
  await database.query(`select pg_notify('goniec', 'plan')`)
}

function cancelled({ name }: Campaign): GoniecError {
  return new GoniecError('campaign_wrong_state', `campaign "${name}" is cancelled; leads cannot be imported into it`, {
    hint: `give the campaign another name in the definition file, and apply it; or goniec campaign show ${shellWord(name)}`,
  })
}

/** What was committed stays; what was not is done by importing the file again. */
export function interrupted(error: unknown, { rows, enrolled }: ImportCounts, url: string): unknown {
  const known = explainDatabaseError(error, url)
  if (known === undefined) return error
  const done = `${rows} lines were done before, and ${enrolled} leads enrolled`
  return new GoniecError(known.code, `the import stopped: ${known.message}; ${done}`, {
    hint: `${known.hint ?? 'mend that'}; then import the same file again: nobody is enrolled twice`,
    cause: error,
  })
}
