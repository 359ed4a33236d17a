/** One moment of the database, for reading only: whatever is asked of it sees the same, in one session or in a second one beside it. */
import type { PoolClient } from 'pg'
import type { Database } from '../../database/pool.ts'
import type { Query } from './reads.ts'

export interface Snapshot {
  query: Query
  /**
   * Resolves with the way to read the same moment in sessions of their own, while `query` goes on. What is read so is to be awaited.
   *
   * Such a session gives up rather than wait for a table (`isLockRefused`): whoever wants the table for himself waits for this snapshot's first
   * session, which waits for the other one, and of that circle the database sees nothing.
   */
  share: () => Promise<Beside>
}

type Beside = <Result>(work: (query: Query) => Promise<Result>) => Promise<Result>

/** Reads in one moment, on this connection. Where it rejects, a transaction may be left open in it: the connection is to go with that. */
export async function inOneMoment<Result>(
  database: Database,
  client: PoolClient,
  work: (snapshot: Snapshot) => Promise<Result>,
): Promise<Result> {
  return readOnly(client, null, async (query) => {
    const share = async (): Promise<Beside> => {
      const [row] = (await query('select pg_export_snapshot() as name')) as { name: string }[]
      return (other) => readBeside(database, row?.name ?? '', other)
    }
    return work({ query, share })
  })
}

/** For so long everybody else waits too, behind the one who wants the table for himself. */
const LOCK_TIMEOUT = '200ms'

async function readBeside<Result>(
  database: Database,
  snapshot: string,
  work: (query: Query) => Promise<Result>,
): Promise<Result> {
  const client = await database.pool.connect()
  try {
    const result = await readOnly(client, snapshot, async (query) => {
      await query(`set local lock_timeout = '${LOCK_TIMEOUT}'`)
      return work(query)
    })
    client.release()
    return result
  } catch (error) {
    client.release(true)
    throw error
  }
}

/** In a transaction that sees what the named snapshot does; null: what is committed as it begins. */
async function readOnly<Result>(
  client: PoolClient,
  snapshot: string | null,
  work: (query: Query) => Promise<Result>,
): Promise<Result> {
  await client.query('begin isolation level repeatable read read only')
  if (snapshot !== null) await client.query(`set transaction snapshot '${snapshot}'`)
  const result = await work(async (text, values = []) => (await client.query(text, values)).rows)
  await client.query('commit')
  return result
}
