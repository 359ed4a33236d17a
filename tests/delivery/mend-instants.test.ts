/** The database's clock was ahead, wrote instants, and was set back: they must hold nobody up until the clock is there again. */
import { expect, test } from 'vitest'
import { claim, fence, recover, settle, stateOf } from '../support/protocol.ts'
import { worldForEachTest } from '../support/rolled-back.ts'
import { NOON } from '../support/world.ts'

const here = worldForEachTest()
const second = 1000
const minute = 60 * second
const day = 24 * 60 * minute

async function mend(): Promise<number> {
  const { rows } = await here.session.query<{ mended: number }>('select goniec.mend_instants() as mended')
  return rows[0]?.mended ?? 0
}

/** A mail goes out under a clock that is a day ahead; then it is set back to noon. */
async function sentADayAhead(): Promise<{ mailbox: number; next: number }> {
  const mailbox = await here.world.mailbox({ min_gap_ms: minute })
  await here.world.campaign({ delay_ms: 2 * minute, jitter: 0 })
  await here.clockAt(day)
  await here.world.makeDayRows()
  await here.world.mail({ dueInMs: day - second, closesInMs: day + minute })
  const { attempts } = await claim(here.session, here.worker)
  await fence(here.session, here.worker, attempts)
  await settle(here.session, here.worker, { attempt: attempts[0] ?? 0, outcome: 'accepted', code: 250 })
  await here.clockAt(0)
  const { id } = await here.world.mail({ dueInMs: -second })
  return { mailbox, next: id }
}

test('a mailbox and a campaign that sent under a clock which was ahead send again after their gap and delay, not a day later', async () => {
  const { mailbox, next } = await sentADayAhead()
  expect((await claim(here.session, here.worker)).messages).toEqual([])
  expect(await mend()).toBe(2)
  expect(await here.world.row('mailbox_gate', mailbox, 'mailbox_id')).toMatchObject({
    last_fence_at: NOON,
    set_back_at: NOON,
  })
  await here.clockAt(2 * minute - 1)
  expect((await claim(here.session, here.worker)).messages).toEqual([])
  await here.clockAt(2 * minute)
  expect((await claim(here.session, here.worker)).messages).toEqual([next])
})

test('what is right is left as it is', async () => {
  const { attempts } = await claim(here.session, here.worker)
  expect(attempts).toEqual([])
  await here.world.mailbox({ min_gap_ms: minute })
  await here.world.mail()
  await claim(here.session, here.worker)
  await here.session.query(
    `update goniec.mailbox_gate set free_from = goniec.now() + interval '71 minutes', last_fence_at = goniec.now()`,
  )
  expect(await mend()).toBe(0)
})

test('a vanished worker’s lease and deadline, given under a clock that was ahead, run out after the time they were given for', async () => {
  const mails = [
    await here.world.mail({ mailbox: await here.world.mailbox() }),
    await here.world.mail({ mailbox: await here.world.mailbox() }),
  ]
  await here.session.query(
    `update goniec.message set scheduled_at = scheduled_at + interval '1 day', window_closes_at = window_closes_at + interval '1 day'`,
  )
  await here.clockAt(day)
  await here.world.makeDayRows()
  const { of } = await claim(here.session, here.worker)
  const [claimed = 0, transmitting = 0] = mails.map(({ id }) => of.get(id) ?? 0)
  await fence(here.session, here.worker, transmitting, [], { totalMs: 2 * minute })
  await here.clockAt(0)
  expect(await mend()).toBe(2)
  // Once is enough: a lease that began anew each minute would never be over.
  await here.clockAt(minute)
  expect(await mend()).toBe(0)
  const other = await here.world.worker()
  await here.clockAt(2 * minute)
  expect((await recover(here.session, other)).map(({ attempt_id: id }) => id)).toEqual([transmitting])
  await here.clockAt(3 * minute)
  expect((await recover(here.session, other)).map(({ attempt_id: id }) => id)).toEqual([claimed])
  expect(await stateOf(here.session, mails[0]?.id ?? 0)).toMatchObject({ attempt: 'aborted' })
})

test('a mailbox that backs off does so for the longest back-off at most', async () => {
  const mailbox = await here.world.mailbox()
  await here.session.query(`update goniec.mailbox_gate set free_from = goniec.now() + interval '1 day'`)
  await mend()
  expect(await here.world.row('mailbox_gate', mailbox, 'mailbox_id')).toMatchObject({
    free_from: here.world.at(72 * minute),
  })
})
