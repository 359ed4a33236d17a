/** What the database holds of the things that a definition names, as the comparison needs it. */
import { sql } from 'kysely'
import type { Queries } from '../../database/pool.ts'
import type { DomainLimit, RefusalBrake, Wait } from '../definition/definition.ts'

/** A row with its columns as JSON has them; `salesperson` is the owner's address, `mailboxes` the campaign's, ascending. */
export interface StoredThing {
  id: number
  name: string
  row: Record<string, unknown>
}

export interface StoredCampaign extends StoredThing {
  status: string
  hasStarted: boolean
  steps: StoredStep[]
}

export interface StoredStep {
  id: number
  key: string
  keyed: boolean
  position: number
  wait: Wait | null
  retired: boolean
  hasMessages: boolean
  variants: StoredVariant[]
}

export interface StoredVariant {
  letter: string
  weight: number
  subject: string | null
  text: string | null
  html: string | null
}

export interface Stored {
  timezone: string
  warmupStages: { fromDay: number; warmupLimit: number | null; campaignLimit: number | null }[]
  domainLimits: DomainLimit[]
  refusalBrake: RefusalBrake
  salespeople: Map<string, StoredThing>
  mailboxes: Map<string, StoredThing>
  campaigns: Map<string, StoredCampaign>
}

/** Everything but campaigns that are not `named`: there may be many, with long texts. */
export async function readStored(tx: Queries, named: readonly string[]): Promise<Stored> {
  const { rows: installation } = await sql<RefusalBrake & { timezone: string }>`
    select timezone, refusal_share::float8 as share, refusal_least as least, refusal_last as last
    from goniec.installation`.execute(tx)
  const { rows: warmupStages } = await sql<Stored['warmupStages'][number]>`
    select from_day as "fromDay", warmup_limit as "warmupLimit", campaign_limit as "campaignLimit"
    from goniec.warmup_stage order by from_day`.execute(tx)
  const { rows: domainLimits } = await sql<DomainLimit>`
    select domain, daily_limit as "dailyLimit", hourly_limit as "hourlyLimit"
    from goniec.domain_limit order by domain collate "C"`.execute(tx)
  const { rows: salespeople } = await sql<StoredThing>`
    select s.id, s.email as name, to_jsonb(s) as row from goniec.salesperson s order by s.id`.execute(tx)
  const { rows: mailboxes } = await sql<StoredThing>`
    select b.id, b.address as name, to_jsonb(b) || jsonb_build_object('salesperson_id', s.email) as row
    from goniec.mailbox b join goniec.salesperson s on s.id = b.salesperson_id order by b.id`.execute(tx)
  const { timezone = 'Europe/Warsaw', share = null, least = 50, last = 200 } = installation[0] ?? {}
  return {
    timezone,
    refusalBrake: { share, least, last },
    warmupStages,
    domainLimits,
    salespeople: byName(salespeople),
    mailboxes: byName(mailboxes),
    campaigns: byName(await readCampaigns(tx, named)),
  }
}

async function readCampaigns(tx: Queries, named: readonly string[]): Promise<StoredCampaign[]> {
  const { rows: campaigns } = await sql<Omit<StoredCampaign, 'steps'>>`
    select c.id, c.name, c.status, c.started_at is not null as "hasStarted",
           to_jsonb(c) || jsonb_build_object('salesperson_id', s.email, 'mailboxes', array(
             select b.address from goniec.campaign_mailbox cm join goniec.mailbox b on b.id = cm.mailbox_id
             where cm.campaign_id = c.id order by b.address collate "C")) as row
    from goniec.campaign c join goniec.salesperson s on s.id = c.salesperson_id
    where c.name = any (${[...named]}) order by c.id`.execute(tx)
  // Whether a step has mails is asked of the unique index over (campaign, lead, step): the first one found ends the search.
  const { rows: steps } = await sql<StoredStep & { campaignId: number }>`
    select s.campaign_id as "campaignId", s.id, s.key, s.keyed, s.position, s.retired_at is not null as retired,
           case when s.wait_days is not null then jsonb_build_object('days', s.wait_days)
                when s.wait_ms is not null then jsonb_build_object('ms', s.wait_ms) end as wait,
           exists (select from goniec.message m where m.campaign_id = s.campaign_id and m.kind = 'campaign' and m.step_key = s.key) as "hasMessages",
           coalesce((select jsonb_agg(to_jsonb(v) - 'step_id' order by v.letter) from goniec.variant v where v.step_id = s.id), '[]') as variants
    from goniec.step s
    where s.campaign_id = any (${campaigns.map(({ id }) => id)})
    order by s.campaign_id, s.position`.execute(tx)
  return campaigns.map((campaign) => ({
    ...campaign,
    steps: steps.filter(({ campaignId }) => campaignId === campaign.id),
  }))
}

function byName<Thing extends { name: string }>(things: readonly Thing[]): Map<string, Thing> {
  return new Map(things.map((thing) => [thing.name, thing]))
}
