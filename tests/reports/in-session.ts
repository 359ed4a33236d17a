import type { Client, QueryResultRow } from 'pg'
import type { Database } from '../../src/database/pool.ts'

/** What reports ask for, on one session: they see what its transaction has not committed. */
export function inSession(session: Client): Pick<Database, 'query'> {
  return {
    query: async <Row extends QueryResultRow>(text: string, values: readonly unknown[] = []) =>
      (await session.query<Row>(text, [...values])).rows,
  }
}
