/** What a worker cannot do without, and what it survives: connections cut one by one, an engine that is refused its tables, no connection left. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createLogger } from '../../src/log.ts'
import { Engine } from '../../src/worker/engine.ts'
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

test('a worker that loses the database while its engine starts keeps its outcomes, and goes on when the database is back', async () => {
  await makeFleet(database, { mailboxes: 2, campaigns: 1, leads: 10, smtpPort: recorder.port })
  const holder = await database.session()
  await holder.query('begin; lock table graphile_worker.migrations in access exclusive mode')
  const worker = startWorker(database.urlAs('worker'), { args: ['--name', 'young'] })
  await recorder.until(1)
  await untilRow(
    database,
    `select from pg_stat_activity where application_name = 'goniec engine' and wait_event_type = 'Lock' and datname = current_database()`,
  )
  await database.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and usename = $1`,
    [new URL(database.urlAs('worker')).username],
  )
  await worker.line(({ msg }) => msg === 'work could not be taken up yet; it is tried again')
  await holder.query('commit')
  await recorder.until(20)
  worker.kill('SIGTERM')
  await worker.endedWell()
  expect(new Set((await ledger(database)).values())).toEqual(new Set(['sent']))
})

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

test('an engine that had no connection left when it asked for its first job runs jobs as soon as there is one', async () => {
  const role = `${database.name}_single`
  await database.query(`create role ${role} login password 'x' in role goniec_worker connection limit 1`)
  const lines: string[] = []
  const refused = Promise.withResolvers<void>()
  const log = createLogger(
    { level: 'trace' },
    {
      write(line) {
        lines.push(line)
        if (line.includes('Failed to acquire job')) refused.resolve()
      },
    },
  )
  const engine = new Engine({
    url: Object.assign(new URL(database.url), { username: role, password: 'x' }).href,
    silenceMs: 30_000,
    cron: [],
    log,
    onDead: (reason) => refused.reject(new Error(reason)),
  })
  try {
    const ran = Promise.withResolvers<void>()
    await engine.start({ ping: () => ran.resolve() })
    await refused.promise
    await database.query(`alter role ${role} connection limit 20`)
    await engine.book(['ping'])
    await ran.promise
    expect(lines.join('')).toContain('the engine could not ask for its jobs; it is started again')
  } finally {
    await engine.stop()
    await untilRow(database, `select where not exists (select from pg_stat_activity where usename = '${role}')`)
    await database.query(`drop role ${role}`)
  }
})
