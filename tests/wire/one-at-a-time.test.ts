/** The server takes long to answer a mailbox's mail, and the mailbox's next one is due: it waits, as the wire shows. */
import { afterEach, expect, test } from 'vitest'
import { makeFleet } from '../crash/fleet.ts'
import { startFaultServer, type FaultServer } from '../smtp/fault-server.ts'
import { setClock } from '../support/clock.ts'
import { createTestDatabase } from '../support/database.ts'
import { untilRow } from '../support/until-row.ts'
import { endWorkers, startWorker } from '../support/worker-process.ts'
import { NOON } from '../support/world.ts'
import { holdPlan, LAST, layByHand, sendLast } from './slots-by-hand.ts'

let server: FaultServer | undefined

afterEach(async () => {
  await endWorkers()
  await server?.close()
})

test('a mailbox whose mail is under way begins no other, whichever worker is free', async () => {
  const database = await createTestDatabase()
  await setClock(database, NOON, { running: true })
  const never = Promise.withResolvers<void>().promise
  server = await startFaultServer({ plan: (connection) => (connection === 0 ? { dot: () => never } : {}) })
  await makeFleet(database, { mailboxes: 1, campaigns: 1, leads: 2, smtpPort: server.port })
  await holdPlan(database)
  await layByHand(database)
  // This one has its hands full: were it to take the second mail too, its own connection would keep that back, and the claim would not be asked.
  startWorker(database.urlAs('worker'), { args: ['--name', 'mine'], env: { GONIEC_IN_FLIGHT: '1' } })
  await (await server.connection(0)).reached('dot')
  startWorker(database.urlAs('worker'), { args: ['--name', 'other'] })
  await sendLast(database, server.port)
  await untilRow(database, `select from goniec.message where recipient = $1 and status = 'sent'`, [LAST])
  // Each mail that was claimed has a connection, beside that of the last one.
  const live = await database.query(`select from goniec.attempt where state in ('claimed', 'transmitting')`)
  await Promise.all(
    Array.from({ length: live.length + 1 }, async (_, n) => (await server?.connection(n))?.reached('mail')),
  )
  const begun = server.connections.flatMap(({ mails }) => mails).filter(({ from }) => from === 'box1@team.example')
  expect(begun).toHaveLength(1)
})
