/** A synchronous standby is away: every commit waits for it. Nothing new is sent, and the worker keeps its name, so that it goes on afterwards. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startRecorder, type Recorder } from '../support/recorder.ts'
import { untilRow } from '../support/until-row.ts'
import { endWorkers, startWorker } from '../support/worker-process.ts'
import { makeFleet } from './fleet.ts'
import { startOwnServer, type OwnServer } from './own-server.ts'

let server: OwnServer
let recorder: Recorder

beforeEach(async () => {
  server = await startOwnServer()
  recorder = await startRecorder()
  await makeFleet(server.database, { mailboxes: 1, campaigns: 1, leads: 2, smtpPort: recorder.port })
}, 120_000)

afterEach(async () => {
  await endWorkers()
  await recorder.close()
  await server.remove()
}, 120_000)

async function waitForStandby(name: string): Promise<void> {
  await server.database.query(`alter system set synchronous_standby_names = '${name}'`)
  await server.database.query('select pg_reload_conf()')
  await untilRow(server.database, `select where current_setting('synchronous_standby_names') = '${name}'`)
}

test('a worker says that it is there without waiting for the standby', async () => {
  const worker = startWorker(server.workerUrl, {
    args: ['--name', 'patient'],
    env: { GONIEC_TICK: '200ms', GONIEC_DATABASE_SILENCE: '1s' },
  })
  await recorder.until(4)
  await waitForStandby('nobody')
  // Two beats, each of them a commit on the session that holds the name.
  for (let beats = 0; beats < 2; beats += 1) {
    const [known] = await server.database.query<{ seen_at: unknown }>('select seen_at from goniec.known_worker')
    await untilRow(server.database, 'select from goniec.known_worker where seen_at > $1', [known?.seen_at])
  }
  await waitForStandby('')
  worker.kill('SIGTERM')
  await worker.endedWell()
  expect(worker.log.filter(({ msg }) => msg.startsWith('the database is away'))).toEqual([])
})
