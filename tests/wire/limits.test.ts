/**
 * More is due at an instant than a limit allows, because somebody has laid slots that the plan would not lay: the claim takes what there is
 * room for, and leaves the rest waiting. What is counted is what the server got.
 */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { makeFleet } from '../crash/fleet.ts'
import { setClock } from '../support/clock.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { startRecorder, type Recorder } from '../support/recorder.ts'
import { untilRow } from '../support/until-row.ts'
import { endWorkers, startWorker } from '../support/worker-process.ts'
import { NOON } from '../support/world.ts'
import { holdPlan, layByHand, untilNothingGoes } from './slots-by-hand.ts'

const LIMIT = 2
const LEADS = 4

let database: TestDatabase
let recorder: Recorder

beforeEach(async () => {
  database = await createTestDatabase()
  await setClock(database, NOON, { running: true })
  recorder = await startRecorder()
})

afterEach(async () => {
  await endWorkers()
  await recorder.close()
})

const limits: Record<string, string> = {
  'a mailbox': `update goniec.mailbox set daily_limit = ${LIMIT}`,
  'a mailbox that is warming': `
    update goniec.mailbox set warmup_started = '2026-12-01', warmup_daily_limit = ${LIMIT}`,
  'a campaign': `update goniec.campaign set daily_limit = ${LIMIT}`,
  'a salesperson': `update goniec.salesperson set daily_limit = ${LIMIT}`,
}

test.each(Object.entries(limits))(
  'of four mails that are due, two go out where %s may send two a day, and two wait',
  async (_, limit) => {
    await makeFleet(database, { mailboxes: 1, campaigns: 1, leads: LEADS, smtpPort: recorder.port })
    await database.query(limit)
    await work()
    expect(await result()).toEqual({ came: LIMIT, waiting: LEADS - LIMIT })
  },
)

const spacings: Record<string, string> = {
  'their mailbox keeps a gap of an hour': `update goniec.mailbox set min_gap_ms = 3600000`,
  'their campaign keeps a delay of an hour': `update goniec.campaign set delay_ms = 3600000, jitter = 0`,
}

test.each(Object.entries(spacings))('of two mails that are due, one goes out where %s', async (_, spacing) => {
  await makeFleet(database, { mailboxes: 1, campaigns: 1, leads: 2, smtpPort: recorder.port })
  await database.query(spacing)
  await work()
  expect(await result()).toEqual({ came: 1, waiting: 1 })
})

test('a lead that two campaigns want on one day has one mail of them', async () => {
  await makeFleet(database, { mailboxes: 1, campaigns: 2, leads: 1, smtpPort: recorder.port })
  await alsoInTheOther()
  await work()
  expect(await result()).toEqual({ came: 1, waiting: 1 })
})

test('a lead that two campaigns want at one instant, from two mailboxes, has one mail of them', async () => {
  await makeFleet(database, { mailboxes: 2, campaigns: 2, leads: 1, smtpPort: recorder.port })
  await alsoInTheOther()
  await holdPlan(database)
  await layByHand(database)
  await database.query('update goniec.message set mailbox_id = 2 where id = 2')
  await workOnSlots()
  expect(await result()).toEqual({ came: 1, waiting: 1 })
})

/** Enrols every lead in the campaign in which it is not. */
async function alsoInTheOther(): Promise<void> {
  await database.query('update goniec.campaign set contact_gap_days = 1')
  await database.query(
    `with enrolled as (
       insert into goniec.enrollment (campaign_id, lead_id, fields)
       select 3 - campaign_id, lead_id, fields from goniec.enrollment returning id, campaign_id, lead_id)
     insert into goniec.message (kind, campaign_id, enrollment_id, lead_id, recipient, step_id, step_key, variant)
     select 'campaign', e.campaign_id, e.id, e.lead_id, l.email, s.id, s.key, 'A'
     from enrolled e join goniec.lead l on l.id = e.lead_id join goniec.step s on s.campaign_id = e.campaign_id and s.position = 1`,
  )
}

async function work(): Promise<void> {
  await holdPlan(database)
  await layByHand(database)
  await workOnSlots()
}

async function workOnSlots(): Promise<void> {
  await database.query('update goniec.step set retired_at = goniec.now() where position = 2')
  startWorker(database.urlAs('worker'), { args: ['--name', 'mine'] })
  await untilRow(database, `select from goniec.message where status = 'sent'`)
  await untilNothingGoes(database)
}

/** What came, and what waits: a limit delays a mail, it does not set it aside. */
async function result(): Promise<{ came: number; waiting: number }> {
  const [row] = await database.query<{ waiting: number }>(
    `select count(*)::int as waiting from goniec.message where status = 'pending' and held_reason is null`,
  )
  return { came: recorder.mails.length, waiting: row?.waiting ?? 0 }
}
