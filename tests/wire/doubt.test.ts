/**
 * The server has taken a mail, and nobody ever hears of it: what is done then on its own is nothing, however much time passes and whoever
 * dies. The server's own record says how often it has the mail: here, what was completed by a dot.
 */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { makeFleet } from '../crash/fleet.ts'
import { fin, startFaultServer, type FaultServer, type Plan } from '../smtp/fault-server.ts'
import { setClock } from '../support/clock.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { untilRow } from '../support/until-row.ts'
import { endWorkers, startWorker } from '../support/worker-process.ts'
import { NOON } from '../support/world.ts'
import { untilNothingGoes } from './slots-by-hand.ts'

let database: TestDatabase
let server: FaultServer

afterEach(async () => {
  await endWorkers()
  await server.close()
})

async function world(plan: (connection: number, mail: number) => Plan, leads = 1): Promise<void> {
  server = await startFaultServer({ plan })
  await makeFleet(database, { mailboxes: 1, campaigns: 1, leads, smtpPort: server.port })
  await database.query('update goniec.step set retired_at = goniec.now() where position = 2')
}

beforeEach(async () => {
  database = await createTestDatabase()
  await setClock(database, NOON, { running: true })
})

test('a mail whose acceptance was lost with the connection is not sent again', async () => {
  await world((connection) => (connection === 0 ? { dot: fin } : {}))
  await workUntilEnded(1)
  await later()
  await goOn()
  expect(completed()).toEqual(['lead1@people.example'])
})

test('a mail that was lost so on a connection kept from the mail before is not sent again', async () => {
  await world((connection, mail) => (connection === 0 && mail === 1 ? { dot: fin } : {}), 2)
  await workUntilEnded(2)
  await later()
  await goOn()
  expect(completed()).toEqual(['lead1@people.example', 'lead2@people.example'])
})

test('a mail whose worker was killed before the answer to its dot is not sent again', async () => {
  await world((connection) => (connection === 0 ? { dot: () => Promise.withResolvers<void>().promise } : {}))
  const worker = startWorker(database.urlAs('worker'), { args: ['--name', 'mine'] })
  const connection = await server.connection(0)
  await connection.reached('dot')
  worker.kill('SIGKILL')
  await worker.ended
  await later()
  await goOn()
  expect(completed()).toEqual(['lead1@people.example'])
})

test('a mail that is refused for a while has the same Message-ID on every try', async () => {
  const greylisted: Plan = { dot: (at) => at.write('451 4.7.1 Greylisted, try again\r\n') }
  await world((connection) => (connection === 0 ? greylisted : {}))
  await work()
  await later()
  await work()
  const ids = server.connections.flatMap(({ bytes }) => bytes.match(/^Message-ID: .*$/gim) ?? [])
  expect(ids).toHaveLength(2)
  expect(new Set(ids).size).toBe(1)
})

/** Past every back-off and every deadline, within the day. */
async function later(): Promise<void> {
  await setClock(database, NOON.add({ hours: 3 }), { running: true })
}

/** Until so many attempts have ended, however they did. */
async function workUntilEnded(attempts: number): Promise<void> {
  const worker = startWorker(database.urlAs('worker'), { args: ['--name', 'mine'] })
  await untilRow(database, `select from goniec.attempt where finished_at is not null having count(*) >= $1`, [attempts])
  worker.kill('SIGTERM')
  await worker.endedWell()
}

/** A worker recovers what was left, plans, and sends whatever may be sent. */
async function goOn(): Promise<void> {
  const worker = startWorker(database.urlAs('worker'), { args: ['--name', 'mine'] })
  await untilRow(database, RECOVERED)
  await untilRow(database, EVERYTHING_PLANNED)
  await untilNothingGoes(database)
  worker.kill('SIGTERM')
  await worker.endedWell()
}

/** The engine is started behind the recovery and the first plan. */
const RECOVERED = `
  select from pg_stat_activity
  where datname = current_database() and application_name = 'goniec engine' and query ilike '%listen%'`

const EVERYTHING_PLANNED = `select where not exists (select from goniec.message where status = 'pending' and (scheduled_at is null or scheduled_at < goniec.now() - interval '5 minutes'))`

async function work(): Promise<void> {
  await startWorker(database.urlAs('worker'), { args: ['--name', 'mine', '--until-idle'] }).endedWell()
}

function completed(): string[] {
  return server.connections
    .flatMap(({ mails }) => mails)
    .filter(({ complete }) => complete)
    .flatMap(({ recipients }) => recipients)
    .toSorted()
}
