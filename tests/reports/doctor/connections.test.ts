/** A worker that is granted fewer connections than it takes is told of before it is started. */
import { expect, test } from 'vitest'
import { checkConnections, judgeConnections } from '../../../src/reports/doctor/connections.ts'
import { createTestDatabase } from '../../support/database.ts'
import { doctor } from './doctor.ts'

test('a database that may have few connections is told of, with the way out', async () => {
  const database = await createTestDatabase()
  expect((await doctor(database))['connections']).toMatchObject({ verdict: 'ok', try: null })
  const name = new URL(database.url).pathname.slice(1)
  await database.query(`alter database ${name} connection limit 15`)
  expect((await doctor(database))['connections']).toMatchObject({
    verdict: 'warning',
    text: 'the database may have 15, and a worker takes about twenty',
    try: `alter database ${name} connection limit -1`,
  })
})

const LARGE = { server: 97, elsewhere: 0, database: 'goniec', of_database: null, of_logins: [] }

test.each([
  [{}, 'ok', 'the server grants 97'],
  [{ elsewhere: 77 }, 'ok', 'the server grants 97, of which other databases have 77'],
  [
    { elsewhere: 78 },
    'warning',
    'the server grants 97, of which other databases have 78, and a worker takes about twenty',
  ],
  [{ server: 17 }, 'warning', 'the server grants 17, and a worker takes about twenty'],
  [
    { of_logins: [{ login: 'sender', most: 9 }] },
    'warning',
    'the login sender may have 9, and a worker takes about twenty',
  ],
  [{ of_database: 20, of_logins: [{ login: 'sender', most: 20 }] }, 'ok', 'the server grants 97'],
])('%j: %s', (limits, verdict, text) => {
  expect(judgeConnections({ ...LARGE, ...limits })).toMatchObject({ name: 'connections', verdict, text })
})

test('a login in the workers’ role with a limit of its own is found', async () => {
  const database = await createTestDatabase()
  const login = decodeURIComponent(new URL(database.urlAs('worker')).username)
  const session = await database.session()
  // Roles are the whole server's: nobody else is to see it.
  await session.query(`begin; alter role ${login} connection limit 12`)
  const query = async (text: string): Promise<never[]> => (await session.query(text)).rows as never[]
  const checks = await checkConnections({ query })
  await session.query('rollback')
  expect(checks).toMatchObject([{ text: `the login ${login} may have 12, and a worker takes about twenty` }])
})
