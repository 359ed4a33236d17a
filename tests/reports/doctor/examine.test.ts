import { expect, onTestFinished, test } from 'vitest'
import { WORKER_NAME_LOCK } from '../../../src/database/worker-lock.ts'
import type { Checked } from '../../../src/reports/doctor/checked.ts'
import { Temporal } from '../../../src/time.ts'
import { version } from '../../../src/version.ts'
import { readWorkerSettings } from '../../../src/worker/settings.ts'
import { reply, startFaultServer } from '../../smtp/fault-server.ts'
import { setClock } from '../../support/clock.ts'
import { hasPgbouncer, startPgbouncer } from '../../support/pgbouncer.ts'
import { createTestDatabase, type Role } from '../../support/database.ts'
import { endWorkers, startWorker } from '../../support/worker-process.ts'
import { World } from '../../support/world.ts'
import { doctor } from './doctor.ts'

/** As every new database is. */
const healthy = await doctor(await createTestDatabase())

/** One check after these statements. */
async function after(statements: readonly string[], name: string): Promise<Checked | undefined> {
  const database = await createTestDatabase()
  for (const statement of statements) await database.query(statement.replaceAll('DATABASE', database.name))
  return (await doctor(database))[name]
}

/** A campaign that is a draft; its zone and its holidays follow. */
const CAMPAIGN = `
  with person as (insert into goniec.salesperson (email) values ('anna@firma.example') returning id)
  insert into goniec.campaign (name, salesperson_id, timezone, holidays) select 'spring', id`

test.each<[what: string, statements: string[], name: string, expected: Partial<Checked>]>([
  [
    'transactions that may not write',
    ['alter database DATABASE set default_transaction_read_only = on'],
    'database takes writes',
    {
      verdict: 'problem',
      try: expect.stringMatching(/^alter database "goniec_test_\w+" reset default_transaction_read_only$/),
    },
  ],
  [
    'an isolation level that claim refuses',
    [`alter database DATABASE set default_transaction_isolation = 'repeatable read'`],
    'isolation level',
    { verdict: 'problem', text: expect.stringMatching(/^it is repeatable read, at which nothing is sent/) },
  ],
  [
    'a guard that is switched off',
    ['alter table goniec.attempt disable trigger guard_attempt_update'],
    'the-guards-are-on',
    { verdict: 'problem', text: 'trigger guard_attempt_update attempt switched off: D' },
  ],
  [
    'a guard that was dropped',
    ['drop index goniec.one_live_attempt_per_mailbox'],
    'the-guards-are-on',
    { verdict: 'problem', text: 'unique index one_live_attempt_per_mailbox missing' },
  ],
  [
    'triggers that are switched off for the database, as for a load of data',
    ['alter database DATABASE set session_replication_role = replica'],
    'the-guards-are-on',
    { verdict: 'problem', text: 'setting session_replication_role replica: no trigger fires' },
  ],
  [
    'a change of state that is let in',
    [
      `set session_replication_role = replica`,
      `insert into goniec.transition (entity, from_state, to_state, meaning) values ('message', 'sent', 'pending', 'again')`,
    ],
    'only-allowed-changes-of-state',
    { verdict: 'problem', text: 'message sent pending again' },
  ],
  [
    'a worker’s right that was taken away',
    ['revoke update on goniec.attempt from goniec_worker'],
    'roles',
    { verdict: 'problem', text: 'goniec_worker may not change goniec.attempt' },
  ],
  [
    'a reader’s right that was taken away',
    ['revoke select on goniec.lead from goniec_reporter'],
    'roles',
    { verdict: 'problem', text: 'goniec_reporter may not read goniec.lead' },
  ],
  [
    'a schema without the engine’s',
    ['drop schema graphile_worker cascade'],
    'schema',
    { verdict: 'problem', text: expect.stringContaining('graphile_worker'), try: 'goniec migrate' },
  ],
  [
    'a schema that is older',
    ['delete from goniec.migration where number = (select max(number) from goniec.migration)'],
    'schema',
    {
      verdict: 'problem',
      text: expect.stringMatching(/^the database’s schema is at \d+, this goniec/),
      try: 'goniec migrate',
    },
  ],
  [
    'a schema that is newer',
    [
      `insert into goniec.migration (number, name, checksum, goniec_version) select max(number) + 1, 'x', 'x', '9.9.9' from goniec.migration`,
    ],
    'schema',
    { verdict: 'problem', try: 'install goniec 9.9.9 or newer' },
  ],
  [
    'a migration with other content',
    [`update goniec.migration set checksum = 'x' where number = 5`],
    'schema',
    { verdict: 'problem', text: expect.stringMatching(/^migration 5 \(claim\) was applied with other content/) },
  ],
])('%s: a problem that was none before', async (_, statements, name, expected) => {
  expect(healthy[name]).toMatchObject({ verdict: 'ok', try: null })
  expect(await after(statements, name)).toMatchObject(expected)
})

test('durability that is off, as on this test’s server, is a problem with the statement that mends it', async () => {
  const database = await createTestDatabase()
  expect(await doctor(database)).toMatchObject({
    durability: {
      verdict: 'problem',
      try: expect.stringMatching(/^alter system set fsync = on; alter system set full_page_writes/),
    },
    synchronous_commit: { verdict: 'problem', try: expect.stringContaining('postgresql.conf') },
  })
  await database.query(`alter database ${database.name} set synchronous_commit = on`)
  expect(await doctor(database)).toMatchObject({ synchronous_commit: { verdict: 'ok', text: 'it is on' } })
  const login = new URL(database.urlAs('worker')).username
  await database.query(`alter role ${login} in database ${database.name} set synchronous_commit = off`)
  expect(await doctor(database)).toMatchObject({
    synchronous_commit: {
      verdict: 'warning',
      text: expect.stringContaining(`off for the login ${login}`),
      try: `alter role "${login}" in database "${database.name}" reset synchronous_commit`,
    },
  })
})

test('a login that may not write, though this one may, is told of with the statement that mends it', async () => {
  const database = await createTestDatabase()
  const login = new URL(database.urlAs('worker')).username
  await database.query(`alter role ${login} in database ${database.name} set default_transaction_read_only = 'true'`)
  expect(await doctor(database)).toMatchObject({
    'database takes writes': {
      verdict: 'warning',
      text: `not those of the login ${login}: default_transaction_read_only is on for it; no worker can send with that`,
      try: `alter role "${login}" in database "${database.name}" reset default_transaction_read_only`,
    },
  })
})

test.each([
  [{ minutes: -10 }, 'problem', /^the database’s clock is (9m 59s|10m|10m 0s) behind this host’s/],
  [{ seconds: 20 }, 'warning', /^the database’s clock is (19s|20s) ahead of this host’s/],
  [{ seconds: 0 }, 'ok', /agree/],
])('a database’s clock that is off by %o is told', async (off, verdict, text) => {
  const database = await createTestDatabase()
  await setClock(database, Temporal.Now.instant().add(off), { running: true })
  const { clocks } = await doctor(database)
  expect(clocks).toMatchObject({ verdict, text: expect.stringMatching(text) })
})

test.each([
  ['CET', /^on \d{4}-\d\d-\d\d it is \+1 h from UTC on the server, and \+2 h on this host$/],
  ['FOO-3', /^this host does not know it$/],
])('a time zone that server and host see differently, %s, is a problem', async (zone, text) => {
  const now = await after([`${CAMPAIGN}, '${zone}', 'PL' from person`], `time zone ${zone}`)
  expect(now).toMatchObject({ verdict: 'problem', text: expect.stringMatching(text) })
})

test('holidays of a region that nobody knows are a problem', async () => {
  const now = await after([`${CAMPAIGN}, 'Europe/Warsaw', 'PL-XX' from person`], 'public holidays of PL-XX')
  expect(now).toMatchObject({ verdict: 'problem', text: expect.stringContaining('no such country or region') })
})

test('times of a worker that do not fit each other are a problem', async () => {
  const database = await createTestDatabase()
  expect(await doctor(database, { readTimes: () => readWorkerSettings({ GONIEC_LEASE: '90s' }) })).toMatchObject({
    'lease and deadlines': {
      verdict: 'problem',
      text: expect.stringContaining('all before the fence (2m) must be shorter than the lease (1m 30s)'),
      try: expect.stringContaining('GONIEC_LEASE'),
    },
  })
})

test.each([{ GONIEC_TICK: '2m' }, { GONIEC_DOT_WITHIN: '5m' }])(
  'a time that fits nothing is one to correct: %o',
  (env) => {
    expect(() => readWorkerSettings(env)).toThrow(
      expect.objectContaining({ hint: expect.stringContaining(Object.keys(env).join(' ')) }),
    )
  },
)

test('a database without the schema is told so, and what stands upon it was not tried', async () => {
  expect(await doctor(await createTestDatabase({ empty: true }))).toMatchObject({
    schema: { verdict: 'problem', text: 'the database has no goniec schema yet', try: 'goniec migrate' },
    guards: { verdict: 'not_tried' },
    workers: { verdict: 'not_tried' },
    pooler: { verdict: 'ok' },
  })
})

test('workers: missing where mail waits, of another version, vanished, or logged in as somebody who may do everything', async () => {
  const database = await createTestDatabase()
  const world = new World(database.pool, Temporal.Now.instant())
  expect(await doctor(database)).toMatchObject({
    workers: { verdict: 'warning' },
    'workers’ login': { verdict: 'not_tried' },
  })
  await world.mail()
  expect(await doctor(database)).toMatchObject({ workers: { verdict: 'problem', try: 'goniec worker' } })

  const hold = async (role: Role): Promise<void> => {
    const session = await database.session(role)
    await session.query('select pg_advisory_lock($1, hashtext($2))', [WORKER_NAME_LOCK, 'w1'])
    onTestFinished(() => session.end())
  }
  await world.worker({ worker: 'w1', version: '0.0.9' })
  await hold('worker')
  const login = new URL(database.urlAs('worker')).username
  expect(await doctor(database)).toMatchObject({
    workers: { verdict: 'warning', text: expect.stringContaining('of goniec 0.0.9') },
    'workers’ login': { verdict: 'ok', text: `${login}, in the role goniec_worker` },
  })
  await database.query('update goniec.incarnation set version = $1', [version])
  expect(await doctor(database)).toMatchObject({ workers: { verdict: 'ok', text: 'w1 on host works' } })
  await world.worker({ worker: 'w2', version })
  expect(await doctor(database)).toMatchObject({
    workers: { verdict: 'warning', text: expect.stringContaining('w2 on host has vanished') },
  })

  const other = await createTestDatabase()
  const superuser = await other.session('owner')
  await superuser.query('select pg_advisory_lock($1, hashtext($2))', [WORKER_NAME_LOCK, 'w1'])
  expect(await doctor(other)).toMatchObject({
    'workers’ login': { verdict: 'warning', text: expect.stringContaining('is a superuser') },
  })
})

test('logins are tried by a real worker: those that work are one line, the others have what the server said', async () => {
  const database = await createTestDatabase()
  const [good, bad] = [
    await startFaultServer(),
    await startFaultServer({ plan: { greeting: reply('554 5.7.1 Not you') } }),
  ]
  onTestFinished(async () => {
    await endWorkers()
    await Promise.all([good.close(), bad.close()])
  })
  const world = new World(database.pool, Temporal.Now.instant())
  await world.mailbox({ address: 'anna@firma.example', smtp_port: good.port })
  await world.mailbox({ address: 'ewa@firma.example', smtp_port: good.port })
  await world.mailbox({ address: 'bartek@firma.example', smtp_port: bad.port })
  await world.mailbox({ address: 'paused@firma.example', smtp_port: bad.port, status: 'paused' })
  expect(await doctor(database, { logins: true })).toMatchObject({
    'mailbox logins': { verdict: 'not_tried', text: 'no worker is running, and only workers hold the passwords' },
  })
  const worker = startWorker(database.urlAs('worker'), { args: ['--name', 'w1'] })
  await worker.line(({ msg }) => msg === 'worker started')
  const found = await doctor(database, { logins: true })
  expect(found).toMatchObject({
    'mailbox logins': { verdict: 'ok', text: '2 of 3 work' },
    'mailbox login of bartek@firma.example': {
      verdict: 'problem',
      text: expect.stringContaining('554 5.7.1 Not you'),
      try: expect.stringContaining('goniec mailbox test bartek@firma.example'),
    },
  })
  expect(found).not.toHaveProperty('mailbox login of paused@firma.example')
  for (const as of ['worker', 'reporter'] as const) {
    expect(await doctor(database, { logins: true, as })).toMatchObject({
      'mailbox logins': { verdict: 'not_tried', text: 'this login may not ask workers to log in' },
    })
  }
})

test.skipIf(!hasPgbouncer)('a transaction pooler in between is a problem (needs pgbouncer)', async () => {
  const database = await createTestDatabase()
  const url = await startPgbouncer(database.url, { mode: 'transaction' })
  expect(await doctor({ ...database, urlAs: () => url })).toMatchObject({
    pooler: { verdict: 'problem', try: expect.stringContaining('direct address') },
  })
})

test('no name server that answers: not tried, and no problem', async () => {
  const database = await createTestDatabase()
  await new World(database.pool, Temporal.Now.instant()).mailbox({ address: 'anna@żółw.example' })
  expect(await doctor(database)).toMatchObject({
    'SPF of xn--w-uga1v8h.example': { verdict: 'not_tried', text: expect.stringContaining('could not be asked for') },
  })
})

test.each(['worker', 'reporter'] as const)('a login with the role of a %s sees all but the logins', async (as) => {
  const database = await createTestDatabase()
  const found = await doctor(database, { as })
  const untried = Object.values(found).filter(({ verdict }) => verdict === 'not_tried')
  expect(untried.map(({ name }) => name).sort()).toEqual(['SPF, DKIM, DMARC', 'room on disk', 'workers’ login'])
  expect(found['the-guards-are-on']).toMatchObject({ verdict: 'ok' })
})

test('a login without any right is told what it may not see', async () => {
  const database = await createTestDatabase()
  const login = `${database.name}_nobody`
  await database.query(`create role ${login} login password 'x'`)
  const url = Object.assign(new URL(database.url), { username: login, password: 'x' }).href
  const found = await doctor({ ...database, urlAs: () => url })
  await database.query(`drop role ${login}`)
  expect(found).toMatchObject({
    schema: {
      verdict: 'not_tried',
      text: expect.stringContaining('permission denied'),
      try: expect.stringContaining('login'),
    },
    'database version': { verdict: 'ok' },
  })
})
