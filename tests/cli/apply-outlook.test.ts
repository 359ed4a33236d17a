/** What a change means for a campaign that runs is told before it is made: mails that move, and the finish before and after. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { runPlan } from '../../src/campaigns/plan/run.ts'
import { setClock } from '../support/clock.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { recordForecasts } from '../../src/reports/forecast/record.ts'
import { NOON } from '../support/world.ts'
import { finishWords } from '../../src/cli/apply/describe-outlook.ts'
import { runGoniec } from './run-goniec.ts'

let database: TestDatabase
let directory = ''

/** Ten a day from Tuesday noon on, with sixty leads: first mails until 8 December, the last follow-up on 16 December. */
const TEAM = `
salespeople: [{ email: anna@firma.example, name: Anna }]
mailboxes:
  - { address: anna@firma.example, salesperson: anna@firma.example, daily_limit: 10, smtp: { host: smtp.firma.example } }
  - { address: ania@firma.example, salesperson: anna@firma.example, daily_limit: 10, smtp: { host: smtp.firma.example } }
campaigns:
  - name: spring
    salesperson: anna@firma.example
    mailboxes: [anna@firma.example]
    delay: 90s
    steps:
      - { key: intro, variants: [{ letter: A, subject: Hello, text: Good day. }] }
      - { key: reminder, wait: 3d, variants: [{ letter: A, text: Once more. }] }
`

const goniec = (...args: string[]) => runGoniec(args, { url: database.url, cwd: directory })
const write = (text: string) => writeFileSync(join(directory, 'team.yaml'), text)

beforeAll(async () => {
  database = await createTestDatabase()
  await setClock(database, NOON)
  directory = mkdtempSync(join(tmpdir(), 'goniec-outlook-'))
  write(TEAM)
  await goniec('apply', 'team.yaml')
  const leads = Array.from({ length: 60 }, (_, n) => `lead-${n}@klient.example`)
  writeFileSync(join(directory, 'leads.csv'), ['email', ...leads].join('\n'))
  await goniec('lead', 'import', 'leads.csv', '--campaign', 'spring')
  await database.query(`update goniec.campaign set status = 'running', started_at = goniec.now()`)
  await runPlan(database)
}, 60_000)
afterAll(() => rmSync(directory, { recursive: true }))

interface Outlook {
  campaign: string
  moved: number
  mails: { before: number; after: number }
  finish: Record<'before' | 'after', { likely: string } | null>
  past_the_end: number
}

/** What a dry run says of the team with this change. */
async function outlookOf(
  from: string,
  to: string,
): Promise<Omit<Outlook, 'finish'> & Record<'before' | 'after', string | undefined>> {
  // prettier-ignore
  write(TEAM.replace(from, to))
  const { stdout, stderr } = await goniec('apply', 'team.yaml', '--dry-run', '--json')
  expect(stderr).toBe('Dry run: nothing was changed.\n')
  const [{ finish, ...rest }] = JSON.parse(stdout).outlook as [Outlook]
  return { ...rest, before: finish.before?.likely, after: finish.after?.likely }
}

const ROOMY = {
  campaign: 'spring',
  moved: 0,
  mails: { before: 120, after: 120 },
  past_the_end: 0,
  before: '2026-12-16',
}

test('a limit that is raised is told and asked for too, where no mail has a time that it would void', async () => {
  const none = TEAM.replace('anna@firma.example, daily_limit: 10', 'anna@firma.example, daily_limit: 0')
  write(none)
  expect((await goniec('apply', 'team.yaml', '--yes')).stdout).toContain('spring: 60 mails move; mails to go 120 → 0')
  await runPlan(database)
  write(TEAM)
  const { stdout, code } = await goniec('apply', 'team.yaml')
  expect(stdout).toContain('spring: no mail moves; mails to go 0 → 120; never done → done on 2026-12-16')
  expect(code).toBe(2)
  await goniec('apply', 'team.yaml', '--yes')
  await runPlan(database)
})

test('another text moves nothing, and is told so', async () => {
  expect(await outlookOf('Good day.', 'Good evening.')).toEqual({ ...ROOMY, after: '2026-12-16' })
  const { stdout } = await goniec('apply', 'team.yaml', '--dry-run')
  expect(stdout).toMatch(/\nspring: no mail moves; done on 2026-12-16 as before/)
})

test('a lower limit, a smaller window, a longer delay and fewer days move mails, and end later', async () => {
  expect(await outlookOf('delay: 90s', 'delay: 90s\n    daily_limit: 5')).toMatchObject({
    moved: 30,
    after: '2027-01-08',
  })
  const window = await outlookOf('delay: 90s', 'delay: 90s\n    window: { from: "12:30", to: "12:45" }')
  expect(window.moved).toBeGreaterThan(50)
  const late = await outlookOf('delay: 90s', 'delay: 1h')
  expect([late.moved > 50, (late.after ?? '') > '2026-12-16']).toEqual([true, true])
  const days = await outlookOf('delay: 90s', 'delay: 90s\n    window: { days: [tue] }')
  expect([days.moved, (days.after ?? '') > '2027-02-01']).toEqual([40, true])
})

test('the first limit of recipient domains ends later', async () => {
  const limited = await outlookOf('salespeople:', 'domain_limits: { daily_limit: 5 }\nsalespeople:')
  expect(limited).toMatchObject({ before: '2026-12-16', after: '2027-01-08' })
})

test('a longer contact gap ends later', async () => {
  await database.query(
    `insert into goniec.lead_day (lead_id, day, campaign_id) select l.id, '2026-11-27', 0 from goniec.lead l`,
  )
  onTestFinished(async () => void (await database.query('delete from goniec.lead_day where campaign_id = 0')))
  const longer = await outlookOf('delay: 90s', 'delay: 90s\n    contact_gap: 30d')
  expect(longer).toMatchObject({ before: '2026-12-16', after: '2027-01-18' })
})

test('another mailbox ends earlier, and what it will send is not moved for it today and tomorrow', async () => {
  const { moved, after } = await outlookOf(
    'mailboxes: [anna@firma.example]',
    'mailboxes: [anna@firma.example, ania@firma.example]',
  )
  expect([moved, (after ?? '') < '2026-12-16']).toEqual([0, true])
})

test('a step that is added is more mails, and whoever had the last one does not get it; one that is removed is fewer', async () => {
  const steps = `- { key: reminder, wait: 3d, variants: [{ letter: A, text: Once more. }] }`
  expect(
    await outlookOf(steps, `${steps}\n      - { key: last, wait: 5d, variants: [{ letter: A, text: The last. }] }`),
  ).toMatchObject({
    moved: 0,
    mails: { before: 120, after: 180 },
  })
  expect(await outlookOf(steps, '')).toMatchObject({ moved: 0, mails: { before: 120, after: 60 }, after: '2026-12-08' })
})

test('what is told is what happens: as many mails move, and the campaign is forecast to end on that day', async () => {
  const told = await outlookOf('delay: 90s', 'delay: 90s\n    daily_limit: 5')
  await goniec('apply', 'team.yaml', '--yes')
  const { moved, withdrawn } = await runPlan(database)
  expect(moved + withdrawn).toBe(told.moved)
  const { stdout } = await goniec('forecast', 'spring', '--json')
  expect(JSON.parse(stdout).campaigns[0].finish.likely).toBe(told.after)
})

const starting = (day: string) => write(TEAM.replace('delay: 90s', `delay: 90s\n    starts_on: ${day}`))

test('a scheduled campaign that is to begin earlier, or later, ends so', async () => {
  const own = await createTestDatabase()
  await setClock(own, NOON)
  const inOwn = (...args: string[]) => runGoniec(args, { url: own.url, cwd: directory })
  starting('2026-12-14')
  await inOwn('apply', 'team.yaml')
  await inOwn('lead', 'import', 'leads.csv', '--campaign', 'spring')
  await own.query(`update goniec.campaign set status = 'scheduled'`)
  const finishes = async (day: string): Promise<unknown> => {
    starting(day)
    const { stdout } = await inOwn('apply', 'team.yaml', '--dry-run', '--json')
    const [{ finish }] = JSON.parse(stdout).outlook as [Outlook]
    return [finish.before?.likely, finish.after?.likely]
  }
  expect(await finishes('2026-12-07')).toEqual(['2027-01-04', '2026-12-22'])
  expect(await finishes('2026-12-21')).toEqual(['2027-01-04', '2027-01-11'])
})

test('leads that come into a campaign under way make it later, and the import says until when', async () => {
  const more = Array.from({ length: 30 }, (_, n) => `more-${n}@klient.example`)
  writeFileSync(join(directory, 'more.csv'), ['email', ...more].join('\n'))
  const dry = await goniec('lead', 'import', 'more.csv', '--campaign', 'spring', '--dry-run')
  expect(dry.stderr).not.toContain('done on')
  const { stderr } = await goniec('lead', 'import', 'more.csv', '--campaign', 'spring')
  expect(stderr).toMatch(/^spring: done on 2027-01-08 → 2027-01-26 \(between /m)
  const again = await goniec('lead', 'import', 'more.csv', '--campaign', 'spring')
  expect(again.stderr).not.toContain('done on')
})

test('where a forecast of today is on record and would answer, the import says what has come of it since', async () => {
  await database.query(`update goniec.mailbox set daily_limit = 100, version = version + 1`)
  await importMany('many', 1600)
  expect(await recordForecasts(database)).toBeGreaterThan(0)
  const stderr = await importMany('later', 400)
  const [, before = '', after = ''] = /^spring: done on (\S+) → (\S+)/m.exec(stderr) ?? []
  expect([before, after, before < after]).toEqual([expect.stringMatching(/^20/), expect.stringMatching(/^20/), true])
})

test('where very many mails wait the import does not reckon with them, and names the command that does', async () => {
  expect(await importMany('crowd', 25_000)).toMatch(
    /^spring: more than 25,000 of its mails wait; when they are done says: goniec forecast spring --fresh$/m,
  )
  expect(await importMany('rest', 10)).toContain('goniec forecast spring --fresh')
}, 60_000)

/** What it said. */
async function importMany(name: string, leads: number): Promise<string> {
  const addresses = Array.from({ length: leads }, (_, n) => `${name}-${n}@klient.example`)
  writeFileSync(join(directory, `${name}.csv`), ['email', ...addresses].join('\n'))
  return (await goniec('lead', 'import', `${name}.csv`, '--campaign', 'spring')).stderr
}

test('a campaign that would never be done, before or after, is said to be so', () => {
  const finish = { likely: '2026-12-17', earliest: '2026-12-16', latest: '2026-12-18', extrapolated: false }
  expect(finishWords({ before: null, after: null })).toBe('never done, as before')
  expect(finishWords({ before: finish, after: null })).toBe('done on 2026-12-17 → never')
  expect(finishWords({ before: null, after: finish })).toBe(
    'never done → done on 2026-12-17 (between 2026-12-16 and 2026-12-18)',
  )
  expect(finishWords({ before: finish, after: finish })).toBe(
    'done on 2026-12-17 as before (between 2026-12-16 and 2026-12-18)',
  )
})
