/** Asks a session as psql would, in Warsaw: every value in Postgres' own words. */
import type { ClientBase } from 'pg'
import type { Answer } from './sql-page.ts'

/** int2, int4, int8, float4, float8, numeric. */
const NUMBERS = new Set([20, 21, 23, 700, 701, 1700])

/** A function that runs one statement in this session. */
export function askAs(client: ClientBase): (statement: string) => Promise<Answer> {
  return async (text) => {
    await client.query(`set timezone = 'Europe/Warsaw'`)
    const result = await client.query<(string | null)[]>({
      text,
      rowMode: 'array',
      types: { getTypeParser: () => (value: string) => value },
    })
    const columns = result.fields.map(({ name, dataTypeID }) => ({ name, isNumber: NUMBERS.has(dataTypeID) }))
    return { columns, rows: result.rows }
  }
}
