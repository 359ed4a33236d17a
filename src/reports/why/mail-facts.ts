/** What is asked of the database to explain single mails: their facts, their gates, and which limits the plan said bind their campaign's days. */
import type { Database } from '../../database/pool.ts'
import { hasGoneOn } from '../../delivery/out-of-reach.ts'
import type { BindingCode } from '../../schedule/binding.ts'
import type { SendingWindow } from '../../schedule/windows.ts'
import { instantAt, toJsonTime, type Instant } from '../../time.ts'
import type { MessageKind, MessageStatus } from '../mail.ts'
import { CLOCK, GRACE } from '../reason.ts'

export interface MailFacts {
  id: number
  kind: MessageKind
  status: MessageStatus
  recipient: string
  lead: string | null
  /** What keeps a mail like this from its lead. */
  lead_mark: 'unsubscribed' | 'bounced' | 'replied' | 'blocked' | null
  campaign_id: number | null
  campaign: string | null
  step: string | null
  /** Where its slot is, or where it was sent from. */
  mailbox: string | null
  bound_mailbox_id: number | null
  bound_mailbox: string | null
  salesperson: string | null
  scheduled_at: Instant | null
  window_closes_at: Instant | null
  slot_reason: string | null
  held_reason: string | null
  failed_reason: string | null
  not_before: Instant | null
  follows_at: Instant | null
  wait_days: number | null
  wait_ms: number | null
  counted_attempts: number
  sent_at: Instant | null
  /** What its campaign lets go a day, and its salesperson; the delay between two of its mails. Null: no limit. */
  campaign_daily_limit: number | null
  salesperson_daily_limit: number | null
  delay_ms: number | null
  /** What its recipient's domain may get a day, or an hour, whichever is less. */
  domain_limit: number | null
  /** Another campaign has mailed its lead, or is going to. */
  lead_is_shared: boolean
  /** Which suppression keeps it from its recipient. */
  suppressed_by: string | null
  /** Its lead was taken out of the campaign, or has gone on in it; the step was removed, or the campaign is cancelled: no retry is taken. */
  is_over: boolean
  /** Of its last attempt. */
  attempt_state: string | null
  claimed_at: Instant | null
  transmitting_at: Instant | null
  deadline_at: Instant | null
  response: string | null
  status_reason: string | null
  /** Why its campaign is paused, where no person did it. */
  campaign_status_reason: string | null
  warmup_day: number | null
  now: Instant
  /** The zone its times are meant in: its campaign's, else the installation's. */
  timezone: string
  installation_timezone: string
}

/** One gate of a waiting mail, as `goniec.gates` has it. */
export interface GateRow {
  message_id: number
  place: number
  gate: string
  is_open: boolean
  code: string | null
  value: unknown
  most: unknown
  opened_by: 'person' | 'campaign' | 'plan' | 'time' | 'mail' | null
  opens_at: Instant | null
  binds: number
}

/** A mailbox that a mail could leave from, and what of it stands in the way of all mails. */
export interface MailboxState {
  address: string
  status: string
  status_reason: string | null
  daily_limit: number
  /** The salesperson who is paused, and with it this mailbox. */
  braked: string | null
}

/** The facts of these messages, by their ids' order. */
export async function readMailFacts(database: Pick<Database, 'query'>, ids: readonly number[]): Promise<MailFacts[]> {
  return database.query<MailFacts & Record<string, unknown>>(FACTS, [ids])
}

/** The gates of those of these messages that are pending, each gate once, in claim's order. */
export async function readGates(database: Pick<Database, 'query'>, ids: readonly number[]): Promise<GateRow[]> {
  const rows = await database.query<GateRow & Record<string, unknown>>(GATES, [ids])
  // A gate with several locks has a row for each: the lock that binds, else the one that has something to show.
  const byGate = Map.groupBy(rows, ({ message_id: id, place }) => `${id} ${place}`)
  return [...byGate.values()].map((locks) => locks.reduce((best, lock) => (isTold(lock, best) ? lock : best)))
}

function isTold(lock: GateRow, best: GateRow): boolean {
  if (lock.is_open !== best.is_open) return !lock.is_open
  return lock.is_open ? best.value === null && lock.value !== null : lock.binds < best.binds
}

/** By day, what the plan said binds a campaign from its today on. */
export async function readBindings(
  database: Pick<Database, 'query'>,
  campaignId: number,
): Promise<Map<string, BindingCode>> {
  const rows = await database.query<{ day: string; code: BindingCode }>(
    `select b.day::text, b.code
     from goniec.campaign_binding b
     join goniec.campaign c on c.id = b.campaign_id
     where b.campaign_id = $1 and b.day >= goniec.local_day(goniec.now(), c.timezone)
     order by b.day`,
    [campaignId],
  )
  return new Map(rows.map(({ day, code }) => [day, code]))
}

/** The mailboxes that a campaign's mail can leave from: the one that it is bound to, else those of the campaign. */
export async function readMailboxStates(
  database: Pick<Database, 'query'>,
  campaignId: number,
  boundId: number | null,
): Promise<MailboxState[]> {
  return database.query<MailboxState & Record<string, unknown>>(
    `select b.address, case when s.paused_at is not null then 'paused' else b.status end as status,
            case when s.paused_at is not null then 'its salesperson is paused' else b.status_reason end as status_reason,
            case when s.paused_at is not null then s.email end as braked, b.daily_limit
     from goniec.mailbox b
     join goniec.salesperson s on s.id = b.salesperson_id
     where b.id = $2 or ($2::bigint is null and b.id in (select cm.mailbox_id from goniec.campaign_mailbox cm where cm.campaign_id = $1))
     order by b.id`,
    [campaignId, boundId],
  )
}

/**
 * On which of a campaign's days the mailbox has nothing left, by what it has taken and what is planned from it: found by the index of its planned
 * mails, of which a day has no more than its limit. A mailbox's day is the installation's, and a window may lie on two of them: it has to be full on both.
 */
export async function readFullDays(
  database: Pick<Database, 'query'>,
  mailboxId: number,
  windows: readonly SendingWindow[],
): Promise<Map<string, { code: BindingCode; most: number }>> {
  const rows = await database.query<{ day: string; code: BindingCode | null; most: number }>(FULL_DAYS, [
    mailboxId,
    windows.map(({ day }) => day),
    windows.map(({ opensMs }) => toJsonTime(instantAt(opensMs))),
    windows.map(({ closesMs }) => toJsonTime(instantAt(closesMs))),
  ])
  return new Map(rows.flatMap(({ day, code, most }) => (code === null ? [] : [[day, { code, most }] as const])))
}

/** SQL: what keeps a mail from its lead `l`; of campaign mail alone that it has replied. */
export const leadMark = (isCampaignMail: string): string => `
  case when l.unsubscribed_at is not null then 'unsubscribed' when l.bounced_at is not null then 'bounced'
       when l.replied_at is not null and ${isCampaignMail} then 'replied' when l.blocked_at is not null then 'blocked' end`

/** SQL: the first suppression that an address falls under. */
export const suppressedBy = (address: string): string => `
  (select min(x.value) from goniec.suppression x where x.value = any (goniec.suppression_values(${address})))`

/** SQL: campaign mail of this campaign and enrollment is over for good. */
export const isOver = (campaign: string, enrollment: string): string => `
  coalesce(${campaign}.status = 'cancelled' or exists (
    select from goniec.enrollment out where out.id = ${enrollment} and out.removed_at is not null), false)`

const FACTS = `
  with ${CLOCK}
  select m.id, m.kind, m.status, m.recipient, l.email as lead, ${leadMark(`m.kind = 'campaign'`)} as lead_mark, c.id as campaign_id, named.name as campaign, m.step_key as step,
    b.address as mailbox, m.bound_mailbox_id, bound.address as bound_mailbox, s.email as salesperson,
    m.scheduled_at, m.window_closes_at, m.slot_reason, m.held_reason, m.failed_reason, m.not_before, m.follows_at,
    st.wait_days, st.wait_ms, m.counted_attempts, m.sent_at,
    c.daily_limit as campaign_daily_limit, s.daily_limit as salesperson_daily_limit, c.delay_ms, c.status_reason as campaign_status_reason,
    (select least(d.daily_limit, d.hourly_limit) from goniec.domain_limits(goniec.domain_of(m.recipient)) d) as domain_limit,
    exists (select from goniec.lead_day d where d.lead_id = m.lead_id and d.campaign_id <> m.campaign_id)
      or exists (select from goniec.message o where o.lead_id = m.lead_id and o.campaign_id <> m.campaign_id and o.kind = 'campaign' and o.status = 'pending') as lead_is_shared,
    ${suppressedBy('m.recipient')} as suppressed_by, ${isOver('c', 'm.enrollment_id')} or st.retired_at is not null or ${hasGoneOn('st')} as is_over,
    a.state as attempt_state, a.claimed_at, a.transmitting_at, a.deadline_at, a.response,
    coalesce(b.status_reason, bound.status_reason) as status_reason,
    clock.today - coalesce(b.warmup_started, bound.warmup_started) + 1 as warmup_day,
    clock.now, coalesce(named.timezone, i.timezone) as timezone, i.timezone as installation_timezone
  from goniec.message m
  cross join clock
  cross join goniec.installation i
  left join goniec.campaign named on named.id = m.campaign_id
  left join goniec.campaign c on c.id = m.campaign_id and m.kind = 'campaign'
  left join goniec.lead l on l.id = m.lead_id
  left join goniec.step st on st.id = m.step_id
  left join goniec.mailbox b on b.id = m.mailbox_id
  left join goniec.mailbox bound on bound.id = m.bound_mailbox_id
  left join goniec.salesperson s on s.id = coalesce(c.salesperson_id, b.salesperson_id, bound.salesperson_id)
  left join lateral (
    select a.* from goniec.attempt a where a.message_id = m.id order by a.id desc limit 1
  ) as a on true
  where m.id = any ($1::bigint[])
  order by m.id`

const GATES = `
  with ${CLOCK}
  select g.*
  from unnest($1::bigint[]) as asked (id)
  cross join clock
  cross join lateral (
    select g.* from goniec.gates(clock.now, clock.today, ${GRACE}) g where g.message_id = asked.id offset 0
  ) as g
  order by g.message_id, g.place, g.binds`

const FULL_DAYS = `
  with
  of_window as (
    select w.day, d.at::date as own_day
    from unnest($2::date[], $3::timestamptz[], $4::timestamptz[]) as w (day, opens_at, closes_at)
    cross join goniec.installation i
    cross join lateral generate_series(
      (greatest(w.opens_at, goniec.now()) at time zone i.timezone)::date::timestamp,
      ((w.closes_at - interval '1 millisecond') at time zone i.timezone)::date::timestamp, interval '1 day') as d (at)
  ),
  judged as (
    select d.day, d.own_day,
      case when coalesce(taken.all_kinds, 0) + planned.mails >= most.daily_limit then 'mailbox_limit'
           when coalesce(taken.campaign, 0) + planned.campaign >= most.campaign_limit then 'warmup_limit' end as code,
      case when coalesce(taken.all_kinds, 0) + planned.mails >= most.daily_limit then most.daily_limit else most.campaign_limit end as most
    from of_window d
    cross join goniec.installation i
    join goniec.mailbox b on b.id = $1
    cross join lateral goniec.mailbox_limits(b, d.own_day) as most
    left join lateral (
      select t.campaign_taken + t.warmup_taken + t.response_taken as all_kinds, t.campaign_taken as campaign
      from goniec.mailbox_day t where t.mailbox_id = b.id and t.day = d.own_day
    ) as taken on true
    cross join lateral (
      select count(*) as mails, count(*) filter (where m.kind = 'campaign') as campaign
      from goniec.message m
      where m.mailbox_id = b.id and m.kind in ('response', 'campaign', 'warmup') and m.status = 'pending'
        and m.scheduled_at >= d.own_day::timestamp at time zone i.timezone and m.scheduled_at < (d.own_day + 1)::timestamp at time zone i.timezone
    ) as planned
  )
  select distinct on (j.day) j.day::text, j.code, j.most
  from judged j
  order by j.day, j.code nulls first, j.own_day desc`
