/** What the plan stores about which limit binds a campaign's day. */
import { expect, test } from 'vitest'
import { runPlan } from '../../src/campaigns/plan/run.ts'
import { Temporal } from '../../src/time.ts'
import { setClock } from '../support/clock.ts'
import { createTestDatabase } from '../support/database.ts'
import { TestWorld } from './world.ts'

const MONDAY = Temporal.Instant.from('2026-12-07T08:00:00Z')

test('each day of the plan names its limit; a plan that finds the same writes nothing; days that are none any more are forgotten', async () => {
  const database = await createTestDatabase()
  await setClock(database, MONDAY)
  const world = new TestWorld(database)
  await world.salesperson()
  await world.mailbox()
  const campaign = await world.campaign('spring', { status: 'running', daily_limit: 2, delay_ms: 0 })
  for (let lead = 1; lead <= 5; lead++) await world.enroll(campaign, `lead-${lead}@kunde.example`)
  const stored = async (): Promise<unknown[]> =>
    await database.query(
      'select day::text, code, xmin::text from goniec.campaign_binding where campaign_id = $1 and day < $2 order by day',
      [campaign, '2026-12-11'],
    )
  await runPlan(database)
  const first = await stored()
  expect(first).toMatchObject([
    { day: '2026-12-07', code: 'campaign_limit' },
    { day: '2026-12-08', code: 'campaign_limit' },
    { day: '2026-12-09', code: 'all_planned' },
    { day: '2026-12-10', code: 'all_planned' },
  ])
  await runPlan(database)
  expect(await stored()).toEqual(first)

  await database.query(`update goniec.campaign set window_days = '{mon,wed,thu}', daily_limit = 1, version = 2`)
  await runPlan(database)
  expect(await stored()).toMatchObject([
    { day: '2026-12-07', code: 'campaign_limit' },
    { day: '2026-12-09', code: 'campaign_limit' },
    { day: '2026-12-10', code: 'campaign_limit' },
  ])
})

test('a worker may store it', async () => {
  const database = await createTestDatabase()
  const worker = await database.session('worker')
  await worker.query(`insert into goniec.campaign_binding (campaign_id, day, code) values (1, '2026-12-07', 'window')`)
  await worker.query(`update goniec.campaign_binding set code = 'all_planned'`)
  await worker.query('delete from goniec.campaign_binding')
  const reporter = await database.session('reporter')
  expect((await reporter.query('select from goniec.campaign_binding')).rows).toEqual([])
})
