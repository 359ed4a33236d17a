/** A mail that missed its time, and for which there is no place at all: it waits, and takes nobody's, in no later plan either. */
import { expect, test } from 'vitest'
import { runPlan } from '../../src/campaigns/plan/run.ts'
import { Temporal } from '../../src/time.ts'
import { setClock } from '../support/clock.ts'
import { createTestDatabase } from '../support/database.ts'
import { TestWorld } from './world.ts'

const FRIDAY = Temporal.Instant.from('2026-12-04T10:00:00Z')
const MONDAY = Temporal.Instant.from('2026-12-07T08:00:00Z')
const MONDAY_EVENING = Temporal.Instant.from('2026-12-07T18:00:00Z')
const TUESDAY_EARLY = Temporal.Instant.from('2026-12-08T06:00:00Z')

test('a follow-up that was missed while every day is full takes the first place that is free, and no first mail ever gives way', async () => {
  const database = await createTestDatabase()
  await setClock(database, MONDAY)
  const world = new TestWorld(database)
  await world.salesperson()
  await world.mailbox('anna@firma.example', { daily_limit: 1 })
  const campaign = await world.campaign('spring', { status: 'running', delay_ms: 0 }, [
    { key: 'intro' },
    { key: 'reminder', waitDays: 1 },
  ])
  await world.attempt(await world.enroll(campaign, 'lead-0@kunde.example'), 'accepted', { sentAt: FRIDAY })
  for (let lead = 1; lead <= 20; lead++) await world.enroll(campaign, `lead-${lead}@kunde.example`)
  const reminder = async (): Promise<unknown> => {
    const [row] = await database.query(
      `select (scheduled_at at time zone 'Europe/Warsaw')::date::text as day, slot_reason as reason, missed_from is not null as missed
       from goniec.message where step_key = 'reminder'`,
    )
    return row
  }
  const intros = async (): Promise<unknown[]> =>
    await database.query(
      `select id, scheduled_at::text from goniec.message where step_key = 'intro' and scheduled_at is not null and status = 'pending' order by id`,
    )
  await runPlan(database)
  const before = await intros()
  expect(before.length).toBeGreaterThan(3)
  expect(await reminder()).toEqual({ day: '2026-12-07', reason: null, missed: false })

  await setClock(database, MONDAY_EVENING)
  for (let plans = 0; plans < 3; plans++) {
    await runPlan(database)
    expect(await reminder()).toEqual({ day: null, reason: 'no_room', missed: true })
    expect(await intros()).toEqual(before)
  }

  await setClock(database, TUESDAY_EARLY)
  await runPlan(database)
  expect(await reminder()).toEqual({ day: '2026-12-16', reason: 'missed', missed: false })
  expect(await intros()).toEqual(before)
})
