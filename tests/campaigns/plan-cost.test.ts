/** What each minute's plan reads does not grow with the history, nor with leads and campaigns that have nothing to do. */
import { expect, test } from 'vitest'
import { firstMails, messages } from '../../src/campaigns/plan/message-reads.ts'
import * as reads from '../../src/campaigns/plan/reads.ts'
import { runPlan } from '../../src/campaigns/plan/run.ts'
import { slots } from '../../src/campaigns/plan/slot-reads.ts'
import { openDatabase } from '../../src/database/pool.ts'
import { instantAt } from '../../src/time.ts'
import { setClock } from '../support/clock.ts'
import { createTestDatabase } from '../support/database.ts'
import { worldForEachTest } from '../support/rolled-back.ts'
import { TestWorld } from './world.ts'

const here = worldForEachTest()
const MANY = 20_000
/** Nobody's midnight, so that a day stays the same. */
const NOON = Date.UTC(2026, 10, 25, 12)

const query: reads.Query = async (text, values) => (await here.session.query(text, values)).rows

/** Rows of a table that this transaction has gone through without an index so far. */
async function scannedRows(table: string): Promise<number> {
  const [row] = await query(
    `select seq_tup_read::integer as rows from pg_stat_xact_user_tables where schemaname = 'goniec' and relname = $1`,
    [table],
  )
  return row.rows
}

test('of the history only the days within the widest contact gap are read', async () => {
  await here.clockAt(NOON)
  await here.world.campaign({ contact_gap_days: 7 })
  const campaign = await here.world.campaign({ contact_gap_days: 2 })
  await query(
    `insert into goniec.lead_day (lead_id, day, campaign_id)
     select n, goniec.now()::date - n % 400, $2 from generate_series(1, $1::integer) n`,
    [MANY, campaign],
  )
  await query('analyze goniec.lead_day, goniec.campaign')
  const before = await scannedRows('lead_day')
  const contacts = await reads.contacts(query)
  expect(await scannedRows('lead_day')).toBe(before)
  // One day more than the gap, since the zone's day may be the one before.
  expect(contacts.size).toBe((8 * MANY) / 400)
  expect(new Set([...contacts.values()].flat().map((contact) => contact.campaignId))).toEqual(new Set([campaign]))
})

test('a lead is read by its key, however many mails the planner takes to be read as rows', async () => {
  const { campaign, mailbox } = await here.world.mail()
  await query(
    `with leads as (
       insert into goniec.lead (email) select format('crowd-%s@klient.example', n) from generate_series(1, $1::integer) n returning id, email
     ), enrolled as (
       insert into goniec.enrollment (campaign_id, lead_id) select $2, id from leads returning id, lead_id
     )
     insert into goniec.message (kind, campaign_id, enrollment_id, lead_id, recipient, step_id, step_key, variant, mailbox_id, scheduled_at,
       window_closes_at, planned_campaign_version, planned_mailbox_version, first_planned_at)
     select 'campaign', $2, e.id, l.id, l.email, s.id, s.key, 'A', $3, goniec.now(), goniec.now() + interval '1 hour', 1, 1, goniec.now()
     from leads l join enrolled e on e.lead_id = l.id join goniec.step s on s.campaign_id = $2`,
    [MANY, campaign, mailbox],
  )
  await query('analyze goniec.lead, goniec.message')
  const before = await scannedRows('lead')
  const rows = await messages(query, {
    campaignIds: [],
    withSlots: false,
    steps: new Map(),
    mailboxes: [],
  })
  expect(rows).toHaveLength(MANY + 1)
  expect(await scannedRows('lead')).toBe(before)
})

/** So many campaigns with as many mails each. */
async function crowd({ campaigns, mails }: { campaigns: number; mails: number }): Promise<number[]> {
  const ids = []
  for (let n = 0; n < campaigns; n += 1) ids.push(await here.world.campaign())
  await query(
    `with leads as (
       insert into goniec.lead (email) select format('crowd-%s-%s@klient.example', ($1::bigint[])[1], n) from generate_series(1, $2::integer) n returning id, email
     ), enrolled as (
       insert into goniec.enrollment (campaign_id, lead_id)
       select c.id, l.id from unnest($1::bigint[]) as c (id) cross join leads l returning id, campaign_id, lead_id
     )
     insert into goniec.message (kind, campaign_id, enrollment_id, lead_id, recipient, step_id, step_key, variant)
     select 'campaign', e.campaign_id, e.id, l.id, l.email, s.id, s.key, 'A'
     from enrolled e join leads l on l.id = e.lead_id join goniec.step s on s.campaign_id = e.campaign_id
     order by e.lead_id, e.id`,
    [ids, mails],
  )
  return ids
}

/** Rows of the queue that this transaction has fetched by an index so far. */
async function fetchedMails(): Promise<number> {
  const [row] = await query(
    `select idx_tup_fetch::integer as rows from pg_stat_xact_user_tables where schemaname = 'goniec' and relname = 'message'`,
  )
  return row.rows
}

test('a campaign’s slots are read by its own index, though statistics are from before there were any', async () => {
  const mailbox = await here.world.mailbox()
  const campaigns = await crowd({ campaigns: 40, mails: 100 })
  await query('analyze goniec.message, goniec.lead')
  await query(
    `update goniec.message set mailbox_id = $1, scheduled_at = goniec.now(), window_closes_at = goniec.now() + interval '1 hour',
       planned_campaign_version = 1, planned_mailbox_version = 1, first_planned_at = goniec.now()`,
    [mailbox],
  )
  const before = await fetchedMails()
  const { ids } = await slots(query, campaigns)
  expect(ids).toHaveLength(40 * 100)
  expect((await fetchedMails()) - before).toBeLessThan(2 * ids.length)
})

test('a campaign’s first mails are read by its own index, though statistics are from when it was the only one', async () => {
  await crowd({ campaigns: 1, mails: 500 })
  await query('analyze goniec.message, goniec.lead')
  const campaigns = await crowd({ campaigns: 40, mails: 100 })
  const before = await fetchedMails()
  const { ids } = await firstMails(
    query,
    campaigns.map((id) => ({ id, room: 10 })),
  )
  expect(ids).toHaveLength(40 * 10)
  // No more than their own: where there are few of them another index of theirs does as well.
  expect((await fetchedMails()) - before).toBeLessThan(2 * 40 * 100)
})

test('why a mail waits in line is asked of those in front of it, and of no follow-up that waits', async () => {
  await crowd({ campaigns: 1, mails: 1000 })
  await query('analyze goniec.message')
  await query(
    `update goniec.message set follows_at = goniec.now() where id < (select max(id) - 100 from goniec.message)`,
  )
  await query(`update goniec.message set slot_reason = 'no_room' where id = (select max(id) - 100 from goniec.message)`)
  const before = await fetchedMails()
  const said = await query(
    `select goniec.why_no_slot(m) as why from goniec.message m where m.id > (select max(id) - 50 from goniec.message)`,
  )
  expect(new Set(said.map(({ why }) => why))).toEqual(new Set(['no_room']))
  expect((await fetchedMails()) - before).toBeLessThan(5 * said.length)
})

test('days are made of those campaigns that miss one, or whose limit has changed', async () => {
  await here.clockAt(NOON)
  const [campaign, other] = [await here.world.campaign({ daily_limit: 10 }), await here.world.campaign()]
  await here.session.query(`set local track_functions = 'all'`)
  const made = async (): Promise<number> => {
    const before = await calls('make_campaign_days')
    await query('select goniec.make_day_rows(3)')
    return (await calls('make_campaign_days')) - before
  }
  await made()
  expect(await made()).toBe(0)
  await query('update goniec.campaign set daily_limit = 5 where id = $1', [campaign])
  await query(`delete from goniec.campaign_day where campaign_id = $1 and day = goniec.now()::date + 1`, [other])
  expect(await made()).toBe(1)
  expect(await made()).toBe(0)
  expect(
    await query(`select distinct daily_limit from goniec.campaign_day where campaign_id = $1`, [campaign]),
  ).toEqual([{ daily_limit: 5 }])
})

test('days of many campaigns are made without a look at those that were just made', async () => {
  await here.clockAt(NOON)
  for (let n = 1; n <= 150; n += 1) await here.world.campaign()
  await query('select goniec.make_day_rows(3)')
  // Statistics are from when there was none.
  await query('delete from goniec.campaign_day')
  await query('analyze goniec.campaign_day')
  const before = await readDays()
  await query('select goniec.make_day_rows(3)')
  expect(await query('select count(*)::integer as days from goniec.campaign_day')).toEqual([{ days: 450 }])
  // One by one it was 34,000, as long as the table was thought to be empty.
  expect((await readDays()) - before).toBeLessThan(2000)
})

async function readDays(): Promise<number> {
  const [row] = await query(
    `select (seq_tup_read + coalesce(idx_tup_fetch, 0))::integer as rows from pg_stat_xact_user_tables where relid = 'goniec.campaign_day'::regclass`,
  )
  return row.rows
}

test('what binds the days of many campaigns is said without a look at what was just said of others', async () => {
  const database = await createTestDatabase()
  await setClock(database, instantAt(NOON))
  const world = new TestWorld(database)
  await world.salesperson()
  await world.mailbox('anna@firma.example')
  for (let n = 1; n <= 300; n += 1) await world.campaign(`campaign-${n}`, { status: 'running' })
  // Statistics are from when there was none.
  await database.query('vacuum (analyze) goniec.campaign_binding')
  const planner = openDatabase(database.url, { name: 'planner' })
  await runPlan(planner)
  // What a session has visited is told at its end at the latest.
  await planner.close()
  const visited = async (): Promise<{ days: number; pages: number } | undefined> =>
    (await database.query<{ days: number; pages: number }>(VISITED))[0]
  await expect.poll(visited).toEqual({ days: 2100, pages: expect.toSatisfy((pages: number) => pages > 2100) })
  // Two for each row that is written, and not all that were written before it.
  expect((await visited())?.pages).toBeLessThan(3 * 2100)
})

/** Days of which it is said what binds them, and how often a page with such rows was visited. */
const VISITED = `
  select (select count(*) from goniec.campaign_binding)::integer as days, (heap_blks_hit + heap_blks_read)::integer as pages
  from pg_statio_user_tables where relid = 'goniec.campaign_binding'::regclass`

async function calls(name: string): Promise<number> {
  const [row] = await query(
    `select coalesce(sum(calls), 0)::integer as calls from pg_stat_xact_user_functions where schemaname = 'goniec' and funcname = $1`,
    [name],
  )
  return row.calls
}

test('a mail that waits on, for the same reason, is neither locked nor written', async () => {
  const database = await createTestDatabase()
  await setClock(database, instantAt(NOON))
  const world = new TestWorld(database)
  await world.salesperson()
  await world.mailbox('anna@firma.example', { daily_limit: 1 })
  const campaign = await world.campaign('spring', { status: 'running' })
  for (let lead = 1; lead <= 20; lead++) await world.enroll(campaign, `lead-${lead}@kunde.example`)
  const waiting = async (): Promise<unknown[]> =>
    database.query(
      `select id, slot_reason, xmin::text, xmax::text from goniec.message where scheduled_at is null order by id`,
    )
  await runPlan(database)
  const before = await waiting()
  expect(before.length).toBeGreaterThan(5)
  await runPlan(database)
  expect(await waiting()).toEqual(before)
})
