import { beforeEach, expect, test } from 'vitest'
import { pullBrake, releaseBrake } from '../../src/campaigns/brake.ts'
import { pauseCampaign } from '../../src/campaigns/pause.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { TestWorld, untilSomebodyWaitsFor } from './world.ts'

let database: TestDatabase
let world: TestWorld

beforeEach(async () => {
  database = await createTestDatabase()
  world = new TestWorld(database)
  await world.salesperson()
  await world.mailbox()
})

test('the brake holds everything, says since when, and what had passed', async () => {
  const message = await world.enroll(await world.campaign('spring', { status: 'running' }), 'a@klient.example')
  await world.attempt(message, 'transmitting')
  const first = await pullBrake(database, { all: true })
  expect(first).toMatchObject({ changed: true, alreadyPassed: 1 })
  expect(await pullBrake(database, { all: true })).toMatchObject({ changed: false, pausedAt: first.pausedAt })
  const [installation] = await database.query('select paused_at from goniec.installation')
  expect(installation).toEqual({ paused_at: first.pausedAt })
})

test('lifting the brake revives no campaign that was paused by name', async () => {
  await world.campaign('spring', { status: 'running' })
  await world.campaign('autumn', { status: 'running' })
  await pauseCampaign(database, 'spring')
  await pullBrake(database, { all: true })
  expect(await releaseBrake(database, { all: true })).toEqual({ changed: true, stillPaused: ['spring'] })
  expect(await releaseBrake(database, { all: true })).toMatchObject({ changed: false })
  const rows = await database.query('select name, status from goniec.campaign order by name')
  expect(rows).toEqual([
    { name: 'autumn', status: 'running' },
    { name: 'spring', status: 'paused' },
  ])
  const types = await database.query<{ type: string }>(
    `select type from goniec.event where type like '%_all' order by id`,
  )
  expect(types.map(({ type }) => type)).toEqual(['paused_all', 'resumed_all'])
})

test('a salesperson’s brake holds that person’s mails only', async () => {
  const message = await world.enroll(await world.campaign('spring', { status: 'running' }), 'a@klient.example')
  await world.attempt(message, 'transmitting')
  await world.salesperson('piotr@firma.example', { name: 'Piotr' })
  expect(await pullBrake(database, { salesperson: 'Piotr' })).toMatchObject({ changed: true, alreadyPassed: 0 })
  expect(await pullBrake(database, { salesperson: ' Anna@Firma.example ' })).toMatchObject({ alreadyPassed: 1 })
  expect(await releaseBrake(database, { salesperson: 'anna@firma.example' })).toEqual({
    changed: true,
    stillPaused: [],
  })
  const rows = await database.query('select email, paused_at is not null as paused from goniec.salesperson order by id')
  expect(rows).toEqual([
    { email: 'anna@firma.example', paused: false },
    { email: 'piotr@firma.example', paused: true },
  ])
  const [event] = await database.query(`select data from goniec.event where type = 'resumed_salesperson'`)
  expect(event).toEqual({ data: { salesperson: 'anna@firma.example' } })
})

test('an unknown salesperson gets the nearest one', async () => {
  await expect(pullBrake(database, { salesperson: 'ana@firma.example' })).rejects.toMatchObject({
    message: 'there is no salesperson "ana@firma.example"; did you mean "anna@firma.example"?',
  })
})

test('the brake returns only when the fence that was just passing has ended, and counts it', async () => {
  const campaign = await world.campaign('spring', { status: 'running', delay_ms: 0 })
  const attempt = await world.attempt(await world.enroll(campaign, 'a@klient.example'), 'claimed')
  const worker = await giveToWorker(attempt)
  const passing = await database.session()
  await passing.query('begin')
  const { rows } = await passing.query(`select verdict from goniec.fence($1, array[$2::bigint], interval '1 min')`, [
    worker,
    attempt,
  ])
  expect(rows).toEqual([{ verdict: 'passed' }])
  const braking = pullBrake(database, { all: true })
  await untilSomebodyWaitsFor(database, passing)
  await passing.query('commit')
  expect((await braking).alreadyPassed).toBe(1)
})

async function giveToWorker(attempt: number): Promise<number> {
  const [worker] = await database.query<{ id: number }>(
    `insert into goniec.incarnation (worker, host, pid, version) values ('w', 'h', 1, '0') returning id`,
  )
  await database.query('alter table goniec.attempt disable trigger guard_attempt_update')
  await database.query(
    `update goniec.attempt
     set incarnation_id = $2, mailbox_version = 1, campaign_version = 1, mailbox_day = (goniec.now() at time zone 'Europe/Warsaw')::date
     where id = $1`,
    [attempt, worker?.id],
  )
  await database.query('alter table goniec.attempt enable trigger guard_attempt_update')
  return worker?.id ?? 0
}
