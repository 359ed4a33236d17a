/** A person's whole way: definition file, list of leads, check, start, worker, follow-ups, responses, brakes; each step through the binary. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { assert } from '../../src/errors.ts'
import { createTestDatabase } from '../support/database.ts'
import { goniec, type Ended } from '../support/goniec.ts'
import { startRecorder, type RecordedMail } from '../support/recorder.ts'

const database = await createTestDatabase()
const directory = mkdtempSync(join(tmpdir(), 'goniec-journey-'))
const recorder = await startRecorder({ login: { user: 'anna', password: 'tajne hasło' } })
afterAll(async () => {
  rmSync(directory, { recursive: true })
  await recorder.close()
})

/** As the owner of the schema; the worker below has its own role and nothing more. */
const run = async (...args: string[]): Promise<Ended> =>
  goniec(args, { env: { DATABASE_URL: database.url }, cwd: directory })

async function done(...args: string[]): Promise<Ended> {
  const ended = await run(...args)
  expect({ args, ...ended }).toMatchObject({ code: 0 })
  return ended
}

const json = async (...args: string[]) => JSON.parse((await done(...args, '--json')).stdout)

// Each test is several processes, one after the other, on a machine that may be busy.
vi.setConfig({ testTimeout: 240_000 })

/** Sends until nothing is due within the minute; returns what the recorder accepted meanwhile. */
async function send(): Promise<RecordedMail[]> {
  const before = recorder.mails.length
  const env = { DATABASE_URL: database.urlAs('worker'), ANNA: 'tajne hasło' }
  const ended = await goniec(['worker', '--until-idle'], { env })
  expect(ended).toMatchObject({ code: 0, stderr: '' })
  expect(ended.stdout).not.toContain('tajne')
  return recorder.mails.slice(before)
}

/** The mails by recipient; nobody may have two. */
function byRecipient(mails: readonly RecordedMail[]): Map<string, RecordedMail> {
  const found = new Map(mails.map((mail) => [mail.to.join(), mail]))
  expect(found.size).toBe(mails.length)
  return found
}

function mailTo(mails: readonly RecordedMail[], address: string): RecordedMail {
  const mail = byRecipient(mails).get(address)
  assert(mail, `there is a mail to ${address}`)
  return mail
}

/** Undoes the encoded words of a header (RFC 2047), in UTF-8. */
function header(mail: RecordedMail, name: string): string {
  const bytes = (mail.headers.get(name) ?? '')
    .replaceAll(/\?=\s+=\?/g, '?==?')
    .replaceAll(/=\?UTF-8\?([BQ])\?([^?]*)\?=/gi, (_, kind: string, text: string) =>
      kind.toUpperCase() === 'B' ? Buffer.from(text, 'base64').toString('latin1') : unquote(text.replaceAll('_', ' ')),
    )
  return Buffer.from(bytes, 'latin1').toString('utf8')
}

/** Undoes quoted-printable, to one character a byte. */
function unquote(text: string): string {
  return text
    .replaceAll('=\r\n', '')
    .replaceAll(/=([0-9A-F]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

const content = (mail: RecordedMail): string => Buffer.from(unquote(mail.raw.toString('latin1')), 'latin1').toString()

beforeAll(() => {
  writeFileSync(
    join(directory, 'team.yaml'),
    `
salespeople:
  - { email: anna@firma.example, name: Anna Żółtowska }
mailboxes:
  - address: anna@firma.example
    name: Anna Żółtowska
    salesperson: anna@firma.example
    min_gap: 0s
    signature: { text: "Anna Żółtowska, Firma sp. z o.o." }
    smtp: { host: 127.0.0.1, port: ${recorder.port}, security: none, user: anna, password: env:ANNA }
campaigns:
  - name: wiosna
    salesperson: anna@firma.example
    mailboxes: [anna@firma.example]
    window: { from: "00:00", to: "24:00", days: [mon, tue, wed, thu, fri, sat, sun] }
    holidays: none
    delay: 0s
    steps:
      - key: oferta
        variants: [{ letter: A, subject: "Oferta dla {{ firma }}: gęślą jaźń", text: "Dzień dobry, {{ imie }}." }]
      - key: przypomnienie
        wait: 2s
        variants: [{ letter: A, text: "{{ imie }}, wracam do mojej wiadomości." }]
`,
  )
  writeFileSync(
    join(directory, 'leads.csv'),
    [
      'Adres e-mail;Imię;Firma',
      'Jan@Klient.example;Jan;Żółw',
      'ola@klient.example;Ola;Ćma i Syn',
      'to nie jest adres;Zły;X',
      'ewa@inny.example;Ewa;Łoś',
      'ewa@inny.example;Ewa;Łoś',
      '',
    ].join('\n'),
  )
})

test('a definition is applied, and applied again changes nothing', async () => {
  expect((await done('apply', 'team.yaml')).stdout).toContain('campaign wiosna: created')
  expect((await done('apply', 'team.yaml')).stderr).toMatch(/nothing/i)
})

test('of a list with bad lines the good ones come in, and the bad ones stand in a file with their reasons', async () => {
  const imported = await json('lead', 'import', 'leads.csv', '--campaign', 'wiosna')
  expect(imported).toMatchObject({ rows: 5, new: 3, enrolled: 3, rejected: 2, rejects_file: 'leads.rejects.csv' })
  const rejects = readFileSync(join(directory, 'leads.rejects.csv'), 'utf8')
  expect(rejects).toMatch(/to nie jest adres.*;4\r$/m)
  expect(rejects).toMatch(/line 5.*;6\r$/m)
})

test('check finds nothing wrong, and preview shows a lead’s mail as it will go out', async () => {
  expect(await json('campaign', 'check', 'wiosna', '--no-login')).toMatchObject({ ok: true, leads: { to_mail: 3 } })
  const preview = await done('campaign', 'preview', 'wiosna', '--lead', 'jan@klient.example')
  expect(preview.stdout).toContain('Subject: Oferta dla Żółw: gęślą jaźń\n')
  expect(preview.stdout).toContain('\nDzień dobry, Jan.\n\n-- \nAnna Żółtowska, Firma sp. z o.o.\n')
})

describe('once it is started', () => {
  test('each lead gets each step once, the follow-up in the thread of the first mail, and the campaign completes', async () => {
    await done('campaign', 'start', 'wiosna', '--no-login', '--yes')
    const mails = await send()
    expect(mails).toHaveLength(6)
    const [first, second] = [mails.slice(0, 3), mails.slice(3)]
    for (const [address, mail] of byRecipient(first)) {
      const followUp = mailTo(second, address)
      expect(mail).toMatchObject({ from: 'anna@firma.example', user: 'anna' })
      expect(mail.headers.get('list-unsubscribe')).toBe('<mailto:anna@firma.example?subject=unsubscribe>')
      const id = mail.headers.get('message-id')
      expect(id).toMatch(/^<[^@\s]+@firma\.example>$/)
      expect(mail.headers.has('in-reply-to')).toBe(false)
      expect(followUp.headers.get('in-reply-to')).toBe(id)
      expect(followUp.headers.get('references')).toBe(id)
      expect(followUp.headers.get('message-id')).not.toBe(id)
      expect(header(followUp, 'subject')).toBe(`Re: ${header(mail, 'subject')}`)
    }
    // By the instants of the fences, from which the wait counts: on a busy machine the recorder may note the first of two late.
    const waits = await database.query<{ ms: number }>(
      `select extract(epoch from followed.sent_at - first.sent_at)::float8 * 1000 as ms
       from goniec.message first join goniec.message followed on followed.lead_id = first.lead_id and followed.follows_at is not null
       where first.follows_at is null`,
    )
    expect(waits.map(({ ms }) => ms >= 2000)).toEqual([true, true, true])
    const toJan = mailTo(first, 'jan@klient.example')
    expect(header(toJan, 'subject')).toBe('Oferta dla Żółw: gęślą jaźń')
    expect(header(toJan, 'from')).toBe('Anna Żółtowska <anna@firma.example>')
    expect(content(toJan)).toContain('Dzień dobry, Jan.\r\n\r\n-- \r\nAnna Żółtowska, Firma sp. z o.o.')
    expect(await json('campaign', 'show', 'wiosna')).toMatchObject({
      status: 'completed',
      counts: { pending: 0, sending: 0, sent: 6, failed: 0, cancelled: 0, in_doubt: 0 },
    })
  })

  test('a mail tells its planned and actual times, and the server’s words', async () => {
    const { id } = (await json('queue', 'list', '--status', 'sent'))[0]
    const shown = await json('message', 'show', String(id))
    expect(shown).toMatchObject({
      status: 'sent',
      step: 'oferta',
      attempts: [{ state: 'accepted', code: 250, response: expect.stringContaining('OK') as string }],
    })
    const { rfc_message_id, first_planned_at, scheduled_at, sent_at, lateness_ms } = shown
    expect(recorder.mails.map((mail) => mail.headers.get('message-id'))).toContain(rfc_message_id)
    expect(scheduled_at).toBe(first_planned_at)
    // Each is cut to the millisecond by itself.
    expect(Math.abs(Date.parse(sent_at) - Date.parse(scheduled_at) - lateness_ms)).toBeLessThanOrEqual(1)
    expect(shown.events.map(({ type }: { type: string }) => type)).toEqual([
      'planned',
      'claimed',
      'fenced',
      'settled',
      'sent',
    ])
    expect((await done('message', 'show', String(id))).stdout).toContain('250 ')
  })

  test('a response with an attachment arrives once, however often it is asked for', async () => {
    writeFileSync(join(directory, 'cennik.pdf'), '%PDF-1.4 cennik')
    const ask = ['response', 'send', '--to', 'jan@klient.example', '--key', 'oferta-17']
    const args = [...ask, '--text', 'Oto cennik.', '--attach', 'cennik.pdf']
    const asked = await json(...args)
    expect(await json(...args)).toMatchObject({ id: asked.id, created: false })
    const [mail, ...others] = await send()
    expect(others).toEqual([])
    assert(mail, 'the response has arrived')
    expect(mail.to).toEqual(['jan@klient.example'])
    expect(mail.headers.get('references')?.split(' ')).toHaveLength(2)
    expect(mail.headers.has('list-unsubscribe')).toBe(false)
    expect(mail.raw.toString()).toMatch(/filename="?cennik\.pdf"?/)
    expect(mail.raw.toString()).toContain(Buffer.from('%PDF-1.4 cennik').toString('base64'))
    expect(await json(...args)).toMatchObject({ id: asked.id, created: false, status: 'sent' })
    expect(await send()).toEqual([])
  })

  test('the same list again enrolls nobody and mails nobody', async () => {
    const again = await json('lead', 'import', 'leads.csv', '--campaign', 'wiosna')
    expect(again).toMatchObject({ rows: 5, new: 0, known: 3, enrolled: 0, rejected: 2 })
    expect(await send()).toEqual([])
    expect(await json('campaign', 'show', 'wiosna')).toMatchObject({ status: 'completed' })
  })

  test('paused it sends nothing, resumed it goes on where it stopped', async () => {
    writeFileSync(join(directory, 'more.csv'), 'email,imie,firma\nzofia@klient.example,Zofia,Bór\n')
    await done('lead', 'import', 'more.csv', '--campaign', 'wiosna')
    expect(await json('campaign', 'pause', 'wiosna')).toMatchObject({ status: 'paused', already_passed: 0 })
    expect(await send()).toEqual([])
    await done('campaign', 'resume', 'wiosna')
    const mails = await send()
    expect(mails.map(({ to }) => to.join())).toEqual(['zofia@klient.example', 'zofia@klient.example'])
    expect(mails[1]?.headers.get('in-reply-to')).toBe(mails[0]?.headers.get('message-id'))
  })

  test('who has replied gets responses only, who has unsubscribed or is suppressed nothing, who is blocked waits', async () => {
    const names = ['odpisal', 'wypisany', 'konkurent', 'wstrzymany']
    const rows = names.map((name) => `jan@${name}.example,Jan,${name}`)
    writeFileSync(join(directory, 'marked.csv'), ['email,imie,firma', ...rows, ''].join('\n'))
    await done('lead', 'import', 'marked.csv', '--campaign', 'wiosna')
    await done('lead', 'replied', 'jan@odpisal.example', '--yes')
    await done('lead', 'unsubscribe', 'jan@wypisany.example', '--yes')
    await done('suppress', 'add', 'konkurent.example', '--yes')
    await done('lead', 'block', 'jan@wstrzymany.example')
    const respond = ['response', 'send', '--from', 'anna@firma.example', '--subject', 'Tak', '--text', 'Tak.']
    await done(...respond, '--to', 'jan@odpisal.example', '--key', 'pytanie-1')
    const refused = await run(...respond, '--to', 'jan@wypisany.example', '--key', 'pytanie-2')
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('has unsubscribed') as string })
    const waiting = (await json('queue', 'list')).filter(({ lead }: { lead: string }) => lead.includes('wstrzymany'))
    expect(waiting).toMatchObject([{ status: 'pending', reason: 'lead_blocked' }])

    await done('lead', 'unblock', 'jan@wstrzymany.example')
    const mails = await send()
    expect(mails.map(({ to }) => to.join()).sort()).toEqual([
      'jan@odpisal.example',
      'jan@wstrzymany.example',
      'jan@wstrzymany.example',
    ])
    expect(header(mailTo(mails.slice(0, 1), 'jan@odpisal.example'), 'subject')).toBe('Tak')
  })
})

test('nobody was mailed twice for the same step, as the recorder counted', () => {
  const ids = recorder.mails.map((mail) => mail.headers.get('message-id'))
  expect(new Set(ids).size).toBe(ids.length)
})
