/**
 * The database's clock is put forward, so that the lease of a mail is over while its worker still waits for the mail server: recovery puts it back
 * and its mailbox is free, although the dialogue goes on.
 */
import { afterEach, expect, test } from 'vitest'
import { makeFleet } from '../crash/fleet.ts'
import { startFaultServer, type FaultServer } from '../smtp/fault-server.ts'
import { setClock } from '../support/clock.ts'
import { createTestDatabase } from '../support/database.ts'
import { recover } from '../support/protocol.ts'
import { untilRow } from '../support/until-row.ts'
import { endWorkers, startWorker } from '../support/worker-process.ts'
import { NOON } from '../support/world.ts'

let server: FaultServer | undefined

afterEach(async () => {
  await endWorkers()
  await server?.close()
})

test('a worker whose mail was taken from it in the middle of a dialogue sends the next one of that mailbox, or the same again, when it is over', async () => {
  const database = await createTestDatabase()
  await setClock(database, NOON, { running: true })
  const held = Promise.withResolvers<void>()
  server = await startFaultServer({
    plan: (connection, mail) =>
      connection === 0 && mail === 0 ? { rcpt: async (at) => (await held.promise, at.write('250 2.1.5 Ok\r\n')) } : {},
  })
  await makeFleet(database, { mailboxes: 1, campaigns: 1, leads: 2, smtpPort: server.port })
  await database.query('update goniec.step set retired_at = goniec.now() where position = 2')
  const worker = startWorker(database.urlAs('worker'), { args: ['--name', 'mine'], env: { GONIEC_TICK: '500ms' } })
  await (await server.connection(0)).reached('rcpt')
  await setClock(database, NOON.add({ minutes: 4 }), { running: true })
  // As another worker does each minute; this one spares what it has in its hands.
  expect(await recover(database.pool, null)).toMatchObject([{ message_id: 1, state: 'aborted' }])
  await untilRow(database, `select from goniec.attempt having count(*) = 2`)
  held.resolve()
  await worker.line(({ msg, message_id: id }) => msg === 'sent' && id === 2)
  // Past the back-off of the first one.
  await setClock(database, NOON.add({ hours: 2 }), { running: true })
  await worker.line(({ msg, message_id: id }) => msg === 'sent' && id === 1)
  const recipients = server.connections
    .flatMap(({ mails }) => mails.filter(({ accepted }) => accepted))
    .flatMap((mail) => mail.recipients)
  expect(recipients.toSorted()).toEqual(['lead1@people.example', 'lead2@people.example'])
  worker.kill('SIGTERM')
  await worker.endedWell()
})
