/** Other programs among each other, in transactions that stay open. */
import type { Client } from 'pg'
import { beforeEach, expect, test } from 'vitest'
import { untilBlocked } from '../support/blocked.ts'
import { setClock } from '../support/clock.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { recover } from '../support/protocol.ts'
import { NOON, World } from '../support/world.ts'

let database: TestDatabase
let world: World
let one: Client
let two: Client

beforeEach(async () => {
  database = await createTestDatabase()
  await setClock(database, NOON)
  world = new World(database.pool)
  for (const name of ['a', 'b']) await world.mailbox({ address: `${name}@firma.example` })
  one = await database.session('worker')
  two = await database.session('worker')
  for (const session of [one, two]) await session.query('begin')
})

async function take(session: Client, mailbox: string): Promise<unknown> {
  const { rows } = await session.query('select goniec.take_slot($1, $2) as slot', [
    `${mailbox}@firma.example`,
    'warmup',
  ])
  return rows[0]?.['slot']
}

test('a slot of a mailbox that another program is just taking is null, soon', async () => {
  expect(await take(one, 'a')).toEqual(expect.any(Number))
  await two.query(`set statement_timeout = '2s'`)
  expect(await take(two, 'a')).toBeNull()
  expect(await take(two, 'b')).toEqual(expect.any(Number))
})

test('two programs that take two mailboxes in opposite order do not deadlock: one is told null', async () => {
  expect(await take(one, 'a')).toEqual(expect.any(Number))
  expect(await take(two, 'b')).toEqual(expect.any(Number))
  expect(await Promise.all([take(one, 'b'), take(two, 'a')])).toEqual([null, null])
})

test('what is rolled back was never taken', async () => {
  await take(one, 'a')
  await one.query('rollback')
  expect(await take(two, 'a')).toEqual(expect.any(Number))
  await two.query('commit')
  expect(await world.value('select sum(warmup_taken) from goniec.mailbox_day')).toBe(1)
})

test('thirty programs on one last slot: one gets it, the others null, none errs', async () => {
  await database.query('update goniec.mailbox_day set daily_limit = 1')
  const sessions = await Promise.all(Array.from({ length: 30 }, () => database.session('worker')))
  const slots = await Promise.all(sessions.map((session) => take(session, 'a')))
  expect(slots.filter((slot) => slot !== null)).toHaveLength(1)
})

test('a day’s row that two programs make at once is made once, and neither errs', async () => {
  await database.query('delete from goniec.mailbox_day')
  expect(await take(one, 'a')).toEqual(expect.any(Number))
  expect(await take(two, 'a')).toBeNull()
  await one.query('commit')
  await two.query('commit')
  expect(await world.value('select sum(warmup_taken) from goniec.mailbox_day')).toBe(1)
})

test('giving a slot back does not wait for whoever holds the day’s row: recovery does it later', async () => {
  const slot = await take(one, 'a')
  await one.query('commit')
  await two.query(`select goniec.record_external_send('a@firma.example', 'warmup', goniec.now())`)
  await one.query(`set lock_timeout = '50ms'`)
  await one.query('select goniec.release_slot($1, false)', [slot])
  await two.query('commit')
  expect(await world.value('select sum(warmup_taken) from goniec.mailbox_day')).toBe(2)
  await recover(database.pool, null)
  expect(await world.value('select sum(warmup_taken) from goniec.mailbox_day')).toBe(1)
})

function ask(session: Client): Promise<{ rows: { id: number }[] }> {
  return session.query(
    `select goniec.enqueue_response('jan@klient.example', 'key', 'text', 'subject', null, 'a@firma.example') as id`,
  )
}

test('the same response asked for by two programs at once is made once: the second waits, and is told the first one’s id', async () => {
  await world.lead({ email: 'jan@klient.example' })
  const first = await ask(one)
  const second = ask(two)
  await untilBlocked(database, two)
  await one.query('commit')
  expect((await second).rows).toEqual(first.rows)
  await two.query('commit')
  expect(await world.value('select count(*) from goniec.message')).toBe(1)
})

test('and if the first one rolls back, the second makes it', async () => {
  await world.lead({ email: 'jan@klient.example' })
  await ask(one)
  const second = ask(two)
  await untilBlocked(database, two)
  await one.query('rollback')
  expect((await second).rows[0]?.id).toEqual(expect.any(Number))
  await two.query('commit')
  expect(await world.value('select count(*) from goniec.message')).toBe(1)
})
