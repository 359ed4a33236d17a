/** The turn to do what is done once a minute in the whole cluster: whichever worker asks first has it. */
import type { Database } from '../database/pool.ts'

/** A worker that asks each minute by its own clock must not come a moment too early for its own last turn. */
const SHARE = 0.9

/** Whether the turn is ours. Waits for nobody. */
export async function takeMinute(database: Pick<Database, 'query'>, tickMs: number): Promise<boolean> {
  const [row] = await database.query<{ taken: boolean }>(
    `select goniec.take_minute($1 * interval '1 millisecond') as taken`,
    [tickMs * SHARE],
  )
  return row?.taken === true
}
