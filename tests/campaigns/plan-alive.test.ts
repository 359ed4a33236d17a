/** A plan that takes long is not taken for one whose process was stopped. */
import { expect, test } from 'vitest'
import { runPlan } from '../../src/campaigns/plan/run.ts'
import { createTestDatabase } from '../support/database.ts'
import { untilRow } from '../support/until-row.ts'

const STOPPED_AFTER_MS = 500

/** The session that holds the plan's lock. */
const HOLDS = `
  select from pg_stat_activity a join pg_locks l on l.pid = a.pid and l.locktype = 'advisory' and l.granted
  where a.datname = current_database()`

test('a plan that waits for longer than a stopped one may hold the lock keeps it, and ends', async () => {
  const database = await createTestDatabase()
  const other = await database.pool.connect()
  await other.query('begin; lock table goniec.campaign')
  const plan = runPlan(database, { stoppedAfterMs: STOPPED_AFTER_MS })
  await untilRow(database, HOLDS)
  const seen = await untilRow(
    database,
    `select exists (${HOLDS}) as holds
     where not exists (${HOLDS}) or exists (${HOLDS} and a.state_change > a.backend_start + $1 * interval '1 millisecond')`,
    [STOPPED_AFTER_MS * 3],
  )
  await other.query('commit')
  other.release()
  expect((await plan).planned).toBe(0)
  expect(seen).toEqual({ holds: true })
})
