/** Every campaign with the state of its mails, from the rows themselves. */
import type { Database } from '../database/pool.ts'
import type { Instant } from '../time.ts'
import type { CampaignStatus } from './campaign.ts'
import { countByStatus, type Counts } from './counts.ts'

export interface CampaignSummary {
  name: string
  status: CampaignStatus
  salesperson: string
  /** The zone that its times are meant in. */
  timezone: string
  startsOn: string | null
  counts: Counts
  /** The next planned time; null: nothing is planned, or the campaign does not send. */
  nextAt: Instant | null
}

/** All campaigns, in the order they were made; or the one with this id. */
export async function listCampaigns(database: Pick<Database, 'query'>, id?: number): Promise<CampaignSummary[]> {
  const summaries = await database.query<Omit<CampaignSummary, 'counts'> & { id: number }>(
    `select c.id, c.name, c.status, s.email as salesperson, c.timezone, c.starts_on as "startsOn",
            case when c.status in ('running', 'scheduled') then (
              select m.scheduled_at
              from goniec.message m
              where m.campaign_id = c.id and m.kind = 'campaign' and m.status = 'pending' and m.held_reason is null
                and m.status in ('pending', 'sending', 'in_doubt') and m.scheduled_at is not null
              order by m.scheduled_at
              limit 1) end as "nextAt"
     from goniec.campaign c
     join goniec.salesperson s on s.id = c.salesperson_id
     where c.id = coalesce($1, c.id)
     order by c.id`,
    [id ?? null],
  )
  const counted = await database.query<{ campaign: number; status: keyof Counts; mails: number }>(
    `select m.campaign_id as campaign, m.status, count(*) as mails
     from goniec.message m
     where m.kind = 'campaign' ${id === undefined ? '' : 'and m.campaign_id = $1'}
     group by m.campaign_id, m.status`,
    id === undefined ? [] : [id],
  )
  const byCampaign = Map.groupBy(counted, ({ campaign }) => campaign)
  return summaries.map(({ id: campaign, ...summary }) => ({
    ...summary,
    counts: countByStatus(byCampaign.get(campaign) ?? []),
  }))
}
