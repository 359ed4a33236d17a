/** One moment of the database, for reading only: whatever is asked of it sees the same, in one session or in a second one beside it. */
import type { PoolClient } from 'pg'
import type { Database } from '../../database/pool.ts'
import type { Query } from './reads.ts'

export interface Snapshot {
  query: Query
  /** Reads of the same moment in a session of its own, while `query` goes on. It is to be awaited. */
  beside: <Result>(work: (query: Query) => Promise<Result>) => Promise<Result>
}

/** Reads in one moment, on this connection. Where it rejects, a transaction may be left open in it: the connection is to go with that. */
export async function inOneMoment<Result>(
  database: Database,
  client: PoolClient,
  work: (snapshot: Snapshot) => Promise<Result>,
): Promise<Result> {
  return readOnly(client, null, async (query) => {
    const beside: Snapshot['beside'] = async (other) => {
      const [row] = (await query('select pg_export_snapshot() as name')) as { name: string }[]
      const second = await database.pool.connect()
      try {
        const result = await readOnly(second, row?.name ?? '', other)
        second.release()
        return result
      } catch (error) {
        second.release(true)
        throw error
      }
    }
    return work({ query, beside })
  })
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
