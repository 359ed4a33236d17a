/** A session that has locked a table, by which mails wait: who, which, and how it is ended; and nothing here waits for it too. */
import { expect, test } from 'vitest'
import { examine } from '../../../src/reports/doctor/examine.ts'
import { openNames } from '../../../src/reports/doctor/names.ts'
import { openDatabase } from '../../../src/database/pool.ts'
import { readWorkerSettings } from '../../../src/worker/settings.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'

test.each([
  ['share', 'write to goniec.attempt', { verdict: 'warning' }],
  [
    'access exclusive',
    'read goniec.attempt',
    { verdict: 'not_tried', text: expect.stringContaining('lets nobody read') },
  ],
])('a lock “%s” on a table is a problem: nobody can %s', async (mode, what, workers) => {
  const database = await createTestDatabase()
  expect((await doctor(database))['locks']).toMatchObject({ verdict: 'ok', try: null })
  const holder = await database.session()
  await holder.query(`set application_name = 'analysis'; begin; lock table goniec.attempt in ${mode} mode`)
  const { rows } = await holder.query<{ pid: number }>('select pg_backend_pid() as pid')
  const pid = rows[0]?.pid ?? 0
  expect(await doctor(database)).toMatchObject({
    locks: {
      verdict: 'problem',
      text: expect.stringMatching(`with analysis \\(pid ${pid}\\) lets nobody ${what}, for \\d`),
      try: expect.stringContaining(`select pg_terminate_backend(${pid})`),
    },
    workers,
  })
})

async function doctor(database: TestDatabase): Promise<Record<string, unknown>> {
  const seen = openDatabase(database.url)
  try {
    const checks = await examine(seen, {
      choice: { kind: 'url', url: seen.url },
      readTimes: () => readWorkerSettings({}),
      names: openNames({ server: '127.0.0.1:1', timeoutMs: 50 }),
      selectors: [],
      logins: false,
    })
    return Object.fromEntries(checks.map((check) => [check.name, check]))
  } finally {
    await seen.close()
  }
}
