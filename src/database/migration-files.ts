/** The numbered SQL files of the folder `migrations`, which stands beside `src` in a checkout and beside `dist` in the package. */
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { assert } from '../errors.ts'

/** Where the migrations are, seen from `src/database` and from `dist/database` alike. */
const MIGRATIONS_DIRECTORY = fileURLToPath(new URL('../../migrations', import.meta.url))

/** The canonical dump of all of them, with each grant in a line. */
export const SCHEMA_DUMP = join(MIGRATIONS_DIRECTORY, 'schema.sql')

/** One migration as it stands on disk. */
export interface MigrationFile {
  number: number
  /** `000002_registry.sql` */
  file: string
  name: string
  sql: string
  checksum: string
}

/** All migrations in order. They are numbered without a gap from 1. */
export async function readMigrations(directory = MIGRATIONS_DIRECTORY): Promise<MigrationFile[]> {
  const names = (await readdir(directory)).filter((name) => /^\d{6}_.+\.sql$/.test(name)).sort()
  const files = await Promise.all(names.map((name) => readMigration(directory, name)))
  for (const [index, file] of files.entries()) {
    assert(
      file.number === index + 1,
      `migrations are numbered without a gap: ${file.file} stands at place ${index + 1}`,
    )
  }
  return files
}

async function readMigration(directory: string, file: string): Promise<MigrationFile> {
  // Line ends are no content: a checkout on Windows must not look like a changed file.
  const sql = (await readFile(join(directory, file), 'utf8')).replaceAll('\r\n', '\n')
  const checksum = createHash('sha256').update(sql).digest('hex')
  return { number: Number(file.slice(0, 6)), file, name: file.slice(7, -4), sql, checksum }
}
