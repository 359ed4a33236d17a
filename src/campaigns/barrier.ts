/**
 * The end of every brake. Whoever pauses, cancels or blocks commits first, and then passes the barrier that every fence takes: when
 * this returns, no mail goes on the wire any more that the change forbids.
 */
import type { Database } from '../database/pool.ts'

/** Passes the barrier. Returns how many mails of the campaign (without one: of all) had passed their fence before and are still under way. */
export async function passBarrier(database: Database, campaignId?: number): Promise<number> {
  const [row] = await database.query<{ passed: number }>('select goniec.pass_barrier(p_campaign => $1) as passed', [
    campaignId ?? null,
  ])
  return row?.passed ?? 0
}

/** The same, counting the mails of a salesperson. */
export async function passBarrierOfSalesperson(database: Database, salespersonId: number): Promise<number> {
  await passBarrier(database)
  const [row] = await database.query<{ passed: number }>(
    `select count(*) as passed from goniec.attempt a where a.state = 'transmitting' and a.salesperson_id = $1`,
    [salespersonId],
  )
  return row?.passed ?? 0
}
