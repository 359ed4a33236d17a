import { expect, test } from 'vitest'
import { cancelMessages } from '../../src/delivery/cancel-messages.ts'
import { untilBlocked } from '../support/blocked.ts'
import { setClock } from '../support/clock.ts'
import { createTestDatabase } from '../support/database.ts'
import { claim, settle, stateOf } from '../support/protocol.ts'
import { NOON, World } from '../support/world.ts'
import { claimedMail, settledMail, transmittingMail } from './in-state.ts'

const database = await createTestDatabase()
await setClock(database, NOON)
const world = new World(database.pool)

test('pending mails are cancelled for good; what a worker has, or is settled, stays, and is named', async () => {
  const pending = await world.mail({ mailbox: await world.mailbox({ status: 'paused' }) })
  const claimed = await claimedMail(world)
  const onTheWire = await transmittingMail(world)
  const sent = await settledMail(world, { outcome: 'accepted' })
  const ids = [sent.id, pending.id, claimed.id, onTheWire.id, pending.id]
  expect(
    (await cancelMessages(database, ids)).map(({ id, status, cancelled, on_the_wire }) => [
      id,
      status,
      cancelled,
      on_the_wire,
    ]),
  ).toEqual([
    [sent.id, 'sent', false, false],
    [pending.id, 'cancelled', true, false],
    [claimed.id, 'sending', false, false],
    [onTheWire.id, 'sending', false, true],
  ])
  expect(await world.row('message', pending.id)).toMatchObject({
    status: 'cancelled',
    scheduled_at: null,
    slot_reason: 'cancelled',
  })
})

test('a number that is nobody’s cancels nothing', async () => {
  const { id } = await world.mail()
  await expect(cancelMessages(database, [id, 999_999])).rejects.toThrow('there is no message 999999')
  expect(await stateOf(world.sql, id)).toMatchObject({ message: 'pending' })
})

test('a dry run says what would be cancelled, and leaves it', async () => {
  const { id } = await world.mail()
  expect(await cancelMessages(database, [id], { dryRun: true })).toMatchObject([{ status: 'pending', cancelled: true }])
  expect(await stateOf(world.sql, id)).toMatchObject({ message: 'pending' })
})

test('a claim that is committing is waited for, and its mail is not cancelled under its worker', async () => {
  const { id } = await world.mail({ mailbox: await world.mailbox() })
  const [worker, operator] = [await database.session(), await database.session()]
  await worker.query('begin')
  expect((await claim(worker, await world.worker())).messages).toContain(id)
  const { rows } = await operator.query<{ pid: number }>('select pg_backend_pid() as pid')
  const cancelling = cancelMessages({ ...database, transaction: database.transaction }, [id])
  await untilBlocked(database, await blockedPid(rows[0]?.pid ?? 0))
  await worker.query('commit')
  expect(await cancelling).toMatchObject([{ status: 'sending', cancelled: false }])
})

test('it returns when every fence that had begun has ended', async () => {
  const { id } = await world.mail()
  const fence = await database.session()
  await fence.query('begin')
  await fence.query(`select pg_advisory_xact_lock_shared(goniec.lock_key('barrier'))`)
  let returned = false
  const cancelling = cancelMessages(database, [id]).then(() => (returned = true))
  await untilBlocked(database, await blockedPid())
  expect(await stateOf(world.sql, id)).toMatchObject({ message: 'cancelled' })
  expect(returned).toBe(false)
  await fence.query('commit')
  await cancelling
})

test('a cancelled mail under way that comes back is one that can be cancelled', async () => {
  const { id, attempt, worker } = await claimedMail(world)
  await settle(world.sql, worker, { attempt, outcome: 'aborted', give_back: true })
  expect(await cancelMessages(database, [id])).toMatchObject([{ status: 'cancelled' }])
})

/** The session of the pool that waits for a lock. */
async function blockedPid(not = 0): Promise<number> {
  for (;;) {
    const pid = await world.value(
      `select pid from pg_stat_activity where datname = current_database() and pid <> $1 and cardinality(pg_blocking_pids(pid)) > 0`,
      [not],
    )
    if (typeof pid === 'number') return pid
  }
}
