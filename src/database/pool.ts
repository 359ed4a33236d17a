/**
 * The way into one database: a pool, kysely over it, and transactions.
 *
 * Connections are direct and long-lived (keepalives on), named in `pg_stat_activity`, and speak the values of `values.ts`. Statements
 * of kysely name tables of the schema `goniec` without it (`selectFrom('message')`); plain SQL spells `goniec.message` out.
 */
import type { Kysely, Transaction } from 'kysely'
import { createRequire } from 'node:module'
import { Client, Pool, type ClientConfig, type QueryResultRow } from 'pg'
import { GoniecError } from '../errors.ts'
import { explainDatabaseError, OLDEST_SERVER } from './failures.ts'
import type { Schema } from './schema.ts'
import { setUpSession } from './session-settings.ts'
import { breakWhenSilent, endedAfterMs } from './silence.ts'
import { teachInstants, valueTypes } from './values.ts'

/** Kysely over the tables of goniec; a transaction of it fits wherever this is asked for. */
export type Queries = Kysely<Schema>

/** An open database. `pool` and `db` share their connections. */
export interface Database {
  readonly url: string
  readonly pool: Pool
  readonly db: Queries
  /** One plain statement on any connection. */
  query: <Row extends QueryResultRow>(text: string, values?: readonly unknown[]) => Promise<Row[]>
  /** Commits what `work` did, or nothing of it. */
  transaction: <Result>(work: (tx: Transaction<Schema>) => Promise<Result>) => Promise<Result>
  close: () => Promise<void>
}

export interface PoolOptions {
  /** Shown in `pg_stat_activity`; `goniec` goes before it. */
  name?: string
  /** Most connections. */
  size?: number
  connectTimeoutMs?: number
  /** A connection that owes an answer for so long is broken; left out: it is waited for as long as the system does. */
  silenceMs?: number | undefined
  /** Of `connectSession`: the server ends a statement that takes longer. Said behind the connection: a pooler refuses it in the start of one. */
  statementMs?: number
  /** Told of a connection that broke while nobody used it. The next query takes another one, so most callers need not listen. */
  onIdleError?: (error: Error) => void
}

/** Opens a database. Nothing is connected yet: `connectDatabase` also tries the connection. */
export function openDatabase(url: string, options: PoolOptions = {}): Database {
  const pool = createPool(url, options)
  let db: Queries | undefined
  const queries = (): Queries => (db ??= openQueries(pool))
  return {
    url,
    pool,
    get db() {
      return queries()
    },
    async query<Row extends QueryResultRow>(text: string, values: readonly unknown[] = []) {
      const { rows } = await pool.query<Row>(text, [...values])
      return rows
    },
    transaction: (work) => queries().transaction().execute(work),
    // Not kysely's destroy(): it leaves a pool open that kysely has not used itself. Without the pool kysely holds nothing.
    close: () => pool.end(),
  }
}

/** Kysely is loaded when it is first asked for: it takes 23 MB in each thread, and what sends and plans speaks plain SQL. */
function openQueries(pool: Pool): Queries {
  const { Kysely, PostgresDialect } = load('kysely') as typeof import('kysely')
  return new Kysely<Schema>({ dialect: new PostgresDialect({ pool }) }).withSchema('goniec')
}

const load = createRequire(import.meta.url)

/** Opens a database and makes sure that a server of a sufficient version answers there; every failure is a registered error. */
export async function connectDatabase(url: string, options: PoolOptions = {}): Promise<Database> {
  const database = openDatabase(url, options)
  try {
    await refuseOldServer(database)
    return database
  } catch (error) {
    await database.close()
    throw explainDatabaseError(error, url) ?? error
  }
}

/** A session of its own, outside of any pool. That its connection broke is told by its next statement. */
export async function connectSession(url: string, options: PoolOptions = {}): Promise<Client> {
  const client = new Client(clientConfig(url, options))
  // Without a listener the process would end.
  client.on('error', () => undefined)
  await client.connect()
  if (options.silenceMs !== undefined) breakWhenSilent(client, options.silenceMs)
  if (options.statementMs !== undefined) await client.query(`set statement_timeout = ${options.statementMs}`)
  return client
}

/**
 * Closes the connections that nobody uses at this moment: they may be as dead as one that has just been lost, and each would be found out
 * only by whoever asks something on it.
 */
export function retireIdle(pool: Pool): void {
  for (let left = pool.idleCount; left > 0; left -= 1) {
    pool.connect().then(
      (client) => client.release(true),
      // Not even a new one is to be had: then there is nothing to close.
      () => undefined,
    )
  }
}

/** What a client outside of a pool (an advisory lock's, a listener's) is made of, so that it speaks the same values. */
export function clientConfig(url: string, { name, connectTimeoutMs = 10_000 }: PoolOptions = {}): ClientConfig {
  teachInstants()
  return {
    connectionString: withFullTls(url),
    application_name: name ? `goniec ${name}` : 'goniec',
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    connectionTimeoutMillis: connectTimeoutMs,
    types: valueTypes,
  }
}

/** What `require` and its like mean to pg, under the name that has it warn of nothing at each start: a certificate is looked at. */
function withFullTls(url: string): string {
  if (/[?&]uselibpqcompat=/.test(url)) return url
  return url.replace(/([?&]sslmode=)(prefer|require|verify-ca)(?=&|$)/, '$1verify-full')
}

function createPool(url: string, options: PoolOptions): Pool {
  const { size = 10, onIdleError = () => undefined } = options
  const pool = new Pool({
    ...clientConfig(url, options),
    max: size,
    // An idle worker asks once a minute, and need not connect for it.
    idleTimeoutMillis: 90_000,
    // The pool waits for the promise, though its types do not say so.
    // oxlint-disable-next-line typescript/no-misused-promises
    onConnect: (client) => prepare(client as Client, options.silenceMs),
  })
  pool.on('error', onIdleError)
  // A client that breaks while it is checked out emits too; whoever holds it learns it from his query.
  pool.on('connect', (client) => client.on('error', onIdleError))
  return pool
}

async function prepare(client: Client, silenceMs: number | undefined): Promise<void> {
  if (silenceMs === undefined) return setUpSession(client)
  breakWhenSilent(client, silenceMs)
  await setUpSession(client, { statementMs: endedAfterMs(silenceMs) })
}

async function refuseOldServer(database: Database): Promise<void> {
  const [row] = await database.query<{ number: number; version: string }>(
    `select current_setting('server_version_num')::int as number, current_setting('server_version') as version`,
  )
  if (row && row.number >= OLDEST_SERVER) return
  throw new GoniecError('database_too_old', `goniec needs Postgres 15 or newer, this server is ${row?.version}`, {
    hint: 'upgrade the server, or use goniec’s own database with --embedded',
  })
}
