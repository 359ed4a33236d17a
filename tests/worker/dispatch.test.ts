/** The loop that claims and sends, and the reading of what a claim's mails are made of, in between. */
import type { QueryConfig } from 'pg'
import { expect, test } from 'vitest'
import { Temporal } from '../../src/time.ts'
import { startFaultServer } from '../smtp/fault-server.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { untilRow } from '../support/until-row.ts'
import { World } from '../support/world.ts'
import { dispatchOn } from './dispatch-on.ts'

/** One mail a claim. */
const ONE = { GONIEC_BATCH: '1' }
const CLAIMED = `select from goniec.attempt where state = 'claimed' having count(*) = 2`
/** Its mails, and their mailboxes. */
const READS_OF_TWO_CLAIMS = 4

test('mails are claimed while what the ones before them are made of is still read; all of them are held, and sent once it is read', async () => {
  await using server = await serverFor(await createTestDatabase())
  const { database, incarnationId } = server
  const mayRead = Promise.withResolvers<void>()
  const query: TestDatabase['query'] = async (text, values) => (await mayRead.promise, database.query(text, values))
  const dispatch = dispatchOn({ database: { ...database, query }, incarnationId, waits: false }, ONE)

  const run = dispatch.run()
  await untilRow(database, CLAIMED)
  await expect.poll(() => dispatch.held).toEqual([1, 2])
  expect(server.accepted()).toEqual([])
  mayRead.resolve()
  await run
  expect(server.accepted()).toHaveLength(2)
  expect(dispatch.held).toEqual([])
})

test('claims whose mails cannot be read are undone when they are not held any more, and the mails go out by other ones', async () => {
  await using server = await serverFor(await createTestDatabase())
  const { database, incarnationId } = server
  let reads = 0
  const query: TestDatabase['query'] = (text, values) =>
    ++reads <= READS_OF_TWO_CLAIMS ? Promise.reject(new Error('the connection was lost')) : database.query(text, values)

  await dispatchOn({ database: { ...database, query }, incarnationId, waits: false }, ONE).run()
  const states = await database.query<{ state: string }>('select state from goniec.attempt order by id')
  expect(states.map(({ state }) => state)).toEqual(['aborted', 'aborted', 'accepted', 'accepted'])
  expect(server.accepted()).toHaveLength(2)
})

test('a claim that could not be read while another one is being undone is undone by the next look', async () => {
  await using server = await serverFor(await createTestDatabase())
  const { database, incarnationId } = server
  const isUndoing = Promise.withResolvers<void>()
  let reads = 0
  const query: TestDatabase['query'] = async (text, values) => {
    reads++
    if (reads > READS_OF_TWO_CLAIMS) return database.query(text, values)
    if (reads > READS_OF_TWO_CLAIMS / 2) await isUndoing.promise
    throw new Error('the connection was lost')
  }
  const ask = async (asked: string | QueryConfig, values: unknown[]): Promise<unknown> => {
    const answer = await database.pool.query(asked, values)
    if (typeof asked !== 'string' || !asked.includes('goniec.recover')) return answer
    isUndoing.resolve()
    await expect.poll(() => dispatch.held).toEqual([])
    return answer
  }
  const pool: TestDatabase['pool'] = Object.create(database.pool, { query: { value: ask } })
  const dispatch = dispatchOn({ database: { ...database, pool, query }, incarnationId, waits: false }, ONE)

  await dispatch.run()
  expect(server.accepted()).toHaveLength(2)
  expect(await database.query(`select from goniec.attempt where state = 'claimed'`)).toEqual([])
})

/** Two mailboxes at a server, each with a mail that is due now. */
async function serverFor(database: TestDatabase): Promise<
  AsyncDisposable & {
    database: TestDatabase
    incarnationId: number
    accepted: Awaited<ReturnType<typeof startFaultServer>>['accepted']
  }
> {
  const server = await startFaultServer({ plan: () => ({}) })
  const world = new World(database.pool, Temporal.Now.instant())
  for (let box = 0; box < 2; box++) {
    await world.mailbox({ smtp_port: server.port })
    await world.mail({ dueInMs: -1000 })
  }
  return {
    database,
    incarnationId: await world.worker(),
    accepted: () => server.accepted(),
    [Symbol.asyncDispose]: () => server.close(),
  }
}
