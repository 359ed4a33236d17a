/** What a worker asks each minute, in one question: is the turn ours to do what is done once a minute in the whole cluster, and which schema is there? */
import type { Database } from '../database/pool.ts'
import { NEWEST_MIGRATION, type NewestMigration } from './newer-schema.ts'

/** A worker that asks each minute by its own clock must not come a moment too early for its own last turn. */
const SHARE = 0.9

export interface Minute {
  /** Whichever worker asks first has it. */
  isOurs: boolean
  schema: NewestMigration | undefined
}

/** Takes the turn if it is free. Waits for nobody. */
export async function takeMinute(database: Pick<Database, 'query'>, tickMs: number): Promise<Minute> {
  const [row] = await database.query<{ taken: boolean; number: number | null; by: string | null }>(
    `select goniec.take_minute($1 * interval '1 millisecond') as taken, newest.number, newest.by
     from (select) as once left join (${NEWEST_MIGRATION}) as newest on true`,
    [tickMs * SHARE],
  )
  const { taken = false, number = null, by = null } = row ?? {}
  return { isOurs: taken, schema: number === null ? undefined : { number, by: by ?? '' } }
}
