/** A server that owes an answer and says nothing: the connection is broken, and the next one answers. */
import { expect, test } from 'vitest'
import { openDatabase, retireIdle } from '../../src/database/pool.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

const SILENT = { code: 'database_silent' }

/** What answers has answered by then on a busy machine too. */
const SILENCE_MS = 1000

async function open(silenceMs: number) {
  const test: TestDatabase = await createTestDatabase()
  const patient = openDatabase(test.url, { size: 1 })
  const impatient = openDatabase(test.url, { size: 1, silenceMs })
  return {
    ...impatient,
    async [Symbol.asyncDispose]() {
      await Promise.all([patient.close(), impatient.close()])
    },
    patient,
  }
}

test('a statement that is not answered in time fails, and the next one is answered on another connection', async () => {
  await using database = await open(SILENCE_MS)
  const [before] = await database.query<{ pid: number }>('select pg_backend_pid() as pid')
  await expect(database.query('select pg_sleep(60)')).rejects.toMatchObject(SILENT)
  const [after] = await database.query<{ pid: number }>('select pg_backend_pid() as pid')
  expect(after?.pid).not.toBe(before?.pid)
})

test('one that waits behind another on the same connection is not forgotten', async () => {
  await using database = await open(SILENCE_MS)
  const client = await database.pool.connect()
  client.on('error', () => undefined)
  const [first, second] = [client.query('select'), client.query('select pg_sleep(60)')]
  await first
  await expect(second).rejects.toMatchObject(SILENT)
  client.release(true)
})

test('a connection on which nothing is asked may be silent for as long as it likes', async () => {
  await using database = await open(SILENCE_MS)
  const [before] = await database.query<{ pid: number }>('select pg_backend_pid() as pid')
  await database.patient.query('select pg_sleep(1.5)')
  expect(await database.query('select pg_backend_pid() as pid')).toEqual([before])
})

test('a statement on a connection that was idle for longer than that is watched like any other', async () => {
  await using database = await open(SILENCE_MS)
  await database.query('select')
  await database.patient.query('select pg_sleep(1.5)')
  await expect(database.query('select pg_sleep(60)')).rejects.toMatchObject(SILENT)
})

test('connections that nobody uses are given up at once, one that is used is left', async () => {
  const database = await createTestDatabase()
  const clients = await Promise.all(Array.from({ length: 3 }, () => database.pool.connect()))
  const [used, ...idle] = clients
  for (const client of idle) client.release()
  retireIdle(database.pool)
  expect(await used?.query('select 1 as one')).toMatchObject({ rows: [{ one: 1 }] })
  const gone = idle.map((client) => (client as unknown as { processID: number }).processID)
  await expect.poll(() => database.query('select from pg_stat_activity where pid = any ($1)', [gone])).toEqual([])
  used?.release()
})

test('the server ends what nobody waits for any more: it takes no connection until the lock is free that it waits for', async () => {
  await using database = await open(SILENCE_MS)
  const holder = await database.patient.pool.connect()
  await holder.query('begin; lock table goniec.installation in access exclusive mode')
  await expect(database.query('select from goniec.installation')).rejects.toMatchObject(SILENT)
  // Of this database: sessions of other tests wait for locks of theirs.
  const waiting = `select from pg_locks l join pg_database d on d.oid = l.database where not l.granted and d.datname = current_database()`
  await expect.poll(() => holder.query(waiting).then(({ rows }) => rows)).toEqual([])
  await holder.query('rollback')
  holder.release()
})
