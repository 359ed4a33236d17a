/** The brake: who is refused for good too often is paused, in the settle that says so. */
import { beforeEach, describe, expect, test } from 'vitest'
import { pauseCampaign, resumeCampaign } from '../../src/campaigns/pause.ts'
import { resumeMailbox } from '../../src/mailboxes/pause.ts'
import { untilBlocked } from '../support/blocked.ts'
import { setClock } from '../support/clock.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { claim, fence, settle, type Report } from '../support/protocol.ts'
import { NOON, World, type Sql } from '../support/world.ts'

let database: TestDatabase
let world: World
let worker: number
let campaign: number
let boxes: number[]

beforeEach(async () => {
  database = await createTestDatabase()
  await setClock(database, NOON)
  world = new World(database.pool)
  worker = await world.worker()
  await world.salesperson()
  boxes = []
  for (let n = 0; n < 10; n += 1) boxes.push(await world.mailbox())
  campaign = await world.campaign({ name: 'spring' })
})

let minutes = 0

/** As many mails of the campaign as boxes are given have passed their fence; a minute later than the ones before. */
async function onTheWire(from: readonly number[], session: Sql = database.pool): Promise<number[]> {
  minutes += 1
  await setClock(database, NOON.add({ minutes }))
  for (const mailbox of from) await world.mail({ mailbox, campaign, dueInMs: minutes * 60_000, closesInMs: 86_000_000 })
  const { attempts } = await claim(session, worker)
  await fence(session, worker, attempts)
  return attempts
}

const accepted = (attempt: number): Report => ({ attempt, outcome: 'accepted', code: 250 })
const refused = (attempt: number): Report => ({
  attempt,
  outcome: 'rejected',
  code: 550,
  stage: 'rcpt',
  response: '550 5.1.1 no such user',
  lead_bounced: true,
})

/** Mails in rounds of ten, each with so many refused. */
async function rounds(...refusals: number[]): Promise<void> {
  for (const count of refusals) {
    const attempts = await onTheWire(boxes)
    await settle(
      database.pool,
      worker,
      attempts.map((attempt, index) => (index < count ? refused(attempt) : accepted(attempt))),
    )
  }
}

const statusOf = (table: string): Promise<{ status: string; status_reason: string | null }[]> =>
  database.query(`select distinct status, status_reason from goniec.${table} order by 1`)

describe('a campaign', () => {
  test('with more than one refusal in twenty of at least fifty mails is paused, with the reason', async () => {
    await rounds(0, 0, 0, 0, 2)
    expect(await statusOf('campaign')).toEqual([{ status: 'running', status_reason: null }])
    await rounds(2)
    const reason = '4 of its last 60 mails were refused for good, more than 5 %'
    expect(await statusOf('campaign')).toEqual([{ status: 'paused', status_reason: reason }])
    expect(await database.query(`select data from goniec.event where type = 'campaign_paused'`)).toEqual([
      { data: { from: 'running', to: 'paused', by: 'refusals', reason, mails: 60, refused: 4 } },
    ])
  })

  test('is not paused by many refusals of few mails', async () => {
    await rounds(10, 10, 10, 0)
    expect(await statusOf('campaign')).toEqual([{ status: 'running', status_reason: null }])
  })

  test('is judged by its last mails: what went well before does not hide a bad list', async () => {
    await database.query('update goniec.installation set refusal_least = 10, refusal_last = 20, refusal_share = 0.2')
    await rounds(0, 0, 0, 0, 2, 2)
    expect(await statusOf('campaign')).toEqual([{ status: 'running', status_reason: null }])
    await rounds(3)
    expect(await statusOf('campaign')).toMatchObject([{ status_reason: expect.stringMatching(/^5 of its last 20/) }])
  })

  test('whose refusals came before its fiftieth mail is paused by the minute’s recovery', async () => {
    await rounds(4, 0, 0, 0, 0)
    expect(await statusOf('campaign')).toEqual([{ status: 'running', status_reason: null }])
    const session = await database.session('worker')
    await session.query('select goniec.brake_refused()')
    expect(await statusOf('campaign')).toMatchObject([{ status: 'paused' }])
  })

  test('that was resumed is not paused again by the same mails', async () => {
    await rounds(0, 0, 0, 0, 9)
    expect(await statusOf('campaign')).toMatchObject([{ status: 'paused' }])
    minutes += 1
    await setClock(database, NOON.add({ minutes }))
    await resumeCampaign(database, 'spring')
    expect(await statusOf('campaign')).toEqual([{ status: 'running', status_reason: null }])
    await rounds(9)
    await database.query('select goniec.brake_refused()')
    expect(await statusOf('campaign')).toEqual([{ status: 'running', status_reason: null }])
    await rounds(9, 9, 9, 9)
    expect(await statusOf('campaign')).toMatchObject([
      { status: 'paused', status_reason: expect.stringMatching(/^45 of its last 50/) },
    ])
  })

  test('that a person pauses afterwards, or has paused before, keeps what it was paused for', async () => {
    await rounds(0, 0, 0, 0, 9)
    expect((await pauseCampaign(database, 'spring')).changed).toBe(false)
    expect(await statusOf('campaign')).toMatchObject([{ status_reason: expect.stringMatching(/^9 of/) }])
  })

  test('is not paused where the brake is off, nor by what was imported as history', async () => {
    await database.query('update goniec.installation set refusal_share = null')
    await rounds(0, 0, 0, 0, 9)
    expect(await statusOf('campaign')).toEqual([{ status: 'running', status_reason: null }])
    await database.query('update goniec.installation set refusal_share = 0.5, refusal_least = 10')
    await database.query(`select goniec.brake_refused()`)
    expect(await statusOf('campaign')).toEqual([{ status: 'running', status_reason: null }])
  })
})

describe('a mailbox', () => {
  test('is paused by its own refusals, whichever campaigns they were of, and those go on from the others', async () => {
    await database.query('update goniec.installation set refusal_least = 10')
    await database.query('update goniec.campaign set refusals_since = $1', [NOON.add({ hours: 900 })])
    for (let n = 0; n < 10; n += 1) {
      const attempts = await onTheWire(boxes)
      const mine = (await world.row<{ mailbox_id: number }>('attempt', attempts[0] ?? 0)).mailbox_id
      await settle(
        database.pool,
        worker,
        attempts.map((attempt, index) =>
          mine === boxes[0] && index === 0 && n > 7 ? refused(attempt) : accepted(attempt),
        ),
      )
    }
    const reason = '2 of its last 10 mails were refused for good, more than 5 %'
    expect(
      await database.query('select id, status, status_reason from goniec.mailbox where status_reason is not null'),
    ).toEqual([{ id: boxes[0], status: 'paused', status_reason: reason }])
    expect(await statusOf('campaign')).toEqual([{ status: 'running', status_reason: null }])
    const { address } = await world.row<{ address: string }>('mailbox', boxes[0] ?? 0)
    minutes += 1
    await setClock(database, NOON.add({ minutes }))
    expect(await resumeMailbox(database, address)).toMatchObject({ was: 'paused', was_reason: reason })
    await database.query('select goniec.brake_refused()')
    expect(await world.row('mailbox', boxes[0] ?? 0)).toMatchObject({ status: 'active', status_reason: null })
  })
})

test('nothing passes the fence once the brake is committed', async () => {
  await rounds(0, 0, 0, 0, 0)
  const attempts = await onTheWire(boxes.slice(0, 4))
  await world.mail({ mailbox: boxes[9] ?? 0, campaign, dueInMs: minutes * 60_000, closesInMs: 86_000_000 })
  const { attempts: claimed } = await claim(database.pool, worker)
  await settle(database.pool, worker, attempts.map(refused))
  await database.query('select goniec.pass_barrier()')
  expect(await fence(database.pool, worker, claimed)).toMatchObject([{ verdict: 'campaign_not_running' }])
  expect((await claim(database.pool, worker)).messages).toEqual([])
})

test('of settles at the same time none sees too little: the second one counts what the first has written', async () => {
  await rounds(0, 0, 0, 0, 0)
  const attempts = await onTheWire(boxes.slice(0, 4))
  const [first, second] = [await database.session('worker'), await database.session('worker')]
  await first.query('begin')
  await settle(first, worker, attempts.slice(0, 2).map(refused))
  expect(await statusOf('campaign')).toMatchObject([{ status: 'running' }])
  const done = settle(second, worker, attempts.slice(2).map(refused))
  await untilBlocked(database, second)
  await first.query('commit')
  await done
  expect(await statusOf('campaign')).toMatchObject([
    { status: 'paused', status_reason: expect.stringMatching(/^4 of its last 54/) },
  ])
})

test('a campaign that somebody holds is left to the minute’s recovery: settle waits for nobody', async () => {
  await rounds(0, 0, 0, 0, 0)
  const attempts = await onTheWire(boxes.slice(0, 4))
  const holder = await database.session()
  await holder.query('begin')
  await holder.query('select from goniec.campaign for no key update')
  await settle(database.pool, worker, attempts.map(refused))
  await holder.query('rollback')
  expect(await statusOf('campaign')).toMatchObject([{ status: 'running' }])
  await database.query('select goniec.brake_refused()')
  expect(await statusOf('campaign')).toMatchObject([{ status: 'paused' }])
})

test('whoever keeps the count for long keeps no outcome from being written, and no worker from its start', async () => {
  await database.query(`alter function goniec.brake_refused set lock_timeout = '50ms'`)
  await rounds(0, 0, 0, 0, 0)
  const attempts = await onTheWire(boxes.slice(0, 4))
  const holder = await database.session()
  await holder.query('begin')
  await holder.query('select goniec.brake_refused()')
  const settled = await settle(database.pool, worker, attempts.map(refused))
  expect(settled.map(({ verdict }) => verdict)).toEqual(attempts.map(() => 'settled'))
  await database.query('select goniec.brake_refused()')
  expect(await statusOf('campaign')).toMatchObject([{ status: 'running' }])
  await holder.query('rollback')
  await database.query('select goniec.brake_refused()')
  expect(await statusOf('campaign')).toMatchObject([{ status: 'paused' }])
})

test('as many as may be paused at once: a notification never grows too long', async () => {
  await database.query('update goniec.installation set refusal_least = 1')
  for (let n = 10; n < 60; n += 1) {
    const mailbox = await world.mailbox()
    await world.mail({ mailbox, campaign: await world.campaign({ name: `${'😀'.repeat(60)} ${n}` }) })
  }
  const { attempts } = await claim(database.pool, worker)
  await fence(database.pool, worker, attempts)
  await settle(database.pool, worker, attempts.map(refused))
  expect(await database.query(`select count(*)::int as paused from goniec.campaign where status = 'paused'`)).toEqual([
    { paused: 50 },
  ])
})

test('a campaign that is resumed while it is counted goes on: what was counted was before', async () => {
  // The count as it is, seen just before a pause and a resume.
  await database.query(`
    create or replace function goniec.refusals_of_campaign(p_campaign bigint, p_since timestamptz, p_last integer)
    returns table (mails bigint, refused bigint) language plpgsql as $$
    begin
      perform pg_advisory_lock(1), pg_advisory_unlock(1);
      return query select 60::bigint, 60::bigint;
    end $$`)
  const [counting, person] = [await database.session('worker'), await database.session()]
  await person.query('select pg_advisory_lock(1)')
  const counted = counting.query(`select goniec.brake_refused(array[$1::bigint], '{}')`, [campaign])
  await untilBlocked(database, counting)
  await pauseCampaign(database, 'spring')
  await resumeCampaign(database, 'spring')
  await person.query('select pg_advisory_unlock(1)')
  await counted
  expect(await statusOf('campaign')).toEqual([{ status: 'running', status_reason: null }])
})
