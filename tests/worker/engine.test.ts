/** What a worker cannot do without, and what it survives: connections cut one by one, an engine that is refused its tables, no connection left. */
import { EventEmitter, once } from 'node:events'
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

test('a worker that loses its connection in the first thing that it does goes on when the database is back', async () => {
  await makeFleet(database, { mailboxes: 2, campaigns: 1, leads: 10, smtpPort: recorder.port })
  const holder = await database.session()
  await holder.query('begin; lock table goniec.message in access exclusive mode')
  const worker = startWorker(database.urlAs('worker'), { args: ['--name', 'young'] })
  const { pid } = await untilRow<{ pid: number }>(
    database,
    `select pid from pg_stat_activity where application_name = 'goniec worker' and wait_event_type = 'Lock' and datname = current_database()`,
  )
  await database.query('select pg_terminate_backend($1)', [pid])
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
  await using single = await startRefused()
  await single.mayConnect()
  await single.engine.book(['ping'])
  await single.ran
  expect(single.lines.join('')).toContain('the engine could not ask for its jobs; it is started again')
})

test('an engine that cannot have its connections for good says so less and less often', async () => {
  await using single = await startRefused()
  // It has one, and wants more.
  await single.line('"again_in_ms":4000,')
  const pauses = single.lines.flatMap((line) => /"again_in_ms":(\d+),/.exec(line)?.[1] ?? [])
  expect(pauses).toEqual(['1000', '2000', '4000'])
})

test('an engine that is let go of stays so, though it was about to start again: whoever lets go starts it', async () => {
  await using abandoned = await startRefused()
  abandoned.engine.abandon()
  // The other one tells when the time for it is over.
  await using other = await startRefused()
  await abandoned.mayConnect()
  await other.mayConnect()
  await other.engine.book(['ping'])
  await other.ran
  expect(await database.query('select from pg_stat_activity where usename = $1', [abandoned.role])).toEqual([])
})

test.each(['has hardly begun', 'waits'])(
  'an engine that is let go of while its start %s can be started again before that has ended',
  async (when) => {
    const holder = await database.session()
    await holder.query('begin; lock table graphile_worker.migrations in access exclusive mode')
    const ran = Promise.withResolvers<void>()
    const engine = new Engine({
      url: database.url,
      silenceMs: 30_000,
      cron: [],
      log: createLogger({ level: 'silent' }),
      onDead: (reason) => ran.reject(new Error(reason)),
    })
    try {
      const first = engine.start({ ping: () => ran.resolve() })
      if (when === 'waits') await untilRow(database, ENGINE_WAITS)
      engine.abandon()
      const second = engine.start({ ping: () => ran.resolve() })
      await holder.query('commit')
      // Not a failure of whoever started it: it is started again.
      await expect(first).resolves.toBeUndefined()
      await second
      await engine.book(['ping'])
      await expect(ran.promise).resolves.toBeUndefined()
    } finally {
      await engine.stop()
    }
  },
)

/** An engine whose login had one connection, and none left for its places. */
async function startRefused(): Promise<RefusedEngine> {
  const role = `${database.name}_${(roles += 1)}`
  await database.query(`create role ${role} login password 'x' in role goniec_worker connection limit 1`)
  const lines: string[] = []
  const refused = Promise.withResolvers<void>()
  const ran = Promise.withResolvers<void>()
  const heard = new EventEmitter()
  const write = (line: string): void => {
    lines.push(line)
    heard.emit('line')
    if (line.includes('Failed to acquire job')) refused.resolve()
  }
  const engine = new Engine({
    url: Object.assign(new URL(database.url), { username: role, password: 'x' }).href,
    silenceMs: 30_000,
    cron: [],
    log: createLogger({ level: 'trace' }, { write }),
    onDead: (reason) => refused.reject(new Error(reason)),
  })
  await engine.start({ ping: () => ran.resolve() })
  await refused.promise
  return {
    engine,
    role,
    lines,
    line: async (part) => {
      while (!lines.some((line) => line.includes(part))) await once(heard, 'line')
    },
    ran: ran.promise,
    mayConnect: async () => void (await database.query(`alter role ${role} connection limit 20`)),
    async [Symbol.asyncDispose]() {
      await engine.stop()
      await untilRow(database, `select where not exists (select from pg_stat_activity where usename = '${role}')`)
      await database.query(`drop role ${role}`)
    },
  }
}

let roles = 0

const ENGINE_WAITS = `select from pg_stat_activity where application_name = 'goniec engine' and wait_event_type = 'Lock' and datname = current_database()`

interface RefusedEngine extends AsyncDisposable {
  engine: Engine
  role: string
  lines: string[]
  /** Resolves when a line has this in it. */
  line: (part: string) => Promise<void>
  /** Resolves when it has run a job "ping". */
  ran: Promise<void>
  mayConnect: () => Promise<void>
}
