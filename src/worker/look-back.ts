/**
 * Looking back: whether the database still knows what this worker has sent. Asked at the start and on every return of the database, before
 * anything is recovered, planned or claimed.
 *
 *   at home     the database is in the place where it was, and has every mail of the logbook's end: the worker goes on.
 *   restored    it is elsewhere, was promoted, or has forgotten something: that is written down in the database, from when on nobody claims or
 *               fences. The worker reports all that its logbook knows, and waits, as all do, until a person says that sending may go on; after a
 *               promotion that has forgotten nothing, only until every worker has reported.
 *
 * Owns       nothing: the decision is the database's (migrations/000025_restore.sql), the memory is the logbook's.
 */
import type { Client } from 'pg'
import { toJson } from '../database/values.ts'
import { assert } from '../errors.ts'
import type { Instant } from '../time.ts'
import { homeFolder, type Shelf } from './logbook/files.ts'
import type { Home } from './logbook/lines.ts'
import { coversFrom, readAll, readNewest, readNewestElsewhere, type LoggedMail } from './logbook/read.ts'

/** The database, as a worker finds it. */
export interface Surroundings {
  installation: string
  home: Home
  timeline: number | null
  walPosition: string | null
  now: Instant
  /** It has heard of this worker. */
  isKnown: boolean
}

/** What stands in the way of all sending. */
export interface Restoration {
  id: number
  reason: string
  explanation: string
  /** What the database had forgotten of this worker's mails. */
  recalled: number
}

/** Where the database is now. */
export async function lookAround(client: Client, worker: string): Promise<Surroundings> {
  const { rows } = await client.query<SurroundingsRow>(SURROUNDINGS, [worker])
  const [row] = rows
  assert(row, 'an installation is one row')
  return {
    installation: row.installation,
    home: { systemIdentifier: row.system_identifier, databaseOid: row.database_oid },
    timeline: row.timeline,
    walPosition: row.wal_position,
    now: row.now,
    isKnown: row.is_known,
  }
}

/** Compares the logbook with the database, and reports where it was restored; null: it was not, and the worker may work. */
export async function lookBack(client: Client, shelf: Shelf, around: Surroundings): Promise<Restoration | null> {
  let id = await notice(client, await whatIsForgotten(client, shelf, around))
  if (id === null) {
    const elsewhere = await whatWasSentElsewhere(client, shelf, around)
    if (elsewhere !== null) id = await notice(client, elsewhere)
  }
  if (id === null) {
    await client.query('select goniec.mark_worker($1)', [shelf.worker])
    return null
  }
  // Whoever passes a fence at this instant has not seen it yet.
  await client.query('select goniec.pass_barrier()')
  await report(client, shelf, { id, around })
  return await standing(client, id, shelf.worker)
}

/** `forgotten`: in words; null: nothing. Returns the restoration that has not ended. */
async function notice(client: Client, forgotten: string | null): Promise<number | null> {
  const { rows } = await client.query<{ id: number | null }>('select goniec.notice_restoration($1, $2) as id', [
    forgotten === null ? null : 'forgotten',
    forgotten,
  ])
  return rows[0]?.id ?? null
}

interface SurroundingsRow {
  installation: string
  system_identifier: string | null
  database_oid: number
  timeline: number | null
  wal_position: string | null
  now: Instant
  is_known: boolean
}

const SURROUNDINGS = `
  select i.id as installation, h.system_identifier, h.database_oid, h.timeline, h.wal_position::text, goniec.now() as now,
    exists (select from goniec.known_worker k where k.worker = $1) as is_known
  from goniec.installation i
  cross join goniec.here() h`

/** The logbook's end is enough: what a database forgets is the last that was committed. */
const LAST_MAILS = 1000

/** In words; null: nothing. */
async function whatIsForgotten(client: Client, shelf: Shelf, around: Surroundings): Promise<string | null> {
  const newest = await readNewest(shelf, around.home, LAST_MAILS)
  if (newest === undefined) return null
  const mails = await countForgotten(client, newest.mails)
  if (mails > 0) return `worker ${shelf.worker} has sent ${inWords(mails)} of which the database knows nothing`
  const { walPosition = null, timeline = null } = newest.mark ?? {}
  if (walPosition === null || around.walPosition === null || timeline !== around.timeline) return null
  const { rows: compared } = await client.query<{ behind: boolean }>('select $1::pg_lsn > $2::pg_lsn as behind', [
    walPosition,
    around.walPosition,
  ])
  return compared[0]?.behind === true ? `worker ${shelf.worker} has seen the database further than it is` : null
}

/**
 * The same of mails that it has sent for another copy of this database: one that was put aside for its backup, and is taken up again after all, knows
 * nothing of them, though it is where it was. In words; null: there are none.
 */
async function whatWasSentElsewhere(client: Client, shelf: Shelf, around: Surroundings): Promise<string | null> {
  const mails = await countForgotten(client, await readNewestElsewhere(shelf, around.home, LAST_MAILS))
  if (mails === 0) return null
  return `worker ${shelf.worker} has sent ${inWords(mails)} for another copy of this database, of which this one knows nothing`
}

async function countForgotten(client: Client, mails: readonly LoggedMail[]): Promise<number> {
  if (mails.length === 0) return 0
  const { rows } = await client.query('select attempt_id from goniec.forgotten_of($1)', [toJson(mails.map(toKey))])
  return rows.length
}

function inWords(mails: number): string {
  return mails === 1 ? 'a mail' : `${mails} mails`
}

/** In pieces, each a transaction of its own: what is told twice is told once. */
const PIECE = 500

/** What passed so long before the last thing that the database knows is in it. */
const SURELY_KNOWN_MS = 24 * 3_600_000

async function report(
  client: Client,
  shelf: Shelf,
  { id, around }: { id: number; around: Surroundings },
): Promise<void> {
  const { rows } = await client.query<{ last_known_at: Instant | null; is_at_home: boolean }>(
    'select r.last_known_at, s.moved is null as is_at_home from goniec.restoration r cross join goniec.standing() s where r.id = $1',
    [id],
  )
  const { last_known_at: lastKnownAt = null, is_at_home: isAtHome = false } = rows[0] ?? {}
  const fromMs = (lastKnownAt?.epochMilliseconds ?? 0) - SURELY_KNOWN_MS
  for await (const { folder, mails } of readAll(shelf)) {
    const asked =
      isAtHome && folder !== homeFolder(shelf, around.home)
        ? mails.map(ofAnotherCopy)
        : mails.filter(({ passedAt }) => passedAt.epochMilliseconds >= fromMs)
    for (let start = 0; start < asked.length; start += PIECE) {
      const piece = asked.slice(start, start + PIECE).map(toEntry)
      await client.query('select goniec.recall_mails($1, $2, $3)', [id, shelf.worker, toJson(piece)])
    }
  }
  const newest = await readNewest(shelf, around.home, 1)
  // Of positions of the timeline before, only: on this one the log has gone on since.
  const walPosition = newest?.mark?.timeline === around.timeline ? null : newest?.mark?.walPosition
  await client.query('select goniec.finish_report($1, $2, $3, $4)', [
    id,
    shelf.worker,
    await coversFrom(shelf),
    walPosition ?? null,
  ])
  await client.query('select goniec.end_harmless_restoration()')
}

/** What is left of it once this worker has reported. */
async function standing(client: Client, id: number, worker: string): Promise<Restoration | null> {
  const { rows } = await client.query<Restoration>(
    `select r.id, r.reason, r.explanation,
       (select count(*) from goniec.recalled_mail m where m.restoration_id = r.id and m.worker = $2) as recalled
     from goniec.restoration r
     where r.id = $1 and r.ended_at is null`,
    [id, worker],
  )
  return rows[0] ?? null
}

/**
 * Of a copy that went its own way nobody here knows where its mailboxes led, to people or to a test's catcher: a person has to say whether that was the
 * mail.
 */
function ofAnotherCopy(mail: LoggedMail): LoggedMail {
  const answer = mail.response === null ? 'the server’s answer is not known' : `its server said: ${mail.response}`
  return { ...mail, outcome: 'unknown', response: `it was sent for another copy of this database; ${answer}` }
}

function toKey({ attemptId, passedAt }: LoggedMail): Record<string, unknown> {
  return { attempt_id: attemptId, passed_at: passedAt }
}

function toEntry(mail: LoggedMail): Record<string, unknown> {
  const { outcome, response, recipient, campaign, stepKey, idempotencyKey, mailbox, rfcMessageId } = mail
  return {
    ...toKey(mail),
    kind: campaign === null ? 'own' : 'campaign',
    outcome,
    response,
    recipient,
    campaign,
    step_key: stepKey,
    idempotency_key: idempotencyKey,
    mailbox,
    rfc_message_id: rfcMessageId,
  }
}
