/** What a plan reads of mails. Instants are epoch milliseconds. */
import { WAITING_CODES } from '../../schedule/plan-input.ts'
import { askForColumns, column, numbersOf, type Numbers } from './columns.ts'
import { ms, type Query } from './reads.ts'

export interface MessageRow {
  id: number
  kind: 'response' | 'campaign' | 'warmup'
  campaign_id: number | null
  lead_id: number | null
  /** Null for mail that is none of a campaign, and to the plan where no domain has a limit. */
  domain: string | null
  step_position: number | null
  bound_mailbox_id: number | null
  salesperson_id: number | null
  not_before_ms: number | null
  follows_ms: number | null
  wait_days: number | null
  wait_ms: number | null
  /** Null: on none. */
  tried_days: string[] | null
  at_ms: number | null
  mailbox_id: number | null
  window_closes_ms: number | null
  planned_campaign_version: number | null
  planned_mailbox_version: number | null
  first_planned_ms: number | null
  slot_reason: string | null
  missed_from_ms: number | null
  /** Its step is out of the definition file: nothing of it is to be planned. */
  step_is_removed: boolean
  /** Null: it may be mailed. Otherwise why not: what has a slot loses it. */
  objection: string | null
}

const OWN_COLUMNS = `m.id, m.kind, case when m.kind = 'campaign' then m.campaign_id end as campaign_id, m.lead_id, m.bound_mailbox_id, ${ms('m.not_before')} as not_before_ms, ${ms('m.follows_at')} as follows_ms, nullif(m.tried_days, '{}') as tried_days,
            ${ms('m.scheduled_at')} as at_ms, m.mailbox_id, ${ms('m.window_closes_at')} as window_closes_ms,
            m.planned_campaign_version, m.planned_mailbox_version, ${ms('m.first_planned_at')} as first_planned_ms, m.slot_reason, ${ms('m.missed_from')} as missed_from_ms`

const DOMAIN = `case when m.kind = 'campaign' then goniec.domain_of(m.recipient) end`

/** A message as `MessageRow` has it, from `goniec.message m` with `MESSAGE_JOINS`; with its domain, since a forecast may be asked what a first limit would do. */
export const MESSAGE_COLUMNS = `${OWN_COLUMNS}, ${DOMAIN} as domain, st.position as step_position, st.wait_days, st.wait_ms, st.retired_at is not null as step_is_removed, bound.salesperson_id`

/** What `MESSAGE_COLUMNS` and `OBJECTION` are read from, beside `goniec.message m`. */
export const MESSAGE_JOINS = `left join goniec.step st on st.id = m.step_id
     left join goniec.mailbox bound on bound.id = m.bound_mailbox_id
     left join goniec.lead l on l.id = m.lead_id`

/** Why a waiting message may not be mailed at all: it is held, or its lead is out. */
export const OBJECTION = `case
              when m.held_reason is not null then 'held'
              when l.blocked_at is not null or l.unsubscribed_at is not null or l.bounced_at is not null
                   or (m.kind = 'campaign' and l.replied_at is not null) then 'lead_not_mailable'
              when exists (select from goniec.suppression x where x.value = any (case when l.email = m.recipient then l.suppression_values else goniec.suppression_values(m.recipient) end) offset 0)
                then 'suppressed'
            end`

/**
 * A retry or a follow-up, all other mail, and what has a slot and is not read as columns (`slot-reads.ts`); not in any order, since the first row would wait for the last.
 *
 * What steps and mailboxes say is put to the mails here: a planner that underrates how many mails there are compares each of them with each mailbox,
 * which was two thirds of what it cost to read a hundred thousand.
 */
export async function messages(query: Query, { campaignIds, withSlots, ...known }: Asked): Promise<MessageRow[]> {
  return completed((await query(withSlots ? ALL_MESSAGES : MESSAGES, [campaignIds])) as BareRow[], known)
}

/** The mails named, which are known to be open, in the order of their ids. */
export async function messagesNamed(query: Query, ids: readonly number[], known: Known): Promise<MessageRow[]> {
  return completed((await query(NAMED_MESSAGES, [ids])) as BareRow[], known)
}

type BareRow = MessageRow & { step_id: number | null }

function completed(rows: BareRow[], { steps, mailboxes }: Known): MessageRow[] {
  const salespeople = new Map(mailboxes.map(({ id, salesperson_id: salesperson }) => [id, salesperson]))
  for (const row of rows) {
    const step = steps.get(row.step_id ?? Number.NaN)
    row.step_position = step?.position ?? null
    row.wait_days = step?.wait_days ?? null
    row.wait_ms = step?.wait_ms ?? null
    row.step_is_removed = step?.is_removed ?? false
    row.salesperson_id = salespeople.get(row.bound_mailbox_id ?? Number.NaN) ?? null
  }
  return rows
}

interface Asked extends Known {
  campaignIds: readonly number[]
  /** Those with slots too that could be read as columns. */
  withSlots: boolean
}

/** What steps and mailboxes say of mails. */
export interface Known {
  steps: ReadonlyMap<number, StepRow>
  mailboxes: readonly { id: number; salesperson_id: number }[]
}

/** Which slots of a message `m` can be read as columns: those of campaign mail that does not come back from a try, at times that are numbers. */
export const IN_COLUMNS = `m.kind = 'campaign' and m.not_before is null and m.tried_days = '{}'
      and m.scheduled_at > '-infinity' and m.window_closes_at < 'infinity'`

/** How long a follow-up waits after the mail before. */
export function waitOf(step: Pick<StepRow, 'wait_days' | 'wait_ms'> | undefined): { days: number } | { ms: number } {
  const days = step?.wait_days ?? null
  return days === null ? { ms: step?.wait_ms ?? 0 } : { days }
}

/** First mails without a slot, of each the same place in each column; a campaign's are in their order. */
export interface FirstMails {
  ids: Numbers
  campaigns: Numbers
  leads: Numbers
  steps: Numbers
  /** Why it has no slot, as it is said of it: the code's place in `WAITING_CODES`, from 1 on. */
  said: Numbers
}

/**
 * Of each campaign the first mails that there could be room for, or those behind a mail. Nothing is known of them but this: a column is one value,
 * which costs the database and us a tenth of what rows do. `peek`: so many only of a campaign whose first one waits for room, as is said of it.
 */
export async function firstMails(
  query: Query,
  rooms: readonly { id: number; room: number; behind?: number }[],
  peek: number | null = null,
): Promise<FirstMails> {
  const row = await askForColumns<keyof FirstMails>(query, FIRST_MAILS, [
    rooms.map(({ id }) => id),
    rooms.map(({ room }) => room),
    rooms.map(({ behind }) => behind ?? 0),
    WAITING_CODES,
    peek,
  ])
  return {
    ids: numbersOf(row.ids),
    campaigns: numbersOf(row.campaigns),
    leads: numbersOf(row.leads),
    steps: numbersOf(row.steps),
    said: numbersOf(row.said),
  }
}

/** What the plan knows of a step. */
export interface StepRow {
  id: number
  position: number
  wait_days: number | null
  wait_ms: number | null
  is_removed: boolean
}

/** The steps of these campaigns, by id. */
export async function stepsOf(query: Query, campaignIds: readonly number[]): Promise<Map<number, StepRow>> {
  const rows = (await query(
    `select s.id, s.position, s.wait_days, s.wait_ms, s.retired_at is not null as is_removed from goniec.step s where s.campaign_id = any ($1)`,
    [campaignIds],
  )) as StepRow[]
  return new Map(rows.map((step) => [step.id, step]))
}

/** With places for what is put to them. */
const BARE_COLUMNS = `${OWN_COLUMNS}, case when exists (select from goniec.domain_limit) then ${DOMAIN} end as domain, m.step_id, null::integer as step_position, null::integer as wait_days, null::bigint as wait_ms, false as step_is_removed, null::bigint as salesperson_id`

const LEADS = 'left join goniec.lead l on l.id = m.lead_id'

/** Lead by lead: where most mails are told apart by their own columns, the planner would rather read all leads there are. */
const OWN_LEAD = 'left join lateral (select * from goniec.lead l where l.id = m.lead_id offset 0) l on true'

/** All that are read as rows; of slots all, but for these. */
const messagesBut = (but: string): string => `
  select ${BARE_COLUMNS}, ${OBJECTION} as objection
  from goniec.message m
  ${OWN_LEAD}
  where m.status = 'pending' and m.scheduled_at is not null
    ${but}
  union all
  select ${BARE_COLUMNS}, null
  from goniec.message m
  ${OWN_LEAD}
  where m.status = 'pending' and m.scheduled_at is null
    and (m.kind <> 'campaign' or m.campaign_id is null
         or (m.campaign_id = any ($1::bigint[]) and (m.follows_at is not null or m.first_planned_at is not null or m.not_before is not null)))
    and ${OBJECTION} is null`

const ALL_MESSAGES = messagesBut('')

const MESSAGES = messagesBut(`and (${IN_COLUMNS} and m.campaign_id = any ($1::bigint[])) is not true`)

const NAMED_MESSAGES = `select ${BARE_COLUMNS}, null as objection from goniec.message m where m.id = any ($1::bigint[]) order by m.id`

/**
 * Of one campaign, in the order of its own index; as a range, or a planner whose statistics are from when there was hardly another one would go
 * through all mails there are in the order of their ids.
 */
const FIRST_OF_ROOM = `m.status = 'pending' and m.scheduled_at is null and m.kind = 'campaign'
      and m.campaign_id >= room.campaign_id and m.campaign_id <= room.campaign_id
      and m.id > room.behind and m.follows_at is null and m.first_planned_at is null and m.not_before is null`

const FIRST_MAILS = `
  select ${column('m.id')} as ids, ${column('room.campaign_id')} as campaigns, ${column('m.lead_id')} as leads, ${column('m.step_id')} as steps,
    ${column('m.said')} as said
  from unnest($1::bigint[], $2::bigint[], $3::bigint[]) as room (campaign_id, mails, behind)
  left join lateral (
    select m.slot_reason
    from goniec.message m
    ${LEADS}
    where $5::integer is not null and ${FIRST_OF_ROOM} and ${OBJECTION} is null
    order by m.campaign_id, m.id
    limit 1
  ) head on true
  cross join lateral (
    select m.id, m.lead_id, m.step_id, array_position($4::text[], m.slot_reason) as said
    from goniec.message m
    ${LEADS}
    where ${FIRST_OF_ROOM} and ${OBJECTION} is null
    order by m.campaign_id, m.id
    limit least(room.mails, case when head.slot_reason = 'no_room' then $5::integer end)
  ) m`
