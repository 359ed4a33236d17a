/** What a forecast reads beside the plan's own queries, each for the campaigns that count and no others. */
import type { BindingCode } from '../../schedule/binding.ts'
import type { CampaignForecast } from '../../schedule/forecast-result.ts'
import type { Instant } from '../../time.ts'
import { MESSAGE_COLUMNS, MESSAGE_JOINS, OBJECTION, type MessageRow } from '../../campaigns/plan/message-reads.ts'
import type { Query } from '../../campaigns/plan/reads.ts'

export interface NamedCampaign {
  id: number
  name: string
  status: string
  salesperson_paused: boolean
}

/** Campaigns that send or will, and these; by name. */
export function named(query: Query, names: readonly string[] | undefined): Promise<NamedCampaign[]> {
  return query(
    `select c.id, c.name, c.status, s.paused_at is not null as salesperson_paused
     from goniec.campaign c join goniec.salesperson s on s.id = c.salesperson_id
     where c.status in ('running', 'scheduled', 'paused') or c.name = any ($1)
     order by c.name`,
    [names ?? []],
  )
}

/** The steps in use. */
export function steps(
  query: Query,
  campaignIds: readonly number[],
): Promise<{ campaign_id: number; position: number; wait_days: number | null; wait_ms: number | null }[]> {
  return query(
    `select s.campaign_id, s.position, s.wait_days, s.wait_ms from goniec.step s
     where s.campaign_id = any ($1) and s.retired_at is null order by s.campaign_id, s.position`,
    [campaignIds],
  )
}

/** Everything pending of these campaigns but first mails that have never had a slot, and all other mail of these mailboxes. */
export function messages(
  query: Query,
  { campaignIds, mailboxIds }: Record<'campaignIds' | 'mailboxIds', readonly number[]>,
): Promise<MessageRow[]> {
  return query(
    `select of_campaign.* from unnest($1::bigint[]) as wanted (campaign_id) cross join lateral (
       select ${MESSAGE_COLUMNS}, ${OBJECTION} as objection
       from goniec.message m
       ${MESSAGE_JOINS}
       where m.campaign_id = wanted.campaign_id and m.kind = 'campaign' and m.status in ('pending', 'sending', 'in_doubt')
         and m.status = 'pending' and m.scheduled_at is not null
       union all
       select ${MESSAGE_COLUMNS}, ${OBJECTION} as objection
       from goniec.message m
       ${MESSAGE_JOINS}
       where m.campaign_id = wanted.campaign_id and m.kind = 'campaign' and m.status = 'pending' and m.scheduled_at is null
         and (m.follows_at is not null or m.first_planned_at is not null or m.not_before is not null)
     ) of_campaign
     union all
     select ${MESSAGE_COLUMNS}, ${OBJECTION} as objection
     from goniec.message m
     ${MESSAGE_JOINS}
     where m.kind <> 'campaign' and m.status = 'pending' and m.bound_mailbox_id = any ($2)`,
    [campaignIds, mailboxIds],
  )
}

export interface WaitingRow {
  campaign_id: number
  id: number
  lead_id: number
  domain: string
  position: number
  objection: string | null
}

/** First mails that have never had a slot, in their order, at most so many of each campaign. */
export function waiting(query: Query, campaignIds: readonly number[], atMost: number): Promise<WaitingRow[]> {
  return query(
    `select first_mail.* from unnest($1::bigint[]) as wanted (campaign_id) cross join lateral (
       select m.campaign_id, m.id, m.lead_id, st.position,
              goniec.domain_of(m.recipient) as domain, ${OBJECTION} as objection
       from goniec.message m
       ${MESSAGE_JOINS}
       where m.campaign_id = wanted.campaign_id and ${FRESH}
       order by m.id
       limit $2
     ) first_mail`,
    [campaignIds, atMost],
  )
}

/** How many there are of them. */
export function waitingCounts(
  query: Query,
  campaignIds: readonly number[],
): Promise<{ campaign_id: number; mails: number }[]> {
  // prettier-ignore
  return query(
    `select m.campaign_id, count(*)::float8 as mails from goniec.message m
     where m.campaign_id = any ($1) and ${FRESH} group by m.campaign_id`,
    [campaignIds],
  )
}

const FRESH = `m.kind = 'campaign' and m.status = 'pending' and m.scheduled_at is null
         and m.follows_at is null and m.first_planned_at is null and m.not_before is null`

export interface UnderWayRow extends MessageRow {
  status: 'sending' | 'in_doubt'
}

/** What is on its way, or in doubt. */
export function underWay(query: Query, campaignIds: readonly number[]): Promise<UnderWayRow[]> {
  return query(
    `select ${MESSAGE_COLUMNS}, null::text as objection, m.status
     from goniec.message m
     ${MESSAGE_JOINS}
     where m.campaign_id = any ($1) and m.kind = 'campaign' and m.status in ('pending', 'sending', 'in_doubt')
       and m.status in ('sending', 'in_doubt')`,
    [campaignIds],
  )
}

/** Mails that have gone out. */
export function sent(query: Query, campaignIds: readonly number[]): Promise<{ campaign_id: number; mails: number }[]> {
  return query(
    `select m.campaign_id, count(*)::float8 as mails from goniec.message m
     where m.campaign_id = any ($1) and m.status = 'sent' and m.kind = 'campaign' group by m.campaign_id`,
    [campaignIds],
  )
}

/**
 * On which days campaigns took these leads. All of them: how far back a contact gap looks is not known here, where a campaign may be one that is
 * rehearsed, has not begun yet, or is about to be changed.
 */
export function contacts(
  query: Query,
  leadIds: readonly number[],
): Promise<{ lead_id: number; day: string; campaign_id: number }[]> {
  return query(`select ld.lead_id, ld.day, ld.campaign_id from goniec.lead_day ld where ld.lead_id = any ($1)`, [
    leadIds,
  ])
}

/** Campaigns that have waiting mails to the same leads as these; gone through for so many of each campaign's mails. */
export async function sharingLeads(query: Query, campaignIds: readonly number[], atMost: number): Promise<number[]> {
  const rows = (await query(
    `select distinct other.campaign_id
     from unnest($1::bigint[]) as wanted (campaign_id)
     cross join lateral (
       select m.lead_id from goniec.message m
       where m.campaign_id = wanted.campaign_id and m.kind = 'campaign' and m.status in ('pending', 'sending', 'in_doubt') limit $2
     ) own
     join goniec.message other on other.lead_id = own.lead_id and other.status = 'pending' and other.kind = 'campaign'
     where other.campaign_id <> all ($1)`,
    [campaignIds, atMost],
  )) as { campaign_id: number }[]
  return rows.map(({ campaign_id: id }) => id)
}

/** The highest id of a message. */
export async function lastMessageId(query: Query): Promise<number> {
  const [row] = (await query('select coalesce(max(m.id), 0) as id from goniec.message m')) as { id: number }[]
  return row?.id ?? 0
}

/** How many mails are open in each of these, in this order. A count ends at `atMost`; behind a sum of it nobody is counted. */
export async function openCounts(query: Query, campaignIds: readonly number[], atMost: number): Promise<number[]> {
  const counts: number[] = []
  let sum = 0
  for (let from = 0; from < campaignIds.length && sum <= atMost; from += 20) {
    const rows = (await query(
      `select open.mails from unnest($1::bigint[]) with ordinality as wanted (campaign_id, place)
       cross join lateral (
         select count(*)::float8 as mails from (
           select from goniec.message m
           where m.campaign_id = wanted.campaign_id and m.status in ('pending', 'sending', 'in_doubt') limit $2) counted
       ) open
       order by wanted.place`,
      [campaignIds.slice(from, from + 20), atMost + 1],
    )) as { mails: number }[]
    counts.push(...rows.map(({ mails }) => mails))
    sum = counts.reduce((total, mails) => total + mails, 0)
  }
  return counts
}

/** All of them together, counted a little beyond `atMost` at most. */
export async function openMails(query: Query, campaignIds: readonly number[], atMost: number): Promise<number> {
  return (await openCounts(query, campaignIds, atMost)).reduce((total, mails) => total + mails, 0)
}

/** How far late campaigns were with what was forecast, of the last half year. */
export async function slips(query: Query): Promise<number[]> {
  const rows = (await query(
    `select f.slip::float8 as slip from goniec.forecast f
     where f.slip is not null and f.made_on > (goniec.now() - interval '200 days')::date
     order by f.made_on desc, f.campaign_id limit 2000`,
  )) as { slip: number }[]
  return rows.map(({ slip }) => slip)
}

export interface StoredRow {
  campaign: string
  status: string
  made_at: Instant
  sent: number
  mails: number
  first_mails_end: string | null
  follow_ups_end: string | null
  earliest: string | null
  likely: string | null
  latest: string | null
  extrapolated: boolean
  days: { day: string; first_mails: number; follow_ups: number; binding: BindingCode }[]
  never: { reason: string; mails: number }[]
  calendar: CampaignForecast['calendar']
}

/** The last forecast of each of these campaigns, if it is from today or yesterday; without names of all that have one and are not over. */
export function stored(query: Query, names: readonly string[] | undefined): Promise<StoredRow[]> {
  return query(
    `select distinct on (c.name) c.name as campaign, c.status, f.made_at, f.sent, f.mails, f.first_mails_end, f.follow_ups_end,
            f.earliest, f.likely, f.latest, f.extrapolated, f.days, f.never,
            jsonb_build_object('timeZone', c.timezone, 'startsOn', c.starts_on, 'holidays', c.holidays, 'skipDates', c.skip_dates,
              'window', jsonb_build_object('from', left(c.window_from::text, 5), 'to', left(c.window_to::text, 5), 'days', c.window_days)) as calendar
     from goniec.forecast f
     join goniec.campaign c on c.id = f.campaign_id
     where f.made_on >= (goniec.now() at time zone (select i.timezone from goniec.installation i))::date - 1
       and case when $1::text[] is null then c.status in ('running', 'scheduled', 'paused') else c.name = any ($1) end
     order by c.name, f.made_on desc`,
    [names ?? null],
  )
}
