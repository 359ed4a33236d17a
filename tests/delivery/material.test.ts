import { expect, test } from 'vitest'
import { assert } from '../../src/errors.ts'
import type { ComposedMail } from '../../src/delivery/compose.ts'
import { composeFor, keptContent } from '../../src/delivery/compose-message.ts'
import { loadMaterial } from '../../src/delivery/material.ts'
import { TestWorld } from '../campaigns/world.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

const THREAD = [
  { key: 'intro', variants: [{ subject: 'Offer for {{ company }}', text: 'Hello {{ name }}' }] },
  { key: 'reminder', waitDays: 3, variants: [{ subject: null, text: 'Did you read it?' }] },
  { key: 'last', waitDays: 3, variants: [{ subject: null, text: 'Last call.' }] },
]

test('campaign mail is its variant with the enrollment’s fields, the address among them', async () => {
  const { world, database } = await freshWorld()
  const campaign = await world.campaign('spring', {}, [
    { key: 'intro', variants: [{ subject: 'For {{ company }}', text: 'Hello {{ email }}, {{ count }}', html: null }] },
  ])
  const id = await world.enroll(campaign, 'jan@klient.example', { company: 'Kowalski & Syn', count: 3 })
  const mail = await mailOf(database, id)
  expect(mail.subject).toBe('For Kowalski & Syn')
  expect(mail.text).toBe('Hello jan@klient.example, 3\n\n-- \nAnna, Firma')
  expect(headers(mail)).toMatchObject({
    from: 'Anna Nowak <anna@firma.example>',
    to: 'jan@klient.example',
    'list-unsubscribe': '<mailto:anna@firma.example?subject=unsubscribe>',
  })
  expect(headers(mail)).not.toHaveProperty('in-reply-to')
})

test('requests to unsubscribe go to the mailbox’s own address for them', async () => {
  const { world, database } = await freshWorld({ unsubscribe_address: 'stop@firma.example' })
  const id = await world.enroll(await world.campaign('spring'), 'jan@klient.example')
  expect(headers(await mailOf(database, id))['list-unsubscribe']).toBe(
    '<mailto:stop@firma.example?subject=unsubscribe>',
  )
})

test('a message has one Message-ID on every attempt, whatever mailbox it leaves from', async () => {
  const { world, database, mailbox } = await freshWorld()
  const other = await world.mailbox('anna@druga.example')
  const id = await world.enroll(await world.campaign('spring'), 'jan@klient.example')
  const first = headers(await mailOf(database, id, mailbox))['message-id']
  expect(first).toMatch(/^<[a-z2-7]{32}@firma\.example>$/)
  expect(headers(await mailOf(database, id, mailbox))['message-id']).toBe(first)
  await database.query('update goniec.message set rfc_message_id = $2 where id = $1', [id, first])
  expect(headers(await mailOf(database, id, other))['message-id']).toBe(first)
})

test('a follow-up without a subject answers the mail before, and each one after refers to the whole thread', async () => {
  const { world, database } = await freshWorld()
  const campaign = await world.campaign('spring', {}, THREAD)
  const intro = await world.enroll(campaign, 'jan@klient.example', { company: 'ABC', name: 'Jan' })
  const introId = await send(world, intro)
  const reminder = await followUpOf(database, intro)
  const second = await mailOf(database, reminder)
  expect(second.subject).toBe('Re: Offer for ABC')
  expect(headers(second)).toMatchObject({ 'in-reply-to': introId, references: introId })
  const reminderId = await send(world, reminder)
  const third = await mailOf(database, await followUpOf(database, reminder))
  expect(third.subject).toBe('Re: Offer for ABC')
  expect(headers(third)).toMatchObject({ 'in-reply-to': reminderId, references: `${introId} ${reminderId}` })
})

test('a follow-up answers the Message-ID that the server gave the mail before', async () => {
  const { world, database } = await freshWorld()
  const intro = await world.enroll(await world.campaign('spring', {}, THREAD), 'jan@klient.example', {
    company: 'ABC',
    name: 'Jan',
  })
  await send(world, intro)
  await database.query(
    `update goniec.attempt set server_message_id = '<theirs@outlook.example>' where message_id = $1`,
    [intro],
  )
  const mail = await mailOf(database, await followUpOf(database, intro))
  expect(headers(mail)).toMatchObject({ 'in-reply-to': '<theirs@outlook.example>' })
})

test('a follow-up in the thread of a mail whose subject nobody knows cannot be composed, and says what to do', async () => {
  const { world, database } = await freshWorld()
  const intro = await world.enroll(await world.campaign('spring', {}, THREAD), 'jan@klient.example')
  await world.attempt(intro, 'accepted', { rfcMessageId: '<old@elsewhere.example>' })
  await expect(mailOf(database, await followUpOf(database, intro))).rejects.toMatchObject({
    code: 'thread_unknown',
    message: expect.stringContaining('the subject of the mail before is not known') as string,
  })
})

test('campaign mail whose subject comes to nothing for its lead cannot be composed, as its check says', async () => {
  const { world, database } = await freshWorld()
  const subject = '{% if company %}For {{ company }}{% endif %}'
  const campaign = await world.campaign('spring', {}, [{ key: 'intro', variants: [{ subject, text: 'Hello' }] }])
  await expect(mailOf(database, await world.enroll(campaign, 'jan@klient.example'))).rejects.toMatchObject({
    code: 'subject_empty',
    message: 'step intro, variant A: the subject is empty',
  })
  const other = await world.enroll(campaign, 'ewa@klient.example', { company: 'ABC' })
  expect((await mailOf(database, other)).subject).toBe('For ABC')
})

test('a variant that is gone is replaced by one that is there', async () => {
  const { world, database } = await freshWorld()
  const id = await world.enroll(await world.campaign('spring'), 'jan@klient.example')
  await database.query(`update goniec.message set variant = 'Z' where id = $1`, [id])
  expect((await mailOf(database, id)).subject).toBe('Hello')
})

test('a new version of the settings is read anew', async () => {
  const { world, database } = await freshWorld()
  const id = await world.enroll(await world.campaign('spring'), 'jan@klient.example')
  expect((await mailOf(database, id)).subject).toBe('Hello')
  await database.query(`update goniec.variant set subject = 'Good morning'`)
  await database.query('update goniec.campaign set version = version + 1')
  await database.query(`update goniec.mailbox set name = 'A. Nowak', version = version + 1`)
  const mail = await mailOf(database, id)
  expect(mail.subject).toBe('Good morning')
  expect(headers(mail)['from']).toBe('"A. Nowak" <anna@firma.example>')
})

test('a response is its own material, with attachments, and offers nobody to unsubscribe', async () => {
  const { world, database } = await freshWorld()
  await world.enroll(await world.campaign('spring'), 'jan@klient.example')
  const attachments = [
    { filename: 'cennik.pdf', contentType: 'application/pdf', content: Buffer.from('%PDF').toString('base64') },
  ]
  const [row] = await database.query<{ id: number }>(
    `select goniec.enqueue_response("to" => 'jan@klient.example', key => 'k1', subject => 'Cennik', text => 'W załączniku.',
       "from" => 'anna@firma.example', attachments => $1::jsonb) as id`,
    [JSON.stringify(attachments)],
  )
  const mail = await mailOf(database, row?.id ?? 0)
  expect(mail.subject).toBe('Cennik')
  expect(mail.bytes.toString()).toContain('filename=cennik.pdf')
  expect(mail.bytes.toString()).toContain(Buffer.from('%PDF').toString('base64'))
  expect(headers(mail)).not.toHaveProperty('list-unsubscribe')
})

test('a message without any text is an error of its own, and holds up no other', async () => {
  const { world, database, mailbox } = await freshWorld()
  const id = await world.enroll(await world.campaign('spring'), 'jan@klient.example')
  const [bare] = await database.query<{ id: number }>(
    `insert into goniec.message (kind, recipient, bound_mailbox_id, idempotency_key) values ('response', 'x@y.example', $1, 'k') returning id`,
    [mailbox],
  )
  const materials = await loadMaterial(database, [id, bare?.id ?? 0], new Map([[id, mailbox]]))
  const [good, bad] = [materials.get(id), materials.get(bare?.id ?? 0)]
  assert(good && bad, 'both are there')
  expect((await composeFor(good)).subject).toBe('Hello')
  await expect(composeFor(bad)).rejects.toMatchObject({ code: 'material_missing' })
})

test('a message without a mailbox is left out', async () => {
  const { world, database } = await freshWorld()
  const id = await world.enroll(await world.campaign('spring'), 'jan@klient.example')
  expect((await loadMaterial(database, [id])).size).toBe(0)
})

async function freshWorld(
  mailboxColumns: Record<string, unknown> = {},
): Promise<{ world: TestWorld; database: TestDatabase; mailbox: number }> {
  const database = await createTestDatabase()
  const world = new TestWorld(database)
  await world.salesperson()
  const mailbox = await world.mailbox('anna@firma.example', {
    name: 'Anna Nowak',
    signature_text: 'Anna, Firma',
    ...mailboxColumns,
  })
  return { world, database, mailbox }
}

async function mailOf(database: TestDatabase, messageId: number, mailboxId?: number): Promise<ComposedMail> {
  const [any] = await database.query<{ id: number }>('select min(id) as id from goniec.mailbox')
  const material = (await loadMaterial(database, [messageId], new Map([[messageId, mailboxId ?? any?.id ?? 0]]))).get(
    messageId,
  )
  assert(material, 'the message is there')
  return await composeFor(material)
}

/** Sends as the worker does: what was composed is kept. Returns its Message-ID. */
async function send(world: TestWorld, messageId: number): Promise<string> {
  const mail = await mailOf(world.database, messageId)
  const rfcMessageId = headers(mail)['message-id'] ?? ''
  const attempt = await world.attempt(messageId, 'accepted', { rfcMessageId })
  const { subject, text, html, headers: kept } = keptContent(mail)
  await world.database.query(
    'insert into goniec.message_content (message_id, attempt_id, subject, text, html, headers) values ($1, $2, $3, $4, $5, $6)',
    [messageId, attempt, subject, text, html, kept],
  )
  return rfcMessageId
}

async function followUpOf(database: TestDatabase, messageId: number): Promise<number> {
  const [row] = await database.query<{ id: number }>(
    `select f.id from goniec.message m join goniec.message f using (enrollment_id) where m.id = $1 and f.id > m.id order by f.id limit 1`,
    [messageId],
  )
  assert(row, 'there is a follow-up')
  return row.id
}

function headers(mail: ComposedMail): Record<string, string> {
  return keptContent(mail).headers
}
