import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { createTestDatabase } from '../support/database.ts'
import { dumpSchema } from '../support/schema-dump.ts'
import { describeTypes } from '../support/schema-types.ts'

const database = await createTestDatabase()

test('all migrations together make the schema that is committed; else: npm run schema', async () => {
  expect(await dumpSchema(database)).toBe(await readFile('migrations/schema.sql', 'utf8'))
})

test('the types for kysely are those of the migrated schema; else: npm run schema', async () => {
  expect(await describeTypes(database)).toBe(await readFile('src/database/schema.ts', 'utf8'))
})

test('every table explains itself', async () => {
  const silent = await database.query<{ name: string }>(
    `select relname as name from pg_class
     where relnamespace = 'goniec'::regnamespace and relkind in ('r', 'v') and obj_description(oid, 'pg_class') is null`,
  )
  expect(silent).toEqual([])
})

test('no function is compiled because it may not go through a table', async () => {
  // Up to Postgres 17 a sequential scan that is switched off costs more than any that jit waits for, and some tables have no index to take instead.
  const compiled = await database.query<{ name: string }>(
    `select proname as name from pg_proc
     where pronamespace = 'goniec'::regnamespace and 'enable_seqscan=off' = any (proconfig) and not 'jit=off' = any (proconfig)`,
  )
  expect(compiled).toEqual([])
})
