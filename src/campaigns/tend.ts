/**
 * What changes in campaigns by itself. Workers call it every minute, before they plan; it says what it did, for the log. Whatever
 * somebody else holds is left to the next call.
 */
import type { Database } from '../database/pool.ts'
import { sweepRetired } from './apply/sweep-retired.ts'
import { sweepCancelled } from './sweep-cancelled.ts'

export interface Tended {
  /** Names of campaigns whose day has come. */
  started: string[]
  /** Names of campaigns that were completed, and have open mails again. */
  revived: string[]
  /** Mails that were still pending in cancelled campaigns, or of steps that were removed. */
  cancelled: number
}

/** Starts what is due, revives what has open mails, and clears up behind cancelled campaigns and removed steps: of these, what there is at all. */
export async function tendCampaigns(database: Pick<Database, 'query'>): Promise<Tended> {
  const [there] = await database.query<Record<'due' | 'completed' | 'cancelled' | 'retired', boolean>>(THERE)
  const started = there?.due === true ? await startDue(database) : []
  const revived = there?.completed === true ? await reviveCompleted(database) : []
  const ofCampaigns = there?.cancelled === true ? await sweepCancelled(database) : 0
  const ofSteps = there?.retired === true ? await sweepRetired(database) : 0
  return { started, revived, cancelled: ofCampaigns + ofSteps }
}

/** By the calendar of the campaign `c`. Where the server no longer knows its zone it waits: an error here would end every plan. */
const IS_DUE = `c.status = 'scheduled' and (c.starts_on is null or c.starts_on <= goniec.local_day(goniec.now(), c.timezone))`

/** Whether mails are concerned is left to whoever does it: the few campaigns and steps are looked at here, and no mail. */
const THERE = `
  select
    exists (select from goniec.campaign c where ${IS_DUE}) as due,
    exists (select from goniec.campaign c where c.status = 'completed') as completed,
    exists (select from goniec.campaign c where c.status = 'cancelled') as cancelled,
    exists (select from goniec.step s where s.retired_at is not null) as retired`

/** `scheduled` becomes `running` on its day, by the campaign's own calendar. Returns the names. */
export async function startDue(database: Pick<Database, 'query'>): Promise<string[]> {
  const rows = await database.query<{ name: string }>(
    `with
     due as materialized (
       select c.id from goniec.campaign c
       where ${IS_DUE}
       for no key update skip locked
     ),
     started as (
       update goniec.campaign c
       set status = 'running', started_at = coalesce(c.started_at, goniec.now())
       from due
       where c.id = due.id
       returning c.id, c.name
     ),
     recorded as (
       insert into goniec.event (type, campaign_id, data)
       select 'campaign_started', id, '{"from": "scheduled", "to": "running"}' from started
     )
     select name from started order by id`,
  )
  return rows.map(({ name }) => name)
}

/**
 * A completed campaign with open mails runs again: leads were imported into it, or a failed mail was retried. An import calls this
 * after its commit (in its own transaction two imports that share the lock on the campaign would wait for each other); should it die
 * before that, the next `tendCampaigns` does it. Mails to leads who may not be mailed are not open: they would be cancelled at once.
 */
export async function reviveCompleted(database: Pick<Database, 'query'>, campaignId?: number): Promise<string[]> {
  const rows = await database.query<{ name: string }>(
    `with
     open as materialized (
       select c.id from goniec.campaign c
       where c.status = 'completed' and c.id = coalesce($1, c.id) and exists (
         select from goniec.message m
         where m.campaign_id = c.id and m.kind = 'campaign' and m.status in ('pending', 'sending', 'in_doubt')
           and not (m.status = 'pending' and goniec.is_out(m)))
       for no key update skip locked
     ),
     revived as (
       update goniec.campaign c
       set status = 'running', completed_at = null
       from open
       where c.id = open.id
       returning c.id, c.name
     ),
     recorded as (
       insert into goniec.event (type, campaign_id, data)
       select 'campaign_revived', id, '{"from": "completed", "to": "running"}' from revived
     )
     select name from revived order by id`,
    [campaignId ?? null],
  )
  return rows.map(({ name }) => name)
}
