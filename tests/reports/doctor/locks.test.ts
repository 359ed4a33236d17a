/** A session that has locked a table, by which mails wait: who, which, and how it is ended; and nothing here waits for it too. */
import { expect, test } from 'vitest'
import { createTestDatabase } from '../../support/database.ts'
import { doctor } from './doctor.ts'

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
