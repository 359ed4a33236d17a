/** Names of workers: one process each; a name that was killed is free again at once. */
import { hostname } from 'node:os'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { startFaultServer, type FaultServer } from '../smtp/fault-server.ts'
import { untilRow } from '../support/until-row.ts'
import { endWorkers, startWorker } from '../support/worker-process.ts'
import { makeFleet } from '../crash/fleet.ts'

let database: TestDatabase
let server: FaultServer | undefined

beforeEach(async () => {
  database = await createTestDatabase()
})

afterEach(async () => {
  await endWorkers()
  await server?.close()
})

test('a name that is taken is a clear error', async () => {
  const first = startWorker(database.urlAs('worker'), { args: ['--name', 'mine'] })
  await first.line(({ msg }) => msg === 'worker started')
  const second = startWorker(database.urlAs('worker'), { args: ['--name', 'mine'] })
  expect(await second.ended).toBe(1)
  expect(second.errors()).toBe(
    'Error: a worker named "mine" is running already\nTry: give this one another --name, or leave it out\n',
  )
  expect(second.log.filter(({ level }) => level === 'error' || level === 'fatal')).toEqual([])
})

test('an empty name is none', async () => {
  for (const name of ['', ' ']) {
    const worker = startWorker(database.urlAs('worker'), { args: ['--until-idle', '--name', name] })
    expect(await worker.ended).toBe(2)
    expect(worker.errors()).toBe('Error: --name is empty\nTry: give the worker a name, or leave it out\n')
  }
})

test('workers without names are called after their host, and numbered', async () => {
  const started = []
  for (const expected of [hostname(), `${hostname()}-2`]) {
    const worker = startWorker(database.urlAs('worker'))
    const { worker: name } = await worker.line(({ msg }) => msg === 'worker started')
    started.push([name, expected])
  }
  for (const [name, expected] of started) expect(name).toBe(expected)
})

test('a worker that was killed gets its old name again at once, and recovers what was left under it', async () => {
  const { promise: never } = Promise.withResolvers<void>()
  // One mail waits for its 354, the other one for the answer to its dot.
  server = await startFaultServer({
    plan: (connection) => (connection > 1 ? {} : connection === 0 ? { data: () => never } : { dot: () => never }),
  })
  await makeFleet(database, { mailboxes: 2, campaigns: 1, leads: 2, smtpPort: server.port })
  const first = startWorker(database.urlAs('worker'))
  await untilRow(database, `select from goniec.attempt where state = 'transmitting'`)
  await (await server.connection(0)).reached('data')
  first.kill('SIGKILL')
  await first.ended

  const second = startWorker(database.urlAs('worker'))
  const { worker: name } = await second.line(({ msg }) => msg === 'worker started')
  expect(name).toBe(hostname())
  await second.line(({ msg }) => msg === 'recovered: nothing had been sent')
  await second.line(({ msg }) => msg.startsWith('in doubt: its worker was gone'))
  // The mail that had not passed its fence goes out; the other one waits for a person. Its process was seen gone: no mailbox waits.
  await untilRow(
    database,
    `select from goniec.message where step_key = 'intro' having count(*) filter (where status = 'sent') = 1 and count(*) filter (where status = 'in_doubt') = 1`,
  )
  expect(await database.query('select from goniec.mailbox_gate where free_from > goniec.now()')).toEqual([])
})

test('recovery waits for no plan', async () => {
  server = await startFaultServer({ plan: { data: async () => Promise.withResolvers<void>().promise } })
  await makeFleet(database, { mailboxes: 1, campaigns: 1, leads: 1, smtpPort: server.port })
  const first = startWorker(database.urlAs('worker'), { args: ['--name', 'mine'] })
  await (await server.connection(0)).reached('data')
  first.kill('SIGKILL')
  await first.ended
  const planner = await database.session()
  await planner.query(`select pg_advisory_lock(goniec.lock_key('plan'))`)
  const second = startWorker(database.urlAs('worker'), { args: ['--name', 'mine'] })
  const recovered = await second.line(({ msg }) => msg.startsWith('recovered'))
  expect(recovered).toMatchObject({ attempt_id: 1, state: 'aborted' })
})
