/** A lead answers while a mail to him is on the wire: that one ends as the server says, and no other follows it. */
import { afterEach, expect, test } from 'vitest'
import { actOnLeads } from '../../src/leads/lead-acts.ts'
import { makeFleet } from '../crash/fleet.ts'
import { setClock } from '../support/clock.ts'
import { createTestDatabase } from '../support/database.ts'
import { startRecorder, type Recorder } from '../support/recorder.ts'
import { untilRow } from '../support/until-row.ts'
import { endWorkers, startWorker } from '../support/worker-process.ts'
import { NOON } from '../support/world.ts'
import { untilNothingGoes } from './slots-by-hand.ts'

let recorder: Recorder | undefined

afterEach(async () => {
  await endWorkers()
  await recorder?.close()
})

test('a lead who replies while a mail to him is on the wire gets no further step', async () => {
  const database = await createTestDatabase()
  await setClock(database, NOON, { running: true })
  const asked = Promise.withResolvers<void>()
  const replied = Promise.withResolvers<void>()
  recorder = await startRecorder({ refuse: { dot: async () => (asked.resolve(), await replied.promise) } })
  await makeFleet(database, { mailboxes: 1, campaigns: 1, leads: 2, smtpPort: recorder.port })
  startWorker(database.urlAs('worker'), { args: ['--name', 'mine'] })
  await asked.promise
  await actOnLeads(database, { kind: 'replied' }, ['lead1@people.example'])
  replied.resolve()
  // The other lead's second mail: whatever plan has laid it has seen what there is for the first lead, and puts that before it.
  await untilRow(database, `select from goniec.message where step_key = 'reminder' and status = 'sent'`)
  await untilNothingGoes(database)
  const subjects = recorder.mails.map(({ headers }) => headers.get('subject'))
  expect(subjects).toEqual(['intro 1', 'intro 2', 'reminder 2'])
})
