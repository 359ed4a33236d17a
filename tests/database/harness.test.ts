import { expect, test } from 'vitest'
import { instantAt, Temporal, type Instant } from '../../src/time.ts'
import { pidOf, untilBlocked } from '../support/blocked.ts'
import { setClock } from '../support/clock.ts'
import { createTestDatabase } from '../support/database.ts'

const database = await createTestDatabase()

test('the clock of a test database stands where it is set, and goes again', async () => {
  const then = Temporal.Instant.from('2026-12-01T08:00:00.123456Z')
  await setClock(database, then)
  expect(await now()).toEqual(then)
  expect((await now()).epochNanoseconds).toBe(then.epochNanoseconds)
  await setClock(database, then, { running: true })
  expect((await now()).since(then).total('seconds')).toBeLessThan(60)
  await setClock(database, null)
  expect(Math.abs((await now()).epochMilliseconds - Date.now())).toBeLessThan(60_000)

  async function now(): Promise<Instant> {
    const [row] = await database.query<{ now: Instant }>('select goniec.now()')
    return row?.now ?? instantAt(0)
  }
})

test('a session that waits for a lock is seen waiting, and who holds it up', async () => {
  const [first, second] = [await database.session(), await database.session()]
  await first.query('select pg_advisory_lock(1)')
  const waiting = second.query('select pg_advisory_lock(1)')
  expect(await untilBlocked(database, second)).toEqual([pidOf(first)])
  await first.query('select pg_advisory_unlock(1)')
  await waiting
})

test('a session that does not wait is an error', async () => {
  const session = await database.session()
  await expect(untilBlocked(database, session, { timeoutMs: 50 })).rejects.toThrow(/waits for no lock after 50 ms/)
})

test('worker and reporter log in as users of their role and nothing more', async () => {
  for (const role of ['worker', 'reporter'] as const) {
    const session = await database.session(role)
    const { rows } = await session.query(
      `select pg_has_role(current_user, 'goniec_' || $1::text, 'member') as member,
         (select rolsuper from pg_roles where rolname = current_user) as super`,
      [role],
    )
    expect(rows).toEqual([{ member: true, super: false }])
  }
})
