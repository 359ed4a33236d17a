/** graphile's listener, whose connection breaks while LISTEN is unanswered and the runner is let go of: it gives the connection back twice. */
import { Logger, run } from 'graphile-worker'
import { Pool } from 'pg'
import { expect, test } from 'vitest'
import { EnginePool } from '../../src/worker/engine-pool.ts'
import { createTestDatabase } from '../support/database.ts'

const QUIET = new Logger(() => () => undefined)

/** The errors that nobody took while a runner was let go of in this moment. */
async function letGoWhileListening(make: typeof Pool): Promise<string[]> {
  const database = await createTestDatabase()
  const pool = new make({ connectionString: database.url })
  const broken = Promise.withResolvers<void>()
  pool.on('error', () => undefined)
  const asked = Promise.withResolvers<void>()
  pool.on('connect', (client) => {
    client.on('error', () => undefined)
    const query = client.query.bind(client) as (...args: unknown[]) => Promise<unknown>
    const held = async (...args: unknown[]): Promise<unknown> => {
      if (typeof args[0] !== 'string' || !/LISTEN "jobs/.test(args[0])) return query(...args)
      asked.resolve()
      await broken.promise
      throw new Error(`cut off in ${args[0].slice(0, 8).trim()}`)
    }
    Object.assign(client, { query: held })
  })
  const unheard: string[] = []
  const hear = (error: unknown): void => void unheard.push(String(error))
  process.on('unhandledRejection', hear)
  try {
    const runner = await run({ pgPool: pool, taskList: {}, noHandleSignals: true, logger: QUIET })
    await asked.promise
    const stopped = runner.stop().catch((error: unknown) => error)
    broken.resolve()
    await stopped
    await pool.end()
    await new Promise((resolve) => setImmediate(resolve))
  } finally {
    process.off('unhandledRejection', hear)
  }
  return unheard
}

test('a connection that graphile gives back twice ends no worker', async () => {
  expect(await letGoWhileListening(Pool)).toEqual([expect.stringContaining('already been released')])
  expect(await letGoWhileListening(EnginePool)).toEqual([])
})

test('a listener that asks once more of a pool that has ended, to give back what it did not get, ends no worker', async () => {
  const pool = new EnginePool({ connectionString: 'postgres://nobody@127.0.0.1:1/nothing' })
  await pool.end()
  const told: unknown[] = []
  pool.connect((error, client, done) => {
    told.push(error?.message, client)
    done()
  })
  expect(told).toEqual([expect.stringContaining('after calling end'), undefined])
})
