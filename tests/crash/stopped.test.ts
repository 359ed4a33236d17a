/**
 * A worker process is stopped (SIGSTOP) for longer than its lease or its time to the dot, and continued. What it may still do is decided by
 * what the server sees on the wire.
 */
import { readFile } from 'node:fs/promises'
// The state of another process is looked at again and again: nothing tells of its change.
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { startFaultServer, type FaultServer } from '../smtp/fault-server.ts'
import { untilRow } from '../support/until-row.ts'
import { endWorkers, startWorker, type WorkerProcess } from '../support/worker-process.ts'
import { makeFleet } from './fleet.ts'

/** All times of the protocol, shrunk together. */
const SHRUNK = {
  GONIEC_LEASE: '5s',
  GONIEC_PHASE_DEADLINE: '4s',
  GONIEC_BEFORE_FENCE_DEADLINE: '4500ms',
  GONIEC_DOT_WITHIN: '3s',
  GONIEC_BLOCK_DEADLINE: '20s',
  GONIEC_DOT_DEADLINE: '3s',
  GONIEC_ATTEMPT_DEADLINE: '12s',
}

let database: TestDatabase
let server: FaultServer | undefined

/** The same where only the time to the dot is slept through: none of the others ends on a busy machine before the mail is seen on the wire. */
const ONLY_TO_THE_DOT = {
  ...SHRUNK,
  GONIEC_LEASE: '40s',
  GONIEC_PHASE_DEADLINE: '20s',
  GONIEC_BEFORE_FENCE_DEADLINE: '30s',
  GONIEC_DOT_WITHIN: '8s',
  GONIEC_ATTEMPT_DEADLINE: '60s',
}

beforeEach(async () => {
  database = await createTestDatabase()
})

afterEach(async () => {
  await endWorkers()
  await server?.close()
})

test('a worker that slept through its lease before its fence puts no byte behind the 354', async () => {
  const held = Promise.withResolvers<void>()
  server = await startFaultServer({
    plan: (connection) => (connection === 0 ? { data: async (at) => (await held.promise, at.takeContent()) } : {}),
  })
  await makeFleet(database, { mailboxes: 1, campaigns: 1, leads: 1, smtpPort: server.port })
  const worker = startWorker(database.url, { args: ['--name', 'sleeper'], env: SHRUNK })
  const connection = await server.connection(0)
  await connection.reached('data')

  await asleep(worker)
  await untilRow(database, `select from goniec.attempt where state = 'claimed' and lease_until < goniec.now()`)
  held.resolve()
  worker.kill('SIGCONT')
  await connection.closed

  expect(connection.mails[0]?.raw ?? '').toBe('')
  await untilRow(database, `select from goniec.attempt where id = 1 and state = 'aborted'`)
})

test('a worker that slept between its fence and the end of the content releases no dot', async () => {
  // The server takes the first bytes of a long mail and then no more, so that the worker is stopped in the middle of it.
  server = await startFaultServer({
    plan: (connection) => (connection === 0 ? { body: (at) => void at.socket.pause() } : {}),
  })
  await makeFleet(database, { mailboxes: 1, campaigns: 1, leads: 1, smtpPort: server.port })
  await database.query(`update goniec.campaign set status = 'paused'`)
  await enqueueLongResponse()
  const worker = startWorker(database.url, { args: ['--name', 'sleeper'], env: ONLY_TO_THE_DOT })
  const connection = await server.connection(0)
  await connection.reached('body')
  await untilRow(database, `select from goniec.attempt where state = 'transmitting'`)

  await asleep(worker)
  await untilRow(
    database,
    `select from goniec.attempt where state = 'transmitting' and transmitting_at < goniec.now() - interval '8500 ms'`,
  )
  worker.kill('SIGCONT')
  connection.socket.resume()
  await connection.closed

  expect(connection.mails[0]?.raw.length).toBeGreaterThan(0)
  expect(connection.mails[0]?.complete).toBe(false)
  await untilRow(database, `select from goniec.attempt where id = 1 and state = 'aborted'`)
})

test('a worker that stays awake completes both mails of the same world', async () => {
  server = await startFaultServer()
  await makeFleet(database, { mailboxes: 1, campaigns: 1, leads: 1, smtpPort: server.port })
  const worker = startWorker(database.url, { args: ['--name', 'awake', '--until-idle'], env: SHRUNK })
  await worker.endedWell()
  expect(server.accepted()).toHaveLength(2)
})

/** Stops the process; resolves when the kernel shows it stopped. */
async function asleep(worker: WorkerProcess): Promise<void> {
  worker.kill('SIGSTOP')
  for (;;) {
    const stat = await readFile(`/proc/${worker.pid}/stat`, 'utf8')
    if (stat.slice(stat.lastIndexOf(')') + 2).startsWith('T')) return
    await delay(5)
  }
}

/** A response with an attachment that no buffer of the system holds whole. */
async function enqueueLongResponse(): Promise<void> {
  const content = Buffer.alloc(8_000_000, 'a').toString('base64')
  await database.query(
    `select goniec.enqueue_response("to" => 'lead1@people.example', key => 'long', subject => 'Long', text => 'Long', "from" => 'box1@team.example',
                                    attachments => $1)`,
    [JSON.stringify([{ filename: 'long.bin', contentType: 'application/octet-stream', content }])],
  )
}
