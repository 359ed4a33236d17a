/**
 * A worker goes on while "goniec migrate" of a newer version runs, and with the schema that it leaves: migrations keep what the version
 * before them uses. That it should be replaced soon is told by a line of its log, one for each migration that it sees.
 */
import type { Database } from '../database/pool.ts'
import type { Logger } from '../log.ts'

/** Remembers the schema of this moment, which this worker was made for. What it returns looks whether there is a newer one. */
export async function watchSchema(database: Pick<Database, 'query'>): Promise<(log: Logger) => Promise<void>> {
  const { number: own } = await newestMigration(database)
  let known = own
  return async (log) => {
    const { number, by } = await newestMigration(database)
    if (number <= known) return
    known = number
    log.warn(
      { schema: number, own_schema: own, by },
      'the schema is newer than this worker: replace it by the version that made it',
    )
  }
}

async function newestMigration(database: Pick<Database, 'query'>): Promise<{ number: number; by: string }> {
  const [row] = await database.query<{ number: number; by: string }>(
    'select number, goniec_version as by from goniec.migration order by number desc limit 1',
  )
  return row ?? { number: 0, by: '' }
}
