/** What goniec does behind pgbouncer: all of it where sessions stay whole, and no migration where they do not. */
import { afterEach, expect, test, vi } from 'vitest'
import { isDatabaseLost } from '../../src/database/failures.ts'
import { migrate } from '../../src/database/migrate.ts'
import { connectDatabase } from '../../src/database/pool.ts'
import { createLogger } from '../../src/log.ts'
import { getsOn } from '../../src/worker/progress.ts'
import { runGoniec } from '../cli/run-goniec.ts'
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

test.skipIf(!hasPgbouncer)(
  'a pooler whose server is away, or that lets no transaction through, is told as that, and is no defect (needs pgbouncer)',
  { timeout: 60_000 },
  async () => {
    const database = await createTestDatabase()
    const away = await startPgbouncer(Object.assign(new URL(database.url), { port: '1' }).href, { mode: 'session' })
    const failed = await connectDatabase(away).catch((error: unknown) => error)
    expect(failed).toMatchObject({ code: 'database_unreachable', hint: expect.any(String) })
    expect(isDatabaseLost(failed)).toBe(true)
    const byStatement = await startPgbouncer(database.url, { mode: 'statement' })
    const { code, stderr } = await runGoniec(['audit'], { url: byStatement })
    expect(code).toBe(1)
    expect(stderr).toMatch(/^Error: a pooler in statement mode stands before the database.*\nTry: .*session mode\n$/)
  },
)
