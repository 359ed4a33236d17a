/**
 * The record of everything that happens, newest first. A lead's events are found by its mails; for the others the record is read backwards, piece by
 * piece, until enough is found: more indexes would slow down every mail.
 */
import type { Database } from '../database/pool.ts'
import type { Instant } from '../time.ts'
import { withInstants } from './event-words.ts'

/** Names as those of the columns; this is what `--json` prints. */
export interface RecordedEvent {
  id: number
  at: Instant
  type: string
  actor: string
  message_id: number | null
  attempt_id: number | null
  campaign: string | null
  /** The lead's address. */
  lead: string | null
  mailbox: string | null
  /** Of the message that it is about. */
  kind: 'response' | 'campaign' | 'warmup' | null
  step: string | null
  recipient: string | null
  is_test: boolean | null
  /** What it says; times in it are instants. */
  data: Record<string, unknown>
}

export interface EventFilter {
  campaignId?: number | undefined
  leadId?: number | undefined
  mailboxId?: number | undefined
  types?: readonly string[] | undefined
  /** Nothing that happened before. */
  since?: Instant | undefined
}

export interface EventsRead {
  /** In the order they happened. */
  events: RecordedEvent[]
  /** Not all of the record was looked at, only what is behind this event. */
  lookedBackTo: Instant | undefined
}

/** The first piece of the record that is looked through; each one after it is larger, up to the last. */
const PIECES = { first: 1000, growth: 4, last: 64_000 }

/** The last `limit` events that fit. Without `since` it gives up after about `mostRead` events of the record. */
export async function readEvents(
  database: Pick<Database, 'query'>,
  filter: EventFilter,
  { limit, mostRead = 250_000 }: { limit: number; mostRead?: number },
): Promise<EventsRead> {
  if (filter.leadId !== undefined || Object.values(filter).every((value) => value === undefined))
    return { events: (await readFitting(database, filter, { limit })).reverse(), lookedBackTo: undefined }
  const found: RecordedEvent[] = []
  let before: Place | undefined
  let size = PIECES.first
  for (let read = 0; read < mostRead || filter.since !== undefined; read += size) {
    if (read > 0) size = Math.min(size * PIECES.growth, PIECES.last)
    const oldest = await findOldest(database, before?.id, size)
    if (oldest === undefined) return { events: found.reverse(), lookedBackTo: undefined }
    const stretch = { from: oldest.id, before: before?.id }
    found.push(...(await readFitting(database, filter, { limit: limit - found.length, stretch })))
    before = oldest
    if (found.length >= limit || isWellBefore(oldest.at, filter.since))
      return { events: found.reverse(), lookedBackTo: undefined }
  }
  return { events: found.reverse(), lookedBackTo: before?.at }
}

/** The conditions of a filter on `e`; their values are added to those of the statement. */
export function conditionsOf(filter: EventFilter, values: unknown[]): string[] {
  const given = (condition: string, value: unknown): string[] =>
    value === undefined ? [] : [condition.replace('?', `$${values.push(value)}`)]
  return [
    ...given('e.campaign_id = ?', filter.campaignId),
    ...given('e.lead_id = ?', filter.leadId),
    ...given('e.mailbox_id = ?', filter.mailboxId),
    ...given('e.type = any (?)', filter.types),
    ...given('e.at >= ?', filter.since),
  ]
}

/** The events of a relation with the columns of `goniec.event`, with names for ids. */
export async function queryEvents(
  database: Pick<Database, 'query'>,
  relation: string,
  values: readonly unknown[],
): Promise<RecordedEvent[]> {
  const events = await database.query<RecordedEvent & Record<string, unknown>>(
    `select e.id, e.at, e.type, e.actor, e.message_id, e.attempt_id, c.name as campaign, l.email as lead, b.address as mailbox,
       m.kind, m.step_key as step, m.recipient, m.is_test, e.data
     from (${relation}) as e
     left join goniec.message m on m.id = e.message_id
     left join goniec.campaign c on c.id = coalesce(e.campaign_id, m.campaign_id)
     left join goniec.lead l on l.id = coalesce(e.lead_id, m.lead_id)
     left join goniec.mailbox b on b.id = e.mailbox_id
     order by e.id`,
    values,
  )
  return events.map((event) => ({ ...event, data: withInstants(event.data) }))
}

interface Place {
  id: number
  at: Instant
}

interface Stretch {
  from: number
  before: number | undefined
}

/** The last ones that fit, of a stretch of the record or of all of it; newest first. */
async function readFitting(
  database: Pick<Database, 'query'>,
  filter: EventFilter,
  { limit, stretch }: { limit: number; stretch?: Stretch },
): Promise<RecordedEvent[]> {
  const values: unknown[] = [limit]
  const conditions = conditionsOf(filter, values)
  if (stretch) conditions.push(`e.id >= $${values.push(stretch.from)}`)
  if (stretch?.before !== undefined) conditions.push(`e.id < $${values.push(stretch.before)}`)
  const where = conditions.length === 0 ? '' : `where ${conditions.join(' and ')}`
  const source = filter.leadId === undefined ? 'goniec.event' : ofLead(`$${values.push(filter.leadId)}`)
  const relation = `select e.* from ${source} as e ${where} order by e.id desc limit $1`
  return (await queryEvents(database, relation, values)).reverse()
}

/** What happened to a lead, and to its mails. */
function ofLead(id: string): string {
  return `(
    select own.* from goniec.event own where own.lead_id = ${id} and own.message_id is null
    union all
    select of_mail.* from goniec.message mail join goniec.event of_mail on of_mail.message_id = mail.id where mail.lead_id = ${id})`
}

/** The oldest of the `size` events before this one. */
async function findOldest(
  database: Pick<Database, 'query'>,
  before: number | undefined,
  size: number,
): Promise<Place | undefined> {
  const [oldest] = await database.query<Place & Record<string, unknown>>(
    `select e.id, e.at
     from (select e.id, e.at from goniec.event e where e.id < $1 order by e.id desc limit $2) as e
     order by e.id limit 1`,
    [before ?? Number.MAX_SAFE_INTEGER, size],
  )
  return oldest
}

/** Ids are given in the order of time, but for transactions that were at it together. */
function isWellBefore(at: Instant, since: Instant | undefined): boolean {
  return since !== undefined && at.epochMilliseconds < since.epochMilliseconds - 60_000
}
