/** Recover, plan, dispatch: at the start, and on every return of the database. Another program that plans stands for a plan that takes long. */
import type { Client } from 'pg'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { WORKER_NAME_LOCK } from '../../src/database/worker-lock.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { startRecorder, type Recorder } from '../support/recorder.ts'
import { untilRow } from '../support/until-row.ts'
import { endWorkers, startWorker } from '../support/worker-process.ts'
import { makeFleet } from '../crash/fleet.ts'

let database: TestDatabase
let recorder: Recorder
let planner: Client

beforeEach(async () => {
  database = await createTestDatabase()
  recorder = await startRecorder()
  await makeFleet(database, { mailboxes: 2, campaigns: 2, leads: 2, smtpPort: recorder.port })
  await database.query('delete from goniec.campaign_mailbox where campaign_id <> mailbox_id')
  await database.query('select goniec.make_day_rows(2)')
  planner = await database.session()
  await planner.query(`select pg_advisory_lock(goniec.lock_key('plan'))`)
})

afterEach(async () => {
  await endWorkers()
  await recorder.close()
})

test('where mails were missed, nothing goes out before the plan has given them their places', async () => {
  await lay(1, '10 minutes')
  await lay(2, '1 second')
  startWorker(database.urlAs('worker'), { args: ['--name', 'mine'] })
  await untilRow(database, PLAN_WAITS)
  expect(await database.query('select from goniec.attempt')).toEqual([])
  await planner.query(`select pg_advisory_unlock(goniec.lock_key('plan'))`)
  await recorder.until(4)
  const [missed] = await database.query<{ moved: boolean }>(
    'select scheduled_at > first_planned_at as moved from goniec.message where campaign_id = 1 and step_key = $1',
    ['intro'],
  )
  expect(missed).toEqual({ moved: true })
})

test('where nothing was missed, the plan goes on beside the first mails', async () => {
  await lay(1, '1 second')
  await lay(2, '1 second')
  startWorker(database.urlAs('worker'), { args: ['--name', 'mine'] })
  expect(await recorder.until(2)).toHaveLength(2)
  await untilRow(database, PLAN_WAITS)
})

test('a server that leaves the first mail without an answer holds up neither plan nor engine', async () => {
  const silence = Promise.withResolvers<undefined>()
  await using silent = await startRecorder({ refuse: { mail: () => silence.promise } })
  await database.query('update goniec.mailbox set smtp_port = $1', [silent.port])
  await lay(1, '1 second')
  startWorker(database.urlAs('worker'), { args: ['--name', 'mine'] })
  await untilRow(database, PLAN_WAITS)
  await untilRow(
    database,
    `select from pg_stat_activity where datname = current_database() and application_name = 'goniec engine'`,
  )
  expect(await database.query('select state from goniec.attempt')).toEqual([{ state: 'claimed' }])
})

test('after a loss of its session too, a worker waits for the plan where mails were missed', async () => {
  await database.query(`update goniec.message set not_before = goniec.now() + interval '1 hour'`)
  await planner.query(`select pg_advisory_unlock(goniec.lock_key('plan'))`)
  const worker = startWorker(database.urlAs('worker'), { args: ['--name', 'mine'] })
  await worker.line(({ msg }) => msg === 'planned')
  // The engine is there as well.
  await untilRow(database, `select from graphile_worker.jobs where key = 'dispatch:mine'`)
  await planner.query(`select pg_advisory_lock(goniec.lock_key('plan'))`)
  // The mails come while its name is ours, and none of its connections is left that might just be claiming.
  const namesake = await database.session()
  const named = namesake.query(`select pg_advisory_lock($1, hashtext('mine'))`, [WORKER_NAME_LOCK])
  await database.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
     where datname = current_database() and application_name in ('goniec worker session', 'goniec worker')`,
  )
  await worker.line(({ msg }) => msg.startsWith('the database is away'))
  await named
  await untilRow(database, NO_CLAIM_UNDER_WAY)
  await lay(1, '10 minutes')
  await lay(2, '1 second')
  await namesake.query('select pg_advisory_unlock_all()')
  await worker.line(({ msg }) => msg === 'the database is back')
  await untilRow(database, PLAN_WAITS)
  expect(await database.query('select from goniec.attempt')).toEqual([])
  await planner.query(`select pg_advisory_unlock(goniec.lock_key('plan'))`)
  await recorder.until(2)
})

const NO_CLAIM_UNDER_WAY = `
  select where not exists (select from pg_stat_activity where datname = current_database() and application_name = 'goniec worker')`

const PLAN_WAITS = `
  select from pg_stat_activity
  where datname = current_database() and application_name = 'goniec plan' and wait_event_type = 'Lock' and wait_event = 'advisory'`

/** Gives the first mail of a campaign its slot, so long ago. */
async function lay(campaign: number, ago: string): Promise<void> {
  await database.query(
    `update goniec.message m
     set scheduled_at = goniec.now() - $2::interval, first_planned_at = coalesce(m.first_planned_at, goniec.now() - $2::interval), mailbox_id = b.id, not_before = null,
         window_closes_at = goniec.now() + interval '1 hour', planned_campaign_version = c.version, planned_mailbox_version = b.version
     from goniec.campaign c, goniec.mailbox b
     where m.campaign_id = $1 and c.id = $1 and b.id = $1`,
    [campaign, ago],
  )
}
