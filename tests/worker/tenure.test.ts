/** A worker loses its session and gets it back while a mail is on its way to the fence: what was claimed in another time is not sent. */
import { afterEach, expect, test } from 'vitest'
import { makeFleet } from '../crash/fleet.ts'
import { startFaultServer, type FaultServer } from '../smtp/fault-server.ts'
import { createTestDatabase } from '../support/database.ts'
import { untilRow } from '../support/until-row.ts'
import { endWorkers, startWorker } from '../support/worker-process.ts'

let server: FaultServer | undefined

afterEach(async () => {
  await endWorkers()
  await server?.close()
})

test('what was claimed before the name was lost passes no fence after it is held again, and goes out by a claim of its own', async () => {
  const database = await createTestDatabase()
  const beforeFence = Promise.withResolvers<void>()
  server = await startFaultServer({
    plan: (connection) =>
      connection === 0 ? { data: async (at) => (await beforeFence.promise, at.write('354 go on\r\n')) } : {},
  })
  await makeFleet(database, { mailboxes: 1, campaigns: 1, leads: 1, smtpPort: server.port })
  const worker = startWorker(database.urlAs('worker'), { args: ['--name', 'back'] })
  const waiting = await server.connection(0)
  await waiting.reached('data')
  await untilRow(
    database,
    `select pg_terminate_backend(pid) as ended from pg_stat_activity where datname = current_database() and application_name = 'goniec worker session'`,
  )
  await worker.line(({ msg }) => msg === 'the database is back')
  beforeFence.resolve()
  await waiting.closed

  expect(waiting.mails.map(({ raw }) => raw)).toEqual([''])
  const { response } = await untilRow<{ response: string }>(
    database,
    `select response from goniec.attempt where id = 1 and state = 'aborted'`,
  )
  expect(response).toBe('lock_lost')
  await untilRow(database, `select from goniec.message where status = 'sent' having count(*) = 2`)
  expect(server.accepted()).toHaveLength(2)
})
