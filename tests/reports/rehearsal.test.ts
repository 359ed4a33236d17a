import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { applyDefinition, previewApply } from '../../src/campaigns/apply/apply.ts'
import { parseDefinition } from '../../src/campaigns/definition/parse.ts'
import { runPlan } from '../../src/campaigns/plan/run.ts'
import { startCampaign } from '../../src/campaigns/start.ts'
import type { Database } from '../../src/database/pool.ts'
import { openDatabase } from '../../src/database/pool.ts'
import { importLeads } from '../../src/leads/import.ts'
import { rehearse, type Rehearsal, type RehearseOptions } from '../../src/reports/rehearsal/rehearse.ts'
import { loadForecast } from '../../src/reports/forecast/load.ts'
import { answerForecast } from '../../src/reports/forecast/forecast.ts'
import { inSnapshot } from '../../src/reports/forecast/snapshot.ts'
import { forecast } from '../../src/schedule/forecast.ts'
import { Temporal } from '../../src/time.ts'
import { setClock } from '../support/clock.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

/** A Thursday morning, before the window opens. */
const NOW = Temporal.Instant.from('2026-11-26T07:00:00Z')

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'goniec-rehearse-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
})

const TEAM = `
salespeople:
  - { email: anna@firma.example, name: Anna }
mailboxes:
  - { address: anna@firma.example, salesperson: anna@firma.example, daily_limit: 6, min_gap: 1s, smtp: { host: smtp.firma.example } }
`

const campaign = (name: string, more = '', text = 'Good day, {{ company }}.'): string => `
  - name: ${name}
    salesperson: anna@firma.example
    mailboxes: [anna@firma.example]
    delay: 60s
    ${more}
    steps:
      - key: intro
        variants: [{ letter: A, subject: Hello, text: "${text}" }]
      - key: reminder
        wait: 3d
        variants: [{ letter: A, text: Still there? }]`

const define = (text: string) => parseDefinition([{ path: 'team.yaml', text }])
const file = (...campaigns: string[]): string => `${TEAM}\ncampaigns:${campaigns.join('')}\n`

function list(addresses: readonly string[], name = 'leads.csv'): string {
  const path = join(folder, name)
  writeFileSync(path, ['email,company', ...addresses.map((address) => `${address},Firma`)].join('\n'))
  return path
}

const addresses = (count: number, prefix = 'lead'): string[] =>
  Array.from({ length: count }, (_, i) => `${prefix}${i}@klient${i}.example`)

async function play(
  database: Database | null,
  text: string,
  leads: string,
  options: Partial<RehearseOptions> = {},
): Promise<Rehearsal> {
  return rehearse(database, define(text), leads, {
    campaign: undefined,
    now: NOW,
    keep: 100,
    rejectsFile: undefined,
    onPlan: () => undefined,
    onProgress: () => undefined,
    ...options,
  })
}

const days = ({ forecast }: Rehearsal): [string, number, number, string][] =>
  forecast.campaigns.flatMap((it) => it.days.map(({ day, firstMails, followUps, binding }) => [day, firstMails, followUps, binding])) // prettier-ignore

const firstDays = ({ campaigns }: Rehearsal['forecast']): unknown[] =>
  campaigns.map((it) => it.days.find(({ firstMails }) => firstMails > 0)?.day)

const end = (rehearsal: Rehearsal): string => rehearsal.forecast.campaigns[0]?.finish?.likely ?? ''

async function testDatabase(): Promise<TestDatabase> {
  const database = await createTestDatabase()
  await setClock(database, NOW)
  return database
}

async function apply(database: Database, text: string): Promise<void> {
  const definition = define(text)
  await applyDefinition(database, definition, await previewApply(database, definition))
}

test('a campaign is played through to its end on a definition file and a list alone', async () => {
  const rehearsal = await play(null, file(campaign('spring')), list(addresses(10)))
  expect(days(rehearsal)).toEqual([
    ['2026-11-26', 6, 0, 'mailbox_limit'],
    ['2026-11-27', 4, 0, 'all_planned'],
    ['2026-11-30', 0, 6, expect.any(String)],
    ['2026-12-01', 0, 4, 'all_planned'],
  ])
  expect(rehearsal.forecast.campaigns).toMatchObject([
    { campaign: 'spring', mails: 20, sent: 0, firstMailsEnd: '2026-11-27', followUpsEnd: '2026-12-01', never: [] },
  ])
  expect(rehearsal.problems).toEqual([])
})

test('a day whose window is over is none of its days any more', async () => {
  const evening = Temporal.Instant.from('2026-11-26T17:00:00Z')
  const rehearsal = await play(null, file(campaign('spring')), list(addresses(3)), { now: evening })
  expect(days(rehearsal)[0]).toEqual(['2026-11-27', 3, 0, 'all_planned'])
  expect(end(rehearsal)).toBe(days(rehearsal).at(-1)?.[0])
})

test('it begins on its day where it has one, and else now', async () => {
  const later = await play(null, file(campaign('spring', 'starts_on: 2026-12-07')), list(addresses(3)))
  expect(days(later)[0]).toEqual(['2026-12-07', 3, 0, 'all_planned'])
  const past = await play(null, file(campaign('spring', 'starts_on: 2026-11-02')), list(addresses(3)))
  expect(days(past)[0]).toEqual(['2026-11-26', 3, 0, 'all_planned'])
})

test('what is rehearsed is what comes to pass once it is applied, imported and started', async () => {
  const database = await testDatabase()
  const text = file(campaign('spring', 'daily_limit: 4'))
  const leads = list(addresses(20))
  const rehearsal = await play(database, text, leads)
  await apply(database, text)
  await importLeads(database, leads, { campaign: 'spring' })
  await startCampaign(database, 'spring')
  const { input } = await inSnapshot(database, (query) => loadForecast(query))
  expect(days(rehearsal)).toEqual(days({ ...rehearsal, forecast: forecast(input) }))
  await runPlan(database)
  const planned = await database.query<{ day: string; mails: number }>(
    `select (scheduled_at at time zone 'Europe/Warsaw')::date as day, count(*)::int as mails
     from goniec.message group by 1 order by 1 limit 2`,
  )
  expect(
    days(rehearsal)
      .slice(0, 2)
      .map(([day, mails]) => ({ day, mails })),
  ).toEqual(planned)
})

test('a rehearsal writes nothing: it works where nothing can be written', async () => {
  const database = await testDatabase()
  await apply(database, file(campaign('other')))
  await importLeads(database, list(addresses(5)), { campaign: 'other' })
  const url = new URL(database.url)
  url.searchParams.set('options', '-c default_transaction_read_only=on')
  const readOnly = openDatabase(url.href)
  try {
    await expect(readOnly.query(`insert into goniec.suppression (value) values ('x.example')`)).rejects.toThrow(
      /read-only/,
    )
    const rehearsal = await play(readOnly, file(campaign('spring')), list(addresses(10)))
    expect(rehearsal.forecast.campaigns).toMatchObject([{ mails: 20 }])
  } finally {
    await readOnly.close()
  }
})

test('running campaigns keep their part of the mailboxes', async () => {
  const database = await testDatabase()
  await apply(database, file(campaign('other')))
  await importLeads(database, list(addresses(30, 'theirs')), { campaign: 'other' })
  await startCampaign(database, 'other')
  const text = file(campaign('spring'))
  const alone = await play(null, text, list(addresses(10)))
  const shared = await play(database, text, list(addresses(10)))
  expect(shared.forecast.campaigns).toMatchObject([{ campaign: 'spring', mails: 20 }])
  expect(end(shared) > end(alone)).toBe(true)
  expect(alone.others).toEqual([])
  expect(shared.others).toEqual([{ campaign: 'other', without: '2026-12-09', with: expect.any(String) as string }])
  expect((shared.others[0]?.with ?? '') > '2026-12-09').toBe(true)
})

test('limits of recipient domains hold, those of the file and those of the database', async () => {
  const leads = list(Array.from({ length: 4 }, (_, i) => `lead${i}@klient.example`))
  const limits = 'domain_limits: { daily_limit: 1 }\n'
  const alone = await play(null, limits + file(campaign('spring')), leads)
  expect(days(alone)[0]).toEqual(['2026-11-26', 1, 0, 'domain_limit'])
  const database = await testDatabase()
  await apply(database, limits + file(campaign('other')))
  expect(days(await play(database, file(campaign('spring')), leads))).toEqual(days(alone))
})

test('a lead who was mailed by another campaign waits for the end of the contact gap', async () => {
  const database = await testDatabase()
  await apply(database, file(campaign('other')))
  await importLeads(database, list(['jan@klient.example']), { campaign: 'other' })
  await database.query(
    `insert into goniec.lead_day (lead_id, day, campaign_id) select l.id, '2026-11-26', c.id from goniec.lead l, goniec.campaign c`,
  )
  const rehearsal = await play(database, file(campaign('spring', 'contact_gap: 2d')), list(['jan@klient.example']))
  expect(days(rehearsal).filter(([, firstMails]) => firstMails > 0)).toEqual([['2026-11-30', 1, 0, 'all_planned']])
})

test('a contact gap that is longer than those of campaigns that run is waited for, in a rehearsal and once it is scheduled', async () => {
  const database = await testDatabase()
  await apply(database, file(campaign('other')))
  await importLeads(database, list(['jan@klient.example']), { campaign: 'other' })
  await database.query(
    `insert into goniec.lead_day (lead_id, day, campaign_id) select l.id, '2026-11-20', c.id from goniec.lead l, goniec.campaign c`,
  )
  const text = file(campaign('spring', 'contact_gap: 14d\n    starts_on: 2026-11-27'))
  const rehearsed = await play(database, text, list(['jan@klient.example']))
  await apply(database, text)
  await importLeads(database, list(['jan@klient.example']), { campaign: 'spring' })
  await startCampaign(database, 'spring')
  const { forecast: scheduled } = await answerForecast(database, { name: 'spring' })
  expect([firstDays(rehearsed.forecast), firstDays(scheduled)]).toEqual([['2026-12-04'], ['2026-12-04']])
})

test('what a mailbox has sent today counts, and one that is broken sends nothing', async () => {
  const database = await testDatabase()
  await apply(database, file(campaign('other')))
  await database.query(`update goniec.mailbox_day set campaign_taken = 4 where day = '2026-11-26'`)
  const text = file(campaign('spring'))
  expect(days(await play(database, text, list(addresses(5))))[0]?.slice(0, 2)).toEqual(['2026-11-26', 2])
  await database.query(`update goniec.mailbox set status = 'broken', status_reason = 'no login'`)
  const broken = await play(database, text, list(addresses(5)))
  expect(broken.forecast.campaigns).toMatchObject([
    { mails: 0, finish: null, never: [{ mails: expect.any(Number) as number }] },
  ])
  expect(broken.problems).toMatchObject([{ code: 'never' }])
})

test('lines that an import would reject are named with its reasons, in the order of the file', async () => {
  const database = await testDatabase()
  const text = file(campaign('spring'))
  await apply(database, text)
  await database.query(`insert into goniec.lead (email, replied_at) values ('replied@klient.example', now())`)
  await database.query(`insert into goniec.suppression (value) values ('blocked.example')`)
  const leads = list([
    'ok@klient.example',
    'no address',
    'ok@klient.example',
    'x@blocked.example',
    'replied@klient.example',
  ])
  const { leads: found } = await play(database, text, leads)
  const dry = await importLeads(database, leads, { campaign: 'spring', dryRun: true })
  expect(found).toMatchObject({ rows: dry.rows, valid: dry.enrolled, rejected: dry.rejected })
  expect(found.rejects).toEqual([
    { line: 3, reason: '"no address" is not an e-mail address: it has no @' },
    { line: 4, reason: 'ok@klient.example stands on line 2 already' },
    { line: 5, reason: 'the address or its domain is suppressed (goniec suppress list)' },
    { line: 6, reason: 'the lead has replied, and gets no more campaign mail' },
  ])
})

test('leads whose mails cannot be made are named, with what their texts miss', async () => {
  const text = file(campaign('spring', '', 'Good day in {{ city }}, {{ company }}.'))
  const path = join(folder, 'cities.csv')
  writeFileSync(path, 'email,company,city\na@klient.example,A,Łódź\nb@klient.example,B,\n')
  const { leads, problems } = await play(null, text, path)
  expect(leads).toMatchObject({ rows: 2, valid: 2, failing: 1 })
  expect(leads.failures).toEqual([
    {
      line: 3,
      lead: 'b@klient.example',
      problems: [{ lead: 'b@klient.example', step: 'intro', variant: 'A', missing: ['city'], problem: null }],
    },
  ])
  expect(problems).toMatchObject([{ code: 'field_missing', text: '1 of 2 leads do not have the field "city"' }])
})

test('the lines that fail are written down only where that is asked for, and over no other file', async () => {
  const leads = list(['ok@klient.example', 'nobody'])
  const none = await play(null, file(campaign('spring')), leads)
  expect(none.leads.rejectsFile).toBeNull()
  const rejectsFile = join(folder, 'mend.csv')
  await play(null, file(campaign('spring')), leads, { rejectsFile })
  expect(readFileSync(rejectsFile, 'utf8')).toContain(
    '"""nobody"" is not an e-mail address: it has no @",nobody,Firma,,3',
  )
  await expect(play(null, file(campaign('spring')), leads, { rejectsFile })).rejects.toThrow(
    /mend\.csv is there already/,
  )
})

test('all that fails is counted, and no more is kept than is shown', async () => {
  const { leads } = await play(
    null,
    file(campaign('spring')),
    list(Array.from({ length: 50 }, (_, i) => `nobody${i}`)),
    { keep: 3 },
  )
  expect(leads).toMatchObject({ rows: 50, valid: 0, rejected: 50 })
  expect(leads.rejects).toHaveLength(3)
})

test('a list for more than a year is counted whole, and its end reckoned by the pace', async () => {
  const { forecast: made } = await play(null, file(campaign('spring', 'daily_limit: 2')), list(addresses(1000)))
  expect(made.campaigns).toMatchObject([{ mails: 2000, finish: { extrapolated: true }, never: [] }])
  const [spring] = made.campaigns
  expect(spring?.days.at(-1)?.day.slice(0, 4)).toBe('2027')
  // Two a day on about 251 days a year.
  expect(spring?.finish?.likely.slice(0, 4)).toBe('2030')
})

test('a list with nobody in it is a problem', async () => {
  const { problems, forecast } = await play(null, file(campaign('spring')), list(['nobody']))
  expect(problems).toMatchObject([
    { code: 'no_leads', text: 'the list has nobody to send to: all 1 lines are rejected' },
  ])
  expect(forecast.campaigns).toMatchObject([{ mails: 0, days: [] }])
})

test('of several campaigns one has to be named; a name that is none is refused with the nearest', async () => {
  const text = file(campaign('spring'), campaign('summer'))
  const leads = list(addresses(1))
  await expect(play(null, text, leads)).rejects.toMatchObject({
    code: 'usage',
    exitCode: 2,
    hint: expect.stringContaining('spring, summer') as string,
  })
  await expect(play(null, text, leads, { campaign: 'sumer' })).rejects.toThrow(/did you mean "summer"/)
  expect((await play(null, text, leads, { campaign: 'summer' })).forecast.campaigns).toMatchObject([
    { campaign: 'summer' },
  ])
  await expect(play(null, TEAM, leads)).rejects.toThrow(/no campaign to rehearse/)
})

test('what apply would refuse is refused in its words, with a database and without', async () => {
  const database = await testDatabase()
  const leads = list(addresses(1))
  const broken = file(campaign('spring', '', '{{ company'))
  for (const where of [database, null])
    await expect(play(where, broken, leads)).rejects.toMatchObject({ code: 'definition_invalid' })
  const stranger = file(campaign('spring').replace('mailboxes: [anna@firma.example]', 'mailboxes: [ola@firma.example]'))
  await expect(play(database, stranger, leads)).rejects.toThrow(/neither in these files nor in the database/)
  await expect(play(null, stranger, leads)).rejects.toThrow(/no database was named in which it could be/)
})

test('mailboxes and salespeople that stand in the database alone are found there', async () => {
  const database = await testDatabase()
  await apply(database, file(campaign('other')))
  const rehearsal = await play(database, `campaigns:${campaign('spring')}\n`, list(addresses(10)))
  expect(days(rehearsal)[0]).toEqual(['2026-11-26', 6, 0, 'mailbox_limit'])
})

test('a campaign that has mails already is forecast, not rehearsed; one that was only applied can be', async () => {
  const database = await testDatabase()
  const text = file(campaign('spring'))
  await apply(database, text)
  expect((await play(database, text, list(addresses(2)))).forecast.campaigns).toMatchObject([{ mails: 4 }])
  await importLeads(database, list(addresses(2)), { campaign: 'spring' })
  await expect(play(database, text, list(addresses(2)))).rejects.toMatchObject({
    code: 'campaign_wrong_state',
    hint: expect.stringContaining('goniec forecast spring') as string,
  })
})
