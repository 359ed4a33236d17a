/**
 * A worker is stopped, its session ends, and another process takes its name and its work. Continued, the first one settles what it holds,
 * passes no fence, and ends non-zero.
 */
import { afterEach, expect, test } from 'vitest'
import { createTestDatabase } from '../support/database.ts'
import { startFaultServer, type FaultServer } from '../smtp/fault-server.ts'
import { untilRow } from '../support/until-row.ts'
import { endWorkers, startWorker } from '../support/worker-process.ts'
import { makeFleet } from './fleet.ts'

let server: FaultServer | undefined

afterEach(async () => {
  await endWorkers()
  await server?.close()
})

test(
  'a worker whose name another process has taken settles what it holds, fences nothing, and ends with 1',
  { timeout: 180_000 },
  async () => {
    const database = await createTestDatabase()
    const [beforeFence, afterDot] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    // The first connection waits for its 354, the second for the answer to its dot.
    server = await startFaultServer({
      plan: (connection) => {
        if (connection === 0) return { data: async (at) => (await beforeFence.promise, at.takeContent()) }
        if (connection === 1) return { dot: async (at) => (await afterDot.promise, at.write('250 2.0.0 Ok\r\n')) }
        return {}
      },
    })
    await makeFleet(database, { mailboxes: 2, campaigns: 1, leads: 2, smtpPort: server.port })
    await database.query('update goniec.step set retired_at = goniec.now() where position = 2')
    const url = database.urlAs('worker')
    const first = startWorker(url, { args: ['--name', 'mine'] })
    const [waiting, answered] = [await server.connection(0), await server.connection(1)]
    await waiting.reached('data')
    await answered.reached('dot')
    first.kill('SIGSTOP')
    await untilRow(
      database,
      `select pg_terminate_backend(pid) as ended from pg_stat_activity where datname = current_database() and application_name = 'goniec worker session'`,
    )

    const second = startWorker(url, { args: ['--name', 'mine'] })
    await second.line(({ msg }) => msg.startsWith('in doubt'))
    // The doubt's mailbox waits, since its process was not seen gone; the other mail goes out again, from this process.
    await second.line(({ msg }) => msg === 'sent')
    first.kill('SIGCONT')
    await first.line(({ msg }) => msg.startsWith('the database is away'))
    afterDot.resolve()
    await untilRow(database, `select from goniec.message where status = 'sent' having count(*) = 2`)
    beforeFence.resolve()

    expect(await first.ended).toBe(1)
    expect(first.errors()).toContain('another process works under the name "mine" now')
    expect(waiting.mails.map(({ raw }) => raw)).toEqual([''])
    const completed = server.connections.flatMap(({ mails }) => mails.filter(({ complete }) => complete))
    expect(completed.flatMap(({ recipients }) => recipients).toSorted()).toEqual([
      'lead1@people.example',
      'lead2@people.example',
    ])
  },
)
