import { beforeEach, expect, test } from 'vitest'
import { checkCampaign, type CheckOptions } from '../../src/campaigns/check/check.ts'
import type { CheckReport } from '../../src/campaigns/check/report.ts'
import { Temporal } from '../../src/time.ts'
import { setClock } from '../support/clock.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { withLoginWorker } from './login-worker.ts'
import { TestWorld, type TestStep } from './world.ts'

const OPTIONS: CheckOptions = { keep: 20, logins: undefined }

let database: TestDatabase
let world: TestWorld

beforeEach(async () => {
  database = await createTestDatabase()
  world = new TestWorld(database)
  await setClock(database, Temporal.Instant.from('2026-12-01T11:00:00Z'))
  await world.salesperson()
})

test('a campaign with nothing wrong has no problems and no warnings', async () => {
  await world.mailbox()
  await world.enroll(await world.campaign('spring'), 'jan@klient.example')
  const report = await check()
  expect(report).toMatchObject({ name: 'spring', status: 'draft', problems: [], warnings: [], logins: [] })
  expect(report.leads).toEqual({ toMail: 1, notMailable: 0, mails: 1, incomplete: 0, problems: [] })
  expect(report.capacity).toEqual({ sendingDays: 1, mailsPerDay: 320, sharedWith: 0 })
})

test('a campaign without leads, mailboxes and steps is told all three', async () => {
  await world.campaign('spring', {}, [])
  expect(codes(await check())).toEqual({ problems: ['no_leads', 'no_steps', 'no_mailbox'], warnings: [] })
})

test('leads who may not be mailed are nobody to send to', async () => {
  await world.mailbox()
  const id = await world.campaign('spring')
  for (const lead of ['a@x.example', 'b@x.example', 'c@x.example', 'd@sub.suppressed.example'])
    await world.enroll(id, lead)
  await database.query(`update goniec.lead set blocked_at = goniec.now() where email = 'a@x.example'`)
  await database.query(`update goniec.lead set replied_at = goniec.now() where email = 'b@x.example'`)
  await database.query(
    `update goniec.enrollment set removed_at = goniec.now() where lead_id = (select id from goniec.lead where email = 'c@x.example')`,
  )
  await database.query(`insert into goniec.suppression (value) values ('suppressed.example')`)
  const report = await check()
  expect(report.problems).toEqual([
    expect.objectContaining({ code: 'no_leads', text: expect.stringContaining('all 4 leads') as string }),
  ])
  expect(report.leads).toMatchObject({ toMail: 0, notMailable: 4 })
})

test('a mailbox that cannot send is a warning beside one that can, and a problem alone', async () => {
  await world.mailbox('anna@firma.example', { status: 'broken', status_reason: '535 5.7.8 bad password' })
  await world.mailbox('biuro@firma.example', { status: 'paused' })
  await world.mailbox('nic@firma.example', { daily_limit: 0 })
  await world.enroll(await world.campaign('spring'), 'jan@klient.example')
  const report = await check()
  expect(report.problems.map(({ text }) => text)).toEqual([
    'the campaign has no usable mailbox',
    'mailbox anna@firma.example is broken: 535 5.7.8 bad password',
    'mailbox biuro@firma.example is paused',
    'mailbox nic@firma.example may send 0 mails a day',
  ])
  expect(report.problems[1]?.hint).toBe('goniec mailbox resume anna@firma.example')
  await database.query(`update goniec.mailbox set status = 'active' where address like 'biuro%'`)
  expect(codes(await check())).toEqual({ problems: [], warnings: ['mailbox_unusable', 'mailbox_unusable'] })
})

test('a window that never opens is a problem', async () => {
  await world.mailbox()
  await world.enroll(await world.campaign('spring', { window_days: ['sun'], holidays: 'XX' }), 'jan@klient.example')
  expect((await check()).problems.map(({ text }) => text)).toEqual(['there are no holidays of "XX"'])
  // 02:30 to 02:45 on the one Sunday that has no such time, every year; other days are skipped by hand.
  const sundays = Array.from({ length: 200 }, (_, week) =>
    Temporal.PlainDate.from('2026-12-06').add({ weeks: week }).toString(),
  )
  await database.query('update goniec.campaign set holidays = null, skip_dates = $1', [sundays])
  const report = await check()
  expect(codes(report).problems).toEqual(['never_open'])
  expect(report.problems[0]?.text).toBe('the window 09:00–17:00 on sun does not open on any day within two years')
})

test('every text is rendered for every lead: missing and blank fields are listed with who misses them', async () => {
  await world.mailbox()
  const id = await world.campaign('spring', {}, STEPS)
  await world.enroll(id, 'all@klient.example', { name: 'Jan', company: 'ABC' })
  await world.enroll(id, 'blank@klient.example', { name: 'Ola', company: '   ' })
  await world.enroll(id, 'none@klient.example', { firm: 'ABC' })
  const report = await check()
  expect(report.problems).toEqual([
    expect.objectContaining({ code: 'field_missing', text: '2 of 3 leads do not have the field "company"' }),
    expect.objectContaining({ code: 'field_missing', text: '1 of 3 leads do not have the field "name"' }),
  ])
  expect(report.leads).toMatchObject({ toMail: 3, incomplete: 2, mails: 6 })
  expect(report.leads.problems).toEqual([
    { lead: 'blank@klient.example', step: 'intro', variant: 'B', missing: ['company'], problem: null },
    { lead: 'none@klient.example', step: 'intro', variant: 'A', missing: ['name'], problem: null },
    { lead: 'none@klient.example', step: 'intro', variant: 'B', missing: ['company'], problem: null },
    { lead: 'none@klient.example', step: 'reminder', variant: 'A', missing: ['name'], problem: null },
  ])
})

test('only as many leads are kept as are shown, and all are counted', async () => {
  await world.mailbox()
  const id = await world.campaign('spring', {}, [{ key: 'intro', variants: [{ subject: 'Hi {{ nmae }}', text: 'x' }] }])
  for (let n = 0; n < 5; n += 1) await world.enroll(id, `lead${n}@klient.example`, { name: 'Jan' })
  const report = await check({ ...OPTIONS, keep: 2 })
  expect(report.leads.incomplete).toBe(5)
  expect(report.leads.problems.map(({ lead }) => lead)).toEqual(['lead0@klient.example', 'lead1@klient.example'])
  expect(report.problems[0]?.text).toBe('no lead has the field "nmae"; did you mean "name"?')
})

test('a lead is checked against the steps that are still to come', async () => {
  await world.mailbox()
  const id = await world.campaign('spring', {}, STEPS)
  const message = await world.enroll(id, 'jan@klient.example', { name: 'Jan' })
  await world.attempt(message, 'accepted', { rfcMessageId: '<a@b.example>' })
  await database.query(`insert into goniec.message_content (message_id, attempt_id, subject) values ($1, 1, 'Hi')`, [
    message,
  ])
  expect((await check()).leads).toMatchObject({ toMail: 1, mails: 1, incomplete: 0 })
  await database.query('update goniec.message_content set subject = null')
  const report = await check()
  expect(report.problems).toEqual([
    expect.objectContaining({
      code: 'mail_impossible',
      text: 'the mails of 1 leads cannot be made; the first, to jan@klient.example: it answers the mail before, whose Message-ID or subject is not known',
    }),
  ])
})

test('what is wrong with a text itself is told once, not for every lead', async () => {
  await world.mailbox()
  const id = await world.campaign('spring', {}, [
    { key: 'intro', variants: [{ subject: null, text: 'Hello {{ name' }] },
    { key: 'next', waitDays: 1, variants: [{ subject: '', text: '{% if x %}{% endif %}' }] },
  ])
  await world.enroll(id, 'a@klient.example')
  await world.enroll(id, 'b@klient.example')
  const report = await check()
  expect(codes(report).problems).toEqual(['mail_impossible', 'template_invalid', 'subject_empty', 'no_subject'])
  expect(report.leads.problems).toHaveLength(2)
  expect(report.leads.problems[0]).toMatchObject({ step: 'next', problem: 'the text is empty' })
})

test('follow-ups are a warning while replies are only marked by hand', async () => {
  await world.mailbox()
  await world.enroll(await world.campaign('spring', {}, STEPS), 'jan@klient.example', { name: 'J', company: 'A' })
  expect(codes(await check())).toEqual({ problems: [], warnings: ['replies_by_hand'] })
})

test('capacity is reckoned from the tightest limit, warm-up included, and long campaigns are a warning', async () => {
  await world.mailbox('anna@firma.example', { daily_limit: 10, warmup_started: '2026-12-01' })
  const id = await world.campaign('spring')
  await world.campaign('other', { status: 'running' })
  for (let n = 0; n < 60; n += 1) await world.enroll(id, `lead${n}@klient.example`)
  const report = await check()
  // Days 1 to 7 of the warm-up allow 5 a day, 5 of them are sending days (1 to 4 and 7 December); then 10 a day.
  expect(report.capacity).toEqual({ sendingDays: 9, mailsPerDay: 10, sharedWith: 1 })
  expect(report.warnings.map(({ text }) => text)).toEqual([
    '60 mails at up to 10 a day take about 9 sending days, and 1 other campaigns use the same mailboxes',
  ])
  await database.query('update goniec.salesperson set daily_limit = 0')
  expect(codes(await check()).problems).toEqual(['no_capacity'])
})

test('a pulled brake is a warning', async () => {
  await world.mailbox()
  await world.enroll(await world.campaign('spring'), 'jan@klient.example')
  await database.query('update goniec.installation set paused_at = goniec.now()')
  await database.query('update goniec.salesperson set paused_at = goniec.now()')
  expect((await check()).warnings.map(({ hint }) => hint)).toEqual([
    'goniec resume --all',
    'goniec resume --salesperson anna@firma.example',
  ])
})

test('logins are tried by a worker, and one that fails is a problem', async () => {
  const good = await world.mailbox('anna@firma.example')
  await world.mailbox('biuro@firma.example')
  await world.mailbox('stop@firma.example', { status: 'paused' })
  await world.enroll(await world.campaign('spring'), 'jan@klient.example')
  const answer = (mailbox: number): string => (mailbox === good ? '235 ok' : '535 5.7.8 bad password')
  const report = await withLoginWorker(database, answer, () => check({ ...OPTIONS, logins: { timeoutMs: 10_000 } }))
  expect(report.logins).toEqual([
    { mailbox: 'anna@firma.example', ok: true, response: '235 ok' },
    { mailbox: 'biuro@firma.example', ok: false, response: '535 5.7.8 bad password' },
  ])
  expect(report.problems.map(({ text }) => text)).toEqual([
    'mailbox biuro@firma.example cannot be logged in to: 535 5.7.8 bad password',
  ])
})

test('without a worker the logins are not tried, and that is only a warning', async () => {
  await world.mailbox()
  await world.enroll(await world.campaign('spring'), 'jan@klient.example')
  const report = await check({ ...OPTIONS, logins: { timeoutMs: 50 } })
  expect(codes(report)).toEqual({ problems: [], warnings: ['login_not_tried'] })
  expect(report.warnings[0]?.text).toBe('login not tried: no worker answered for anna@firma.example')
})

const STEPS: TestStep[] = [
  {
    key: 'intro',
    variants: [
      { letter: 'A', subject: 'Hi {{ name }}', text: 'Good day.' },
      { letter: 'B', subject: 'Hi', text: 'For {{ company }}', html: '<p>{{ company }}</p>' },
    ],
  },
  { key: 'reminder', waitDays: 2, variants: [{ subject: null, text: 'And, {{ name }}?' }] },
]

async function check(options: CheckOptions = OPTIONS): Promise<CheckReport> {
  return await checkCampaign(database, 'spring', options)
}

function codes({ problems, warnings }: CheckReport): { problems: string[]; warnings: string[] } {
  return { problems: problems.map(({ code }) => code), warnings: warnings.map(({ code }) => code) }
}
