/** What goniec does behind pgbouncer: all of it where sessions stay whole, and no migration where they do not. */
import { afterEach, expect, test, vi } from 'vitest'
import { migrate } from '../../src/database/migrate.ts'
import { createLogger } from '../../src/log.ts'
import { getsOn } from '../../src/worker/progress.ts'
import { makeFleet } from '../crash/fleet.ts'
import { createTestDatabase } from '../support/database.ts'
import { hasPgbouncer, startPgbouncer } from '../support/pgbouncer.ts'
import { startRecorder } from '../support/recorder.ts'
import { endWorkers, startWorker } from '../support/worker-process.ts'

const log = createLogger({ level: 'silent' })
afterEach(endWorkers)

test.skipIf(!hasPgbouncer)(
  'behind a session pooler a database is migrated, a worker sends, and its watchdog can look (needs pgbouncer)',
  { timeout: 120_000 },
  async () => {
    const database = await createTestDatabase()
    const url = await startPgbouncer(database.url, { mode: 'session' })
    expect(await migrate(url)).toMatchObject({ applied: [] })
    await using recorder = await startRecorder()
    await makeFleet(database, { mailboxes: 1, campaigns: 1, leads: 2, smtpPort: recorder.port })
    await startWorker(url, { args: ['--until-idle'] }).endedWell()
    expect(recorder.mails).toHaveLength(4)
    const warn = vi.spyOn(log, 'warn')
    expect(await getsOn({ url, graceMs: 300_000, sinceClaimMs: () => 200_000, log })).toBe(true)
    expect(warn).not.toHaveBeenCalled()
  },
)

test.skipIf(!hasPgbouncer)(
  'no migration runs through a transaction pooler, whose lock nobody would give back (needs pgbouncer)',
  { timeout: 60_000 },
  async () => {
    const database = await createTestDatabase()
    const url = await startPgbouncer(database.url, { mode: 'transaction' })
    await expect(migrate(url)).rejects.toMatchObject({ code: 'database_pooler' })
    expect(
      await database.query(
        `select from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())`,
      ),
    ).toEqual([])
    expect(await migrate(url, { dryRun: true })).toMatchObject({ applied: [] })
  },
)
