/** Campaigns as whoever watches them wants to see them: where each stands, how much is sent and still to go, what comes next. */
import type { Database } from '../../database/pool.ts'
import type { Instant } from '../../time.ts'

export interface CampaignStatusRow {
  name: string
  status: 'draft' | 'scheduled' | 'running' | 'paused' | 'completed' | 'cancelled'
  /** Why it is paused, where no person did it. */
  status_reason: string | null
  salesperson: string
  salesperson_paused_at: Instant | null
  timezone: string
  starts_on: string | null
  sent: number
  /** Mails that stand in the queue: pending, on their way, or in doubt. */
  open: number
  /** Those, and the follow-ups that come after them if all goes well. */
  to_go: number
  in_doubt: number
  /** Today's count by its own calendar. */
  today: { day: string; taken: number; daily_limit: number | null }
  /** Its next planned mail; null where it does not send. */
  next_at: Instant | null
  /** As the last stored forecast has it, which a worker makes once a day; null: there is none, or it never ends. */
  finish: { made_on: string; earliest: string; likely: string; latest: string } | null
}

export interface CampaignsRead {
  /** The most important ones first: running, paused, scheduled, drafts, and what has ended within the week. */
  campaigns: CampaignStatusRow[]
  /** Of these, however many are shown. */
  total: number
  /** How many run or are to start by themselves. */
  sending: number
}

/** Up to `most` campaigns. Their mails are counted for those alone, by index. */
export async function readCampaigns(database: Pick<Database, 'query'>, most: number): Promise<CampaignsRead> {
  const [counted] = await database.query<{ total: number; sending: number }>(
    `select count(*) as total, count(*) filter (where c.status in ('running', 'scheduled')) as sending
     from goniec.campaign c where ${CURRENT}`,
  )
  const campaigns = await database.query<CampaignStatusRow & Record<string, unknown>>(CAMPAIGNS, [most])
  return { campaigns, total: counted?.total ?? 0, sending: counted?.sending ?? 0 }
}

const CURRENT = `(c.status in ('draft', 'scheduled', 'running', 'paused')
  or (c.status = 'completed' and c.completed_at > (select goniec.now()) - interval '7 days'))`

/** A mail of a step is followed by those of the steps behind it. Sent ones whose next mail was made are counted by that one. */
const CAMPAIGNS = `
  with
  clock as materialized (select goniec.now() as now),
  listed as materialized (
    select c.id, array_position('{running,paused,scheduled,draft,completed}'::text[], c.status) as place
    from goniec.campaign c
    where ${CURRENT}
    order by 2, c.id desc
    limit $1
  )
  select c.name, c.status, c.status_reason, s.email as salesperson, s.paused_at as salesperson_paused_at, c.timezone, c.starts_on,
    (select count(*) from goniec.message m where m.campaign_id = c.id and m.kind = 'campaign' and m.status = 'sent') as sent,
    open.mails as open, open.to_go, open.in_doubt,
    json_build_object('day', to_char(today.day, 'YYYY-MM-DD'), 'taken', coalesce(d.taken, 0),
      'daily_limit', case when d.day is null then c.daily_limit else d.daily_limit end) as today,
    case when c.status in ('running', 'scheduled') then (
      select m.scheduled_at from goniec.message m
      where m.campaign_id = c.id and m.kind = 'campaign' and m.status = 'pending' and m.held_reason is null
        and m.status in ('pending', 'sending', 'in_doubt') and m.scheduled_at is not null
      order by m.scheduled_at
      limit 1) end as next_at,
    case when c.status in ('running', 'scheduled') then (
      select case when f.likely is not null then json_build_object('made_on', to_char(f.made_on, 'YYYY-MM-DD'), 'earliest', to_char(f.earliest, 'YYYY-MM-DD'),
        'likely', to_char(f.likely, 'YYYY-MM-DD'), 'latest', to_char(f.latest, 'YYYY-MM-DD')) end
      from goniec.forecast f
      where f.campaign_id = c.id
      order by f.made_on desc
      limit 1) end as finish
  from listed
  cross join clock
  join goniec.campaign c on c.id = listed.id
  join goniec.salesperson s on s.id = c.salesperson_id
  cross join lateral (
    select coalesce(sum(step.mails), 0)::bigint as mails, coalesce(sum(step.in_doubt), 0)::bigint as in_doubt,
      coalesce(sum(step.mails * (1 + (
        select count(*) from goniec.step later
        where later.campaign_id = c.id and later.retired_at is null and later.position > step.position))), 0)::bigint as to_go
    from (
      select t.position, count(*) as mails, count(*) filter (where m.status = 'in_doubt') as in_doubt
      from goniec.message m
      join goniec.step t on t.id = m.step_id
      where m.campaign_id = c.id and m.kind = 'campaign' and m.status in ('pending', 'sending', 'in_doubt')
      group by t.position
    ) as step
  ) as open
  cross join lateral (select goniec.local_day(clock.now, c.timezone) as day) as today
  left join goniec.campaign_day d on d.campaign_id = c.id and d.day = today.day
  order by listed.place, c.id desc`
