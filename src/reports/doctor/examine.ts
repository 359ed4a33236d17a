/**
 * Everything that an engineer would look at to say whether an installation is sound, one theme a file. It changes nothing; asking a worker to
 * try the logins leaves a row for each. It works with any login: what this one may not see is said to be not tried.
 */
import type { DatabaseChoice } from '../../database/choice.ts'
import { explainDatabaseError } from '../../database/failures.ts'
import type { Database } from '../../database/pool.ts'
import { attempt, notTried, type Checked } from './checked.ts'
import { checkClock } from './clock.ts'
import { checkConnections } from './connections.ts'
import { checkDomains } from './domains.ts'
import { checkGuards } from './guards.ts'
import { checkHolidays } from './holidays.ts'
import { checkHost, type ReadTimes } from './host.ts'
import { findLocks, judgeLocks } from './locks.ts'
import { checkLogins } from './logins.ts'
import type { Names } from './names.ts'
import { checkPooler } from './pooler.ts'
import { checkRestored } from './restored.ts'
import { checkRoles } from './roles.ts'
import { checkRoom } from './room.ts'
import { checkSchema } from './schema.ts'
import { checkSecrets } from './secrets.ts'
import { checkServer } from './server.ts'
import { checkWorkerLogins, checkWorkers } from './workers.ts'
import { checkZones } from './zones.ts'

export interface Examination {
  choice: DatabaseChoice
  readTimes: ReadTimes
  names: Names
  /** DKIM selectors that are known to be used; without any, common ones are tried. */
  selectors: readonly string[]
  /** Whether a worker shall try the mailboxes' logins. */
  logins: boolean
  /** Told before each theme. */
  onTheme?: (theme: string) => void
}

/** All checks, in the order of what they stand on. Throws a registered error where the database cannot be asked. */
export async function examine(database: Database, examination: Examination): Promise<Checked[]> {
  try {
    return await runThemes(database, examination)
  } catch (error) {
    throw explainDatabaseError(error, database.url) ?? error
  }
}

interface Theme {
  name: string
  check: () => Promise<Checked[]>
}

async function runThemes(database: Database, examination: Examination): Promise<Checked[]> {
  const { choice, readTimes, onTheme } = examination
  const run = async (themes: readonly Theme[]): Promise<Checked[]> => {
    const checks: Checked[] = []
    for (const { name, check } of themes) {
      onTheme?.(name)
      checks.push(...(await attempt(name, check)))
    }
    return checks
  }
  let unreadable = false
  const first = await run([
    { name: 'database', check: () => checkServer(database) },
    { name: 'connections', check: () => checkConnections(database) },
    {
      name: 'locks',
      check: async () => {
        const locks = await findLocks(database)
        unreadable = locks.some((lock) => lock.unreadable)
        return [judgeLocks(locks)]
      },
    },
    { name: 'schema', check: () => checkSchema(database) },
  ])
  const hasSchema = first.some(({ name, verdict }) => name === 'schema' && verdict === 'ok')
  const upon = uponSchema(database, examination)
  // Whoever asked such a table would wait for as long as it is locked.
  const untried = unreadable ? 'it reads tables, and another session lets nobody read one' : 'it stands upon the schema'
  return [
    ...first,
    ...(hasSchema && !unreadable ? await run(upon) : upon.map(({ name }) => notTried(name, untried))),
    ...(await run([
      { name: 'pooler', check: () => checkPooler(database.url) },
      { name: 'room on disk', check: () => checkRoom(database, choice) },
    ])),
    ...checkHost(readTimes),
  ]
}

function uponSchema(database: Database, { choice, logins, names, selectors }: Examination): Theme[] {
  return [
    { name: 'guards', check: () => checkGuards(database) },
    { name: 'roles', check: () => checkRoles(database) },
    { name: 'clocks', check: () => checkClock(database) },
    { name: 'time zones', check: () => checkZones(database) },
    { name: 'public holidays', check: () => checkHolidays(database) },
    { name: 'restored', check: () => checkRestored(database) },
    { name: 'workers', check: () => checkWorkers(database) },
    { name: 'workers’ login', check: () => checkWorkerLogins(database, { embedded: choice.kind === 'embedded' }) },
    ...(logins ? [{ name: 'mailbox logins', check: () => checkLogins(database) }] : []),
    { name: 'secret files', check: () => checkSecrets(database) },
    { name: 'SPF, DKIM, DMARC', check: () => checkDomains(database, { names, selectors }) },
  ]
}
