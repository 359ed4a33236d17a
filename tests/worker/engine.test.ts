/** What a worker cannot do without, and what it survives: connections cut one by one, an engine that is refused its tables, no connection left. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { startRecorder, type Recorder } from '../support/recorder.ts'
import { untilRow } from '../support/until-row.ts'
import { endWorkers, startWorker } from '../support/worker-process.ts'
import { ledger, makeFleet } from '../crash/fleet.ts'

let database: TestDatabase
let recorder: Recorder

beforeEach(async () => {
  database = await createTestDatabase()
  recorder = await startRecorder()
})

afterEach(async () => {
  await endWorkers()
  await recorder.close()
})

test(
  'connections that are cut, of each kind and all at once, stop no worker, lose no mail and repeat none',
  { timeout: 120_000 },
  async () => {
    await makeFleet(database, { mailboxes: 6, campaigns: 2, leads: 150, smtpPort: recorder.port })
    const worker = startWorker(database.urlAs('worker'), { args: ['--name', 'cut'] })
    for (const [index, kind] of ['worker', 'worker session', 'engine', 'plan', '%', 'worker%'].entries()) {
      await recorder.until((index + 1) * 25)
      await database.query(
        `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and usename = $1 and application_name like 'goniec ' || $2`,
        [new URL(database.urlAs('worker')).username, kind],
      )
    }
    await recorder.until(300)
    worker.kill('SIGTERM')
    await worker.endedWell()
    expect(new Set(recorder.mails.map((mail) => `${mail.to[0]} ${mail.headers.get('subject')}`)).size).toBe(300)
    expect(recorder.mails).toHaveLength(300)
    expect(new Set((await ledger(database)).values())).toEqual(new Set(['sent']))
  },
)

test('a worker whose engine is refused for good ends with 1 and says why', async () => {
  const worker = startWorker(database.urlAs('worker'), { args: ['--name', 'refused'] })
  await untilRow(
    database,
    `select from pg_stat_activity where datname = current_database() and application_name = 'goniec engine' and query ilike '%listen%'`,
  )
  await database.query('revoke usage on schema graphile_worker from goniec_worker, public')
  await database.query(`select pg_notify('goniec', 'plan'), pg_notify('goniec', 'dispatch')`)
  expect(await worker.ended).toBe(1)
  expect(worker.errors()).toMatch(/Error: the engine failed 5 times within a minute; the last: .*permission denied/)
  expect(worker.errors()).toContain('Try: ')
})

test.each([0, 1, 3])(
  'a server that grants only %i connections is a clear error, and no worker hangs',
  async (limit) => {
    const name = `${database.name}_limited`
    await database.query(`create role ${name} login password 'x' in role goniec_worker connection limit ${limit}`)
    try {
      const url = Object.assign(new URL(database.url), { username: name, password: 'x' }).href
      const worker = startWorker(url, { args: ['--name', 'limited'] })
      expect(await worker.ended).toBe(1)
      expect(worker.errors()).toMatch(/Error: .* has no connection left: too many connections/)
      expect(worker.errors()).toContain('Try: stop workers')
    } finally {
      await database.query(`drop role ${name}`)
    }
  },
)
