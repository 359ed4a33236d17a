/** What is still pending in cancelled campaigns is cancelled: by the command itself, and every minute by workers. */
import type { Database } from '../database/pool.ts'

/** Cancels what is pending in cancelled campaigns (or in this one). Returns how many mails that were. */
export async function sweepCancelled(database: Pick<Database, 'query'>, campaignId?: number): Promise<number> {
  let cancelled = 0
  for (const lock of ['skip locked', ''] as const) {
    for (;;) {
      const batch = await cancelBatch(database, campaignId, lock)
      cancelled += batch
      if (batch === 0) break
    }
    // Without a campaign it is the regular sweep: what somebody holds is left to the next one.
    if (campaignId === undefined) break
  }
  return cancelled
}

/** Locked in id order where it waits, as everywhere; where it skips, the order does not matter and would cost a sort each time. */
async function cancelBatch(
  database: Pick<Database, 'query'>,
  campaignId: number | undefined,
  lock: 'skip locked' | '',
): Promise<number> {
  const [row] = await database.query<{ cancelled: number }>(
    `with
     open as materialized (
       select m.id
       from goniec.message m
       where m.campaign_id = any (array(select c.id from goniec.campaign c where c.status = 'cancelled' and c.id = coalesce($1, c.id)))
         and m.kind = 'campaign' and m.status = 'pending'
       ${lock === '' ? 'order by m.id' : ''}
       limit 5000
       for no key update ${lock}
     ),
     cancelled as (
       update goniec.message m
       set status = 'cancelled', slot_reason = 'campaign cancelled', scheduled_at = null, mailbox_id = null, window_closes_at = null
       from open
       where m.id = open.id and m.status = 'pending'
       returning m.id
     )
     select count(*) as cancelled from cancelled`,
    [campaignId ?? null],
  )
  return row?.cancelled ?? 0
}
