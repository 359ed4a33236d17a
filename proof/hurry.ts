/** What would be tried again in an hour is tried now: a run takes seconds. */
import type { Database } from '../src/database/pool.ts'

/** Of each mail that waits for another attempt the time is up. What a worker holds just then is left for the next look. Returns how many were moved. */
export async function hurryMails(database: Pick<Database, 'query'>): Promise<number> {
  return (await database.query(HURRY_MAILS)).length
}

/** The mails that were moved get their places. */
export async function planAnew(database: Pick<Database, 'query'>): Promise<void> {
  await database.query(`select pg_notify('goniec', 'plan')`)
}

/** The plan may have given it a place already: one that is firm, since a plan moves no slot forward. */
const HURRY_MAILS = `
  update goniec.message set not_before = null, scheduled_at = null, mailbox_id = null, window_closes_at = null, slot_reason = 'retry'
  where id in (
    select id from goniec.message
    where status = 'pending' and held_reason is null and counted_attempts + uncounted_attempts > 0
      and (not_before > goniec.now() or scheduled_at > goniec.now() + interval '3 seconds')
    order by id for no key update skip locked
  )
  returning id`
