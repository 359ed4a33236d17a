/** Another program holds a mailbox's row in a transaction that it has forgotten: only that mailbox waits. */
import { afterEach, expect, test } from 'vitest'
import { makeFleet } from '../crash/fleet.ts'
import { createTestDatabase } from '../support/database.ts'
import { startRecorder, type Recorder } from '../support/recorder.ts'
import { endWorkers, startWorker } from '../support/worker-process.ts'
import { holdPlan, layByHand } from './slots-by-hand.ts'

let recorder: Recorder | undefined

afterEach(async () => {
  await endWorkers()
  await recorder?.close()
})

test('mails of other mailboxes go out while a program holds the day of one in an open transaction', async () => {
  const database = await createTestDatabase()
  recorder = await startRecorder()
  await makeFleet(database, { mailboxes: 2, campaigns: 1, leads: 2, smtpPort: recorder.port })
  await holdPlan(database)
  await layByHand(database)
  const program = await database.session()
  await program.query('begin')
  await program.query(`select goniec.record_external_send('box1@team.example', 'warmup', goniec.now())`)
  const worker = startWorker(database.urlAs('worker'), { args: ['--name', 'mine'] })
  await Promise.race([recorder.until(1), worker.line(({ msg }) => msg.startsWith('claim failed'))])
  expect(recorder.mails.map(({ to }) => to[0])).toEqual(['lead2@people.example'])
})
