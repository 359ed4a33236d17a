/** The record of forecasts: made once a day, judged when the campaign is over, and learnt from. */
import { beforeEach, expect, test } from 'vitest'
import { recordForecasts } from '../../src/reports/forecast/record.ts'
import { scoreForecasts } from '../../src/reports/forecast/score.ts'
import { answerForecast } from '../../src/reports/forecast/forecast.ts'
import { openDatabase } from '../../src/database/pool.ts'
import { Temporal } from '../../src/time.ts'
import { setClock } from '../support/clock.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { NOON, World } from '../support/world.ts'

let database: TestDatabase
let world: World

/** Four a day from Tuesday noon on, fifty in all: until 17 December. */
beforeEach(async () => {
  database = await createTestDatabase()
  await setClock(database, NOON)
  world = new World(database.pool)
  await world.mailbox({ daily_limit: 4 })
  await world.campaign({ name: 'spring-offer' })
  await database.query(
    'insert into goniec.campaign_mailbox (campaign_id, mailbox_id) select c.id, b.id from goniec.campaign c, goniec.mailbox b',
  )
  for (let n = 0; n < 50; n++) await world.mail({ dueInMs: null })
})

/** What is on record, without the days. */
async function record(): Promise<unknown[]> {
  return await database.query(
    `select made_on, mails, likely, latest, ended_on, slip from goniec.forecast order by made_on`,
  )
}

/** Ends the campaign, as if its last mail had gone on this day. */
async function endOn(day: string): Promise<void> {
  const session = await database.session()
  await session.query('set session_replication_role = replica')
  await session.query(`update goniec.message set status = 'sent', sent_at = $1`, [`${day}T10:00:00Z`])
  await session.query(`update goniec.campaign set status = 'completed', completed_at = goniec.now()`)
}

test('a forecast of each campaign is made once a day, whoever asks, and however many at once', async () => {
  const worker = openDatabase(database.urlAs('worker'))
  const made = await Promise.all([recordForecasts(worker), recordForecasts(database), recordForecasts(database)])
  expect(made.toSorted()).toEqual([0, 0, 1])
  expect(await recordForecasts(worker)).toBe(0)
  expect(await record()).toEqual([
    { made_on: '2026-12-01', mails: 50, likely: '2026-12-17', latest: '2026-12-21', ended_on: null, slip: null },
  ])
  await setClock(database, NOON.add({ hours: 24 }))
  expect(await recordForecasts(worker)).toBe(1)
  expect(await record()).toHaveLength(2)
  await worker.close()
})

test('when a campaign is over its forecasts are judged: how late it was, and whether the range held', async () => {
  await recordForecasts(database)
  await endOn('2026-12-21')
  await setClock(database, Temporal.Instant.from('2026-12-22T00:23:00Z'))
  await world.campaign({ name: 'next', status: 'running' })
  await recordForecasts(database)
  const [first] = await record()
  expect(first).toMatchObject({ made_on: '2026-12-01', ended_on: '2026-12-21', slip: 0.25 })
  const [score] = await scoreForecasts(database, 'spring-offer')
  expect(score).toEqual({
    campaign: 'spring-offer',
    forecasts: 1,
    mean_error_days: 4,
    mean_distance_days: 4,
    held: 1,
    mails_forecast: 4,
    mails_sent: 0,
  })
})

test('a response that goes out after its last mail makes no campaign late', async () => {
  await recordForecasts(database)
  const { id } = await world.mail({ kind: 'response', campaign: 1 })
  await endOn('2026-12-17')
  const session = await database.session()
  await session.query('set session_replication_role = replica')
  await session.query(`update goniec.message set sent_at = '2026-12-21T10:00:00Z' where id = $1`, [id])
  await setClock(database, Temporal.Instant.from('2026-12-22T00:23:00Z'))
  await recordForecasts(database)
  expect((await record())[0]).toMatchObject({ ended_on: '2026-12-17', slip: 0 })
})

test('an installation that was late again and again forecasts later ends, and one that never was a narrow range', async () => {
  const latest = async (): Promise<string | undefined> => {
    const { forecast } = await answerForecast(database, { name: 'spring-offer' })
    return forecast.campaigns[0]?.finish?.latest
  }
  const past = async (slip: number): Promise<unknown> =>
    await database.query(
      `insert into goniec.forecast (campaign_id, made_on, status, sent, mails, days, slip)
       select 900 + n, '2026-11-02', 'running', 0, 0, '[]', $1 from generate_series(1, 200) n`,
      [slip],
    )
  expect(await latest()).toBe('2026-12-21')
  await past(0)
  expect(await latest()).toBe('2026-12-17')
  await database.query('delete from goniec.forecast')
  await past(0.5)
  expect(await latest()).toBe('2026-12-21')
})

test('where very much is waiting the stored forecast of today answers; without one, or when asked to, it is reckoned', async () => {
  await database.query('update goniec.mailbox set daily_limit = 500')
  await fill(5000)
  expect((await answerForecast(database, { name: 'spring-offer' })).source).toBe('reckoned')
  await recordForecasts(database)
  const { source, forecast } = await answerForecast(database, { name: 'spring-offer' })
  expect({ source, mails: forecast.campaigns[0]?.mails }).toEqual({ source: 'stored', mails: 5050 })
  expect((await answerForecast(database, { name: 'spring-offer', fresh: true })).source).toBe('reckoned')
})

/** So many more leads of the campaign, each with a waiting mail. */
async function fill(count: number): Promise<void> {
  await database.query(`insert into goniec.lead (email) select format('many-%s@klient.example', n) from generate_series(1, $1) n`, [count]) // prettier-ignore
  await database.query(
    `with enrolled as (
       insert into goniec.enrollment (campaign_id, lead_id)
       select c.id, l.id from goniec.campaign c, goniec.lead l where l.email like 'many-%' returning id, campaign_id, lead_id)
     insert into goniec.message (kind, campaign_id, enrollment_id, lead_id, recipient, step_id, step_key, variant)
     select 'campaign', e.campaign_id, e.id, e.lead_id, l.email, s.id, s.key, 'A'
     from enrolled e join goniec.lead l on l.id = e.lead_id join goniec.step s on s.campaign_id = e.campaign_id`,
  )
}
