/** One moment of the database, for reading only: whatever is asked of it sees the same, in one session or in a second one beside it. */
import type { Database } from '../../database/pool.ts'
import type { Query } from './reads.ts'

export interface Snapshot {
  query: Query
  /** Reads of the same moment in a session of its own, while `query` goes on. It is to be awaited. */
  beside: <Result>(work: (query: Query) => Promise<Result>) => Promise<Result>
}

/** Reads in one moment. */
export async function inOneMoment<Result>(
  database: Database,
  work: (snapshot: Snapshot) => Promise<Result>,
): Promise<Result> {
  return readOnly(database, null, async (query) => {
    const beside: Snapshot['beside'] = async (other) => {
      const [row] = (await query('select pg_export_snapshot() as name')) as { name: string }[]
      return readOnly(database, row?.name ?? '', other)
    }
    return work({ query, beside })
  })
}

/** In a transaction that sees what the named snapshot does; null: what is committed as it begins. */
async function readOnly<Result>(
  database: Database,
  snapshot: string | null,
  work: (query: Query) => Promise<Result>,
): Promise<Result> {
  const client = await database.pool.connect()
  try {
    await client.query('begin isolation level repeatable read read only')
    if (snapshot !== null) await client.query(`set transaction snapshot '${snapshot}'`)
    const result = await work(async (text, values = []) => (await client.query(text, values)).rows)
    await client.query('commit')
    client.release()
    return result
  } catch (error) {
    // The connection goes with the transaction, whatever has become of them.
    client.release(true)
    throw error
  }
}
