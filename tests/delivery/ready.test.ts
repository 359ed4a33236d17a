/** Sessions that are made ready before there is a mail: with a worker's rights, and without a trace. */
import type { Client } from 'pg'
import { beforeAll, expect, test } from 'vitest'
import { makeReady } from '../../src/delivery/ready.ts'
import { setClock } from '../support/clock.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { claim } from '../support/protocol.ts'
import { NOON, World } from '../support/world.ts'

let database: TestDatabase
let worker: Client

beforeAll(async () => {
  database = await createTestDatabase()
  await setClock(database, NOON)
  await database.query(
    `do $$ begin execute format('alter database %I set track_functions = ''pl''', current_database()); end $$`,
  )
  worker = await database.session('worker')
})

/** Rows written and functions called in this transaction. */
const TRACES = `
  select (select sum(n_tup_ins + n_tup_upd + n_tup_del)::integer from pg_stat_xact_user_tables where schemaname = 'goniec') as written,
    array(select funcname::text from pg_stat_xact_user_functions where schemaname = 'goniec' order by 1) as called`

test('what is due stays where it is, and all that a mail’s way calls has been called', async () => {
  const world = new World(database.pool)
  const { id } = await world.mail()
  await worker.query('begin')
  await makeReady({ query: async (text) => (await worker.query(text)).rows })
  const { rows } = await worker.query<{ written: number; called: string[] }>(TRACES)
  await worker.query('commit')
  expect(rows[0]?.written).toBe(0)
  expect(rows[0]?.called).toEqual(
    expect.arrayContaining([
      'choose',
      'fence',
      'first_claimable',
      'lock_chosen',
      'material',
      'next_opening',
      'settle',
      'take',
    ]),
  )
  expect((await claim(worker, await new World(worker).worker())).messages).toEqual([id])
})
