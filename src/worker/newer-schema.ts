/**
 * A worker goes on while "goniec migrate" of a newer version runs, and with the schema that it leaves: migrations keep what the version
 * before them uses. That it should be replaced soon is told by a line of its log, one for each migration that it sees.
 */
import type { Logger } from '../log.ts'

/** The newest migration, and the version of goniec that made it. */
export interface NewestMigration {
  number: number
  by: string
}

/** As a row of its own, where there is one. */
export const NEWEST_MIGRATION = 'select number, goniec_version as by from goniec.migration order by number desc limit 1'

/**
 * What it returns is told of what is found. `own` is the schema that this goniec was made for, and not the one that is there when a worker
 * begins: a migration may have come since the schema was looked at.
 */
export function watchSchema(own: number): (found: NewestMigration | undefined, log: Logger) => void {
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
