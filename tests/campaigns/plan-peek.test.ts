/** A campaign that waits for room is only looked at, in each minute's plan; and whatever room there is, it gets at once. */
import { beforeEach, expect, test } from 'vitest'
import { loadPlanInput } from '../../src/campaigns/plan/load.ts'
import { runPlan } from '../../src/campaigns/plan/run.ts'
import { readTrouble } from '../../src/reports/status/trouble.ts'
import { explainCampaign } from '../../src/reports/why/campaign.ts'
import { Temporal } from '../../src/time.ts'
import { setClock } from '../support/clock.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { TestWorld } from './world.ts'

const MONDAY = Temporal.Instant.from('2026-12-07T07:00:00Z')
const LEADS = 60

let database: TestDatabase
let world: TestWorld
let campaign: number
let other: number

beforeEach(async () => {
  database = await createTestDatabase()
  await setClock(database, MONDAY)
  world = new TestWorld(database)
  await world.salesperson()
  await world.mailbox('anna@firma.example', { daily_limit: 1 })
  const columns = { status: 'running', contact_gap_days: 3, delay_ms: 0 }
  other = await world.campaign('other', columns)
  campaign = await world.campaign('late', columns)
  for (let n = 1; n <= LEADS; n += 1) await world.enroll(campaign, `lead-${n}@klient.example`)
})

/** Whom the campaign writes to on which day of December, after a plan. */
async function planned(): Promise<(readonly [day: number, lead: string])[]> {
  await runPlan(database)
  const rows = await database.query<{ day: number; lead: string }>(
    `select extract(day from scheduled_at)::integer as day, split_part(recipient, '@', 1) as lead
     from goniec.message where campaign_id = $1 and scheduled_at is not null and status = 'pending' order by scheduled_at`,
    [campaign],
  )
  return rows.map(({ day, lead }) => [day, lead] as const)
}

/** How many first mails without a slot a plan reads. */
async function read(): Promise<{ waiting: number; peekedAt: number[] }> {
  const client = await database.pool.connect()
  const { input, peekedAt } = await loadPlanInput(database, client, { peek: 10 })
  client.release()
  const mails = Array.from({ length: input.messages.length }, (_, place) => input.messages.at(place))
  return { waiting: mails.filter((mail) => mail?.slot === null).length, peekedAt: [...peekedAt] }
}

const limitTo = (most: number) => database.query('update goniec.mailbox set daily_limit = $1', [most])

test('of a campaign that waits for room only some mails are read; of one of which nothing is said all', async () => {
  expect(await read()).toEqual({ waiting: LEADS, peekedAt: [] })
  expect(await planned()).toHaveLength(7)
  expect(await read()).toEqual({ waiting: 10, peekedAt: [campaign] })
  expect(await planned()).toHaveLength(7)
})

test('room for more than these is filled by the next plan', async () => {
  await planned()
  await limitTo(6)
  expect(await planned()).toHaveLength(42)
})

test('room that is none for any of them is found by the mails behind', async () => {
  // The first twenty are another campaign's until Wednesday: they can only go later.
  await database.query(
    `insert into goniec.lead_day (lead_id, day, campaign_id)
     select lead_id, '2026-12-07', $2 from goniec.message where campaign_id = $1 order by id limit 20`,
    [campaign, other],
  )
  const first = await planned()
  expect(first.slice(0, 3)).toEqual([
    [7, 'lead-21'],
    [8, 'lead-22'],
    [9, 'lead-23'],
  ])
  await database.query(`update goniec.message set status = 'cancelled', scheduled_at = null, mailbox_id = null, window_closes_at = null
    where recipient = 'lead-22@klient.example'`)
  expect((await planned())[1]).toEqual([8, 'lead-24'])
})

test('a mail that may not be sent, whatever is said of it, hides nobody of whom nothing is said', async () => {
  await planned()
  await database.query(`update goniec.message set slot_reason = null where scheduled_at is null`)
  await database.query(`update goniec.message set held_reason = 'a test', slot_reason = 'no_room' where id = (
    select min(id) from goniec.message where scheduled_at is null)`)
  await limitTo(6)
  expect(await planned()).toHaveLength(42)
})

test('those in front say that there is no room, for all behind them too', async () => {
  await planned()
  const [told] = await database.query(
    `select count(*)::integer as mails from goniec.message where slot_reason = 'no_room'`,
  )
  expect(told).toEqual({ mails: 10 })
  expect(
    await database.query('select reason, count(*)::integer as mails from goniec_report.waiting group by 1 order by 1'),
  ).toEqual([
    { reason: 'no_room', mails: LEADS - 7 },
    { reason: 'planned', mails: 7 },
  ])
  const { waiting } = await explainCampaign(database, 'late')
  expect(waiting).toEqual([
    { code: 'no_room', mails: LEADS - 7 },
    { code: 'planned', mails: 7 },
  ])
  await setClock(database, MONDAY.add({ minutes: 30 }))
  expect((await readTrouble(database, { lateMs: 600_000 })).unplanned.count).toBe(0)
})

test('a domain that gets no more says nothing of those behind that write to others', async () => {
  await database.query(`insert into goniec.domain_limit (domain, daily_limit) values ('full.example', 0)`)
  let mails = 0
  const mixed = await world.campaign('mixed', { status: 'running', delay_ms: 0 })
  for (const domain of ['full', 'open', 'open', 'full']) {
    for (let n = 1; n <= 15; n += 1) await world.enroll(mixed, `${domain}-${mails++}@${domain}.example`)
  }
  await planned()
  const reasons = await database.query(
    `select distinct split_part(w.recipient, '@', 2) as domain, w.reason from goniec_report.waiting w where w.campaign = 'mixed' and w.reason <> 'planned' order by 1, 2`,
  )
  expect(reasons).toEqual([
    { domain: 'full.example', reason: 'domain_limit' },
    { domain: 'open.example', reason: 'no_room' },
  ])
})

test('where campaigns could read far more than there are places each reads its share; what others leave it gets all the same', async () => {
  await limitTo(8)
  const tuesdays = await world.campaign('tuesdays', { status: 'running', delay_ms: 0, window_days: ['tue'] })
  for (let n = 1; n <= LEADS; n += 1) await world.enroll(tuesdays, `lead-${n}@tuesday.example`)
  const small = await world.campaign('small', { status: 'running', delay_ms: 0 })
  for (const lead of ['a', 'b']) await world.enroll(small, `${lead}@small.example`)
  const client = await database.pool.connect()
  const { input, byShare, peekedAt } = await loadPlanInput(database, client, { peek: 10, byShareFrom: 0 })
  client.release()
  // Four campaigns run: a quarter of eight places on eight days, twice, and ten.
  expect({ byShare, peekedAt: [...peekedAt], read: input.messages.length }).toEqual({
    byShare: true,
    peekedAt: [campaign, tuesdays],
    read: 2 * (2 * (8 / 4) * 8 + 10) + 2,
  })
  const placed = async (): Promise<unknown> =>
    database.query(
      `select c.name, count(m.scheduled_at)::integer as mails from goniec.campaign c left join goniec.message m on m.campaign_id = c.id group by 1 order by 1`,
    )
  // The share of the one is less than what it gets, since the other sends on Tuesdays only; and the other has nothing of it in between.
  expect(await runPlan(database, { byShareFrom: 0 })).toMatchObject({ planned: 12 * 8, moved: 0 })
  const all = [
    { name: 'late', mails: 5 * 8 - 2 + 2 * 4 },
    { name: 'other', mails: 0 },
    { name: 'small', mails: 2 },
    { name: 'tuesdays', mails: 2 * 4 + 5 * 8 },
  ]
  expect(await placed()).toEqual(all)
  // Where they are full it reads no more than the first ones of those that wait.
  const again = await runPlan(database, { byShareFrom: 0 })
  expect({ again, placed: await placed() }).toMatchObject({
    again: { planned: 0, moved: 0, withdrawn: 0 },
    placed: all,
  })
})
