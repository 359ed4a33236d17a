/**
 * Brings a database to the schema of this goniec, and refuses to work on any other.
 *
 * Owns: the schemas `goniec` and `graphile_worker`, the table `goniec.migration`, and a session advisory lock while it migrates (two
 * at once queue up, the second finds nothing to do). Each file is one transaction: it is applied whole and recorded, or not at all.
 * Promises: an applied file is never applied again, and one that changed since is an error; a schema newer than this goniec is refused.
 */
import { DatabaseError, type Client, type Pool } from 'pg'
import { GoniecError, messageOf } from '../errors.ts'
import { version } from '../version.ts'
import { explainDatabaseError } from './failures.ts'
import { migrateGraphileWorker, openGraphileWorker } from './graphile-worker.ts'
import { readMigrations, type MigrationFile } from './migration-files.ts'
import { connectSession, type Database } from './pool.ts'
import { refuseTransactionPooler } from './pooler.ts'
import { setUpSession } from './session-settings.ts'

/** Any number will do, as long as nobody else takes it: it stands for "goniec migrate is running here". */
const MIGRATE_LOCK = 4_702_394_921_427_289n

interface AppliedMigration {
  number: number
  name: string
  checksum: string
  goniec_version: string
}

/** What `migrate` did: the files it applied, in order, and the number the schema stands at now. */
export interface MigrateResult {
  applied: string[]
  schema: number
}

/** Applies what is missing. With `dryRun` it only says what that would be. */
export async function migrate(
  url: string,
  { directory, dryRun = false }: { directory?: string; dryRun?: boolean } = {},
): Promise<MigrateResult> {
  const files = await readMigrations(directory)
  try {
    // Its session would keep the lock, and belong to somebody else by then: the next migration waited for ever.
    if (!dryRun) await refuseTransactionPooler(url, { name: 'migrate' })
    const client = await connectSession(url, { name: 'migrate' })
    try {
      await setUpSession(client)
      await refuseOtherEncodings(client)
      if (!dryRun) await client.query('select pg_advisory_lock($1)', [MIGRATE_LOCK])
      const missing = missingFiles(await readApplied(client), files)
      if (!dryRun) await applyAll(client, url, missing)
      return { applied: missing.map(({ file }) => file), schema: files.length }
    } finally {
      await client.end()
    }
  } catch (error) {
    throw explainDatabaseError(error, url) ?? error
  }
}

/** Stops a command whose database was never migrated, is older than this goniec, or newer. */
export async function requireSchema(database: Database, directory?: string): Promise<void> {
  const [applied, files] = await Promise.all([readApplied(database.pool), readMigrations(directory)])
  const missing = missingFiles(applied, files)
  if (missing.length === 0) return
  throw applied.length === 0
    ? new GoniecError('schema_missing', 'the database has no goniec schema yet', { hint: 'goniec migrate' })
    : new GoniecError(
        'schema_old',
        `the database’s schema is at ${applied.length}, this goniec ${version} needs ${files.length}`,
        { hint: 'goniec migrate' },
      )
}

/** In another encoding most names do not fit, or nobody checks that they are text at all. */
async function refuseOtherEncodings(client: Client): Promise<void> {
  const { rows } = await client.query<{ encoding: string }>(`select current_setting('server_encoding') as encoding`)
  const encoding = rows[0]?.encoding
  if (encoding === 'UTF8') return
  throw new GoniecError('database_encoding', `the database is in ${encoding}; goniec needs UTF8`, {
    hint: IN_UTF8,
  })
}

/** What to do about a database in another encoding, which it keeps for ever. */
export const IN_UTF8 =
  'createdb --template=template0 --encoding=UTF8 NAME, and write that one into DATABASE_URL: an encoding cannot be changed'

async function readApplied(client: Client | Pool): Promise<AppliedMigration[]> {
  const { rows: found } = await client.query<{ there: boolean }>(
    `select to_regclass('goniec.migration') is not null as there`,
  )
  if (!found[0]?.there) return []
  const { rows } = await client.query<AppliedMigration>(
    'select number, name, checksum, goniec_version from goniec.migration order by number',
  )
  return rows
}

/** The files still to apply; an error where the database has more than we know, or something else under the same number. */
function missingFiles(applied: AppliedMigration[], files: MigrationFile[]): MigrationFile[] {
  const newest = applied.at(-1)
  if (newest && newest.number > files.length) {
    throw new GoniecError(
      'schema_newer',
      `the database’s schema is at ${newest.number} (goniec ${newest.goniec_version}), this goniec ${version} knows only up to ${files.length}`,
      { hint: `install goniec ${newest.goniec_version} or newer` },
    )
  }
  for (const { number, name, checksum } of applied) {
    const file = files[number - 1]
    if (file?.checksum === checksum) continue
    throw new GoniecError(
      'migration_changed',
      `migration ${number} (${name}) was applied with other content than ${file?.file} has now`,
      {
        hint: 'restore the released file, and put the change into a new migration',
      },
    )
  }
  return files.slice(applied.length)
}

/** graphile-worker's schema goes first, since migrations may speak of it, and is opened last, to a role that they make. */
async function applyAll(client: Client, url: string, missing: MigrationFile[]): Promise<void> {
  await migrateGraphileWorker(url)
  await client.query(BOOTSTRAP)
  for (const file of missing) await applyOne(client, file)
  await openGraphileWorker(url)
}

const BOOTSTRAP = `
  create schema if not exists goniec;
  create table if not exists goniec.migration (
    number integer primary key,
    name text not null,
    checksum text not null,
    applied_at timestamptz not null default clock_timestamp(),
    goniec_version text not null
  );
  comment on table goniec.migration is 'Which migrations were applied, by which goniec. Written by "goniec migrate" only.';
`

async function applyOne(client: Client, { number, name, file, sql, checksum }: MigrationFile): Promise<void> {
  await client.query('begin')
  try {
    await client.query(sql)
    await client.query(
      'insert into goniec.migration (number, name, checksum, goniec_version) values ($1, $2, $3, $4)',
      [number, name, checksum, version],
    )
    await client.query('commit')
  } catch (error) {
    await client.query('rollback')
    throw new GoniecError('migration_failed', `${file}${lineOf(error, sql)}: ${messageOf(error).split('\n', 1)[0]}`, {
      hint: 'nothing of this file was applied; mend what it names and run goniec migrate again',
      cause: error,
    })
  }
}

function lineOf(error: unknown, sql: string): string {
  if (!(error instanceof DatabaseError) || error.position === undefined) return ''
  return `, line ${sql.slice(0, Number(error.position)).split('\n').length}`
}
