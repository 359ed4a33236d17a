/** Waiting for the database to say something: it is asked again and again, since nothing tells of its change. */
import { setTimeout as wait } from 'node:timers/promises'
import type { TestDatabase } from './database.ts'

/** Resolves with the first row that the query returns. A database that is away is asked again too. */
export async function untilRow<Row extends Record<string, unknown>>(
  database: Pick<TestDatabase, 'query'>,
  text: string,
  values: readonly unknown[] = [],
): Promise<Row> {
  for (;;) {
    const [row] = await database.query<Row>(text, values)
    if (row) return row
    await wait(20)
  }
}
