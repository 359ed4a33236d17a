/**
 * Several statements that see one moment: a read-only transaction on a connection of its own. It takes no lock that anything else waits
 * for, and it ends: a statement that takes too long is cancelled by the server, and where the server is not heard of any more the
 * connection is given up, so that whoever looks every second never hangs.
 */
import type { QueryResultRow } from 'pg'
import type { Database } from './pool.ts'

export interface ReadLimits {
  /** The most that a statement may take. */
  withinMs: number
  /** Whoever looks does not want to know any more: the connection is given up at once. */
  signal?: AbortSignal
}

/** Reads with one snapshot. */
export async function readAtOnce<Result>(
  { pool }: Pick<Database, 'pool'>,
  { withinMs, signal }: ReadLimits,
  read: (at: Pick<Database, 'query'>) => Promise<Result>,
): Promise<Result> {
  const client = await pool.connect()
  let given = false
  const giveBack = (broken: boolean): void => {
    if (!given) client.release(broken)
    given = true
  }
  // The server cancels by itself; this is for one that does not answer at all. What waits for an answer fails then.
  const giveUp = (): void => giveBack(true)
  const timer = setTimeout(giveUp, withinMs + 2000)
  signal?.addEventListener('abort', giveUp)
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
    signal?.removeEventListener('abort', giveUp)
    // A transaction that has failed goes with its connection.
    giveBack(true)
  }
}
