/**
 * Somebody writes into the tables what no code of ours writes, or two programs ask for the same at once. Whether the database refuses it,
 * or the claim does, is not looked at: the lead has one mail.
 */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { makeFleet } from '../crash/fleet.ts'
import { untilBlocked } from '../support/blocked.ts'
import { setClock } from '../support/clock.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { startRecorder, type Recorder } from '../support/recorder.ts'
import { untilRow } from '../support/until-row.ts'
import { endWorkers, startWorker } from '../support/worker-process.ts'
import { NOON } from '../support/world.ts'
import { untilNothingGoes } from './slots-by-hand.ts'

let database: TestDatabase
let recorder: Recorder

beforeEach(async () => {
  database = await createTestDatabase()
  await setClock(database, NOON, { running: true })
  recorder = await startRecorder()
  await makeFleet(database, { mailboxes: 1, campaigns: 1, leads: 1, smtpPort: recorder.port })
  await database.query('update goniec.step set retired_at = goniec.now() where position = 2')
})

afterEach(async () => {
  await endWorkers()
  await recorder.close()
})

test('a second message for the same lead and step brings the lead no second mail', async () => {
  await tryTo(
    `insert into goniec.message (kind, campaign_id, enrollment_id, lead_id, recipient, step_id, step_key, variant)
     select kind, campaign_id, enrollment_id, lead_id, recipient, step_id, step_key, 'A' from goniec.message`,
  )
  await work()
  expect(mailed()).toEqual(['lead1@people.example intro'])
})

test('a mail that was sent, and that somebody puts back into the queue, is not sent again', async () => {
  await work()
  await tryTo(
    `update goniec.message set status = 'pending', scheduled_at = null, mailbox_id = null, window_closes_at = null`,
  )
  startWorker(database.urlAs('worker'), { args: ['--name', 'mine'] })
  await untilRow(database, `select from goniec.message where status <> 'pending' or scheduled_at is not null`)
  await untilNothingGoes(database)
  expect(mailed()).toEqual(['lead1@people.example intro'])
})

test('a response that two programs ask for at once under one key is sent once', async () => {
  await database.query(`update goniec.campaign set status = 'paused'`)
  const ask = `select goniec.enqueue_response("to" => 'lead1@people.example', key => 'offer', subject => 'Offer', text => 'Offer', "from" => 'box1@team.example', again => true)`
  const [one, other] = [await database.session(), await database.session()]
  await one.query('begin')
  await one.query(ask)
  const asked = other.query(ask).catch(() => undefined)
  await Promise.race([asked, untilBlocked(database, other)])
  await one.query('commit')
  await asked
  await work()
  expect(mailed()).toEqual(['lead1@people.example Offer'])
})

/** As the owner of the tables; a refusal is as good as anything. */
async function tryTo(statement: string): Promise<void> {
  await database.query(statement).catch(() => undefined)
}

async function work(): Promise<void> {
  await startWorker(database.urlAs('worker'), { args: ['--name', 'mine', '--until-idle'] }).endedWell()
}

function mailed(): string[] {
  return recorder.mails.map(({ to, headers }) => `${to[0]} ${headers.get('subject')?.split(' ')[0]}`).toSorted()
}
