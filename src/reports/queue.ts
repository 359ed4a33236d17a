/**
 * The queue in planned order, page by page. Each page is found by an index, behind the last mail of the page before it, so that the
 * thousandth page of a long queue costs what the first one does.
 */
import type { Database } from '../database/pool.ts'
import type { Instant } from '../time.ts'
import { mailsOf, type Mail, type MessageStatus } from './mail.ts'

export interface QueueFilter {
  campaignId?: number | undefined
  /** Mails whose slot is on this mailbox. */
  mailboxId?: number | undefined
  /** By default what is open: pending, sending, in doubt. */
  statuses?: readonly MessageStatus[] | undefined
  /** Most mails; by default all. */
  limit?: number | undefined
}

const OPEN: readonly MessageStatus[] = ['pending', 'sending', 'in_doubt']
const PAGE_SIZE = 500

/**
 * The mails, in pages: first those with a slot by their planned time, then those without one, by campaign. A mail that moves
 * while the queue is read is shown once, where it was seen first.
 */
export async function* readQueue(database: Pick<Database, 'query'>, filter: QueueFilter = {}): AsyncGenerator<Mail[]> {
  const seen = new Set<number>()
  let wanted = filter.limit ?? Number.POSITIVE_INFINITY
  for (const part of partsFor(filter)) {
    let last: PlacedMail | undefined
    do {
      const size = Math.min(PAGE_SIZE, wanted)
      const page = size > 0 ? await readPage(database, { filter, part, last, size }) : []
      const fresh = page.filter(({ id }) => !seen.has(id))
      for (const { id } of fresh) seen.add(id)
      wanted -= fresh.length
      if (fresh.length > 0) yield fresh.map(({ campaign_id: _, ...mail }) => mail)
      last = page.length === size ? page.at(-1) : undefined
    } while (last)
  }
}

type PlacedMail = Mail & { campaign_id: number | null }

/** One stretch of the order, with the columns it is ordered by and what comes behind a mail in it. */
interface Part {
  where: string
  order: string
  after: string
  keyOf: (last: PlacedMail) => readonly [Instant | number | null, number]
}

const PLANNED: Part = {
  // Spelt as the index of planned times has it, or it is not used.
  where: "m.scheduled_at > '-infinity'",
  order: 'm.scheduled_at, m.id',
  after: '(m.scheduled_at, m.id) > ($1::timestamptz, $2::bigint)',
  keyOf: (last) => [last.scheduled_at, last.id],
}

const UNPLANNED_WITHOUT_CAMPAIGN: Part = {
  where: 'm.scheduled_at is null and m.campaign_id is null',
  order: 'm.id',
  after: '($1::text is null and m.id > $2::bigint)',
  keyOf: (last) => [null, last.id],
}

const UNPLANNED_BY_CAMPAIGN: Part = {
  where: 'm.scheduled_at is null and m.campaign_id is not null',
  order: 'm.campaign_id, m.id',
  after: '(m.campaign_id, m.id) > ($1::bigint, $2::bigint)',
  keyOf: (last) => [last.campaign_id, last.id],
}

function partsFor({ campaignId, mailboxId }: QueueFilter): Part[] {
  // What has no slot has no mailbox either.
  if (mailboxId !== undefined) return [PLANNED]
  return campaignId === undefined
    ? [PLANNED, UNPLANNED_WITHOUT_CAMPAIGN, UNPLANNED_BY_CAMPAIGN]
    : [PLANNED, UNPLANNED_BY_CAMPAIGN]
}

interface Page {
  filter: QueueFilter
  part: Part
  last: PlacedMail | undefined
  size: number
}

/**
 * One select for each status, since each has an index of its own, merged by their order. What is under way is found by its live
 * attempt: there are few, and no index of messages knows them.
 */
async function readPage(database: Pick<Database, 'query'>, { filter, part, last, size }: Page): Promise<PlacedMail[]> {
  const values: unknown[] = last ? [...part.keyOf(last)] : []
  const conditions = [part.where, ...(last ? [part.after] : [])]
  const parameter = (value: unknown): string => `$${values.push(value)}`
  if (filter.campaignId !== undefined) conditions.push(`m.campaign_id = ${parameter(filter.campaignId)}::bigint`)
  if (filter.mailboxId !== undefined) conditions.push(`m.mailbox_id = ${parameter(filter.mailboxId)}::bigint`)
  const limit = `${parameter(size)}::bigint`
  const found = (filter.statuses ?? OPEN).map(
    (status) =>
      `(select m.id, m.campaign_id, m.scheduled_at from ${sourceOf(status)} and ${conditions.join(' and ')}
        order by ${part.order} limit ${limit})`,
  )
  const page = `
    select m.id, m.campaign_id, row_number() over (order by ${part.order}) as place
    from (${found.join(' union all ')}) m order by ${part.order} limit ${limit}`
  return database.query<PlacedMail>(mailsOf(page, ['campaign_id']), values)
}

function sourceOf(status: MessageStatus): string {
  return status === 'sending'
    ? `goniec.attempt a join goniec.message m on m.id = a.message_id
       where a.state in ('claimed', 'transmitting') and m.status = 'sending'`
    : `goniec.message m where m.status = '${status}'`
}
