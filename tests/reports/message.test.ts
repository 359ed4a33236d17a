import { expect, test } from 'vitest'
import { readContent, readMessage } from '../../src/reports/message.ts'
import { settledMail } from '../delivery/in-state.ts'
import { worldForEachTest } from '../support/rolled-back.ts'
import { NOON } from '../support/world.ts'
import { inSession } from './in-session.ts'

const state = worldForEachTest()

test('a sent mail is shown with planned and actual times, its attempt, and every event', async () => {
  const { world } = state
  const { id, attempt } = await settledMail(world, {
    outcome: 'accepted',
    code: 250,
    response: '250 2.0.0 Ok: queued as 4F1',
    rfc_message_id: '<intro@firma.example>',
  })
  const message = await readMessage(inSession(state.session), id)
  expect(message).toMatchObject({
    id,
    status: 'sent',
    reason: null,
    first_planned_at: world.at(-60_000),
    scheduled_at: world.at(-60_000),
    sent_at: NOON,
    lateness_ms: 60_000,
    displacement_ms: 60_000,
    rfc_message_id: '<intro@firma.example>',
    attempts: [
      {
        id: attempt,
        state: 'accepted',
        mailbox: expect.stringContaining('@firma.example'),
        worker: expect.stringMatching(/^worker-/),
        claimed_at: NOON,
        transmitting_at: NOON,
        finished_at: NOON,
        code: 250,
        response: '250 2.0.0 Ok: queued as 4F1',
      },
    ],
  })
  expect(message?.events.map(({ type }) => type)).toEqual(['claimed', 'fenced', 'settled', 'sent'])
})

test('a refused mail keeps the server’s words, and has no lateness once it waits for another slot', async () => {
  const { id } = await settledMail(state.world, {
    outcome: 'deferred',
    code: 451,
    response: '451 4.7.1 Try again later',
  })
  const message = await readMessage(inSession(state.session), id)
  expect(message).toMatchObject({
    status: 'pending',
    reason: 'retry',
    counted_attempts: 1,
    scheduled_at: null,
    lateness_ms: null,
    attempts: [{ state: 'deferred', response: '451 4.7.1 Try again later' }],
  })
  expect(message?.not_before?.since(NOON).total('minutes')).toBeGreaterThan(3)
})

test('what went on the wire is there to be read', async () => {
  const { id } = await settledMail(state.world, { outcome: 'unknown' })
  expect(await readContent(inSession(state.session), id)).toEqual({
    of: 'sent',
    subject: 'Subject',
    text: 'Text',
    html: null,
    headers: { 'message-id': `<mail-${id}@firma.example>`, subject: 'Subject' },
    attachments: [],
  })
})

test('a response that was not sent shows what it will consist of, attachments by name and size', async () => {
  const { id } = await state.world.mail({ kind: 'response' })
  await state.world.insert(
    'message_material',
    {
      message_id: id,
      subject: 'Your price list',
      text: 'Here it is.',
      digest: '',
      attachments: JSON.stringify([{ filename: 'list.pdf', contentType: 'application/pdf', content: 'JVBERi0=' }]),
    },
    'message_id',
  )
  expect(await readContent(inSession(state.session), id)).toMatchObject({
    of: 'material',
    subject: 'Your price list',
    attachments: [{ filename: 'list.pdf', content_type: 'application/pdf', bytes: 5 }],
  })
})

test('a mail of which nothing was sent has no content, and a number of nobody is no message', async () => {
  const { id } = await state.world.mail()
  expect(await readContent(inSession(state.session), id)).toBeNull()
  expect(await readMessage(inSession(state.session), id + 1000)).toBeUndefined()
})

test('times within events are instants like all others', async () => {
  const { world, session } = state
  const { id } = await world.mail({ dueInMs: null })
  const mailbox = await world.mailbox()
  await world.update('message', id, { scheduled_at: NOON, window_closes_at: world.at(1000), mailbox_id: mailbox })
  const message = await readMessage(inSession(session), id)
  expect(message?.events).toMatchObject([{ type: 'planned', data: { to: NOON } }])
})
