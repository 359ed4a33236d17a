/** Doubts: what settles them, what a person may say about them, and what happens when the server contradicts it later. */
import { describe, expect, test } from 'vitest'
import { claimOne, fence, recover, settle, stateOf } from '../support/protocol.ts'
import { worldForEachTest } from '../support/rolled-back.ts'
import { NOON, type Mail } from '../support/world.ts'

const here = worldForEachTest()
const minute = 60_000

async function doubt(): Promise<Mail & { attempt: number }> {
  const mail = await here.world.mail()
  const attempt = await claimOne(here.session, here.worker, mail.id)
  await fence(here.session, here.worker, attempt)
  await settle(here.session, here.worker, { attempt, outcome: 'unknown', rfc_message_id: '<a@b>' })
  return { ...mail, attempt }
}

async function resolve(mail: Mail, as: string): Promise<unknown> {
  return here.world.value('select goniec.resolve_doubt($1, $2)', [mail.id, as])
}

describe('a person’s word', () => {
  test('is refused while the attempt could still be alive', async () => {
    const mail = await doubt()
    await here.clockAt(15 * minute - 1)
    expect(await here.refusal(() => resolve(mail, 'not-sent'))).toMatch(/could still be alive until/)
    await here.clockAt(15 * minute)
    expect(await resolve(mail, 'not-sent')).toBe('pending')
  })

  test('“sent” ends it as sent at its fence, by a named person', async () => {
    const mail = await doubt()
    await here.clockAt(15 * minute)
    await here.session.query(`set local goniec.actor = 'anna'`)
    expect(await resolve(mail, 'sent')).toBe('sent')
    await here.settled()
    expect(await here.world.row('message', mail.id)).toMatchObject({ status: 'sent', sent_at: NOON })
    expect(await here.world.row('attempt', mail.attempt)).toMatchObject({ state: 'accepted', ended_by: 'anna' })
    const { rows } = await here.session.query(`select actor, data from goniec.event where type = 'resolved'`)
    expect(rows).toMatchObject([{ actor: 'anna', data: { by: 'anna', state: 'accepted' } }])
  })

  test('“not-sent” makes it pending without a slot, and its capacity stays taken', async () => {
    const mail = await doubt()
    await here.clockAt(15 * minute)
    expect(await resolve(mail, 'not-sent')).toBe('pending')
    await here.settled()
    expect(await here.world.row('message', mail.id)).toMatchObject({
      status: 'pending',
      scheduled_at: null,
      slot_reason: 'retry',
    })
    expect(await here.world.row('attempt', mail.attempt)).toMatchObject({
      state: 'presumed_unsent',
      holds_capacity: true,
    })
  })

  test('“not-sent” cancels it where the lead may no longer be mailed', async () => {
    const mail = await doubt()
    await here.clockAt(15 * minute)
    await here.world.update('lead', mail.lead ?? 0, { unsubscribed_at: NOON })
    expect(await resolve(mail, 'not-sent')).toBe('cancelled')
    await here.settled()
  })

  test('about what is no doubt, or in other words, is an error with the way out', async () => {
    const mail = await doubt()
    await here.clockAt(15 * minute)
    expect(await here.refusal(() => resolve(mail, 'maybe'))).toContain(
      'is resolved as "sent" or "not-sent", not "maybe"',
    )
    await resolve(mail, 'sent')
    expect(await here.refusal(() => resolve(mail, 'sent'))).toContain(`message ${mail.id} is not in doubt`)
  })
})

test('a doubt keeps its Message-ID, so that it can be looked for', async () => {
  const mail = await doubt()
  expect(await here.world.row('message', mail.id)).toMatchObject({ status: 'in_doubt', rfc_message_id: '<a@b>' })
})

test('a doubt that recovery made has the Message-ID that was written with the fence', async () => {
  const mail = await here.world.mail()
  const attempt = await claimOne(here.session, here.worker, mail.id)
  const content = { attempt_id: attempt, headers: { 'message-id': '<from@the.fence>' } }
  await fence(here.session, here.worker, attempt, [content])
  await recover(here.session, await here.world.worker(), { gone: [here.worker] })
  expect(await here.world.row('message', mail.id)).toMatchObject({ rfc_message_id: '<from@the.fence>' })
})

async function presumedUnsent(): Promise<Mail & { attempt: number }> {
  const mail = await doubt()
  await here.clockAt(15 * minute)
  await resolve(mail, 'not-sent')
  return mail
}

async function claimAgain(mail: Mail): Promise<number> {
  const now = NOON.add({ minutes: 15 })
  await here.world.update('message', mail.id, {
    mailbox_id: mail.mailbox,
    scheduled_at: now,
    window_closes_at: now.add({ hours: 1 }),
  })
  return claimOne(here.session, here.worker, mail.id)
}

const accepted = (attempt: number) =>
  settle(here.session, here.worker, { attempt, outcome: 'accepted', response: '250 ok' })

describe('a late answer that contradicts a person’s word', () => {
  test('is recorded once, however often it is told, and sets the message aside', async () => {
    const mail = await presumedUnsent()
    for (let n = 0; n < 2; n += 1)
      expect(await accepted(mail.attempt)).toMatchObject([{ verdict: 'contradiction', status: 'pending' }])
    await here.settled()
    const { rows } = await here.session.query('select attempt_id, reported from goniec.contradiction')
    expect(rows).toMatchObject([{ attempt_id: mail.attempt, reported: { outcome: 'accepted', response: '250 ok' } }])
    expect(await here.world.value(`select count(*) from goniec.event where type = 'contradicted'`)).toBe(1)
    expect(await here.world.row('message', mail.id)).toMatchObject({
      status: 'pending',
      held_reason: 'a late answer of the server contradicts how its doubt was resolved',
    })
    expect(await here.world.row('attempt', mail.attempt)).toMatchObject({ state: 'presumed_unsent' })
  })

  test('refuses the attempt made since, if it has not passed its fence', async () => {
    const mail = await presumedUnsent()
    const again = await claimAgain(mail)
    await accepted(mail.attempt)
    expect(await fence(here.session, here.worker, again)).toMatchObject([{ verdict: 'message_held' }])
    await settle(here.session, here.worker, {
      attempt: again,
      outcome: 'aborted',
      reason: 'message_held',
      give_back: true,
    })
    expect(await here.world.row('message', mail.id)).toMatchObject({
      status: 'pending',
      held_reason: expect.anything(),
    })
  })

  test('is recorded beside what was sent since, if that has passed its fence', async () => {
    const mail = await presumedUnsent()
    const again = await claimAgain(mail)
    await fence(here.session, here.worker, again)
    await settle(here.session, here.worker, { attempt: again, outcome: 'accepted' })
    expect(await accepted(mail.attempt)).toMatchObject([{ verdict: 'contradiction', status: 'sent' }])
    expect(await here.world.value('select count(*) from goniec.contradiction')).toBe(1)
  })

  const setAside = { status: 'pending', held_reason: expect.stringContaining('contradicts') }

  test('sets the mail aside also where the attempt made since is in doubt itself, and is resolved as not sent', async () => {
    const mail = await secondDoubt()
    await here.clockAt(60 * minute)
    await resolve(mail, 'not-sent')
    expect(await here.world.row('message', mail.id)).toMatchObject(setAside)
  })

  test('and where the server’s late answer says that that one was refused', async () => {
    const mail = await secondDoubt()
    await settle(here.session, here.worker, { attempt: mail.again, outcome: 'deferred', code: 451 })
    expect(await here.world.row('message', mail.id)).toMatchObject(setAside)
  })

  test('also where a person had said “sent”, and the server had refused', async () => {
    const mail = await doubt()
    await here.clockAt(15 * minute)
    await resolve(mail, 'sent')
    const [late] = await settle(here.session, here.worker, { attempt: mail.attempt, outcome: 'rejected', code: 554 })
    expect(late).toEqual({ verdict: 'contradiction', status: 'sent' })
    expect(await stateOf(here.session, mail.id)).toEqual({ message: 'sent', attempt: 'accepted' })
  })

  test('and an answer that agrees is no contradiction', async () => {
    const unsent = await presumedUnsent()
    const [late] = await settle(here.session, here.worker, { attempt: unsent.attempt, outcome: 'deferred', code: 451 })
    expect(late).toMatchObject({ verdict: 'already', status: 'pending' })
    expect(await here.world.value('select count(*) from goniec.contradiction')).toBe(0)
  })
})

/** Two attempts nobody knows about, one after the other; then the server's answer to the first comes: it had taken the mail. */
async function secondDoubt(): Promise<Mail & { again: number }> {
  const mail = await presumedUnsent()
  const again = await claimAgain(mail)
  await fence(here.session, here.worker, again)
  await settle(here.session, here.worker, { attempt: again, outcome: 'unknown' })
  expect(await accepted(mail.attempt)).toMatchObject([{ verdict: 'contradiction', status: 'in_doubt' }])
  return { ...mail, again }
}
