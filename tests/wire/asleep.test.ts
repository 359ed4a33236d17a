/**
 * A worker falls asleep in the middle of a mail's content, its attempt's time runs out, a person decides that the mail was not sent, and
 * another worker sends it. Then the first one wakes, with the rest of the mail in its hands.
 */
import { readFile } from 'node:fs/promises'
// The state of another process is looked at again and again: nothing tells of its change.
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { resolveDoubt } from '../../src/delivery/resolve-doubt.ts'
import { makeFleet } from '../crash/fleet.ts'
import { startFaultServer, type FaultServer } from '../smtp/fault-server.ts'
import { setClock } from '../support/clock.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { untilRow } from '../support/until-row.ts'
import { endWorkers, startWorker, type WorkerProcess } from '../support/worker-process.ts'
import { NOON } from '../support/world.ts'

let server: FaultServer | undefined

afterEach(async () => {
  await endWorkers()
  await server?.close()
})

test('a mail that was sent by another meanwhile is not completed by a worker that slept', async () => {
  const database = await createTestDatabase()
  await setClock(database, NOON, { running: true })
  // The server takes the first bytes of a long mail and then no more, so that the worker is stopped in the middle of it.
  server = await startFaultServer({
    plan: (connection) => (connection === 0 ? { body: (at) => void at.socket.pause() } : {}),
  })
  await makeFleet(database, { mailboxes: 1, campaigns: 1, leads: 1, smtpPort: server.port })
  await database.query(`update goniec.campaign set status = 'paused'`)
  await enqueueLongResponse(database)
  const sleeper = startWorker(database.urlAs('worker'), {
    args: ['--name', 'sleeper'],
    env: { GONIEC_DOT_WITHIN: '3s' },
  })
  const connection = await server.connection(0)
  await connection.reached('body')
  await asleep(sleeper)
  const { id } = await untilRow<{ id: number }>(
    database,
    `select message_id as id from goniec.attempt where state = 'transmitting' and transmitting_at < goniec.now() - interval '3500 ms'`,
  )

  await setClock(database, NOON.add({ hours: 1 }), { running: true })
  startWorker(database.urlAs('worker'), { args: ['--name', 'awake'] })
  await untilRow(database, `select from goniec.message where status = 'in_doubt'`)
  await resolveDoubt(database, id, { as: 'not-sent' })
  await (await server.connection(1)).reached('dot')
  sleeper.kill('SIGCONT')
  connection.socket.resume()
  await Promise.race([connection.closed, connection.reached('dot')])

  const completed = server.connections.flatMap(({ mails }) => mails.filter(({ complete }) => complete))
  expect(completed.flatMap(({ recipients }) => recipients)).toEqual(['lead1@people.example'])
})

/** Stops the process; resolves when the kernel shows it stopped. */
async function asleep(worker: WorkerProcess): Promise<void> {
  worker.kill('SIGSTOP')
  for (;;) {
    const stat = await readFile(`/proc/${worker.pid}/stat`, 'utf8')
    if (stat.slice(stat.lastIndexOf(')') + 2).startsWith('T')) return
    // A look at /proc is cheap.
    await delay(5)
  }
}

/** A response with an attachment that no buffer of the system holds whole. */
async function enqueueLongResponse(database: TestDatabase): Promise<void> {
  const content = Buffer.alloc(8_000_000, 'a').toString('base64')
  await database.query(
    `select goniec.enqueue_response("to" => 'lead1@people.example', key => 'long', subject => 'Long', text => 'Long', "from" => 'box1@team.example',
                                    attachments => $1)`,
    [JSON.stringify([{ filename: 'long.bin', contentType: 'application/octet-stream', content }])],
  )
}
