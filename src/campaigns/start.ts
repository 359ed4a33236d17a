/** Starting a campaign: after a check that found no problem, and only then. */
import type { Database } from '../database/pool.ts'
import { findCampaign, type Campaign, type CampaignStatus } from './campaign.ts'
import { changeStatus } from './change-status.ts'
import { wrongState } from './wrong-state.ts'

/** The campaign, if it is one that can be started. Refuses every other state, so that nobody waits for a check in vain. */
export async function requireStartable(database: Database, name: string): Promise<Campaign> {
  const campaign = await findCampaign(database, name)
  if (campaign.status !== 'draft') throw wrongState('start', name, campaign.status)
  return campaign
}

export interface Started {
  name: string
  /** `running`, or `scheduled` until its day. */
  status: CampaignStatus
  startsOn: string | null
}

/** Starts a checked campaign. A state that has changed since the check is refused. */
export async function startCampaign(database: Database, name: string): Promise<Started> {
  const campaign = await requireStartable(database, name)
  const { to } = await changeStatus(database, campaign, 'start', ({ status, hasComeDue }) => {
    if (status !== 'draft') return undefined
    return hasComeDue ? 'running' : 'scheduled'
  })
  return { name, status: to, startsOn: campaign.startsOn }
}
