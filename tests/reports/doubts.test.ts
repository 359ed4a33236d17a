import { expect, test } from 'vitest'
import { readDoubts } from '../../src/reports/doubts.ts'
import { settledMail } from '../delivery/in-state.ts'
import { settle } from '../support/protocol.ts'
import { worldForEachTest } from '../support/rolled-back.ts'
import { NOON } from '../support/world.ts'
import { inSession } from './in-session.ts'

const state = worldForEachTest()
const MINUTE = 60_000

test('a doubt names everything that is needed to find out', async () => {
  const { world, session } = state
  await world.campaign({ name: 'spring-offer' })
  const lead = await world.lead({ email: 'jan@klient.example' })
  const mailbox = await world.mailbox({ address: 'anna@firma.example' })
  const { id } = await settledMail(world, { outcome: 'unknown' }, { lead, mailbox })
  expect(await readDoubts(inSession(session))).toEqual([
    {
      id,
      campaign: 'spring-offer',
      lead: 'jan@klient.example',
      mailbox: 'anna@firma.example',
      rfc_message_id: `<mail-${id}@firma.example>`,
      transmitting_at: NOON,
      step: 'intro',
      recipient: 'jan@klient.example',
      subject: 'Subject',
      status: 'in_doubt',
      resolvable_at: NOON.add({ minutes: 15 }),
      contradiction: null,
      timezone: 'Europe/Warsaw',
    },
  ])
})

test('a late answer that contradicts a person is listed behind the doubts, for a month or as long as its mail is open', async () => {
  const { world, session } = state
  const contradicted = await settledMail(world, { outcome: 'unknown' })
  await state.clockAt(16 * MINUTE)
  await session.query(`select goniec.resolve_doubt($1, 'not-sent')`, [contradicted.id])
  await settle(session, contradicted.worker, {
    attempt: contradicted.attempt,
    outcome: 'accepted',
    response: '250 late',
  })
  const doubtful = await settledMail(world, { outcome: 'unknown' }, { dueInMs: 16 * MINUTE })
  const listed = await readDoubts(inSession(session))
  expect(listed.map(({ id }) => id)).toEqual([doubtful.id, contradicted.id])
  expect(listed[1]).toMatchObject({
    status: 'pending',
    contradiction: {
      at: '2026-12-01T11:16:00.000Z',
      resolved_as: 'presumed_unsent',
      outcome: 'accepted',
      response: '250 late',
    },
  })
  expect(await readDoubts(inSession(session), { messageId: doubtful.id })).toHaveLength(1)

  await state.clockAt(31 * 24 * 60 * MINUTE)
  expect(await readDoubts(inSession(session))).toHaveLength(2)
  await world.update('message', contradicted.id, { status: 'cancelled' })
  expect((await readDoubts(inSession(session))).map(({ id }) => id)).toEqual([doubtful.id])
})
