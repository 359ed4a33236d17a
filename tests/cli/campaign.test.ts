import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { goniec as run, type Ended } from '../support/goniec.ts'
import { TestWorld } from '../campaigns/world.ts'

// Each command is a process of its own, and other tests run beside these.
vi.setConfig({ testTimeout: 120_000 })

let database: TestDatabase
let world: TestWorld
let campaign: number

beforeEach(async () => {
  database = await createTestDatabase()
  world = new TestWorld(database)
  await world.salesperson()
  await world.mailbox('anna@firma.example', { name: 'Anna' })
  campaign = await world.campaign('spring', { holidays: null }, [
    { key: 'intro', variants: [{ subject: 'For {{ company }}', text: 'Hello', html: '<p>Dzień dobry</p>' }] },
  ])
})

const goniec = (...args: string[]): Promise<Ended> => run(args, { env: { DATABASE_URL: database.url } })

async function json(...args: string[]): Promise<unknown> {
  return JSON.parse((await goniec(...args, '--json')).stdout) as unknown
}

test('list and show print the shape that programs rely on', async () => {
  const sent = await world.enroll(campaign, 'a@klient.example', { company: 'A' })
  await world.enroll(campaign, 'b@klient.example', { company: 'B' })
  await world.attempt(sent, 'accepted')
  const counts = { pending: 1, sending: 0, sent: 1, failed: 0, cancelled: 0, in_doubt: 0 }
  const summary = {
    name: 'spring',
    status: 'draft',
    counts,
    next_at: null,
    starts_on: null,
    salesperson: 'anna@firma.example',
  }
  expect(await json('campaign', 'list')).toEqual([{ ...summary, timezone: 'Europe/Warsaw' }])
  expect(await json('campaign', 'show', 'spring')).toMatchObject({
    ...summary,
    leads: 2,
    planned: 0,
    unplanned: 1,
    held: 0,
    last_sent_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string,
    window: { from: '09:00', to: '17:00', days: ['mon', 'tue', 'wed', 'thu', 'fri'] },
    mailboxes: [{ address: 'anna@firma.example', status: 'active', status_reason: null }],
    steps: [{ key: 'intro', retired: false, variants: ['A'], counts }],
  })
})

test('the next planned time is shown of campaigns that send, in their own zone for people', async () => {
  const id = await world.enroll(campaign, 'a@klient.example', { company: 'A' })
  await database.query(
    `update goniec.message set mailbox_id = 1, scheduled_at = '2031-07-01 08:30Z', window_closes_at = '2031-07-01 15:00Z' where id = $1`,
    [id],
  )
  await database.query(`update goniec.campaign set timezone = 'America/New_York', status = 'running'`)
  expect(await json('campaign', 'list')).toMatchObject([{ next_at: '2031-07-01T08:30:00.000Z' }])
  expect((await goniec('campaign', 'list')).stdout).toContain('2031-07-01 04:30')
  await goniec('campaign', 'pause', 'spring')
  expect(await json('campaign', 'list')).toMatchObject([{ status: 'paused', next_at: null }])
})

test('a check ends 3 with problems and 0 with warnings alone', async () => {
  await world.enroll(campaign, 'a@klient.example', { firm: 'A' })
  const bad = await goniec('campaign', 'check', 'spring', '--no-login')
  expect(bad).toMatchObject({ code: 3, stderr: 'Campaign "spring": 1 problem, no warnings.\n' })
  expect(bad.stdout).toContain('Problem: no lead has the field "company"\n  Try: fill it in')
  expect(bad.stdout).toMatch(/a@klient\.example +intro +A +company\n$/)
  await database.query(`update goniec.enrollment set fields = '{"company": "A"}'`)
  await database.query('update goniec.installation set paused_at = now()')
  const good = await goniec('campaign', 'check', 'spring', '--no-login', '--json')
  expect(good.code).toBe(0)
  expect(JSON.parse(good.stdout)).toMatchObject({
    ok: true,
    problems: [],
    warnings: [{ code: 'braked' }],
    leads: { to_mail: 1 },
  })
})

test('start refuses with the reasons, says what a dry run would do, and needs a yes', async () => {
  await world.enroll(campaign, 'a@klient.example')
  const refused = await goniec('campaign', 'start', 'spring', '--no-login', '--yes')
  expect(refused.code).toBe(1)
  expect(refused.stdout).toContain('Problem: no lead has the field "company"')
  expect(refused.stderr).toContain('Error: campaign "spring" is not started: no lead has the field "company"\nTry: ')
  await database.query(`update goniec.enrollment set fields = '{"company": "A"}'`)
  expect(await goniec('campaign', 'start', 'spring', '--no-login', '--dry-run')).toMatchObject({ code: 0 })
  expect(await goniec('campaign', 'start', 'spring', '--no-login')).toMatchObject({ code: 2 })
  expect(await json('campaign', 'show', 'spring')).toMatchObject({ status: 'draft' })
  expect(await json('campaign', 'start', 'spring', '--no-login', '--yes')).toMatchObject({
    status: 'running',
    started: true,
  })
  const again = await goniec('campaign', 'start', 'spring', '--no-login', '--yes')
  expect(again).toMatchObject({
    code: 1,
    stderr: 'Error: campaign "spring" is running\nTry: goniec campaign show spring\n',
  })
})

test('pause, resume and cancel say what they did', async () => {
  await world.enroll(campaign, 'a@klient.example')
  const doubtful = await world.enroll(campaign, 'b@klient.example')
  await world.attempt(doubtful, 'in_doubt')
  await database.query(`update goniec.campaign set status = 'running', started_at = now()`)
  expect(await json('campaign', 'pause', 'spring')).toEqual({
    name: 'spring',
    status: 'paused',
    changed: true,
    already_passed: 0,
  })
  expect(await json('campaign', 'resume', 'spring')).toEqual({ name: 'spring', status: 'running', starts_on: null })
  const open = { pending: 1, sending: 0, in_doubt: 1, doubts: [{ id: doubtful, lead: 'b@klient.example' }] }
  expect(await json('campaign', 'cancel', 'spring', '--dry-run')).toEqual({
    name: 'spring',
    dry_run: true,
    cancelled: 0,
    open,
  })
  const cancelled = await goniec('campaign', 'cancel', 'spring', '--yes')
  expect(cancelled.stderr).toContain(
    'Cancelled campaign "spring"; mails cancelled: 1. No more mail of its steps goes out.',
  )
  expect(cancelled.stderr).toContain(`message ${doubtful} to b@klient.example\nNext: goniec doubt list`)
  const late = await goniec('campaign', 'resume', 'spring')
  expect(late).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('is cancelled, and that is for good') as string,
  })
})

test('the brake takes exactly one of its flags', async () => {
  expect((await goniec('pause')).code).toBe(2)
  expect((await goniec('pause', '--all', '--salesperson', 'anna@firma.example')).code).toBe(2)
  expect(await json('pause', '--all')).toMatchObject({ all: true, changed: true, already_passed: 0 })
  expect(await json('resume', '--all')).toEqual({ all: true, changed: true, still_paused: [] })
  expect(await json('pause', '--salesperson', 'anna@firma.example')).toMatchObject({
    salesperson: 'anna@firma.example',
  })
})

test('a preview prints headers and text, and writes the HTML part to a file', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'goniec-preview-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  await world.enroll(campaign, 'a@klient.example', { company: 'Żółw' })
  const file = join(directory, 'mail.html')
  const shown = await goniec('campaign', 'preview', 'spring', '--lead', 'a@klient.example', '--html', file)
  expect(shown.stdout).toMatch(
    /^From: Anna <anna@firma\.example>\nTo: a@klient\.example\nSubject: For Żółw\nMessage-ID: <.+>\n/,
  )
  expect(shown.stdout).toMatch(/\n\nHello\n$/)
  expect(readFileSync(file, 'utf8')).toBe('\uFEFF<p>Dzień dobry</p>')
  expect(await json('campaign', 'preview', 'spring')).toMatchObject({
    lead: 'a@klient.example',
    subject: 'For Żółw',
    status: 'pending',
  })
  expect(await goniec('campaign', 'preview', 'spring', '--lead', 'x@klient.example')).toMatchObject({ code: 1 })
})

test('a test says what was queued, and that nobody is there to send it', async () => {
  await world.enroll(campaign, 'a@klient.example', { company: 'ABC' })
  expect((await goniec('campaign', 'test', 'spring')).code).toBe(2)
  const queued = await goniec('campaign', 'test', 'spring', '--to', 'me@firma.example')
  expect(queued.stderr).toMatch(
    /^Queued as message 2: "\[Test\] For ABC" \(step intro, variant A, as for a@klient\.example\) to me@firma\.example, from anna@firma\.example, .+ at the earliest\.\nNo worker is running\. Next: goniec worker\n$/,
  )
  const dry = await json('campaign', 'test', 'spring', '--to', 'me@firma.example', '--dry-run')
  expect(dry).toMatchObject({ id: null, dry_run: true, worker_is_running: false, mailbox: 'anna@firma.example' })
})

test('an unknown campaign gets the nearest name', async () => {
  for (const verb of ['show', 'start', 'cancel']) {
    expect(await goniec('campaign', verb, 'sprng')).toMatchObject({
      code: 1,
      stderr: 'Error: there is no campaign "sprng"; did you mean "spring"?\nTry: goniec campaign show spring\n',
    })
  }
})
