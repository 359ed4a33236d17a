/** Pausing holds a campaign's mails up to the instant before their content goes on the wire; resuming goes on where it stopped. */
import type { Database } from '../database/pool.ts'
import { passBarrier } from './barrier.ts'
import { findCampaign, type CampaignStatus } from './campaign.ts'
import { changeStatus } from './change-status.ts'

export interface Paused {
  name: string
  status: CampaignStatus
  /** False: it was paused already. */
  changed: boolean
  /** Mails that were on the wire already; they end as the server says. */
  alreadyPassed: number
}

/** Pauses a campaign. When this returns, nothing more of it goes on the wire. */
export async function pauseCampaign(database: Database, name: string): Promise<Paused> {
  const campaign = await findCampaign(database, name)
  const { from, to } = await changeStatus(database, campaign, 'pause', ({ status }) =>
    status === 'running' || status === 'scheduled' || status === 'paused' ? 'paused' : undefined,
  )
  return { name, status: to, changed: from !== to, alreadyPassed: await passBarrier(database, campaign.id) }
}

export interface Resumed {
  name: string
  /** `running`; or `scheduled`, where it had never run and its day has not come. */
  status: CampaignStatus
  startsOn: string | null
}

/** Resumes a paused campaign. */
export async function resumeCampaign(database: Database, name: string): Promise<Resumed> {
  const campaign = await findCampaign(database, name)
  const { to } = await changeStatus(database, campaign, 'resume', ({ status, startedAt, hasComeDue }) => {
    if (status !== 'paused') return undefined
    return startedAt === null && !hasComeDue ? 'scheduled' : 'running'
  })
  return { name, status: to, startsOn: campaign.startsOn }
}
