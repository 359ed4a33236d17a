/**
 * Cancelling a campaign: for good, and at once.
 *
 * The status comes first and is committed alone; from then on nothing of it is claimed or passes its fence, so that the open mails
 * can be cancelled in batches without holding up others. What is cut off in the middle, or made by a settle that was just running,
 * is cancelled by the next call of `sweepCancelled`, which workers make every minute.
 */
import { asThisActor } from '../database/actor.ts'
import type { Database } from '../database/pool.ts'
import { passBarrier } from './barrier.ts'
import { findCampaign } from './campaign.ts'
import { changeStatus } from './change-status.ts'
import { sweepCancelled } from './sweep-cancelled.ts'
import { wrongState } from './wrong-state.ts'

/** What is open in a campaign. */
export interface OpenMails {
  pending: number
  /** With a worker, and not on the wire: they become cancelled when it lets go of them. */
  sending: number
  /** Nobody knows whether the server accepted them. A person decides; the first twenty are named. */
  inDoubt: number
  doubts: { id: number; lead: string }[]
}

export interface Cancelled {
  name: string
  /** Mails that were cancelled by this call. */
  cancelled: number
  /** Mails that were on the wire already; they end as the server says. */
  alreadyPassed: number
  /** What is still open afterwards. */
  open: OpenMails
}

/** What cancelling would end, without doing it. Refuses where it could not be cancelled. */
export async function cancelPreview(database: Database, name: string): Promise<OpenMails> {
  const campaign = await findCampaign(database, name)
  if (campaign.status === 'completed' || campaign.status === 'cancelled')
    throw wrongState('cancel', name, campaign.status)
  return await openMails(database, campaign.id)
}

/** Cancels a campaign and all that is open in it. When this returns, nothing more of it goes on the wire. */
export async function cancelCampaign(database: Database, name: string): Promise<Cancelled> {
  const campaign = await findCampaign(database, name)
  await changeStatus(database, campaign, 'cancel', ({ status }) =>
    status === 'completed' || status === 'cancelled' ? undefined : 'cancelled',
  )
  const alreadyPassed = await passBarrier(database, campaign.id)
  const cancelled = await sweepCancelled(asThisActor(database), campaign.id)
  return { name, cancelled, alreadyPassed, open: await openMails(database, campaign.id) }
}

async function openMails(database: Database, campaignId: number): Promise<OpenMails> {
  const [row] = await database.query<OpenMails>(
    `select count(*) filter (where m.status = 'pending') as pending,
            count(*) filter (where m.status = 'sending') as sending,
            count(*) filter (where m.status = 'in_doubt') as "inDoubt",
            coalesce((jsonb_agg(jsonb_build_object('id', m.id, 'lead', m.recipient) order by m.id)
              filter (where m.status = 'in_doubt')) , '[]') as doubts
     from goniec.message m
     where m.campaign_id = $1 and m.kind = 'campaign' and m.status in ('pending', 'sending', 'in_doubt')`,
    [campaignId],
  )
  const open = row ?? { pending: 0, sending: 0, inDoubt: 0, doubts: [] }
  return { ...open, doubts: open.doubts.slice(0, 20) }
}
