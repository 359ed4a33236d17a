/** The plan's queries about everything but mails (`message-reads.ts`): what stands in the tables, as rows of plain values. Instants are epoch milliseconds. */
import type { DomainLimits, PlanInput } from '../../schedule/plan-input.ts'
import { assert } from '../../errors.ts'

// oxlint-disable-next-line typescript/no-explicit-any -- the rows of a plain statement; each caller names their shape
export type Query = (text: string, values?: unknown[]) => Promise<any[]>

/** Epoch milliseconds of a timestamptz. */
export function ms(expression: string): string {
  return `(extract(epoch from ${expression}) * 1000)::float8`
}

/** What stands above mailboxes and campaigns. */
export interface Installation extends Pick<PlanInput, 'nowMs' | 'timeZone' | 'warmupStages' | 'salespeople'> {
  /** Everything is paused, or waits after a restore. */
  paused: boolean
  domainLimits: ReadonlyMap<string, DomainLimits>
}

/** The clock, the zone, the brake, the ramp of warm-ups, the domains' limits (`*` for all that are not named), and the salespeople with what was taken of their days. */
export async function installation(query: Query): Promise<Installation> {
  const [row] = (await query(
    `select floor(${ms('goniec.now()')}) as now_ms, i.timezone, i.paused_at is not null or goniec.is_restored() as paused,
       (select coalesce(jsonb_agg(jsonb_build_object('fromDay', w.from_day, 'warmupLimit', w.warmup_limit, 'campaignLimit', w.campaign_limit) order by w.from_day), '[]')
        from goniec.warmup_stage w) as warmup_stages,
       (select coalesce(jsonb_object_agg(d.domain, jsonb_build_object('dailyLimit', d.daily_limit, 'hourlyLimit', d.hourly_limit)), '{}')
        from goniec.domain_limit d) as domain_limits,
       (select coalesce(jsonb_agg(jsonb_build_object('id', s.id, 'dailyLimit', s.daily_limit, 'taken', coalesce(t.taken, '{}'))), '[]')
        from goniec.salesperson s
        left join lateral (
          select jsonb_object_agg(d.day, d.taken) as taken
          from goniec.salesperson_day d
          where d.salesperson_id = s.id and d.taken > 0 and d.day >= (goniec.now() - interval '2 days')::date
        ) t on true) as salespeople
     from goniec.installation i`,
  )) as InstallationRow[]
  assert(row, 'an installation is one row')
  return {
    nowMs: row.now_ms,
    timeZone: row.timezone,
    paused: row.paused,
    warmupStages: row.warmup_stages,
    domainLimits: new Map(Object.entries(row.domain_limits)),
    salespeople: row.salespeople.map(({ taken, ...person }) => ({ ...person, taken: new Map(Object.entries(taken)) })),
  }
}

interface InstallationRow {
  now_ms: number
  timezone: string
  paused: boolean
  warmup_stages: PlanInput['warmupStages']
  domain_limits: Record<string, DomainLimits>
  salespeople: { id: number; dailyLimit: number | null; taken: Record<string, number> }[]
}

export interface MailboxRow {
  id: number
  version: number
  salesperson_id: number
  daily_limit: number
  min_gap_ms: number
  warmup_started: string | null
  warmup_daily_limit: number | null
  usable: boolean
  free_from_ms: number | null
  last_fence_ms: number | null
  occupies_ms: number
  taken: Record<string, { campaign: number; warmup: number; response: number }>
}

/**
 * How long a mail keeps a mailbox busy: as long as its last ones did that a server answered, from claim to settle; 20 ms at first. The
 * median, and none that recovery or a person ended: one worker that vanished, or one slow answer, would space out a whole day's plan.
 */
export function mailboxes(query: Query): Promise<MailboxRow[]> {
  return query(
    `select b.id, b.version, b.salesperson_id, b.daily_limit, b.min_gap_ms, b.warmup_started, b.warmup_daily_limit,
            b.status = 'active' and s.paused_at is null as usable,
            ${ms('g.free_from')} as free_from_ms, ${ms('g.last_fence_at')} as last_fence_ms,
            coalesce(last.occupies_ms, 20) as occupies_ms, coalesce(t.taken, '{}') as taken
     from goniec.mailbox b
     join goniec.mailbox_gate g on g.mailbox_id = b.id
     join goniec.salesperson s on s.id = b.salesperson_id
     left join lateral (
       select ceil(percentile_disc(0.5) within group (order by ${ms('a.finished_at')} - ${ms('a.claimed_at')}))::int as occupies_ms
       from (select a.finished_at, a.claimed_at, a.code, a.ended_by from goniec.attempt a
             where a.mailbox_id = b.id and a.message_id is not null
             order by a.id desc limit 20) a
       where a.code is not null and a.ended_by is null
     ) last on true
     left join lateral (
       select jsonb_object_agg(d.day, jsonb_build_object('campaign', d.campaign_taken, 'warmup', d.warmup_taken, 'response', d.response_taken)) as taken
       from goniec.mailbox_day d
       where d.mailbox_id = b.id and d.campaign_taken + d.warmup_taken + d.response_taken > 0 and d.day >= (goniec.now() - interval '2 days')::date
     ) t on true`,
  )
}

export interface CampaignRow {
  id: number
  version: number
  salesperson_id: number
  mailbox_ids: number[]
  timezone: string
  starts_on: string | null
  window_from: string
  window_to: string
  window_days: string[]
  holidays: string | null
  skip_dates: string[]
  delay_ms: number
  jitter: number
  daily_limit: number | null
  contact_gap_days: number
  running: boolean
  weight: number
  last_fence_ms: number | null
  taken: Record<string, number>
}

/** Those that run, and those that still have slots; with ids also these, whatever their state. */
export function campaigns(query: Query, also: readonly number[] = []): Promise<CampaignRow[]> {
  return query(
    `select c.id, c.version, c.salesperson_id, c.timezone, c.starts_on, c.window_from::text, c.window_to::text, c.window_days, c.holidays,
            c.skip_dates, c.delay_ms, c.jitter::float8, c.daily_limit, c.contact_gap_days, c.weight,
            c.status = 'running' and s.paused_at is null as running,
            ${ms('greatest(g.last_claim_at, g.last_fence_at)')} as last_fence_ms,
            array(select cm.mailbox_id from goniec.campaign_mailbox cm where cm.campaign_id = c.id order by cm.mailbox_id) as mailbox_ids,
            coalesce(t.taken, '{}') as taken
     from goniec.campaign c
     join goniec.campaign_gate g on g.campaign_id = c.id
     join goniec.salesperson s on s.id = c.salesperson_id
     left join lateral (
       select jsonb_object_agg(d.day, d.taken) as taken
       from goniec.campaign_day d
       where d.campaign_id = c.id and d.taken > 0 and d.day >= (goniec.now() - interval '2 days')::date
     ) t on true
     where c.status in ('running', 'paused') or c.id = any ($1)
        or exists (select from goniec.message m
                   where m.campaign_id = c.id and m.status in ('pending', 'sending', 'in_doubt') and m.status = 'pending' and m.scheduled_at is not null)`,
    [also],
  )
}

/** Which campaigns took a lead on which days, as far back as the widest contact gap looks. */
export async function contacts(query: Query): Promise<Map<number, { day: string; campaignId: number }[]>> {
  const [{ since }] = (await query(
    `select (goniec.now() - interval '1 day')::date - coalesce(max(c.contact_gap_days), 0) as since from goniec.campaign c where c.status = 'running'`,
  )) as [{ since: string }]
  // A day that the planner sees: it would take one that is a question for a third of all history, and read all of it.
  const rows = (await query(
    `select ld.lead_id, ld.day, ld.campaign_id from goniec.lead_day ld where ld.day > $1::date and ld.day > '-infinity'`,
    [since],
  )) as { lead_id: number; day: string; campaign_id: number }[]
  const byLead = new Map<number, { day: string; campaignId: number }[]>()
  for (const { lead_id: lead, day, campaign_id: campaignId } of rows) {
    const known = byLead.get(lead)
    if (known) known.push({ day, campaignId })
    else byLead.set(lead, [{ day, campaignId }])
  }
  return byLead
}
