/** The roles: a database that was migrated by somebody who may not make them, and the way out that is named. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { migrate } from '../../../src/database/migrate.ts'
import { SCHEMA_DUMP } from '../../../src/database/migration-files.ts'
import type { Database } from '../../../src/database/pool.ts'
import { checkRoles, missingRoles } from '../../../src/reports/doctor/roles.ts'
import { createTestDatabase } from '../../support/database.ts'

test('the grants of the canonical dump, and goniec migrate, give the roles all that they lack', async () => {
  const database = await createTestDatabase()
  await database.query('drop owned by goniec_worker, goniec_reporter')
  expect(await checkRoles(database)).toMatchObject([{ verdict: 'problem', try: expect.stringContaining(SCHEMA_DUMP) }])
  const grants = readFileSync(SCHEMA_DUMP, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('grant '))
  await database.pool.query(grants.join('\n'))
  await migrate(database.url)
  expect(await checkRoles(database)).toMatchObject([{ verdict: 'ok' }])
})

test('roles that are not there are named, with the statements that make them', async () => {
  const session = await (await createTestDatabase()).session()
  const query: Database['query'] = async (text, values = []) => (await session.query(text, [...values])).rows
  expect(await missingRoles({ query })).toBeUndefined()
  // Seen by this session only, and never committed.
  await session.query('begin')
  await session.query('alter role goniec_worker rename to goniec_worker_away')
  expect(await missingRoles({ query })).toMatchObject({
    text: expect.stringContaining('goniec_worker is not there'),
    todo: expect.stringContaining('create role goniec_worker nologin; then'),
  })
  await session.query('rollback')
})
