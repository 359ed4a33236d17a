import { expect, test } from 'vitest'
import { WORKER_NAME_LOCK } from '../../../src/database/worker-lock.ts'
import { readWorkers } from '../../../src/reports/status/workers.ts'
import { createTestDatabase } from '../../support/database.ts'
import { World } from '../../support/world.ts'

test('a worker works for as long as a session holds the lock on its name; one that has ended is not shown', async () => {
  const database = await createTestDatabase()
  const world = new World(database.pool)
  await world.worker({ worker: 'lost', started_at: '2020-01-01T00:00:00Z' })
  await world.worker({ worker: 'vanished' })
  await world.worker({ worker: 'ended', ended_at: world.now })
  await world.worker({ worker: 'alive' })
  await world.worker({ worker: 'alive', host: 'newest' })
  const session = await database.session('worker')
  // The hash of this name is negative, and the one the database shows is not.
  await session.query('select pg_advisory_lock($1, hashtext($2))', [WORKER_NAME_LOCK, 'alive'])
  const { rows } = await session.query<{ hash: number }>(`select hashtext('alive') as hash`)
  expect(rows[0]?.hash).toBeLessThan(0)
  const shown = async (): Promise<unknown[]> =>
    (await readWorkers(database)).map(({ name, host, works, in_flight: n }) => [name, host, works, n])
  expect(await shown()).toEqual([
    ['alive', 'newest', true, 0],
    ['vanished', 'host', false, 0],
  ])
  await session.end()
  await expect.poll(shown).toEqual([
    ['alive', 'newest', false, 0],
    ['vanished', 'host', false, 0],
  ])
})
