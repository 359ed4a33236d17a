/**
 * A worker goes on while "goniec migrate" of a newer version runs, and with the schema that it leaves: migrations keep what the version
 * before them uses. That it should be replaced soon is told by a line of its log, one for each migration that it sees.
 */
import type { Database } from '../database/pool.ts'
import type { Logger } from '../log.ts'

/** The newest migration, and the version of goniec that made it. */
export interface NewestMigration {
  number: number
  by: string
}

/** As a row of its own, where there is one. */
export const NEWEST_MIGRATION = 'select number, goniec_version as by from goniec.migration order by number desc limit 1'

/** Remembers the schema of this moment, which this worker was made for. What it returns is told of what is found later. */
export async function watchSchema(
  database: Pick<Database, 'query'>,
): Promise<(found: NewestMigration | undefined, log: Logger) => void> {
  const [made] = await database.query<NewestMigration & Record<string, unknown>>(NEWEST_MIGRATION)
  const own = made?.number ?? 0
  let known = own
  return (found, log) => {
    if (found === undefined || found.number <= known) return
    const { number, by } = found
    known = number
    log.warn(
      { schema: number, own_schema: own, by },
      'the schema is newer than this worker: replace it by the version that made it',
    )
  }
}
