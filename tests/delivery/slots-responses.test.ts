/** enqueue_response: once per key, one a day per lead and campaign, a reply to what was sent last. */
import { describe, expect, test } from 'vitest'
import { claimOne, fence, settle } from '../support/protocol.ts'
import { worldForEachTest } from '../support/rolled-back.ts'
import { NOON, type Mail } from '../support/world.ts'

const here = worldForEachTest()

type Parameters = Record<string, unknown>

const given = { to: 'jan@klient.example', key: 'key', text: 'Text', subject: 'Subject', from: 'box@firma.example' }

/** Asks with these parameters (by name), and returns the message's id. */
async function enqueue(parameters: Parameters = {}): Promise<unknown> {
  const all = Object.entries({ ...given, ...parameters }).filter(([, value]) => value !== undefined)
  const named = all.map(([name], index) => `"${name}" => $${index + 1}`).join(', ')
  return here.world.value(
    `select goniec.enqueue_response(${named})`,
    all.map(([, value]) => value),
  )
}

async function lead(): Promise<number> {
  await here.world.mailbox({ address: 'box@firma.example' })
  return here.world.lead({ email: 'jan@klient.example' })
}

/** A campaign mail that the lead has got. */
async function sent({
  server = null,
  headers = {},
}: { server?: string | null; headers?: Parameters } = {}): Promise<Mail> {
  const mail = await here.world.mail({ lead: await lead(), campaign: await here.world.campaign({ name: 'spring' }) })
  const attempt = await claimOne(here.session, here.worker, mail.id)
  await fence(here.session, here.worker, attempt, [{ attempt_id: attempt, subject: 'Offer', headers }])
  await settle(here.session, here.worker, {
    attempt,
    outcome: 'accepted',
    rfc_message_id: '<one@firma.example>',
    server_message_id: server,
  })
  return mail
}

const material = (id: unknown): Promise<Parameters> => here.world.row('message_material', Number(id), 'message_id')
const message = (id: unknown): Promise<Parameters> => here.world.row('message', Number(id))

describe('the same key', () => {
  test('with the same content is the same message, from whatever session it is asked', async () => {
    await lead()
    const asked = { at: '2026-12-03T09:00:00+01:00', attachments: '[{"filename": "a", "content": "eA=="}]' }
    const id = await enqueue(asked)
    expect(await enqueue(asked)).toBe(id)
    await here.session.query(`set local timezone = 'Asia/Tokyo'`)
    expect(await enqueue({ ...asked, to: ' Jan@Klient.Example ', at: '2026-12-03T08:00:00Z' })).toBe(id)
    expect(await here.world.value('select count(*) from goniec.message')).toBe(1)
  })

  test.each([
    { text: 'Other' },
    { subject: 'Other' },
    { html: '<p>Text</p>' },
    { at: NOON },
    { to: 'ola@klient.example' },
    { attachments: '[{"filename": "a", "content": ""}]' },
  ])('with other content is an error: %o', async (other) => {
    await lead()
    await here.world.lead({ email: 'ola@klient.example' })
    const id = await enqueue()
    expect(await here.refusal(() => enqueue(other))).toBe(
      `one_response_per_idempotency_key: response "key" was already asked for, with other content (message ${String(id)})`,
    )
  })
})

describe('one a day per lead and campaign', () => {
  test('a second one needs to be asked for again, explicitly', async () => {
    await sent()
    await enqueue({ campaign: 'spring' })
    expect(await here.refusal(() => enqueue({ key: 'other', campaign: 'spring' }))).toBe(
      'one_response_per_lead_campaign_and_day: lead "jan@klient.example" already has a response of this campaign on 2026-12-01',
    )
    expect(await enqueue({ key: 'other', campaign: 'spring', again: true })).toEqual(expect.any(Number))
  })

  test('also where the first one was asked for with --again, which it did not need', async () => {
    await sent()
    await enqueue({ campaign: 'spring', again: true })
    expect(await here.refusal(() => enqueue({ key: 'other', campaign: 'spring' }))).toContain(
      'already has a response of this campaign',
    )
  })

  test('another day, another campaign, another lead, or after a cancellation it needs not', async () => {
    await sent()
    await here.world.lead({ email: 'ola@klient.example' })
    await here.world.campaign({ name: 'autumn' })
    const id = await enqueue({ campaign: 'spring' })
    await enqueue({ key: 'tomorrow', campaign: 'spring', at: NOON.add({ hours: 24 }) })
    await enqueue({ key: 'autumn', campaign: 'autumn' })
    await enqueue({ key: 'ola', to: 'ola@klient.example', campaign: 'spring' })
    await here.world.update('message', Number(id), { status: 'cancelled' })
    await enqueue({ key: 'again', campaign: 'spring' })
    expect(await here.world.value(`select count(*) from goniec.message where kind = 'response'`)).toBe(5)
  })

  test('the day is the installation’s, of the time it is asked for', async () => {
    await lead()
    const id = await enqueue({ at: '2026-12-03T23:30:00Z' })
    expect(await message(id)).toMatchObject({ response_day: '2026-12-04' })
  })
})

describe('a response', () => {
  test('without a subject is a reply to the last mail, from its mailbox, of its campaign', async () => {
    const mail = await sent({ headers: { references: '<zero@firma.example>' } })
    const id = await enqueue({ subject: undefined, from: undefined })
    expect(await message(id)).toMatchObject({
      status: 'pending',
      kind: 'response',
      campaign_id: mail.campaign,
      lead_id: mail.lead,
      bound_mailbox_id: mail.mailbox,
      recipient: 'jan@klient.example',
    })
    expect(await material(id)).toMatchObject({
      subject: 'Re: Offer',
      in_reply_to: '<one@firma.example>',
      mail_references: ['<zero@firma.example>', '<one@firma.example>'],
    })
  })

  test('replies to the Message-ID that the server gave, where it gave one', async () => {
    await sent({ server: '<theirs@outlook.example>' })
    const id = await enqueue({ subject: undefined })
    expect(await material(id)).toMatchObject({
      in_reply_to: '<theirs@outlook.example>',
      mail_references: ['<theirs@outlook.example>'],
    })
  })

  test('with a subject starts a thread of its own', async () => {
    await sent()
    expect(await material(await enqueue())).toMatchObject({
      subject: 'Subject',
      in_reply_to: null,
      mail_references: [],
    })
  })

  test('needs a subject where the last mail’s was dropped by retention', async () => {
    await sent()
    await here.session.query('delete from goniec.message_content')
    expect(await here.refusal(() => enqueue({ subject: undefined }))).toContain('so it needs a subject')
  })

  const mistakes: Record<string, [Parameters, string]> = {
    'no key': [{ key: ' ' }, 'a response needs an idempotency key'],
    'no text': [{ text: undefined }, 'a response needs a text or an html part'],
    'a text of blanks': [{ text: ' \n', html: '' }, 'a response needs a text or an html part'],
    'an unknown lead': [{ to: 'nobody@klient.example' }, 'there is no lead "nobody@klient.example"'],
    'an unknown campaign': [{ campaign: 'winter' }, 'there is no campaign "winter"'],
    'an unknown mailbox': [{ from: 'nobody@firma.example' }, 'there is no mailbox "nobody@firma.example"'],
    'no mailbox yet': [{ from: undefined }, 'no mailbox has mailed "jan@klient.example" yet'],
    'nothing to reply to': [
      { subject: undefined },
      'there is no mail to "jan@klient.example" with a subject on record that the response could be a reply to',
    ],
    'attachments that are none': [
      { attachments: '{"filename": "a"}' },
      'attachments are a list of {filename, contentType, content}',
    ],
    'an attachment without a name': [
      { attachments: '[{"content": "eA=="}]' },
      'attachments are a list of {filename, contentType, content}',
    ],
    // A mail with a file that nobody can open would have gone out.
    'an attachment as a data: link': [
      { attachments: '[{"filename": "a.pdf", "content": "data:application/pdf;base64,JVBERg=="}]' },
      'the content of attachment "a.pdf" is not base64',
    ],
    'a text that nobody encoded': [
      { attachments: '[{"filename": "a.txt", "content": "Good morning, Jan"}]' },
      'the content of attachment "a.txt" is not base64',
    ],
    // Times that a calendar of four digits does not hold: what reads the queue would end at such a mail.
    'no end of time': [{ at: 'infinity' }, 'a response is sent between the years 1 and 9999, not at infinity'],
    'no beginning of time': [{ at: '-infinity' }, 'a response is sent between the years 1 and 9999, not at -infinity'],
    'a year with five digits': [{ at: '20000-01-01T00:00Z' }, 'a response is sent between the years 1 and 9999'],
    'a year before the first': [{ at: '0044-03-15 00:00+00 BC' }, 'a response is sent between the years 1 and 9999'],
  }
  test.each(Object.entries(mistakes))('%s is an error that says so', async (_, [parameters, words]) => {
    await lead()
    expect(await here.refusal(() => enqueue(parameters))).toContain(words)
    expect(await here.world.value('select count(*) from goniec.message')).toBe(0)
  })

  test('leaves nothing behind if the caller rolls back', async () => {
    await lead()
    await here.session.query('savepoint caller')
    await enqueue()
    await here.session.query('rollback to savepoint caller')
    expect(await here.world.value('select count(*) from goniec.message')).toBe(0)
  })
})
