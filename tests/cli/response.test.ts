import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { settledMail } from '../delivery/in-state.ts'
import { setClock } from '../support/clock.ts'
import { createTestDatabase } from '../support/database.ts'
import { goniec, type Ended } from '../support/goniec.ts'
import { NOON, World } from '../support/world.ts'

const database = await createTestDatabase()
await setClock(database, NOON)
const world = new World(database.pool)
const directory = mkdtempSync(join(tmpdir(), 'goniec-response-'))
afterAll(() => rmSync(directory, { recursive: true }))

await world.campaign({ name: 'spring-offer' })
const lead = await world.lead({ email: 'jan@klient.example' })
await settledMail(
  world,
  { outcome: 'accepted' },
  { lead, mailbox: await world.mailbox({ address: 'anna@firma.example' }) },
)

const send = (args: string[], input = ''): Promise<Ended> =>
  goniec(['response', 'send', '--to', 'Jan@Klient.example', ...args], {
    env: { DATABASE_URL: database.url },
    cwd: directory,
    input,
  })

test('a response is queued once, however often it is asked for', async () => {
  writeFileSync(join(directory, 'offer.txt'), 'Zażółć gęślą jaźń\n')
  writeFileSync(join(directory, 'list.pdf'), '%PDF-')
  const args = [
    '--key',
    't-1',
    '--text-file',
    'offer.txt',
    '--attach',
    'list.pdf',
    'offer.txt',
    '--at',
    '2026-12-02 09:30',
    '--json',
  ]
  const rehearsed = await send([...args, '--dry-run'])
  expect(JSON.parse(rehearsed.stdout)).toMatchObject({
    id: null,
    created: false,
    dry_run: true,
    mailbox: 'anna@firma.example',
  })

  const first = await send(args)
  expect(first.stderr).toMatch(
    /^Queued message \d+ to Jan@Klient\.example from anna@firma\.example: it goes not before 2026-12-02 09:30:00 \(Europe\/Warsaw\)\.\n/,
  )
  const asked = JSON.parse(first.stdout)
  expect(asked).toMatchObject({
    status: 'pending',
    scheduled_at: null,
    created: true,
    not_before: '2026-12-02T08:30:00.000Z',
  })
  expect(await world.row('message_material', asked.id, 'message_id')).toMatchObject({
    text: 'Zażółć gęślą jaźń\n',
    attachments: [
      { filename: 'list.pdf', contentType: 'application/pdf', content: 'JVBERi0=' },
      { filename: 'offer.txt', contentType: 'text/plain' },
    ],
  })

  const second = await send(args)
  expect(JSON.parse(second.stdout)).toMatchObject({ id: asked.id, created: false })
  expect(second.stderr).toContain(`Response "t-1" was asked for already: message ${asked.id} is pending.`)
  const other = await send(['--key', 't-1', '--text', 'Other.'])
  expect(other).toMatchObject({ code: 1, stderr: expect.stringMatching(/was already asked for, with other content/) })
})

test('a second one on the same day needs --again', async () => {
  expect(await send(['--key', 't-2', '--text', 'Hello', '--at', '2026-12-02 15:00'])).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/already has a response of this campaign on 2026-12-02\nTry: .*--again/),
  })
  expect(
    await send(['--key', 't-2', '--text-file', '-', '--at', '2026-12-02 15:00', '--again'], 'From a pipe'),
  ).toMatchObject({ code: 0 })
  expect(await world.value(`select text from goniec.message_material where text = 'From a pipe'`)).toBe('From a pipe')
})

test.each([
  [['--text', 'x', '--text-file', 'offer.txt'], 2, /--text and --text-file are given/],
  [[], 2, /a response needs a text/],
  [['--text', 'x', '--at', 'tomorrow'], 2, /--at is not a time: "tomorrow"/],
  [['--text', 'x', '--attach', 'nothing.pdf'], 1, /nothing\.pdf cannot be used: there is no such file/],
  [
    ['--text', 'x', '--from', 'ana@firma.example'],
    1,
    /there is no mailbox "ana@firma\.example"; did you mean "anna@firma\.example"\?/,
  ],
])('%j ends %i and says what is wrong', async (args, code, words) => {
  writeFileSync(join(directory, 'offer.txt'), 'text')
  const ended = await send(['--key', 't-3', ...args])
  expect({ code: ended.code, stderr: ended.stderr }).toEqual({ code, stderr: expect.stringMatching(words) })
  expect(ended.stderr).toMatch(/\nTry: /)
})

const to = (address: string): Promise<Ended> =>
  goniec(['response', 'send', '--key', 't-4', '--text', 'x', '--to', address], {
    env: { DATABASE_URL: database.url },
  })

test('to somebody who is no lead, or has unsubscribed, nothing is queued', async () => {
  expect(await to('nobody@klient.example')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('there is no lead'),
  })
  expect(await to('no address')).toMatchObject({ code: 2 })
  await world.update('lead', lead, { unsubscribed_at: NOON })
  expect(await to('jan@klient.example')).toMatchObject({ code: 1, stderr: expect.stringContaining('has unsubscribed') })
})
