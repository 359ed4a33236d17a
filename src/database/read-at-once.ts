/**
 * Several statements that see one moment: a read-only transaction on a connection of its own. It takes no lock that anything else waits
 * for, and it ends: a statement that takes too long is cancelled by the server, and where the server is not heard of any more the
 * connection is given up, so that whoever looks every second never hangs.
 */
import type { QueryResultRow } from 'pg'
import type { Database } from './pool.ts'

/** Reads with one snapshot; `withinMs` is the most that all of it may take. */
export async function readAtOnce<Result>(
  { pool }: Pick<Database, 'pool'>,
  withinMs: number,
  read: (at: Pick<Database, 'query'>) => Promise<Result>,
): Promise<Result> {
  const client = await pool.connect()
  let given = false
  const giveBack = (broken: boolean): void => {
    if (!given) client.release(broken)
    given = true
  }
  // The server cancels by itself; this is for one that does not answer at all. What waits for an answer fails then.
  const timer = setTimeout(() => giveBack(true), withinMs + 2000)
  try {
    await client.query(`begin isolation level repeatable read read only; set local statement_timeout = ${withinMs}`)
    const result = await read({
      query: async <Row extends QueryResultRow>(text: string, values: readonly unknown[] = []) =>
        (await client.query<Row>(text, [...values])).rows,
    })
    await client.query('commit')
    giveBack(false)
    return result
  } finally {
    clearTimeout(timer)
    // A transaction that has failed goes with its connection.
    giveBack(true)
  }
}
