/**
 * `--until-idle`: sends until nothing is due within the minute and nothing is in flight.
 *
 * What has just been sent may have a next step that is due at once and has no slot yet. So it is idle only when nothing was due or in flight
 * before a plan and nothing is after it. A mail that cannot go (it is held, its mailbox is broken or backs off, its campaign is paused)
 * loses its slot by the plan, and is waited for no longer.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Database } from '../database/pool.ts'
import { messageOf } from '../errors.ts'
import type { Logger } from '../log.ts'

export interface UntilIdleOptions {
  database: Pick<Database, 'query'>
  graceMs: number
  /** Sends until nothing is due soon. */
  send: () => Promise<void>
  plan: () => Promise<void>
  isStopping: () => boolean
  log: Logger
}

/** Between two looks while something is due or in flight that is not ours to send now; doubled each time. */
const PAUSE_MS = 100
const LONGEST_PAUSE_MS = 5000

/** So many failures in a row are no outage any more. */
const MOST_FAILURES = 30

/** Resolves when it is idle, or stopping. Survives an outage of the database; rejects with what does not heal. */
export async function untilIdle({ database, graceMs, send, plan, isStopping, log }: UntilIdleOptions): Promise<void> {
  const isBusy = async (): Promise<boolean> =>
    (await database.query<{ busy: boolean }>(BUSY, [graceMs]))[0]?.busy === true
  let failures = 0
  for (let pauseMs = PAUSE_MS; !isStopping(); pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    try {
      await send()
      const wasBusy = await isBusy()
      await plan()
      if (!wasBusy && !(await isBusy())) return
      failures = 0
    } catch (error) {
      failures += 1
      if (failures === MOST_FAILURES) throw error
      log.warn({ problem: messageOf(error) }, 'whether anything is due could not be seen yet')
    }
    if (!isStopping()) await delay(pauseMs)
  }
}

const BUSY = `
  with clock as materialized (select goniec.now() as now)
  select exists (
    select from goniec.message m, clock
    where m.status = 'pending' and m.scheduled_at > '-infinity'
      and m.scheduled_at between clock.now - $1 * interval '1 millisecond' and clock.now + interval '1 minute'
  ) or exists (select from goniec.attempt a where a.state in ('claimed', 'transmitting') and a.message_id is not null) as busy`
