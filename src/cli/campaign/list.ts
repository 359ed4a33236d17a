import { listCampaigns, type CampaignSummary } from '../../campaigns/list.ts'
import { toLocalTime } from '../../time.ts'
import type { Cli } from '../cli.ts'

/** Prints all campaigns. */
export async function listAll(cli: Cli): Promise<void> {
  const campaigns = await cli.withDatabase((database) => listCampaigns(database))
  cli.output.data(campaigns.map(summaryJson), () => {
    if (campaigns.length === 0) return cli.output.say('There are no campaigns yet. Next: goniec apply FILE')
    cli.output.table(campaigns, [
      { header: 'name', value: ({ name }) => name },
      { header: 'status', value: ({ status }) => status },
      { header: 'pending', value: ({ counts }) => counts.pending },
      { header: 'sending', value: ({ counts }) => counts.sending },
      { header: 'sent', value: ({ counts }) => counts.sent },
      { header: 'failed', value: ({ counts }) => counts.failed },
      { header: 'cancelled', value: ({ counts }) => counts.cancelled },
      { header: 'in doubt', value: ({ counts }) => counts.in_doubt },
      { header: 'next', value: nextTime },
    ])
  })
}

/** A campaign as `--json` has it. */
export function summaryJson(campaign: CampaignSummary): Record<string, unknown> {
  const { name, status, counts, nextAt, salesperson, timezone, startsOn } = campaign
  return { name, status, counts, next_at: nextAt, starts_on: startsOn, salesperson, timezone }
}

/** In the zone that the campaign's times are meant in. */
export function nextTime({ nextAt, startsOn, status, timezone }: CampaignSummary): string | null {
  if (nextAt !== null) return toLocalTime(nextAt, timezone)
  return status === 'scheduled' && startsOn !== null ? `starts on ${startsOn}` : null
}
