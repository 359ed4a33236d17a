/** One campaign in detail: its settings, its mails by step and state, what is planned, today's use of its limit. */
import type { Database } from '../database/pool.ts'
import { assert } from '../errors.ts'
import type { Instant } from '../time.ts'
import { findCampaign, type Campaign } from './campaign.ts'
import { countByStatus, type Counts } from './counts.ts'
import { listCampaigns, type CampaignSummary } from './list.ts'

export interface CampaignDetails extends CampaignSummary {
  campaign: Campaign
  /** Leads in it, without those taken out. */
  leads: number
  /** Pending mails that have a time; that have none yet; that are set aside for a reason. */
  planned: number
  unplanned: number
  held: number
  lastSentAt: Instant | null
  /** Today in its own zone. */
  today: { day: string; taken: number; dailyLimit: number | null }
  mailboxes: { address: string; status: string; statusReason: string | null }[]
  steps: StepDetails[]
}

export interface StepDetails {
  key: string
  /** After the step before: calendar days, or milliseconds; both null on the first. */
  waitDays: number | null
  waitMs: number | null
  /** No longer in the definition file. */
  retired: boolean
  variants: string[]
  counts: Counts
}

/** The campaign of this name. */
export async function describeCampaign(database: Pick<Database, 'query'>, name: string): Promise<CampaignDetails> {
  const campaign = await findCampaign(database, name)
  const [summary] = await listCampaigns(database, campaign.id)
  const [facts] = await database.query<Facts & Record<string, unknown>>(FACTS, [campaign.id])
  assert(summary && facts, 'a campaign that was found is there')
  const { day, taken, ...rest } = facts
  return {
    ...summary,
    campaign,
    ...rest,
    today: { day, taken, dailyLimit: campaign.dailyLimit },
    mailboxes: await readMailboxes(database, campaign.id),
    steps: await readSteps(database, campaign.id),
  }
}

type Facts = Pick<CampaignDetails, 'leads' | 'planned' | 'unplanned' | 'held' | 'lastSentAt'> & {
  day: string
  taken: number
}

const FACTS = `
  select (select count(*) from goniec.enrollment e where e.campaign_id = c.id and e.removed_at is null) as leads,
         open.*,
         (select max(m.sent_at) from goniec.message m where m.campaign_id = c.id and m.kind = 'campaign' and m.status = 'sent') as "lastSentAt",
         today.day, coalesce(d.taken, 0) as taken
  from goniec.campaign c
  cross join lateral (select goniec.local_day(goniec.now(), c.timezone) as day) as today
  cross join lateral (
    select count(*) filter (where m.held_reason is null and m.scheduled_at is not null) as planned,
           count(*) filter (where m.held_reason is null and m.scheduled_at is null) as unplanned,
           count(*) filter (where m.held_reason is not null) as held
    from goniec.message m
    where m.campaign_id = c.id and m.kind = 'campaign' and m.status = 'pending' and m.status in ('pending', 'sending', 'in_doubt')
  ) as open
  left join goniec.campaign_day d on d.campaign_id = c.id and d.day = today.day
  where c.id = $1`

async function readMailboxes(
  database: Pick<Database, 'query'>,
  campaignId: number,
): Promise<CampaignDetails['mailboxes']> {
  return await database.query<CampaignDetails['mailboxes'][number]>(
    `select b.address, b.status, b.status_reason as "statusReason"
     from goniec.campaign_mailbox cm
     join goniec.mailbox b on b.id = cm.mailbox_id
     where cm.campaign_id = $1
     order by b.id`,
    [campaignId],
  )
}

async function readSteps(database: Pick<Database, 'query'>, campaignId: number): Promise<StepDetails[]> {
  const steps = await database.query<Omit<StepDetails, 'counts'>>(
    `select s.key, s.wait_days as "waitDays", s.wait_ms as "waitMs", s.retired_at is not null as retired,
            array(select v.letter from goniec.variant v where v.step_id = s.id order by v.letter) as variants
     from goniec.step s
     where s.campaign_id = $1
     order by s.position`,
    [campaignId],
  )
  const counted = await database.query<{ key: string; status: keyof Counts; mails: number }>(
    `select m.step_key as key, m.status, count(*) as mails
     from goniec.message m
     where m.campaign_id = $1 and m.kind = 'campaign'
     group by m.step_key, m.status`,
    [campaignId],
  )
  const byStep = Map.groupBy(counted, ({ key }) => key)
  return steps.map((step) => ({ ...step, counts: countByStatus(byStep.get(step.key) ?? []) }))
}
