/**
 * Every change of a campaign's state by a person: locked, judged on what it is then, written together with its event.
 *
 * Owns the lock on the campaign's row, its status, and the events campaign_*. Leaves to the caller to wait for the mails that are just
 * passing their fence (`passBarrier`, after this has committed).
 */
import { sql } from 'kysely'
import { nameActor } from '../database/actor.ts'
import type { Database, Queries } from '../database/pool.ts'
import { lockCampaign, type Campaign, type CampaignStatus, type LockedCampaign } from './campaign.ts'
import { wrongState, type LifecycleVerb } from './wrong-state.ts'

export interface StatusChange {
  from: CampaignStatus
  to: CampaignStatus
}

/**
 * Commits the change that `decide` chooses: the new status, the same one (nothing is to be done), or undefined, which is refused as a
 * wrong state.
 */
export async function changeStatus(
  database: Database,
  campaign: Pick<Campaign, 'id' | 'name'>,
  verb: LifecycleVerb,
  decide: (locked: LockedCampaign) => CampaignStatus | undefined,
): Promise<StatusChange> {
  return await database.transaction(async (tx) => {
    await nameActor(tx)
    const locked = await lockCampaign(tx, campaign.id)
    const to = decide(locked)
    if (to === undefined) throw wrongState(verb, campaign.name, locked.status)
    if (to !== locked.status) await writeStatus(tx, campaign.id, { from: locked.status, to }, EVENTS[verb])
    return { from: locked.status, to }
  })
}

const EVENTS: Record<LifecycleVerb, string> = {
  start: 'campaign_started',
  pause: 'campaign_paused',
  resume: 'campaign_resumed',
  cancel: 'campaign_cancelled',
}

async function writeStatus(tx: Queries, id: number, { from, to }: StatusChange, event: string): Promise<void> {
  await sql`
    update goniec.campaign c
    set status = ${to}, started_at = case when ${to} = 'running' then coalesce(c.started_at, goniec.now()) else c.started_at end,
        status_reason = null,
        -- Whoever resumes knows of the refusals, and has done what he can: the brake counts anew.
        refusals_since = case when ${from} = 'paused' then goniec.now() else c.refusals_since end
    where c.id = ${id}`.execute(tx)
  await sql`
    insert into goniec.event (type, campaign_id, data)
    values (${event}, ${id}, jsonb_build_object('from', ${from}::text, 'to', ${to}::text))`.execute(tx)
}
