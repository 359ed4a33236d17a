import { openDatabase } from '../../../src/database/pool.ts'
import type { Checked } from '../../../src/reports/doctor/checked.ts'
import { examine, type Examination } from '../../../src/reports/doctor/examine.ts'
import { openNames } from '../../../src/reports/doctor/names.ts'
import { readWorkerSettings } from '../../../src/worker/settings.ts'
import type { Role, TestDatabase } from '../../support/database.ts'

/** What the doctor says of a database, by the check's name; no network is asked unless a test has one. */
export async function doctor(
  database: TestDatabase,
  { as = 'owner', ...options }: Partial<Examination> & { as?: Role } = {},
): Promise<Record<string, Checked>> {
  // A session of its own: what was set for the database counts from the next session on.
  const seen = openDatabase(database.urlAs(as))
  try {
    const checks = await examine(seen, {
      choice: { kind: 'url', url: seen.url },
      readTimes: () => readWorkerSettings({}),
      names: openNames({ server: '127.0.0.1:1', timeoutMs: 50 }),
      selectors: [],
      logins: false,
      ...options,
    })
    return Object.fromEntries(checks.map((check) => [check.name, check]))
  } finally {
    await seen.close()
  }
}
