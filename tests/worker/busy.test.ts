/** One worker's claim takes long (its commit waits for a standby): how often another one asks meanwhile. */
import type { Pool } from 'pg'
import { expect, test } from 'vitest'
import { busyWaitMs } from '../../src/worker/busy.ts'
import { createTestDatabase } from '../support/database.ts'
import { World } from '../support/world.ts'
import { dispatchOn } from './dispatch-on.ts'

const ASKED = 16
/** Between them nine times 4 milliseconds at least, then 8, 16, 32, 64, and twice 125; a timer may be a millisecond early. */
const LEAST_MS = 9 * 4 + 8 + 16 + 32 + 64 + 2 * 125 - (ASKED - 1)

test('a claim that is busy a few times is asked for again within milliseconds, and then less and less often', () => {
  const waits = Array.from({ length: 20 }, (_, before) => busyWaitMs(before, 0))
  expect(waits.slice(0, 9)).toEqual([4, 4, 4, 4, 4, 4, 4, 4, 4])
  expect(waits.slice(9, 14)).toEqual([8, 16, 32, 64, 125])
  expect(busyWaitMs(1000, 1)).toBe(375)
})

test('a worker whose claim is busy for long leaves the database alone, and claims soon after that', async () => {
  const database = await createTestDatabase()
  const session = await database.session()
  await session.query(`select pg_advisory_lock(goniec.lock_key('claim'))`)
  const askedAtMs: number[] = []
  const asked = Promise.withResolvers<void>()
  const pool = watched(database.pool, () => {
    askedAtMs.push(performance.now())
    if (askedAtMs.length === ASKED) asked.resolve()
  })
  // It has nothing to send: it ends with the first claim that is answered.
  const dispatch = dispatchOn({
    database: { ...database, pool },
    incarnationId: await new World(database.pool).worker(),
  })
  const run = dispatch.run()
  await asked.promise
  expect((askedAtMs.at(-1) ?? 0) - (askedAtMs[0] ?? 0)).toBeGreaterThanOrEqual(LEAST_MS)
  await session.query(`select pg_advisory_unlock(goniec.lock_key('claim'))`)
  await run
})

/** Tells of each claim. */
function watched(pool: Pool, onClaim: () => void): Pool {
  return new Proxy(pool, {
    get(target, key) {
      if (key === 'query') onClaim()
      const value: unknown = Reflect.get(target, key)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
