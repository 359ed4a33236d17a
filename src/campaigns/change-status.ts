/**
 * Every change of a campaign's state by a person: locked, judged on what it is then, written together with its event.
 *
 * Owns the lock on the campaign's row, its status, and the events campaign_*. Leaves to the caller to wait for the mails that are just
 * passing their fence (`passBarrier`, after this has committed).
 */
import { sql } from 'kysely'
import { nameActor } from '../database/actor.ts'
import type { Database, Queries } from '../database/pool.ts'
import type { Instant } from '../time.ts'
import { unknownCampaign, type Campaign, type CampaignStatus } from './campaign.ts'
import { wrongState, type LifecycleVerb } from './wrong-state.ts'

export interface StatusChange {
  from: CampaignStatus
  to: CampaignStatus
}

/** What a change of state decides on: read under a lock that imports and other changes of state wait for, and sending does not. */
export interface LockedCampaign {
  status: CampaignStatus
  startedAt: Instant | null
  /** The local day it may start on has come (or none is set). */
  hasComeDue: boolean
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

/**
 * Locks a campaign for a change of its state. "for no key update" and not "for update": settle inserts follow-ups, whose foreign key
 * would wait for the latter, while cancel waits for the messages that settle holds.
 */
async function lockCampaign(tx: Queries, id: number): Promise<LockedCampaign> {
  const { rows } = await sql<LockedCampaign>`
    select c.status, c.started_at as "startedAt",
           c.starts_on is null or coalesce(c.starts_on <= goniec.local_day(goniec.now(), c.timezone), false) as "hasComeDue"
    from goniec.campaign c
    where c.id = ${id}
    for no key update`.execute(tx)
  const row = rows[0]
  if (!row) throw unknownCampaign(String(id), [])
  return row
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
