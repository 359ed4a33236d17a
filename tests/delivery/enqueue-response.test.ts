import { expect, test } from 'vitest'
import { enqueueResponse, type ResponseRequest } from '../../src/delivery/enqueue-response.ts'
import { setClock } from '../support/clock.ts'
import { createTestDatabase } from '../support/database.ts'
import { NOON, World } from '../support/world.ts'
import { settledMail } from './in-state.ts'

const database = await createTestDatabase()
await setClock(database, NOON)
const world = new World(database.pool)

/** A request of a lead whom this mailbox has mailed. */
async function requestOf(
  lead: Record<string, unknown> = {},
): Promise<ResponseRequest & { leadId: number; mailbox: string }> {
  const mail = await settledMail(
    world,
    { outcome: 'accepted', rfc_message_id: '<first@firma.example>' },
    { lead: await world.lead() },
  )
  const leadId = mail.lead ?? 0
  await world.update('lead', leadId, { replied_at: NOON, ...lead })
  const { email } = await world.row<{ email: string }>('lead', leadId)
  const { address } = await world.row<{ address: string }>('mailbox', mail.mailbox)
  return { to: email, key: `ticket-${mail.id}`, text: 'Here it is.', leadId, mailbox: address }
}

test('a response leaves from the mailbox that mailed the lead last, as a reply in its thread', async () => {
  const request = await requestOf()
  const response = await enqueueResponse(database, request)
  expect(response).toMatchObject({
    status: 'pending',
    created: true,
    scheduled_at: null,
    mailbox: request.mailbox,
    subject: 'Re: Subject',
    not_before: null,
  })
  expect(await world.row('message_material', response.id, 'message_id')).toMatchObject({
    text: 'Here it is.',
    in_reply_to: '<first@firma.example>',
  })
})

test('the same key and content is the same response; other content is refused', async () => {
  const request = { ...(await requestOf()), at: NOON.add({ hours: 1 }) }
  const first = await enqueueResponse(database, request)
  expect(await enqueueResponse(database, request)).toEqual({ ...first, created: false })
  await expect(enqueueResponse(database, { ...request, text: 'Another one.' })).rejects.toMatchObject({
    constraint: 'one_response_per_idempotency_key',
  })
})

test('what was asked for is the same from a session in another time zone', async () => {
  const request = { ...(await requestOf()), at: NOON }
  const { id } = await enqueueResponse(database, request)
  const session = await database.session()
  await session.query(`set timezone = 'America/New_York'`)
  const { rows } = await session.query<{ id: number }>(
    `select goniec.enqueue_response("to" => $1, key => $2, text => $3, at => $4) as id`,
    [request.to, request.key, request.text, request.at],
  )
  expect(rows).toEqual([{ id }])
})

test('one a day goes to a lead of a campaign, unless another is asked for', async () => {
  const request = await requestOf()
  await enqueueResponse(database, request)
  const second = { ...request, key: `${request.key}-2` }
  await expect(enqueueResponse(database, second)).rejects.toMatchObject({
    constraint: 'one_response_per_lead_campaign_and_day',
    hint: expect.stringContaining('--again'),
  })
  expect(await enqueueResponse(database, { ...second, again: true })).toMatchObject({ created: true })
})

test('a dry run says what would be, and queues nothing', async () => {
  const request = await requestOf()
  expect(await enqueueResponse(database, request, { dryRun: true })).toMatchObject({ created: true, status: 'pending' })
  expect(await world.value('select count(*) from goniec.message where idempotency_key = $1', [request.key])).toBe(0)
})

test.each([
  [{ unsubscribed_at: NOON }, /has unsubscribed/],
  [{ bounced_at: NOON }, /no such mailbox/],
  [{ blocked_at: NOON }, /is blocked/],
])('to a lead with %o nothing is queued', async (columns, words) => {
  const request = await requestOf(columns)
  await expect(enqueueResponse(database, request)).rejects.toMatchObject({ message: expect.stringMatching(words) })
})

test('one that was asked for before is found again whatever has become of its lead', async () => {
  const request = await requestOf()
  const { id } = await enqueueResponse(database, request)
  await world.update('lead', request.leadId, { unsubscribed_at: NOON })
  expect(await enqueueResponse(database, request)).toMatchObject({ id, created: false })
})

test('attachments are kept as they were given', async () => {
  const attachments = [{ filename: 'offer.pdf', contentType: 'application/pdf', content: 'JVBERg==' }]
  const { id } = await enqueueResponse(database, { ...(await requestOf()), attachments })
  expect(await world.row('message_material', id, 'message_id')).toMatchObject({ attachments })
})
