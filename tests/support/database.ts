/**
 * A database of its own for a test or a test file: a clone of the migrated template, dropped at the end; one whose test failed is kept
 * and named in the output.
 *
 *     const database = await createTestDatabase()
 *
 * at the top of a file (shared by its tests), in `beforeAll`, in `beforeEach` or in a test.
 */
import { Client } from 'pg'
import { inject, TestRunner, type RunnerTestCase } from 'vitest'
import { clientConfig, openDatabase, type Database } from '../../src/database/pool.ts'
import { withDatabase } from './global-setup.ts'

/** The roles that the schema grants rights to; `owner` made it, and is a superuser. */
export type Role = 'owner' | 'worker' | 'reporter'

export interface TestDatabase extends Database {
  name: string
  /** The URL of a user who has this role and no other. */
  urlAs(role: Role): string
  /** Another session, ended with the database. Its `processID` is what `pg_stat_activity` calls `pid`. */
  session(role?: Role): Promise<Client>
  /** Ends every session and drops the database. Called by itself after the test. */
  drop(): Promise<void>
  /** The test it was made in; undefined: it belongs to the whole file. */
  test: RunnerTestCase | undefined
}

const open = new Set<Internal>()
let count = 0

/** Clones the migrated template, or with `empty` makes a database without any schema. */
export async function createTestDatabase({ empty = false }: { empty?: boolean } = {}): Promise<TestDatabase> {
  const { url: serverUrl, prefix } = inject('testRun')
  count += 1
  const name = `${prefix}_${process.pid}_${count}`
  await onServer(
    serverUrl,
    `create database ${name} template ${empty ? 'template0' : `${prefix}_template`} strategy file_copy`,
  )
  const database = wrap(serverUrl, name, prefix)
  open.add(database)
  // An installation of its own: else workers, which keep their logbooks in one folder, took it for a copy of the one before.
  if (!empty) await database.query('update goniec.installation set id = gen_random_uuid()')
  return database
}

/** For the set-up file: drops what belongs to this test, or to the file (`undefined`), unless it failed. */
export async function releaseTestDatabases(test: RunnerTestCase | undefined, failed: boolean): Promise<void> {
  const released = [...open].filter((database) => database.test === test)
  for (const database of released) {
    open.delete(database)
    if (!failed) await database.drop()
    else await database.disconnect()
  }
}

/** A machine that has twenty other things to do forks a session when it comes to it. */
const PATIENT = { connectTimeoutMs: 60_000 }

type Internal = TestDatabase & { disconnect(): Promise<void> }

function wrap(serverUrl: string, name: string, prefix: string): Internal {
  const url = withDatabase(serverUrl, name)
  const database = openDatabase(url, PATIENT)
  const sessions: Client[] = []
  const urlAs = (role: Role): string =>
    role === 'owner' ? url : Object.assign(new URL(url), { username: `${prefix}_${role}`, password: prefix }).href
  async function disconnect(): Promise<void> {
    await Promise.all([database.close(), ...sessions.splice(0).map((session) => session.end())])
  }
  return {
    ...database,
    name,
    urlAs,
    disconnect,
    test: TestRunner.getCurrentTest(),
    async session(role = 'owner') {
      const session = new Client(clientConfig(urlAs(role), PATIENT))
      // A test may end it from the server's side; its next query says so.
      session.on('error', () => undefined)
      await session.connect()
      sessions.push(session)
      // As every session of goniec does: with Debian's Postgres a statement on tables that were not analysed took seconds.
      await session.query('set jit = off')
      return session
    },
    async drop() {
      await disconnect()
      await onServer(serverUrl, `drop database if exists ${name} with (force)`)
    },
  }
}

async function onServer(url: string, statement: string): Promise<void> {
  const client = new Client(clientConfig(url, PATIENT))
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}
