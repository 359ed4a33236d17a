/** The fence against those who want it closed: once a pause, block, suppression or change of settings has returned, nothing passes. */
import type { Client } from 'pg'
import { beforeEach, expect, test } from 'vitest'
import { untilBlocked } from '../support/blocked.ts'
import { setClock } from '../support/clock.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { claim, fence } from '../support/protocol.ts'
import { NOON, World, type Mail } from '../support/world.ts'

let database: TestDatabase
let world: World
let worker: number
let mail: Mail
let attempt: number

beforeEach(async () => {
  database = await createTestDatabase()
  await setClock(database, NOON)
  world = new World(database.pool)
  worker = await world.worker()
  await world.mailbox({ min_gap_ms: 60_000 })
  mail = await world.mail()
  attempt = (await claim(database.pool, worker)).attempts[0] ?? 0
})

/** A transaction of its own that holds what `text` locks. */
async function holding(text: string, ...values: unknown[]): Promise<Client> {
  const session = await database.session()
  await session.query('begin')
  await session.query(text, values)
  return session
}

/** The barrier as a command takes it, and how many mails had already passed. */
async function barrier(session: Client): Promise<number | undefined> {
  const { rows } = await session.query<{ passed: number }>('select goniec.pass_barrier() as passed')
  return rows[0]?.passed
}

const closings: Record<string, [verdict: string, text: (mail: Mail) => string]> = {
  'a pause of the campaign': ['campaign_not_running', () => `update goniec.campaign set status = 'paused'`],
  'the emergency brake': ['braked', () => 'update goniec.installation set paused_at = goniec.now()'],
  'a block of the lead': ['lead_not_mailable', () => 'update goniec.lead set blocked_at = goniec.now()'],
  'a suppression': ['suppressed', () => `insert into goniec.suppression (value) values ('klient.example')`],
  'a change of settings': ['settings_changed', () => 'update goniec.mailbox set version = version + 1'],
}

test.each(Object.entries(closings))(
  '%s closes the fence that was already waiting when it came, and returns after it',
  async (_, [verdict, text]) => {
    const holder = await holding('select from goniec.attempt where id = $1 for update', attempt)
    const fencing = await database.session()
    const fenced = fence(fencing, worker, attempt)
    await untilBlocked(database, fencing)

    await database.query(text(mail))
    const closing = await database.session()
    const closed = barrier(closing)
    await untilBlocked(database, closing)

    await holder.query('commit')
    expect(await fenced).toMatchObject([{ verdict }])
    expect(await closed).toBe(0)
  },
)

test('a pause says how many mails had already passed, and waits for the fence that is just passing', async () => {
  const fencing = await database.session()
  await fencing.query('begin')
  expect(await fence(fencing, worker, attempt)).toMatchObject([{ verdict: 'passed' }])
  await database.query(`update goniec.campaign set status = 'paused'`)
  const closing = await database.session()
  const closed = barrier(closing)
  await untilBlocked(database, closing)
  await fencing.query('commit')
  expect(await closed).toBe(1)
})

test('the count of mails that had already passed is of the campaign, lead or mailbox asked about', async () => {
  await fence(database.pool, worker, attempt)
  for (const [of, id] of Object.entries({ p_campaign: mail.campaign, p_lead: mail.lead, p_mailbox: mail.mailbox })) {
    const { rows } = await database.pool.query(
      `select goniec.pass_barrier(${of} => $1) as its, goniec.pass_barrier(${of} => $1::bigint + 1) as others`,
      [id],
    )
    expect(rows).toEqual([{ its: 1, others: 0 }])
  }
})

test('a fence that comes while the barrier is being passed waits, and is judged by what holds then', async () => {
  const closing = await holding('select goniec.pass_barrier()')
  const fencing = await database.session()
  const fenced = fence(fencing, worker, attempt)
  await untilBlocked(database, fencing)
  await database.query(`update goniec.campaign set status = 'paused'`)
  await closing.query('commit')
  expect(await fenced).toMatchObject([{ verdict: 'campaign_not_running' }])
})

test('two workers’ mails of one campaign with a delay pass one after the other', async () => {
  const campaign = await world.campaign({ delay_ms: 90_000, jitter: 0 })
  const other = await world.worker()
  await world.mail({ campaign, mailbox: await world.mailbox(), dueInMs: -2000 })
  await world.mail({ campaign, mailbox: await world.mailbox(), dueInMs: -1000 })
  const [one] = (await claim(database.pool, worker)).attempts
  await setClock(database, NOON.add({ seconds: 90 }))
  const [two] = (await claim(database.pool, other)).attempts
  const first = await database.session()
  await first.query('begin')
  expect(await fence(first, worker, one ?? 0)).toMatchObject([{ verdict: 'passed' }])
  const second = await database.session()
  const verdict = fence(second, other, two ?? 0)
  await untilBlocked(database, second)
  await first.query('commit')
  expect(await verdict).toEqual([{ verdict: 'too_early', opensAt: NOON.add({ seconds: 180 }) }])
})

const holdsNothing: Record<string, string> = {
  'asked for a slot and was told that the mailbox is busy': `select goniec.take_slot(address, 'warmup') from goniec.mailbox`,
  'recorded a send': `select goniec.record_external_send(address, 'warmup', goniec.now()) from goniec.mailbox`,
  'updated the lead': `update goniec.lead set email_given = 'x'`,
  'locked the campaign': 'select from goniec.campaign for update',
  'locked the lead': 'select from goniec.lead for update',
  'claimed another mail': `select goniec.claim(1, 1, '1 min', '1 min')`,
}

test.each(Object.entries(holdsNothing))('a fence does not wait for a transaction that %s', async (_, text) => {
  await holding(text)
  const fencing = await database.session()
  await fencing.query(`set lock_timeout = '50ms'`)
  expect(await fence(fencing, worker, attempt)).toMatchObject([{ verdict: 'passed' }])
})

test('a fence under “repeatable read” is refused: its snapshot could be older than a pause that has returned', async () => {
  const session = await database.session()
  await session.query(`set default_transaction_isolation = 'repeatable read'`)
  await expect(fence(session, worker, attempt)).rejects.toThrow('goniec works at isolation level "read committed"')
})
