import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Logger, runOnce } from 'graphile-worker'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { migrate, requireSchema } from '../../src/database/migrate.ts'
import { openDatabase } from '../../src/database/pool.ts'
import { checkServer } from '../../src/reports/doctor/server.ts'
import { createTestDatabase } from '../support/database.ts'
import { withDatabase } from '../support/global-setup.ts'
import { dumpSchema } from '../support/schema-dump.ts'

let directory = ''
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'goniec-migrations-'))
})
afterAll(() => rm(directory, { recursive: true }))

/** A folder of migrations of its own. */
async function folder(files: Record<string, string>): Promise<string> {
  const path = await mkdtemp(join(directory, 'case-'))
  for (const [name, sql] of Object.entries(files)) await writeFile(join(path, name), sql)
  return path
}

const ONE = { '000001_one.sql': 'create table goniec.one (id integer);' }
const TWO = { ...ONE, '000002_two.sql': 'create table goniec.two (id integer);' }

test('migrations are applied in order, once, and each says by which goniec', async () => {
  const database = await createTestDatabase({ empty: true })
  expect(await migrate(database.url, { directory: await folder(ONE) })).toEqual({
    applied: ['000001_one.sql'],
    schema: 1,
  })
  expect(await migrate(database.url, { directory: await folder(TWO) })).toEqual({
    applied: ['000002_two.sql'],
    schema: 2,
  })
  expect(await migrate(database.url, { directory: await folder(TWO) })).toEqual({ applied: [], schema: 2 })
  const rows = await database.query(
    'select number, name, goniec_version <> $1 as versioned from goniec.migration order by 1',
    [''],
  )
  expect(rows).toEqual([
    { number: 1, name: 'one', versioned: true },
    { number: 2, name: 'two', versioned: true },
  ])
})

test('a dry run says what would be applied, and applies nothing', async () => {
  const database = await createTestDatabase({ empty: true })
  const { applied } = await migrate(database.url, { directory: await folder(TWO), dryRun: true })
  expect(applied).toEqual(['000001_one.sql', '000002_two.sql'])
  expect(await database.query(`select from pg_namespace where nspname in ('goniec', 'graphile_worker')`)).toEqual([])
})

test.each(['LATIN2', 'SQL_ASCII'])('a database in %s is refused before anything is made in it', async (encoding) => {
  const { url: server, prefix } = inject('testRun')
  const name = `${prefix}_${encoding.toLowerCase()}`
  const administrator = openDatabase(server)
  await administrator.query(
    `create database ${name} template template0 encoding '${encoding}' lc_collate 'C' lc_ctype 'C' locale_provider libc`,
  )
  const database = openDatabase(withDatabase(server, name))
  try {
    await expect(migrate(database.url)).rejects.toMatchObject({
      code: 'database_encoding',
      message: expect.stringContaining(`is in ${encoding}`),
      hint: expect.stringContaining('createdb --template=template0 --encoding=UTF8'),
    })
    expect(await database.query(`select from pg_namespace where nspname in ('goniec', 'graphile_worker')`)).toEqual([])
    expect(await checkServer(database)).toContainEqual(
      expect.objectContaining({ name: 'encoding', verdict: 'problem' }),
    )
  } finally {
    await database.close()
    await administrator.query(`drop database ${name} with (force)`)
    await administrator.close()
  }
})

test('two that migrate at once apply each file once', async () => {
  const database = await createTestDatabase({ empty: true })
  const path = await folder(TWO)
  const results = await Promise.all([1, 2, 3].map(() => migrate(database.url, { directory: path })))
  expect(results.flatMap(({ applied }) => applied).sort()).toEqual(['000001_one.sql', '000002_two.sql'])
})

test('a file that fails is undone whole, and the error names the file and the line; what came before it stays', async () => {
  const database = await createTestDatabase({ empty: true })
  const path = await folder({
    ...ONE,
    '000002_bad.sql': 'create table goniec.half (id integer);\n\ncreate table goniec.one (id integr);',
  })
  await expect(migrate(database.url, { directory: path })).rejects.toMatchObject({
    code: 'migration_failed',
    message: expect.stringMatching(/000002_bad\.sql, line 3: .*integr/),
  })
  const [row] = await database.query(
    `select to_regclass('goniec.one') is not null as one, to_regclass('goniec.half') is not null as half`,
  )
  expect(row).toEqual({ one: true, half: false })
  await expect(requireSchema(database, path)).rejects.toMatchObject({ code: 'schema_old', hint: 'goniec migrate' })
})

test('a file that changed after it was applied is an error', async () => {
  const database = await createTestDatabase({ empty: true })
  await migrate(database.url, { directory: await folder(ONE) })
  const changed = await folder({ '000001_one.sql': 'create table goniec.one (id bigint);' })
  await expect(migrate(database.url, { directory: changed })).rejects.toMatchObject({ code: 'migration_changed' })
  const crlf = await folder({ '000001_one.sql': ONE['000001_one.sql'], '000002_x.sql': 'select 1;\r\n' })
  await migrate(database.url, { directory: crlf })
  await writeFile(join(crlf, '000002_x.sql'), 'select 1;\n')
  expect(await migrate(database.url, { directory: crlf })).toEqual({ applied: [], schema: 2 })
})

test('a command refuses a database without a schema, with an older one, and with a newer one', async () => {
  const database = await createTestDatabase({ empty: true })
  const [one, two] = [await folder(ONE), await folder(TWO)]
  await expect(requireSchema(database, one)).rejects.toMatchObject({ code: 'schema_missing', hint: 'goniec migrate' })
  await migrate(database.url, { directory: one })
  await requireSchema(database, one)
  await expect(requireSchema(database, two)).rejects.toMatchObject({ code: 'schema_old', hint: 'goniec migrate' })
  await migrate(database.url, { directory: two })
  await expect(requireSchema(database, one)).rejects.toMatchObject({ code: 'schema_newer' })
  await expect(migrate(database.url, { directory: one })).rejects.toMatchObject({ code: 'schema_newer' })
})

test('the schema of graphile-worker is there; a release of it with a new migration needs one of goniec, so that "goniec migrate" is asked for', async () => {
  const database = await createTestDatabase()
  expect(await database.query('select max(id) from graphile_worker.migrations')).toEqual([{ max: 20 }])
})

test('a worker’s role adds jobs and runs them, though graphile-worker lets only its owner in', async () => {
  const database = await createTestDatabase()
  const worker = openDatabase(database.urlAs('worker'))
  const done: unknown[] = []
  await worker.query(`select graphile_worker.add_job('greet', '{"name": "Jan"}', job_key => 'x')`)
  await runOnce({
    pgPool: worker.pool,
    taskList: { greet: async (payload) => void done.push(payload) },
    logger: new Logger(() => () => undefined),
  })
  await worker.close()
  expect(done).toEqual([{ name: 'Jan' }])
})

test('an owner who is no superuser and may create no roles gets the same schema, but for grants', async () => {
  const database = await createTestDatabase({ empty: true })
  const owner = `${database.name}_owner`
  await database.query(`create role ${owner} login password 'x'`)
  try {
    await database.query(`grant create on database ${database.name} to ${owner}`)
    const url = Object.assign(new URL(database.url), { username: owner, password: 'x' }).href
    await migrate(url)
    const own = openDatabase(url)
    await requireSchema(own)
    expect(withoutGrants(await dumpSchema(own))).toBe(withoutGrants(await dumpSchema(await createTestDatabase())))
    await own.close()
  } finally {
    await database.query(`drop owned by ${owner} cascade`)
    await database.query(`drop role ${owner}`)
  }
})

function withoutGrants(text: string): string {
  return text.replaceAll(/^grant .*\n+/gm, '')
}
