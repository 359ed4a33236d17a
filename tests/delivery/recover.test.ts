/** Recovery: by what was durably recorded, and nothing else. */
import { describe, expect, test } from 'vitest'
import { claim, fence, recover, settle, stateOf } from '../support/protocol.ts'
import { worldForEachTest } from '../support/rolled-back.ts'
import { NOON, type Mail } from '../support/world.ts'

const here = worldForEachTest()
const minute = 60_000

interface UnderWay extends Mail {
  attempt: number
}

/** A mail before its fence and one behind it, of two mailboxes. */
async function twoUnderWay(): Promise<{ claimed: UnderWay; transmitting: UnderWay }> {
  const campaign = await here.world.campaign()
  const mails = [await here.world.mail({ mailbox: await here.world.mailbox(), campaign })]
  mails.push(await here.world.mail({ mailbox: await here.world.mailbox(), campaign }))
  const { of } = await claim(here.session, here.worker)
  const [claimed, transmitting] = mails.map((mail) => ({ ...mail, attempt: of.get(mail.id) ?? 0 })) as [
    UnderWay,
    UnderWay,
  ]
  await fence(here.session, here.worker, transmitting.attempt)
  return { claimed, transmitting }
}

async function states(...mails: Mail[]): Promise<string[]> {
  await here.settled()
  const found = await Promise.all(mails.map(({ id }) => stateOf(here.session, id)))
  return found.map(({ message, attempt }) => `${message}/${attempt}`)
}

const untouched = ['sending/claimed', 'sending/transmitting']
const recovered = ['pending/aborted', 'in_doubt/in_doubt']

test('what a vanished worker had claimed is pending again, what had passed its fence is in doubt', async () => {
  const { claimed, transmitting } = await twoUnderWay()
  const answer = await recover(here.session, await here.world.worker(), { gone: [here.worker] })
  expect(answer).toEqual([
    { attempt_id: claimed.attempt, message_id: claimed.id, state: 'aborted' },
    { attempt_id: transmitting.attempt, message_id: transmitting.id, state: 'in_doubt' },
  ])
  expect(await states(claimed, transmitting)).toEqual(recovered)
  expect(await here.world.row('attempt', claimed.attempt)).toMatchObject({ ended_by: 'recovery', finished_at: NOON })
  expect(await recover(here.session, await here.world.worker(), { gone: [here.worker] })).toEqual([])
})

test('a mail that is pending again keeps its slot, as it was', async () => {
  const { claimed } = await twoUnderWay()
  const before = await here.world.row('message', claimed.id)
  await recover(here.session, await here.world.worker(), { gone: [here.worker] })
  expect(await here.world.row('message', claimed.id)).toEqual({ ...before, status: 'pending', uncounted_attempts: 1 })
  expect(await claim(here.session, await here.world.worker())).toMatchObject({ messages: [claimed.id] })
})

test('a claim of its own that it does not hold is undone when its lease is over, and not while its answer may be on its way', async () => {
  const { claimed, transmitting } = await twoUnderWay()
  const unheld = { held: [], unheldAtOnce: false }
  await here.clockAt(3 * minute - 1)
  expect(await recover(here.session, here.worker, unheld)).toEqual([])
  await here.clockAt(3 * minute)
  expect(await recover(here.session, here.worker, { ...unheld, held: [claimed.attempt] })).toEqual([])
  expect(await states(claimed, transmitting)).toEqual(untouched)
  expect(await recover(here.session, here.worker, unheld)).toMatchObject([
    { attempt_id: claimed.attempt, state: 'aborted' },
  ])
  expect(await states(claimed, transmitting)).toEqual(['pending/aborted', 'sending/transmitting'])
})

test('another worker’s is left alone until lease or deadline is over', async () => {
  const { claimed, transmitting } = await twoUnderWay()
  const other = await here.world.worker()
  await here.clockAt(3 * minute - 1)
  expect(await recover(here.session, other)).toEqual([])
  expect(await states(claimed, transmitting)).toEqual(untouched)
  await here.clockAt(3 * minute)
  expect(await recover(here.session, other)).toMatchObject([{ attempt_id: claimed.attempt, state: 'aborted' }])
  await here.clockAt(15 * minute - 1)
  expect(await recover(here.session, other)).toEqual([])
  await here.clockAt(15 * minute)
  expect(await recover(here.session, other)).toMatchObject([{ attempt_id: transmitting.attempt, state: 'in_doubt' }])
})

test('a worker spares its own, however late, even if it is told that it is gone', async () => {
  const { claimed, transmitting } = await twoUnderWay()
  await here.clockAt(60 * minute)
  expect(await recover(here.session, here.worker, { gone: [here.worker], seenGone: [here.worker] })).toEqual([])
  expect(await states(claimed, transmitting)).toEqual(untouched)
})

test('a worker ends what it has claimed and does not hold (a claim whose reply was lost), and gives back what that took', async () => {
  const { claimed, transmitting } = await twoUnderWay()
  expect(await recover(here.session, here.worker, { held: [claimed.attempt] })).toEqual([])
  expect(await recover(here.session, here.worker, { held: [] })).toMatchObject([
    { attempt_id: claimed.attempt, state: 'aborted' },
  ])
  expect(await states(claimed, transmitting)).toEqual(['pending/aborted', 'sending/transmitting'])
  expect(await here.world.row('attempt', claimed.attempt)).toMatchObject({ holds_capacity: false })
  expect(await here.world.value('select sum(campaign_taken) from goniec.mailbox_day')).toBe(1)
})

test('what a vanished worker took stays taken: it may have offered the mail', async () => {
  await twoUnderWay()
  await recover(here.session, await here.world.worker(), { gone: [here.worker] })
  expect(await here.world.value('select sum(campaign_taken) from goniec.mailbox_day')).toBe(2)
})

describe('the mailbox of a doubt', () => {
  test('is not claimed until the dialogue has surely ended, if only the session is gone', async () => {
    const { transmitting } = await twoUnderWay()
    const next = await here.world.mail({ mailbox: transmitting.mailbox, dueInMs: 14 * minute, closesInMs: 30 * minute })
    await recover(here.session, await here.world.worker(), { gone: [here.worker] })
    expect(await here.world.row('mailbox_gate', transmitting.mailbox, 'mailbox_id')).toMatchObject({
      free_from: NOON.add({ minutes: 15 }),
    })
    await here.clockAt(15 * minute - 1)
    expect((await claim(here.session, here.worker)).messages).not.toContain(next.id)
    await here.clockAt(15 * minute)
    expect((await claim(here.session, here.worker)).messages).toContain(next.id)
  })

  test('is free at once, if the process was seen gone', async () => {
    const { transmitting } = await twoUnderWay()
    await recover(here.session, await here.world.worker(), { gone: [here.worker], seenGone: [here.worker] })
    expect(await here.world.row('mailbox_gate', transmitting.mailbox, 'mailbox_id')).toMatchObject({ free_from: null })
  })

  test('keeps a longer back-off', async () => {
    const { transmitting } = await twoUnderWay()
    const later = NOON.add({ hours: 1 })
    await here.world.update('mailbox_gate', transmitting.mailbox, { free_from: later }, 'mailbox_id')
    await recover(here.session, await here.world.worker(), { gone: [here.worker] })
    expect(await here.world.row('mailbox_gate', transmitting.mailbox, 'mailbox_id')).toMatchObject({ free_from: later })
  })
})

test('what would be pending again is cancelled when its lead may no longer be mailed; a doubt stays a doubt', async () => {
  const { claimed, transmitting } = await twoUnderWay()
  for (const { lead } of [claimed, transmitting]) await here.world.update('lead', lead ?? 0, { unsubscribed_at: NOON })
  await recover(here.session, await here.world.worker(), { gone: [here.worker] })
  expect(await states(claimed, transmitting)).toEqual(['cancelled/aborted', 'in_doubt/in_doubt'])
  expect(await here.world.row('message', claimed.id)).toMatchObject({ scheduled_at: null, slot_reason: 'out' })
})

test('the tenth attempt that ends through no fault of the mail sets it aside', async () => {
  const { claimed } = await twoUnderWay()
  await here.world.update('message', claimed.id, { uncounted_attempts: 9 })
  await recover(here.session, await here.world.worker(), { gone: [here.worker] })
  expect(await here.world.row('message', claimed.id)).toMatchObject({
    status: 'pending',
    held_reason: 'ten attempts ended through no fault of the mail',
  })
})

test('an outcome that comes late settles the doubt that recovery made', async () => {
  const { claimed, transmitting } = await twoUnderWay()
  await recover(here.session, await here.world.worker(), { gone: [here.worker] })
  const late = await settle(here.session, here.worker, [
    { attempt: transmitting.attempt, outcome: 'accepted' },
    { attempt: claimed.attempt, outcome: 'aborted' },
  ])
  expect(late).toMatchObject([
    { verdict: 'settled', status: 'sent' },
    { verdict: 'already', status: 'pending' },
  ])
  expect(await states(claimed, transmitting)).toEqual(['pending/aborted', 'sent/accepted'])
})

test('a slot whose lease is over frees its mailbox, and its mail stays counted', async () => {
  const mailbox = await here.world.mailbox()
  const slot = await here.world.value(
    `select goniec.take_slot(address, 'warmup', '1 min') from goniec.mailbox where id = $1`,
    [mailbox],
  )
  await here.clockAt(minute - 1)
  expect(await recover(here.session, here.worker)).toEqual([])
  await here.clockAt(minute)
  expect(await recover(here.session, here.worker)).toEqual([{ attempt_id: slot, message_id: null, state: 'aborted' }])
  expect(await here.world.value('select sum(warmup_taken) from goniec.mailbox_day')).toBe(1)
})

test('one bad row stops nobody: what can be ended is, and the bad one stays as it is', async () => {
  const { claimed, transmitting } = await twoUnderWay()
  await here.asHistory(() => here.world.update('message', transmitting.id, { status: 'pending' }))
  const answer = await recover(here.session, await here.world.worker(), { gone: [here.worker] })
  expect(answer).toEqual([{ attempt_id: claimed.attempt, message_id: claimed.id, state: 'aborted' }])
  expect(await stateOf(here.session, transmitting.id)).toEqual({ message: 'pending', attempt: 'transmitting' })
})
