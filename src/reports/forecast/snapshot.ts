import type { Query } from '../../campaigns/plan/reads.ts'
import type { Database } from '../../database/pool.ts'

/** Runs queries that all see the same moment, and can change nothing. */
export async function inSnapshot<Result>(database: Database, work: (query: Query) => Promise<Result>): Promise<Result> {
  const client = await database.pool.connect()
  try {
    await client.query('begin isolation level repeatable read read only')
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
