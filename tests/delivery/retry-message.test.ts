import { expect, test } from 'vitest'
import { resolveDoubt } from '../../src/delivery/resolve-doubt.ts'
import { retryMessage } from '../../src/delivery/retry-message.ts'
import { setClock } from '../support/clock.ts'
import { createTestDatabase } from '../support/database.ts'
import { settle, stateOf } from '../support/protocol.ts'
import { NOON, World } from '../support/world.ts'
import { claimedMail, settledMail } from './in-state.ts'

const database = await createTestDatabase()
await setClock(database, NOON)
const world = new World(database.pool)

const rejected = { outcome: 'rejected', code: 550, response: '550 relay not permitted' } as const

test('a failed mail is pending again, as if it had never been tried', async () => {
  const { id } = await settledMail(world, rejected)
  await world.update('message', id, { counted_attempts: 4, uncounted_attempts: 2, tried_days: ['2026-12-01'] })
  expect(await retryMessage(database, id)).toEqual({
    id,
    was: 'failed',
    status: 'pending',
    reason: '550 relay not permitted',
    revived: null,
  })
  expect(await world.row('message', id)).toMatchObject({
    status: 'pending',
    scheduled_at: null,
    mailbox_id: null,
    counted_attempts: 0,
    uncounted_attempts: 0,
    tried_days: [],
    failed_reason: null,
    slot_reason: 'retry',
  })
})

test('a mail that was set aside is let go', async () => {
  const { id } = await world.mail({ columns: { held_reason: 'ten attempts ended', uncounted_attempts: 10 } })
  expect(await retryMessage(database, id)).toMatchObject({ was: 'held', reason: 'ten attempts ended' })
  expect(await world.row('message', id)).toMatchObject({ held_reason: null, uncounted_attempts: 0, status: 'pending' })
})

test('who retried is in the record', async () => {
  const { id } = await settledMail(world, rejected)
  await retryMessage(database, id)
  const actor = await world.value(`select actor from goniec.event where message_id = $1 and type = 'retried'`, [id])
  expect(actor).toMatch(/^[^@]+@.+$/)
})

test('a dry run says the same, and changes nothing', async () => {
  const { id } = await settledMail(world, rejected)
  expect(await retryMessage(database, id, { dryRun: true })).toMatchObject({ was: 'failed', status: 'pending' })
  expect(await stateOf(world.sql, id)).toEqual({ message: 'failed', attempt: 'rejected' })
})

test('a mail that was sent or cancelled is refused by the database, which says why', async () => {
  const sent = await settledMail(world, { outcome: 'accepted' })
  await expect(retryMessage(database, sent.id)).rejects.toMatchObject({
    constraint: 'message_transition_is_allowed',
    detail: 'The server has accepted this mail. Sending it again would mail a person twice.',
  })
  const cancelled = await world.mail()
  await world.update('message', cancelled.id, { status: 'cancelled' })
  await expect(retryMessage(database, cancelled.id)).rejects.toMatchObject({
    detail: 'A cancelled message stays cancelled.',
  })
})

test('a mail under way, in doubt, waiting, or not there is refused in words', async () => {
  const doubtful = await settledMail(world, { outcome: 'unknown' })
  await expect(retryMessage(database, doubtful.id)).rejects.toMatchObject({
    code: 'message_in_doubt',
    hint: `goniec doubt resolve ${doubtful.id} --as sent|not-sent`,
  })
  const { id } = await claimedMail(world)
  await expect(retryMessage(database, id)).rejects.toMatchObject({ code: 'message_under_way' })
  await expect(retryMessage(database, (await world.mail()).id)).rejects.toMatchObject({ code: 'message_pending' })
  await expect(retryMessage(database, 999_999)).rejects.toMatchObject({ code: 'message_unknown' })
})

test.each([
  [{ blocked_at: NOON }, /is blocked$/],
  [{ unsubscribed_at: NOON }, /has unsubscribed/],
  [{ bounced_at: NOON }, /no such mailbox/],
  [{ replied_at: NOON }, /has replied/],
])('a mail to a lead with %o is not retried, since it would be cancelled at once', async (columns, words) => {
  const { id, lead } = await settledMail(world, rejected)
  await world.update('lead', lead ?? 0, columns)
  await expect(retryMessage(database, id)).rejects.toMatchObject({
    code: 'message_out',
    message: expect.stringMatching(words),
  })
  expect(await stateOf(world.sql, id)).toMatchObject({ message: 'failed' })
})

test('neither is one of a cancelled campaign, of a removed lead, or to a suppressed address', async () => {
  const ofCancelled = await settledMail(world, rejected, { campaign: await world.campaign() })
  await world.update('campaign', ofCancelled.campaign ?? 0, { status: 'cancelled' })
  await expect(retryMessage(database, ofCancelled.id)).rejects.toThrow(/is cancelled, and that is for good/)
  const removed = await settledMail(world, rejected, { campaign: await world.campaign() })
  await database.query('update goniec.enrollment set removed_at = goniec.now() where lead_id = $1', [removed.lead])
  await expect(retryMessage(database, removed.id)).rejects.toThrow(/was removed from the campaign/)
  const suppressed = await settledMail(world, rejected, { lead: await world.lead({ email: 'x@blocked.example' }) })
  await world.insert('suppression', { value: 'blocked.example' }, 'value')
  await expect(retryMessage(database, suppressed.id)).rejects.toThrow(/is suppressed/)
})

test.each(['pending', 'sent'] as const)(
  'a mail whose lead has gone on is not retried: a later one of its campaign is %s',
  async (status) => {
    const campaign = await world.campaign({ steps: ['intro', 'reminder'] })
    const { id, lead } = await settledMail(world, rejected, { campaign, step: 'intro' })
    const of = { campaign, lead, step: 'reminder' }
    if (status === 'sent') await settledMail(world, { outcome: 'accepted' }, of)
    else await world.mail(of)
    await expect(retryMessage(database, id)).rejects.toMatchObject({
      code: 'message_out',
      message: expect.stringMatching(/has gone on in its campaign/),
    })
    expect(await stateOf(world.sql, id)).toMatchObject({ message: 'failed' })
  },
)

test('a completed campaign runs again when one of its failed mails is retried', async () => {
  const campaign = await world.campaign({ name: 'finished' })
  const { id } = await settledMail(world, rejected, { campaign })
  await world.update('campaign', campaign, { status: 'completed' })
  expect(await retryMessage(database, id)).toMatchObject({ revived: 'finished' })
  expect(await world.row('campaign', campaign)).toMatchObject({ status: 'running', completed_at: null })
})

test('a mail whose late answer says that it was accepted is never retried', async () => {
  await setClock(database, NOON)
  const { id, attempt, worker } = await settledMail(world, { outcome: 'unknown' })
  await setClock(database, NOON.add({ hours: 1 }))
  await resolveDoubt(database, id, { as: 'not-sent' })
  await settle(world.sql, worker, { attempt, outcome: 'accepted', response: '250 ok' })
  await expect(retryMessage(database, id)).rejects.toMatchObject({
    code: 'message_contradicted',
    message: expect.stringMatching(/has the mail, whatever the doubt was resolved as/),
  })
  await setClock(database, NOON)
})
