/** Leads that other campaigns have hold up nobody: behind however many of them the plan finds those that nobody has. */
import { beforeEach, expect, test } from 'vitest'
import { runPlan } from '../../src/campaigns/plan/run.ts'
import { answerForecast } from '../../src/reports/forecast/forecast.ts'
import { Temporal } from '../../src/time.ts'
import { setClock } from '../support/clock.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { TestWorld } from './world.ts'

const MONDAY = Temporal.Instant.from('2026-12-07T08:00:00Z')
/** More than the plan reads of a campaign that sends one mail a day. */
const HELD = 700

let database: TestDatabase
let world: TestWorld
let campaign: number
let other: number

beforeEach(async () => {
  database = await createTestDatabase()
  await setClock(database, MONDAY)
  world = new TestWorld(database)
  await world.salesperson()
  await world.mailbox('anna@firma.example')
  other = await world.campaign('other', { status: 'running', contact_gap_days: 30, delay_ms: 0 })
  campaign = await world.campaign('late', { status: 'running', contact_gap_days: 30, daily_limit: 1 })
  await database.query(
    `insert into goniec.lead (email) select format('lead-%s@klient.example', n) from generate_series(1, $1::integer) n`,
    [HELD],
  )
  await enrollAll(campaign)
  await world.enroll(campaign, 'free@klient.example')
})

/** All that will be held, with their first mails. */
async function enrollAll(campaignId: number): Promise<void> {
  await database.query(
    `with enrolled as (
       insert into goniec.enrollment (campaign_id, lead_id)
       select $1, id from goniec.lead where email like 'lead-%' order by id
       returning id, lead_id
     )
     insert into goniec.message (kind, campaign_id, enrollment_id, lead_id, recipient, step_id, step_key, variant)
     select 'campaign', $1, e.id, l.id, l.email, s.id, s.key, 'A'
     from enrolled e join goniec.lead l on l.id = e.lead_id join goniec.step s on s.campaign_id = $1
     order by l.id`,
    [campaignId],
  )
}

/** The leads that the late campaign writes to, as far as it is planned. */
async function planned(): Promise<string[]> {
  await runPlan(database)
  const rows = await database.query<{ recipient: string }>(
    `select recipient from goniec.message where campaign_id = $1 and scheduled_at is not null order by scheduled_at`,
    [campaign],
  )
  return rows.map(({ recipient }) => recipient)
}

async function mailedYesterday(): Promise<void> {
  await database.query(
    `insert into goniec.lead_day (lead_id, day, campaign_id) select id, '2026-12-06', $1 from goniec.lead where email like 'lead-%'`,
    [other],
  )
}

test('a lead behind those that another campaign has mailed gets its mail', async () => {
  await mailedYesterday()
  expect(await planned()).toEqual(['free@klient.example'])
  expect(
    await database.query(
      `select slot_reason as reason, count(*)::integer as mails from goniec.message where scheduled_at is null group by 1`,
    ),
  ).toEqual([{ reason: 'lead_taken', mails: HELD }])
})

test('so it does where recipient domains have limits', async () => {
  await database.query(`insert into goniec.domain_limit (domain, daily_limit) values ('*', 5)`)
  await mailedYesterday()
  expect(await planned()).toEqual(['free@klient.example'])
})

test('a lead behind those that another campaign will mail gets its mail', async () => {
  await enrollAll(other)
  await database.query(`update goniec.campaign set status = 'paused' where id = $1`, [campaign])
  expect(await planned()).toEqual([])
  await database.query(`update goniec.campaign set status = 'running' where id = $1`, [campaign])
  expect(await planned()).toEqual(['free@klient.example'])
})

test('a forecast says the same', async () => {
  await mailedYesterday()
  const { forecast } = await answerForecast(database, { name: 'late', fresh: true })
  const days = forecast.campaigns[0]?.days.flatMap(({ day, mails }) => (mails > 0 ? [[day, mails]] : []))
  expect(days?.slice(0, 2)).toEqual([
    ['2026-12-07', 1],
    ['2027-01-05', 1],
  ])
})
