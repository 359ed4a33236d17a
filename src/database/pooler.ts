/**
 * Tells whether a transaction pooler (pgbouncer, Supavisor and the like in transaction mode) stands between us and Postgres. Through one,
 * two clients have held the same session advisory lock, notifications get lost, and a worker's name is no longer its own: workers
 * and migrations refuse to run there. A session pooler does no harm.
 */
import type { Client } from 'pg'
import { GoniecError } from '../errors.ts'
import { connectSession, type PoolOptions } from './pool.ts'

/** Throws where statements of one session are served by changing server processes, or two sessions by the same one. */
export async function refuseTransactionPooler(url: string, options: PoolOptions = {}): Promise<void> {
  const session = await connectSession(url, options)
  try {
    await refuseSharedProcess(session, url, options)
  } finally {
    await session.end()
  }
}

/** The same of a session that is there already, and on which nothing has been asked for yet that a pooler would give to another one. */
export async function refuseSharedProcess(session: Client, url: string, options: PoolOptions = {}): Promise<void> {
  const other = await connectSession(url, options)
  try {
    if (await haveProcessesOfTheirOwn(session, other)) return
  } finally {
    await other.end()
  }
  throw new GoniecError(
    'database_pooler',
    'a transaction pooler stands before this database, and workers and migrations need sessions of their own',
    { hint: 'write the server’s direct address into DATABASE_URL, or set the pooler to session mode' },
  )
}

/** Poolers hand out idle server connections last in, first out, or in turn: the order A B B A shows either; rounds are for busy ones. */
const ROUNDS = 5

async function haveProcessesOfTheirOwn(first: Client, second: Client): Promise<boolean> {
  const [ofFirst, ofSecond] = [new Set<number>(), new Set<number>()]
  for (let round = 0; round < ROUNDS; round += 1) {
    ofFirst.add(await serverProcess(first))
    ofSecond.add(await serverProcess(second))
    ofSecond.add(await serverProcess(second))
    ofFirst.add(await serverProcess(first))
  }
  return ofFirst.size === 1 && ofSecond.size === 1 && ![...ofFirst].some((pid) => ofSecond.has(pid))
}

async function serverProcess(client: Client): Promise<number> {
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
  return rows[0]?.pid ?? 0
}
