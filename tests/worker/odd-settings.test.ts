/** A database to which its server's administrator has given settings of his own: goniec's sessions bring theirs. */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { afterEach, expect, test } from 'vitest'
import { makeFleet } from '../crash/fleet.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { startRecorder } from '../support/recorder.ts'
import { dumpSchema } from '../support/schema-dump.ts'
import { endWorkers, startWorker } from '../support/worker-process.ts'

afterEach(endWorkers)

const run = promisify(execFile)

const ODD = {
  DateStyle: 'SQL, DMY',
  IntervalStyle: 'sql_standard',
  TimeZone: 'Asia/Kathmandu',
  bytea_output: 'escape',
  search_path: 'nowhere',
  extra_float_digits: '-10',
  lc_numeric: 'C',
  idle_session_timeout: '1s',
  row_security: 'off',
  array_nulls: 'off',
  standard_conforming_strings: 'off',
}

test('a worker sends, and commands answer, whatever is set for the database', { timeout: 120_000 }, async () => {
  const database = await createTestDatabase()
  await makeOdd(database)
  await using recorder = await startRecorder()
  await makeFleet(database, { mailboxes: 1, campaigns: 1, leads: 2, smtpPort: recorder.port })
  const worker = startWorker(database.urlAs('worker'), { args: ['--until-idle'] })
  await worker.endedWell()
  expect(recorder.mails).toHaveLength(4)
  for (const command of COMMANDS) await goniec(database, ...command.split(' '))
})

test('the schema becomes the same, whatever is set for the database', async () => {
  const database = await createTestDatabase({ empty: true })
  await makeOdd(database)
  await goniec(database, 'migrate')
  expect(await dumpSchema(database)).toBe(await readFile('migrations/schema.sql', 'utf8'))
})

/** From the next session on. */
async function makeOdd(database: TestDatabase): Promise<void> {
  for (const [name, value] of Object.entries(ODD))
    await database.query(`alter database ${database.name} set ${name} = '${value}'`)
}

const COMMANDS = ['migrate', 'status', 'queue list', 'message show 1', 'forecast campaign-1 --fresh', 'audit']

async function goniec(database: TestDatabase, ...args: string[]): Promise<void> {
  await run(process.execPath, ['bin/goniec.js', ...args], { env: { ...process.env, DATABASE_URL: database.url } })
}
