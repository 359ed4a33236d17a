import { beforeEach, expect, test } from 'vitest'
import { previewMail } from '../../src/campaigns/preview.ts'
import { queueTestMail } from '../../src/campaigns/test-mail.ts'
import { thisActor } from '../../src/database/actor.ts'
import { composeFor, keptContent } from '../../src/delivery/compose-message.ts'
import type { ComposedMail } from '../../src/delivery/compose.ts'
import { loadMaterial } from '../../src/delivery/material.ts'
import { assert } from '../../src/errors.ts'
import { Temporal } from '../../src/time.ts'
import { setClock } from '../support/clock.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { TestWorld } from './world.ts'

const NOON = Temporal.Instant.from('2026-12-01T11:00:00Z')
let database: TestDatabase
let world: TestWorld
let campaign: number

beforeEach(async () => {
  database = await createTestDatabase()
  world = new TestWorld(database)
  await setClock(database, NOON)
  await world.salesperson()
  await world.mailbox('anna@firma.example', { name: 'Anna', signature_text: 'Anna, Firma' })
  campaign = await world.campaign('spring', {}, [
    {
      key: 'intro',
      variants: [{ subject: 'For {{ company }}', text: 'Hello {{ name }}', html: '<p>Hello {{ name }}</p>' }],
    },
    { key: 'reminder', waitDays: 2, variants: [{ subject: null, text: 'And?' }] },
    { key: 'last', waitDays: 2, variants: [{ subject: null, text: 'Well.' }] },
  ])
})

test('a preview is, to the byte, the mail that the worker will compose', async () => {
  const id = await world.enroll(campaign, 'jan@klient.example', { company: 'ABC', name: 'Jan' })
  const preview = await previewMail(database, { campaign: 'spring', lead: ' Jan@Klient.example ' })
  expect(preview).toMatchObject({
    lead: 'jan@klient.example',
    step: 'intro',
    variant: 'A',
    mailbox: 'anna@firma.example',
    mailboxIsDecided: false,
    message: { id, status: 'pending' },
  })
  const material = (await loadMaterial(database, [id], new Map([[id, 1]]))).get(id)
  assert(material, 'the message is there')
  expect(preview.mail.bytes.equals((await composeFor(material)).bytes)).toBe(true)
})

test('a follow-up is shown in the thread of the mails before it, before any of them was sent', async () => {
  await world.enroll(campaign, 'jan@klient.example', { company: 'ABC', name: 'Jan' })
  const intro = headers((await previewMail(database, { campaign: 'spring' })).mail)['message-id']
  const reminder = await previewMail(database, { campaign: 'spring', step: 'reminder' })
  expect(reminder.message).toBeNull()
  expect(reminder.mail.subject).toBe('Re: For ABC')
  expect(headers(reminder.mail)).toMatchObject({ 'in-reply-to': intro, references: intro })
  const last = await previewMail(database, { campaign: 'spring', step: 'last' })
  const reminderId = headers(reminder.mail)['message-id']
  expect(headers(last.mail)).toMatchObject({ 'in-reply-to': reminderId, references: `${intro} ${reminderId}` })
})

test('the lead’s next mail is shown by default, from the mailbox that it is planned on', async () => {
  const other = await world.mailbox('piotr@firma.example')
  const intro = await world.enroll(campaign, 'jan@klient.example', { company: 'ABC', name: 'Jan' })
  const { mail } = await previewMail(database, { campaign: 'spring' })
  const attempt = await world.attempt(intro, 'accepted', {
    mailboxId: other,
    rfcMessageId: headers(mail)['message-id'] ?? '',
  })
  await database.query('insert into goniec.message_content (message_id, attempt_id, subject) values ($1, $2, $3)', [
    intro,
    attempt,
    'For ABC',
  ])
  const preview = await previewMail(database, { campaign: 'spring', lead: 'jan@klient.example' })
  expect(preview).toMatchObject({ step: 'reminder', mailbox: 'piotr@firma.example', mailboxIsDecided: true })
  expect(headers(preview.mail)).toMatchObject({ 'in-reply-to': headers(mail)['message-id'] })
})

test('unknown leads and steps get the nearest one', async () => {
  await expect(previewMail(database, { campaign: 'spring' })).rejects.toMatchObject({ code: 'campaign_has_no_leads' })
  await world.enroll(campaign, 'jan@klient.example', { company: 'ABC', name: 'Jan' })
  await expect(previewMail(database, { campaign: 'spring', lead: 'jna@klient.example' })).rejects.toMatchObject({
    message: 'campaign "spring" has no lead "jna@klient.example"; did you mean "jan@klient.example"?',
  })
  await expect(previewMail(database, { campaign: 'spring', step: 'remnder' })).rejects.toMatchObject({
    message: 'campaign "spring" has no step "remnder"; did you mean "reminder"?',
    hint: 'its steps are intro, reminder, last',
  })
})

test('a mail that cannot be composed says which field is missing where', async () => {
  await world.enroll(campaign, 'jan@klient.example', { company: 'ABC' })
  await expect(previewMail(database, { campaign: 'spring' })).rejects.toMatchObject({
    message: 'step intro, variant A, text: there is no field "name"',
  })
})

test('a test is the lead’s mail to oneself: marked, bound to a mailbox, belonging to no lead', async () => {
  await world.enroll(campaign, 'jan@klient.example', { company: 'ABC', name: 'Jan' })
  const queued = await queueTestMail(database, { campaign: 'spring', to: ' Me@Firma.example', step: 'reminder' })
  expect(queued).toMatchObject({
    to: 'me@firma.example',
    mailbox: 'anna@firma.example',
    subject: '[Test] Re: For ABC',
    lead: 'jan@klient.example',
    step: 'reminder',
    variant: 'A',
    earliestAt: NOON,
    workerIsRunning: false,
  })
  const [message] = await database.query(
    'select kind, is_test, status, lead_id, recipient, campaign_id, bound_mailbox_id from goniec.message where id = $1',
    [queued.id],
  )
  expect(message).toEqual({
    kind: 'response',
    is_test: true,
    status: 'pending',
    lead_id: null,
    recipient: 'me@firma.example',
    campaign_id: campaign,
    bound_mailbox_id: 1,
  })
  const [event] = await database.query(`select actor, data from goniec.event where type = 'campaign_test_queued'`)
  expect(event).toEqual({
    actor: thisActor(),
    data: { to: 'me@firma.example', lead: 'jan@klient.example', step: 'reminder', variant: 'A' },
  })
})

test('a test goes out as the mail would, with a mark and without a thread', async () => {
  await world.enroll(campaign, 'jan@klient.example', { company: 'ABC', name: 'Jan' })
  const { id } = await queueTestMail(database, { campaign: 'spring', to: 'me@firma.example', step: 'reminder' })
  const material = (await loadMaterial(database, [id ?? 0])).get(id ?? 0)
  assert(material, 'a test has a mailbox')
  const mail = await composeFor(material)
  expect(mail.text).toBe('And?\n\n-- \nAnna, Firma')
  expect(headers(mail)).toMatchObject({
    subject: '[Test] Re: For ABC',
    to: 'me@firma.example',
    'x-goniec-test': 'yes',
    'list-unsubscribe': '<mailto:anna@firma.example?subject=unsubscribe>',
  })
  expect(headers(mail)).not.toHaveProperty('in-reply-to')
})

test('two tests are two mails, and a dry run is none', async () => {
  await world.enroll(campaign, 'jan@klient.example', { company: 'ABC', name: 'Jan' })
  const request = { campaign: 'spring', to: 'me@firma.example' }
  await queueTestMail(database, request)
  await queueTestMail(database, request)
  expect((await queueTestMail(database, { ...request, dryRun: true })).id).toBeNull()
  const rows = await database.query('select from goniec.message where is_test')
  expect(rows).toHaveLength(2)
})

test('a test waits for its mailbox’s gap, and for tomorrow where today is used up', async () => {
  await world.enroll(campaign, 'jan@klient.example', { company: 'ABC', name: 'Jan' })
  await database.query(`update goniec.mailbox set min_gap_ms = 60000`)
  await database.query('update goniec.mailbox_gate set last_fence_at = goniec.now()')
  const request = { campaign: 'spring', to: 'me@firma.example' }
  expect((await queueTestMail(database, request)).earliestAt).toEqual(NOON.add({ minutes: 1 }))
  await database.query(
    `insert into goniec.mailbox_day (mailbox_id, day, daily_limit, response_taken) values (1, '2026-12-01', 3, 3)`,
  )
  expect((await queueTestMail(database, request)).earliestAt).toEqual(Temporal.Instant.from('2026-12-01T23:00:00Z'))
})

test('a test needs an address that may be mailed, and a mailbox that may send', async () => {
  await world.enroll(campaign, 'jan@klient.example', { company: 'ABC', name: 'Jan' })
  await expect(queueTestMail(database, { campaign: 'spring', to: 'a@b.pl, c@d.pl' })).rejects.toMatchObject({
    code: 'address_invalid',
    exitCode: 2,
  })
  await database.query(`insert into goniec.suppression (value) values ('stop.example')`)
  await expect(queueTestMail(database, { campaign: 'spring', to: 'me@stop.example' })).rejects.toMatchObject({
    code: 'address_suppressed',
  })
  await database.query(`update goniec.mailbox set status = 'broken', status_reason = '535 no'`)
  await expect(queueTestMail(database, { campaign: 'spring', to: 'me@firma.example' })).rejects.toMatchObject({
    message: 'no mailbox of the campaign may send; anna@firma.example is broken: 535 no',
  })
})

function headers(mail: ComposedMail): Record<string, string> {
  return keptContent(mail).headers
}
