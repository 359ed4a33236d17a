/**
 * An upgrade while mails go out: the schema is migrated under running workers of the version before, which are then replaced one by one.
 * The newer version is this one with one migration more, in a directory of its own.
 */
import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, expect, test } from 'vitest'
import { readMigrations } from '../../src/database/migration-files.ts'
import { createTestDatabase } from '../support/database.ts'
import { startRecorder } from '../support/recorder.ts'
import { endWorkers, startWorker } from '../support/worker-process.ts'
import { makeFleet } from './fleet.ts'

const LEADS = 200
const ROOT = join(import.meta.dirname, '..', '..')
const newer = mkdtempSync(join(tmpdir(), 'goniec-newer-'))

afterEach(async () => {
  await endWorkers()
  rmSync(newer, { recursive: true })
})

/** What an upgrade may bring: a new column, a table, and a function of the protocol in a new version, with the same parameters. */
const MIGRATION = `
  alter table goniec.message add column upgraded text;
  create table goniec.of_the_newer_version (id bigint primary key);
  create or replace function goniec.backoff(attempts integer, spread_by bigint) returns interval
  language sql immutable
  as $$ select interval '1 second' $$;`

test(
  'workers send on while the schema is migrated, and are replaced one by one; every mail goes out once',
  { timeout: 300_000 },
  async () => {
    const database = await createTestDatabase()
    const gate = makeGate(150)
    await using recorder = await startRecorder({ refuse: { dot: gate.pass } })
    await makeFleet(database, { mailboxes: 4, campaigns: 2, leads: LEADS, smtpPort: recorder.port, minGapMs: 100 })
    const own = (await readMigrations()).length
    await makeNewer(own + 1)

    const env = { GONIEC_TICK: '200ms' }
    const old = ['one', 'two'].map((name) => startWorker(database.urlAs('worker'), { args: ['--name', name], env }))
    // One that began while the schema is migrated would be told that it is too old.
    for (const worker of old) await worker.line(hasStarted)
    await recorder.until(20)
    const { stdout, stderr } = await promisify(execFile)(
      process.execPath,
      [join(newer, 'bin', 'goniec.js'), 'migrate'],
      {
        env: { ...process.env, DATABASE_URL: database.url },
      },
    )
    expect(stdout).toContain('of_the_newer_version')
    expect(stderr).toBe(
      `The schema is at ${own + 1}. Next: restart the workers with this version, one by one; goniec doctor\n`,
    )
    const migratedAt = recorder.mails.length
    gate.letMore(100)
    await recorder.until(migratedAt + 40)
    for (const worker of old)
      expect(await worker.line(isAboutSchema)).toMatchObject({ schema: own + 1, own_schema: own })

    for (const [index, name] of ['one', 'two'].entries()) {
      old[index]?.kill('SIGTERM')
      gate.letMore(60)
      await old[index]?.endedWell()
      await startWorker(database.urlAs('worker'), { args: ['--name', name], env, root: newer }).line(hasStarted)
    }
    expect(recorder.mails.length).toBeLessThan(2 * LEADS)
    gate.letMore(2 * LEADS)
    await recorder.until(2 * LEADS)
    const sent = recorder.mails.map(({ to, headers }) => `${to.join()} ${headers.get('subject')}`)
    expect(new Set(sent).size).toBe(2 * LEADS)
    expect(sent).toHaveLength(2 * LEADS)
    expect(await database.query(`select id from goniec.message where status = 'in_doubt'`)).toEqual([])

    const late = startWorker(database.urlAs('worker'), { args: ['--name', 'three'], env })
    expect(await late.ended).toBe(1)
    expect(late.errors()).toContain(`the database’s schema is at ${own + 1}`)
  },
)

/** Lets that many mails through; later ones wait at their dot until more may pass, in their order. So mails are left for each stage on any machine. */
function makeGate(may: number): { pass: () => Promise<void> | undefined; letMore: (count: number) => void } {
  const held: (() => void)[] = []
  return {
    pass: () => (may-- > 0 ? undefined : new Promise<void>((resolve) => void held.push(resolve))),
    letMore(count) {
      may += count
      for (const wake of held.splice(0, count)) wake()
    },
  }
}

function hasStarted({ msg }: { msg: string }): boolean {
  return msg === 'worker started'
}

function isAboutSchema({ msg }: { msg: string }): boolean {
  return msg.startsWith('the schema is newer than this worker')
}

/** This version, with a migration more. */
async function makeNewer(number: number): Promise<void> {
  for (const part of ['bin', 'src', 'migrations', 'package.json'])
    cpSync(join(ROOT, part), join(newer, part), { recursive: true })
  symlinkSync(join(ROOT, 'node_modules'), join(newer, 'node_modules'))
  writeFileSync(join(newer, 'migrations', `${String(number).padStart(6, '0')}_of_the_newer_version.sql`), MIGRATION)
}
