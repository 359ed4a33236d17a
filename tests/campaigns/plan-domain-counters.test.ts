/** Counters of recipient domains that the plan wants while another program is just making them. */
import { expect, test } from 'vitest'
import { runPlan } from '../../src/campaigns/plan/run.ts'
import { untilBlocked } from '../support/blocked.ts'
import { setClock } from '../support/clock.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { NOON, World } from '../support/world.ts'

const THIS_HOUR = 'goniec.hour_of(goniec.now())'

async function withLimits(): Promise<TestDatabase> {
  const database = await createTestDatabase()
  await setClock(database, NOON)
  await database.query(`insert into goniec.domain_limit values ('*', 10, 10)`)
  return database
}

test('a plan waits for them a moment only, makes those of others, and lays nothing for that domain yet', async () => {
  const database = await withLimits()
  const world = new World(database.pool)
  for (const email of ['anna@stalmet.example', 'jan@inny.example'])
    await world.mail({ lead: await world.lead({ email }), dueInMs: null })
  await database.query('insert into goniec.campaign_mailbox select c.id, b.id from goniec.campaign c, goniec.mailbox b')
  const other = await database.session()
  await other.query('begin')
  await other.query(`insert into goniec.domain_hour values ('stalmet.example', ${THIS_HOUR}, 10)`)
  const planned = `select recipient, scheduled_at is not null as planned from goniec.message order by id`
  await runPlan(database)
  expect(await database.query(planned)).toEqual([
    { recipient: 'anna@stalmet.example', planned: false },
    { recipient: 'jan@inny.example', planned: true },
  ])
  await other.query('rollback')
  await runPlan(database)
  expect(await database.query(planned)).toMatchObject([{ planned: true }, { planned: true }])
})

test('a plan and an import of history do not deadlock: both make days before hours', async () => {
  const database = await withLimits()
  await database.query(`alter function goniec.make_domain_rows set lock_timeout = '10s'`)
  await database.query(`alter database ${database.name} set deadlock_timeout = '10ms'`)
  const [plan, history] = [await database.session('worker'), await database.session()]
  await history.query('begin')
  await history.query(`insert into goniec.domain_day values ('stalmet.example', '2026-12-01', 10)`)
  const made = plan.query(`select goniec.make_domain_rows('{stalmet.example}', array[goniec.now()]) as left`)
  await untilBlocked(database, plan)
  await history.query(`insert into goniec.domain_hour values ('stalmet.example', ${THIS_HOUR}, 10)`)
  await history.query('commit')
  expect((await made).rows).toEqual([{ left: [] }])
})
