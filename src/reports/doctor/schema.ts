/** Whether the database has the schema that this goniec needs: all of it, nothing newer, and nothing else under the same number. */
import { requireSchema } from '../../database/migrate.ts'
import { readMigrations } from '../../database/migration-files.ts'
import type { Database } from '../../database/pool.ts'
import { GoniecError } from '../../errors.ts'
import { version } from '../../version.ts'
import { ok, problem, type Checked } from './checked.ts'

/** The engine's schema goes first, since ours speaks of it. */
export async function checkSchema(database: Database): Promise<Checked[]> {
  const name = 'schema'
  try {
    await requireSchema(database)
  } catch (error) {
    if (!(error instanceof GoniecError)) throw error
    return [problem(name, error.message, error.hint ?? 'goniec migrate')]
  }
  const [row] = await database.query<{ there: boolean }>(
    `select to_regnamespace('graphile_worker') is not null as there`,
  )
  if (!row?.there) {
    return [problem(name, 'the schema graphile_worker, which workers need, is not there', 'goniec migrate')]
  }
  const { length } = await readMigrations()
  return [ok(name, `at ${length}, as goniec ${version} has it, and no migration was changed`)]
}
