/** A worker under which the schema is migrated says so, though that was while it began. */
import { afterEach, expect, test } from 'vitest'
import { readMigrations } from '../../src/database/migration-files.ts'
import { createTestDatabase } from '../support/database.ts'
import { untilRow } from '../support/until-row.ts'
import { endWorkers, startWorker } from '../support/worker-process.ts'

afterEach(endWorkers)

test('a migration that comes between the look at the schema and the first work is told', async () => {
  const database = await createTestDatabase()
  const own = (await readMigrations()).length
  const session = await database.session()
  // Behind the look at the schema each worker writes itself down.
  await session.query('begin; lock table goniec.incarnation in exclusive mode')
  const worker = startWorker(database.urlAs('worker'), { args: ['--name', 'late'], env: { GONIEC_TICK: '200ms' } })
  await untilRow(
    database,
    `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
  )
  await database.query(
    `insert into goniec.migration (number, name, checksum, goniec_version) values ($1, 'newer', 'x', '9.9.9')`,
    [own + 1],
  )
  await session.query('commit')
  expect(await worker.line(({ msg }) => msg.startsWith('the schema is newer'))).toMatchObject({
    schema: own + 1,
    own_schema: own,
    by: '9.9.9',
  })
})
