/** A worker whose host's clock is wrong: it measures waits, never times, so nothing may depend on it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { fakedClock, libfaketime } from '../support/faked-clock.ts'
import { startRecorder, type Recorder } from '../support/recorder.ts'
import { untilRow } from '../support/until-row.ts'
import { endWorkers, startWorker } from '../support/worker-process.ts'
import { makeFleet } from '../crash/fleet.ts'

const HOUR_MS = 3_600_000

let database: TestDatabase
let recorder: Recorder
let directory: string

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'goniec-clock-'))
  database = await createTestDatabase()
  recorder = await startRecorder()
  await makeFleet(database, { mailboxes: 1, campaigns: 1, leads: 1, smtpPort: recorder.port })
})

afterEach(async () => {
  await endWorkers()
  await recorder.close()
  rmSync(directory, { recursive: true, force: true })
})

test.skipIf(libfaketime === undefined).each([
  ['behind', -HOUR_MS],
  ['ahead', HOUR_MS],
])('a worker whose host is an hour %s is woken by the database’s clock', async (_, offsetMs) => {
  await database.query(`update goniec.message set not_before = goniec.now() + interval '2 minutes'`)
  const clock = fakedClock(join(directory, 'worker'))
  clock.set(offsetMs)
  startWorker(database.urlAs('worker'), { args: ['--name', 'wrong'], env: clock.env })
  // Some seconds before the mail is due: neither at once, again and again, nor an hour too late.
  const booked = await untilRow<{ in_seconds: number }>(
    database,
    `select extract(epoch from run_at - now())::float8 as in_seconds from graphile_worker.jobs where key = 'dispatch:wrong' and run_at not between created_at - interval '5 s' and created_at + interval '5 s'`,
  )
  expect(booked.in_seconds).toBeGreaterThan(30)
  expect(booked.in_seconds).toBeLessThan(120)
})

test.skipIf(libfaketime === undefined)(
  'what is done each minute goes on where the host’s clock was a day ahead for a while, and after a restart too',
  async () => {
    const clock = fakedClock(join(directory, 'worker'))
    const start = () =>
      startWorker(database.urlAs('worker'), {
        args: ['--name', 'wrong'],
        env: { ...clock.env, GONIEC_TICK: '200ms' },
      })
    clock.set(24 * HOUR_MS)
    const worker = start()
    await recorder.until(2)
    await recoversWhatOthersLeft()
    clock.set(0)
    await recoversWhatOthersLeft()
    worker.kill('SIGTERM')
    await worker.endedWell()
    start()
    await untilRow(database, `select from goniec.incarnation having count(*) = 2`)
    await recoversWhatOthersLeft()
    expect(recorder.mails).toHaveLength(2)
  },
)

/** Another program takes a slot, and is never heard of again: it is recovery that gives the mailbox back. */
async function recoversWhatOthersLeft(): Promise<void> {
  // Its last mail may be waiting to be settled.
  const { id } = await untilRow<{ id: number }>(
    database,
    `select id from (select goniec.take_slot('box1@team.example', 'response', '50 ms') as id) as slot where id is not null`,
  )
  await untilRow(database, `select from goniec.attempt where id = $1 and state = 'aborted'`, [id])
}
