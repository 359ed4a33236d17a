import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { setClock } from '../support/clock.ts'
import { createTestDatabase } from '../support/database.ts'
import { goniec } from '../support/goniec.ts'
import { readWellFormed } from '../support/well-formed.ts'
import { NOON, World } from '../support/world.ts'

const database = await createTestDatabase()
await setClock(database, NOON)
const world = new World(database.pool)
const env = { DATABASE_URL: database.url }

// Four a day from Tuesday noon on: the fifth and the sixth mail go on Wednesday, and each one's follow-up three days later.
await world.mailbox({ address: 'anna@firma.example', daily_limit: 4 })
await world.campaign({ name: 'spring-offer', steps: ['intro', 'reminder'] })
await database.query(
  'insert into goniec.campaign_mailbox (campaign_id, mailbox_id) select c.id, b.id from goniec.campaign c, goniec.mailbox b',
)
await database.query(`update goniec.step set wait_days = 3 where key = 'reminder'`)
for (let n = 0; n < 6; n++) await world.mail({ dueInMs: null })

const day = (text: string, firstMails: number, followUps: number, binding: string): object => ({
  day: text,
  first_mails: firstMails,
  follow_ups: followUps,
  mails: firstMails + followUps,
  binding,
})

test('the forecast as JSON has the documented fields, and a day for each day that a campaign sends', async () => {
  const { code, stdout, stderr } = await goniec(['forecast', 'spring-offer', '--json'], { env })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(JSON.parse(stdout)).toEqual({
    made_at: '2026-12-01T11:00:00.000Z',
    time_zone: 'Europe/Warsaw',
    source: 'reckoned',
    campaigns: [
      {
        campaign: 'spring-offer',
        status: 'running',
        timezone: 'Europe/Warsaw',
        sent: 0,
        mails: 12,
        days: [
          day('2026-12-01', 4, 0, 'mailbox_limit'),
          day('2026-12-02', 2, 0, 'all_planned'),
          day('2026-12-03', 0, 0, 'all_planned'),
          day('2026-12-04', 0, 4, 'all_planned'),
          day('2026-12-07', 0, 2, 'all_planned'),
        ],
        first_mails_end: '2026-12-02',
        follow_ups_end: '2026-12-07',
        finish: { earliest: '2026-12-07', likely: '2026-12-07', latest: '2026-12-08', extrapolated: false },
        never: [],
      },
    ],
  })
})

test('people get a line for each campaign, and with a name a bar for each of its days', async () => {
  const all = await goniec(['forecast'], { env })
  expect(all.stdout).toMatch(
    /^campaign +status +sent +to go +first mails end +follow-ups end +done +80 % between +binds most\n/,
  )
  expect(all.stdout).toMatch(
    /spring-offer +running +0 +12 +2026-12-02 +2026-12-07 +2026-12-07 .* limit of the mailboxes\n/,
  )
  const one = await goniec(['forecast', 'spring-offer'], { env })
  expect(one.stdout).toMatch(/^Tue 2026-12-01 {2}4 {2}█+ {2}limit of the mailboxes$/m)
  expect(one.stdout).toMatch(/^Fri 2026-12-04 {2}4 {2}░+ {2}no limit$/m)
})

test('the page of one campaign, or of all, is written to its file', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'goniec-forecast-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'page.html')
  for (const args of [['forecast', 'spring-offer'], ['forecast']]) {
    const { code, stderr } = await goniec([...args, '--html', file], { env })
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: `The page is in ${file}: open it in a browser, or print it.\n`,
    })
    const page = readFileSync(file, 'utf8')
    expect(readWellFormed(page).length).toBeGreaterThan(50)
    expect(page).toContain('data-day="2026-12-07"')
  }
})

test('what is paused is named: everything, the salesperson, or the campaign', async () => {
  const stops = [
    ['goniec.installation set paused_at', 'all_paused', 'everything is paused'],
    ['goniec.salesperson set paused_at', 'salesperson_paused', 'its salesperson is paused'],
    ['goniec.campaign set status', 'campaign_paused', 'its campaign is paused'],
  ] as const
  for (const [what, reason, words] of stops) {
    const isCampaign = reason === 'campaign_paused'
    await database.query(`update ${what} = ${isCampaign ? `'paused'` : 'goniec.now()'}`)
    const { stdout } = await goniec(['forecast', 'spring-offer', '--json'], { env })
    expect(JSON.parse(stdout).campaigns[0]).toMatchObject({ mails: 0, finish: null, never: [{ reason, mails: 6 }] })
    const people = await goniec(['forecast', 'spring-offer'], { env })
    expect(people.stdout).toContain(`6 mails will not go out as things stand: ${words}\n`)
    await database.query(`update ${what} = ${isCampaign ? `'running'` : 'null'}`)
  }
})

test('a limit of 0 is named where it keeps mails for ever', async () => {
  await database.query('update goniec.campaign set daily_limit = 0')
  const { stdout } = await goniec(['forecast', 'spring-offer'], { env })
  expect(stdout).toContain(
    '6 mails will not go out as things stand: on no day there is room for them, as with a limit of 0\n',
  )
  await database.query('update goniec.campaign set daily_limit = null')
})

test('an unknown campaign gets the nearest name', async () => {
  const { code, stderr } = await goniec(['forecast', 'spring-ofer'], { env })
  expect(`${code} ${stderr.split('\n')[0]}`).toBe(
    '1 Error: there is no campaign "spring-ofer"; did you mean "spring-offer"?',
  )
})

test('a campaign that has nothing to send is not one that never ends', async () => {
  await world.campaign({ name: 'empty-offer' })
  const { stdout } = await goniec(['forecast'], { env })
  const done = Object.fromEntries(stdout.split('\n').map((line) => [line.split(/ {2,}/)[0], line.includes('never')]))
  expect(done).toMatchObject({ 'empty-offer': false })
})
