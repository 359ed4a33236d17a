/** Whether a worker gets on, as the watchdog asks it: stuck is one that may claim and does not; one that has just come back from an outage is not. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { expect, onTestFinished, test, vi } from 'vitest'
import { createLogger } from '../../src/log.ts'
import { getsOn } from '../../src/worker/progress.ts'
import { readWorkerSettings } from '../../src/worker/settings.ts'
import { Worker } from '../../src/worker/worker.ts'
import { setClock } from '../support/clock.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { untilRow } from '../support/until-row.ts'
import { NOON, World } from '../support/world.ts'

test('a worker that may claim, and whose claims fail while a mail is due, is stuck; while it lacks its name, and when it has it back, it is not', async () => {
  const database = await createTestDatabase()
  await setClock(database, NOON)
  await database.query('revoke execute on function goniec.claim from public, goniec_worker')
  await new World(database.pool).mail({ dueInMs: -120_000 })
  const { worker, says } = await startHere(database)
  const passTime = shiftClock()
  expect(await worker.getsOn()).toBe(true)
  passTime(200_000)
  expect(await worker.getsOn()).toBe(false)

  await database.query(`alter database ${database.name} connection limit 0`)
  await endSession(database)
  await says('the database is still away; it is tried again')
  await database.query(`alter database ${database.name} connection limit -1`)
  expect(await worker.getsOn()).toBe(true)
  await says('the database is back')
  expect(await worker.getsOn()).toBe(true)
  passTime(200_000)
  expect(await worker.getsOn()).toBe(false)
})

test.each(['disk_full', 'read_only_sql_transaction', 'lock_not_available'])(
  'a database that answers, and cannot write (%s), is no reason to end a worker either: another one would keep nothing of what this one keeps',
  async (condition) => {
    const database = await createTestDatabase()
    await setClock(database, NOON)
    const { worker, says } = await startHere(database)
    const passTime = shiftClock()
    await database.query(`
      create or replace function goniec.require_fresh_snapshots() returns void language plpgsql as
      $$ begin raise exception 'not now' using errcode = '${condition}'; end $$`)
    await new World(database.pool).mail({ dueInMs: -120_000 })
    await database.query(`notify goniec, 'dispatch'`)
    await says('claim failed; the database may be away')
    passTime(200_000)
    await says('claim failed; the database may be away', { again: true })
    expect(await worker.getsOn()).toBe(true)
    // Before its database is dropped.
    await worker.stop()
  },
)

test('nor is a table that another session has locked', { timeout: 30_000 }, async () => {
  const database = await createTestDatabase()
  await setClock(database, NOON)
  const { worker, says } = await startHere(database, { GONIEC_DATABASE_SILENCE: '1s' })
  const passTime = shiftClock()
  await new World(database.pool).mail({ dueInMs: -120_000 })
  const other = await database.session()
  await other.query('begin; lock table goniec.message in exclusive mode')
  await database.query(`notify goniec, 'dispatch'`)
  await says('claim failed; the database may be away')
  passTime(200_000)
  let getsOn = await worker.getsOn()
  // A claim that was under way when the clock jumped is taken for silent.
  for (; !getsOn; getsOn = await worker.getsOn()) await says('claim failed; the database may be away', { again: true })
  expect(getsOn).toBe(true)
  await other.query('rollback')
  await worker.stop()
})

test('a claim that is answered while the watchdog looks is proof enough', async () => {
  const database = await createTestDatabase()
  await setClock(database, NOON)
  await new World(database.pool).mail({ dueInMs: -120_000 })
  const since = [200_000, 0]
  const log = createLogger({ level: 'silent' })
  const url = database.urlAs('worker')
  expect(await getsOn({ url, graceMs: 300_000, sinceClaimMs: () => since.shift() ?? 0, log })).toBe(true)
})

/** A worker in this process, and what waits for a line of its log. */
async function startHere(
  database: TestDatabase,
  env: Record<string, string> = {},
): Promise<{ worker: Worker; says: (message: string, when?: { again: boolean }) => Promise<void> }> {
  const state = mkdtempSync(join(tmpdir(), 'goniec-watchdog-'))
  const lines = new PassThrough()
  const heard: string[] = []
  let wake = Promise.withResolvers<void>()
  lines.on('data', (chunk: Buffer) => {
    heard.push(chunk.toString())
    wake.resolve()
    wake = Promise.withResolvers()
  })
  const worker = new Worker({
    url: database.urlAs('worker'),
    name: 'watched',
    settings: readWorkerSettings({ ...env, GONIEC_STATE: state }),
    log: createLogger({ level: 'info' }, lines),
    onFatal: () => undefined,
  })
  onTestFinished(async () => {
    await worker.stop()
    rmSync(state, { recursive: true })
  })
  await worker.start()
  const says = async (message: string, { again } = { again: false }): Promise<void> => {
    const from = again ? heard.length : 0
    while (!heard.slice(from).some((line) => line.includes(message))) await wake.promise
  }
  return { worker, says }
}

/** The monotonic clock goes on, and is put forward by what is let pass. */
function shiftClock(): (ms: number) => void {
  const now = performance.now.bind(performance)
  let passed = 0
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => now() + passed)
  onTestFinished(() => clock.mockRestore())
  return (ms) => void (passed += ms)
}

async function endSession(database: TestDatabase): Promise<void> {
  await untilRow(
    database,
    `select pg_terminate_backend(pid) as ended from pg_stat_activity where datname = current_database() and application_name = 'goniec worker session'`,
  )
}
