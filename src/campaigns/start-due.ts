/** Scheduled campaigns begin on their day. */
import type { Database } from '../database/pool.ts'

/** Starts the scheduled campaigns whose day has come, by their own local dates. Returns their names. */
export async function startDue(database: Pick<Database, 'query'>): Promise<string[]> {
  const started = await database.query<{ name: string }>(`
    with
    started as (
      update goniec.campaign c
      set status = 'running', started_at = goniec.now()
      where c.status = 'scheduled' and (c.starts_on is null or c.starts_on <= (goniec.now() at time zone c.timezone)::date)
      returning c.id, c.name
    ),
    recorded as (
      insert into goniec.event (type, campaign_id) select 'campaign_started', id from started
    )
    select name from started`)
  return started.map(({ name }) => name)
}
