import type { Client, PoolClient, QueryResult } from 'pg'
import { expect, test } from 'vitest'
import { EventStream } from '../../src/reports/event-stream.ts'
import { readEvents } from '../../src/reports/events.ts'
import { fold } from '../../src/reports/status/recent.ts'
import { event } from '../cli/status-fixture.ts'
import { settledMail } from '../delivery/in-state.ts'
import { pidOf } from '../support/blocked.ts'
import { setClock } from '../support/clock.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { NOON, World } from '../support/world.ts'

const insert = (value: string): string =>
  `insert into goniec.event (type, data) values ('suppressed', '{"value": "${value}"}')`

/** The values of what is seen now, looked at until there is no more. */
async function see(database: TestDatabase, stream: EventStream): Promise<unknown[]> {
  const seen: unknown[] = []
  for (;;) {
    const { events, more } = await stream.read(database, { withinMs: 5000 })
    seen.push(...events.map(({ data }) => data['value']))
    if (!more) return seen
  }
}

/** A connection that the server ends when all has been read, and before that is over. */
function losingAtTheEnd({ pool }: TestDatabase): Pick<TestDatabase, 'pool'> {
  const connect = async (): Promise<PoolClient> => {
    const client = await pool.connect()
    const query = client.query.bind(client) as (text: string, values?: unknown[]) => Promise<QueryResult>
    const losing = async (text: string, values?: unknown[]): Promise<QueryResult> => {
      if (text === 'commit') await pool.query('select pg_terminate_backend($1)', [pidOf(client as unknown as Client)])
      return query(text, values)
    }
    return Object.assign(client, { query: losing })
  }
  return { pool: { connect } as unknown as TestDatabase['pool'] }
}

/** Transactions of other tests' databases on this server count as well, until they end. */
async function noGapLeft(database: TestDatabase, stream: EventStream): Promise<void> {
  await expect
    .poll(async () => ({ seen: await see(database, stream), gaps: stream.openGaps }))
    .toEqual({ seen: [], gaps: 0 })
}

test('an event that is committed after a later one is seen, once', async () => {
  const database = await createTestDatabase()
  const [slow, slower] = [await database.session(), await database.session()]
  await database.query(insert('before'))
  await slow.query('begin')
  await slow.query(insert('slow'))
  await database.query(insert('last of the past'))
  const stream = await EventStream.open(database, {})
  expect(await see(database, stream)).toEqual([])
  await slower.query('begin')
  await slower.query(insert('slower'))
  await database.query(insert('quick'))
  expect(await see(database, stream)).toEqual(['quick'])
  await slow.query('commit')
  expect(await see(database, stream)).toEqual(['slow'])
  await slower.query('commit')
  expect(await see(database, stream)).toEqual(['slower'])
  expect(await see(database, stream)).toEqual([])
})

test('what is rolled back is waited for only as long as it could still be committed', async () => {
  const database = await createTestDatabase()
  const [undone, other] = [await database.session(), await database.session()]
  const stream = await EventStream.open(database, {})
  await undone.query('begin')
  for (let i = 0; i < 100; i++) await undone.query(insert('undone'))
  await other.query('begin')
  await other.query(insert('in between'))
  await undone.query(insert('undone'))
  await database.query(insert('seen'))
  expect(await see(database, stream)).toEqual(['seen'])
  // A hundred and two ids in a row are one gap.
  expect(stream.openGaps).toBe(1)
  await undone.query('rollback')
  expect(await see(database, stream)).toEqual([])
  expect(stream.openGaps).toBe(1)
  await other.query('commit')
  expect(await see(database, stream)).toEqual(['in between'])
  await noGapLeft(database, stream)
})

test('what a look has read comes with the next one, where its connection is lost at its end', async () => {
  const database = await createTestDatabase()
  const stream = await EventStream.open(database, {})
  await database.query(insert('told'))
  await expect(stream.read(losingAtTheEnd(database), { withinMs: 5000 })).rejects.toThrow(/terminat|connection/i)
  expect(await see(database, stream)).toEqual(['told'])
})

test('of many at once none is lost and none comes twice, whoever commits first', async () => {
  const database = await createTestDatabase()
  const stream = await EventStream.open(database, {})
  await database.query(
    `insert into goniec.event (type, data) select 'suppressed', jsonb_build_object('value', n) from generate_series(1, 12000) n`,
  )
  const writers = await Promise.all(Array.from({ length: 6 }, () => database.session()))
  const writing = writers.map(async (session, writer) => {
    for (let i = 0; i < 20; i++) {
      await session.query('begin')
      for (let k = 0; k < 5; k++) await session.query(insert(`${writer}-${i}-${k}`))
      await session.query(i % 5 === 4 ? 'rollback' : 'commit')
    }
  })
  const seen: unknown[] = []
  const writes = new AbortController()
  const written = Promise.all(writing).then(() => writes.abort())
  while (!writes.signal.aborted) seen.push(...(await see(database, stream)))
  await written
  seen.push(...(await see(database, stream)), ...(await see(database, stream)))
  expect(seen).toHaveLength(12_000 + 6 * 16 * 5)
  expect(new Set(seen).size).toBe(seen.length)
  await noGapLeft(database, stream)
})

test('the last events are found by campaign, lead, mailbox, type and time, in the order they happened', async () => {
  const database = await createTestDatabase()
  await setClock(database, NOON)
  const world = new World(database.pool)
  const [first, second] = [await world.campaign(), await world.campaign()]
  const mailbox = await world.mailbox()
  const mail = await settledMail(world, { outcome: 'accepted' }, { campaign: first, mailbox })
  await settledMail(
    world,
    { outcome: 'rejected', response: '550 no' },
    { campaign: second, mailbox: await world.mailbox() },
  )
  await setClock(database, world.at(3_600_000))
  await database.query(`insert into goniec.event (type, campaign_id) values ('campaign_paused', $1)`, [first])
  const types = async (filter: Parameters<typeof readEvents>[1], limit = 50): Promise<string[]> =>
    (await readEvents(database, filter, { limit })).events.map(({ type }) => type)
  const own = ['claimed', 'fenced', 'settled', 'sent']
  expect(await types({ campaignId: first })).toEqual([...own, 'campaign_paused'])
  expect(await types({ leadId: mail.lead ?? 0 })).toEqual(own)
  expect(await types({ mailboxId: mailbox })).toEqual(own)
  expect(await types({ types: ['failed', 'campaign_paused'] })).toEqual(['failed', 'campaign_paused'])
  expect(await types({}, 2)).toEqual(['failed', 'campaign_paused'])
  expect(await types({ campaignId: second, types: ['settled'] })).toEqual(['settled'])
  const [last] = (await readEvents(database, {}, { limit: 1 })).events
  expect(await types({ since: last?.at })).toEqual(['campaign_paused'])
})

test('a rare event is looked for no further back than is said, unless a time is given', async () => {
  const database = await createTestDatabase()
  await database.query(`insert into goniec.event (type) values ('paused_all')`)
  await database.query(`insert into goniec.event (type) select 'suppressed' from generate_series(1, 7000)`)
  const [{ at } = { at: undefined }] = await database.query<{ at: never }>('select at from goniec.event where id = 1')
  const rare = { types: ['paused_all'] }
  const short = await readEvents(database, rare, { limit: 5, mostRead: 3000 })
  expect(short.events).toEqual([])
  expect(short.lookedBackTo).toBeDefined()
  const long = await readEvents(database, { ...rare, since: at }, { limit: 5, mostRead: 3000 })
  expect(long).toMatchObject({ events: [{ type: 'paused_all' }], lookedBackTo: undefined })
  expect((await readEvents(database, rare, { limit: 5 })).events).toHaveLength(1)
})

const planned = (campaign: string): ReturnType<typeof event> => event({ type: 'planned', campaign })

test('what happened to many mails at once is one line', () => {
  const [mixed, sent, own] = fold([planned('a'), planned('b'), event(), planned('a'), planned('a')])
  expect([mixed?.times, mixed?.campaign, sent?.times, own?.times, own?.campaign]).toEqual([2, null, 1, 2, 'a'])
})
