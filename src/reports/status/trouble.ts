/**
 * What somebody should see to, counted without reading the queue: doubts and mails that are set aside have indexes of their own; what is
 * overdue is looked for at the front of each campaign that runs and of each mailbox, so that mails which wait for a person, however many
 * stand in front, hide nothing.
 *
 * A mail is **overdue** when its planned time is over by more than `lateMs` and nothing stands against it but that no worker takes it or
 * plans it anew. Mails that wait for a stated reason (a pause, a limit, a gap, a broken mailbox) are not.
 */
import { OBJECTION } from '../../campaigns/plan/message-reads.ts'
import type { Database } from '../../database/pool.ts'
import { assert } from '../../errors.ts'
import type { Instant } from '../../time.ts'
import { CLOCK, reasonsOf } from '../reason.ts'
import { readRestored } from '../restoration.ts'

export interface Trouble {
  /** The database was restored, and everything waits for a person or for the workers' reports. */
  restored: { reason: string; explanation: string; noticed_at: Instant } | null
  doubts: Pile
  /** Set aside: not planned and not sent, until somebody lets them go. */
  held: Pile & { reason: string | null }
  /** Late answers that contradict what a person had said of a doubt: of mails still open, and of the last day. */
  contradictions: Pile
  overdue: Pile
  /** Campaign mails that a worker should have planned by now. */
  unplanned: Pile
  broken: { address: string; reason: string }[]
  /** Paused by the brake, and by nobody: their mails were refused for good too often. */
  braked: { kind: 'campaign' | 'mailbox'; name: string; reason: string }[]
  /** Whether anything needs a worker: a campaign that runs or is to start, and is not braked, a mail of another kind, or one under way. */
  needs_worker: boolean
}

/** How many there are, at most as many as are counted; one of them; and the time of the oldest. */
export interface Pile {
  count: number
  /** There are more, and they were not counted. */
  more: boolean
  message_id: number | null
  oldest_at: Instant | null
}

/** No pile is counted beyond this. */
const MOST = 1000
/** What is looked at of a campaign, or of a mailbox. */
const MOST_EACH = 10

/** Reads all of it; `lateMs`: from when a mail is overdue. */
export async function readTrouble(database: Pick<Database, 'query'>, { lateMs }: { lateMs: number }): Promise<Trouble> {
  const [row] = await database.query<{ needs_worker: boolean }>(NEEDS_WORKER)
  return {
    restored: await readRestored(database),
    doubts: await readPile(database, DOUBTS),
    held: await readPile<{ reason: string | null }>(database, HELD, ', (array_agg(reason order by id))[1] as reason'),
    contradictions: await readPile(database, CONTRADICTIONS),
    overdue: await readPile(database, OVERDUE, '', [lateMs]),
    unplanned: await readPile(database, UNPLANNED, '', [lateMs]),
    broken: await database.query<{ address: string; reason: string }>(BROKEN),
    braked: await database.query<Trouble['braked'][number]>(BRAKED),
    needs_worker: row?.needs_worker ?? false,
  }
}

/** `of`: a select of `id, at`, in the order in which the first ones are to be counted. */
async function readPile<More = unknown>(
  database: Pick<Database, 'query'>,
  of: string,
  more = '',
  values: readonly unknown[] = [],
): Promise<Pile & More> {
  const [row] = await database.query<Pile & More & Record<string, unknown>>(
    `select least(count(*), ${MOST}) as count, count(*) > ${MOST} as more, (array_agg(id order by at, id))[1] as message_id,
       min(at) as oldest_at${more}
     from (${of} limit ${MOST + 1}) as pile`,
    values,
  )
  assert(row, 'an aggregate is one row')
  return row
}

const DOUBTS = `
  select m.id, (
    select max(a.transmitting_at) from goniec.attempt a where a.message_id = m.id and a.state = 'in_doubt') as at
  from goniec.message m
  where m.status = 'in_doubt'
  order by m.id`

const HELD = `
  select m.id, m.held_reason as reason, (
    select max(a.finished_at) from goniec.attempt a where a.message_id = m.id) as at
  from goniec.message m
  where m.status = 'pending' and m.held_reason is not null
  order by m.id`

const CONTRADICTIONS = `
  select m.id, k.at
  from goniec.contradiction k
  join goniec.attempt a on a.id = k.attempt_id
  join goniec.message m on m.id = a.message_id
  where m.status in ('pending', 'sending') or k.at > (select goniec.now()) - interval '1 day'
  order by k.id`

const NOT_BRAKED = `i.paused_at is null and s.paused_at is null`

const OVERDUE = `
  with ${CLOCK},
  asked as materialized (
    select m.id, m.scheduled_at as at
    from goniec.installation i
    join goniec.salesperson s on ${NOT_BRAKED}
    join goniec.campaign c on c.salesperson_id = s.id and c.status = 'running'
    cross join lateral (
      select m.id, m.scheduled_at from goniec.message m
      where m.campaign_id = c.id and m.kind = 'campaign' and m.status = 'pending' and m.status in ('pending', 'sending', 'in_doubt')
        and m.held_reason is null and m.scheduled_at < (select now from clock) - $1 * interval '1 millisecond'
      order by m.scheduled_at, m.id limit ${MOST_EACH}
    ) as m
    union all
    select m.id, m.scheduled_at
    from goniec.installation i
    join goniec.salesperson s on ${NOT_BRAKED}
    join goniec.mailbox b on b.salesperson_id = s.id and b.status = 'active'
    cross join (values ('response'), ('warmup')) as k (kind)
    cross join lateral (
      select m.id, m.scheduled_at from goniec.message m
      where m.mailbox_id = b.id and m.kind = k.kind and m.status = 'pending' and m.held_reason is null
        and m.scheduled_at < (select now from clock) - $1 * interval '1 millisecond'
      order by m.scheduled_at, m.id limit ${MOST_EACH}
    ) as m
    order by 2, 1
    limit ${MOST + 1}
  ),
  reasons as (${reasonsOf('asked')})
  select asked.id, asked.at
  from asked
  join reasons r on r.id = asked.id
  where r.reason in ('due', 'missed', 'window_closed', 'settings_changed', 'day_not_prepared')
  order by asked.at, asked.id`

/** What the plan has seen has a reason, if no slot, or stands behind one that has; of what may not be mailed it makes nothing. The newest of a campaign are looked at: what was seen is older than what was not. */
const UNPLANNED = `
  with ${CLOCK}
  select m.id, m.created_at as at
  from clock
  join goniec.installation i on true
  join goniec.salesperson s on ${NOT_BRAKED}
  join goniec.campaign c on c.salesperson_id = s.id and c.status = 'running'
  cross join lateral (
    select m.id, m.created_at, goniec.why_no_slot(m) as said
    from goniec.message m
    left join goniec.lead l on l.id = m.lead_id
    where m.campaign_id = c.id and m.status = 'pending' and m.scheduled_at is null and ${OBJECTION} is null
    order by m.id desc limit ${MOST_EACH}
  ) as m
  where m.said is null and m.created_at < clock.now - $1 * interval '1 millisecond'
    and coalesce(c.started_at, m.created_at) < clock.now - $1 * interval '1 millisecond'
  order by 2, 1`

const BROKEN = `
  select b.address, b.status_reason as reason from goniec.mailbox b where b.status = 'broken' order by b.address limit 100`

/** Whoever pauses by hand gives no reason. */
const BRAKED = `
  select 'campaign' as kind, c.name, c.status_reason as reason
  from goniec.campaign c where c.status = 'paused' and c.status_reason is not null
  union all
  select 'mailbox', b.address, b.status_reason
  from goniec.mailbox b where b.status = 'paused' and b.status_reason is not null
  order by 1, 2
  limit 100`

/** A worker starts what is scheduled, and gives a response its time. */
const NEEDS_WORKER = `
  select exists (
      select from goniec.campaign c
      join goniec.salesperson s on s.id = c.salesperson_id
      cross join goniec.installation i
      where ${NOT_BRAKED} and (c.status = 'running'
        or (c.status = 'scheduled' and (c.starts_on is null or c.starts_on <= goniec.local_day((select goniec.now()), c.timezone)))))
    or exists (
      select from goniec.installation i
      join goniec.salesperson s on ${NOT_BRAKED}
      join goniec.mailbox b on b.salesperson_id = s.id and b.status = 'active'
      join goniec.message m on m.mailbox_id = b.id and m.kind in ('response', 'warmup') and m.status = 'pending'
        and m.scheduled_at is not null and m.held_reason is null)
    or exists (
      select from goniec.installation i
      join goniec.salesperson s on ${NOT_BRAKED}
      join goniec.mailbox b on b.salesperson_id = s.id and b.status = 'active'
      join goniec.message m on m.bound_mailbox_id = b.id and m.kind <> 'campaign' and m.status = 'pending' and m.scheduled_at is null
      left join goniec.lead l on l.id = m.lead_id
      where m.held_reason is null and l.blocked_at is null and l.unsubscribed_at is null and l.bounced_at is null
        and not goniec.is_suppressed(m.recipient))
    or exists (select from goniec.attempt a where a.state in ('claimed', 'transmitting') and a.incarnation_id is not null) as needs_worker`
