import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { toJson } from '../../src/database/values.ts'
import { Temporal, type Instant } from '../../src/time.ts'
import { createTestDatabase } from '../support/database.ts'

const database = await createTestDatabase({ empty: true })

async function read(expression: string, ...values: unknown[]): Promise<unknown> {
  const [row] = await database.query<{ value: unknown }>(`select ${expression} as value`, values)
  return row?.value
}

test('a bigint is a number, and one too large to be exact is a defect', async () => {
  expect(await read('9007199254740991::bigint')).toBe(9007199254740991)
  expect(await read('array[1, null, -2]::bigint[]')).toEqual([1, null, -2])
  await expect(read('9007199254740992::bigint')).rejects.toThrow('too large to be held exactly')
})

test('a time is an instant, to the microsecond, whatever zone the session speaks', async () => {
  const instant = Temporal.Instant.from('2026-10-25T00:30:00.123456Z')
  for (const zone of ['UTC', 'Europe/Warsaw', 'Asia/Kathmandu', 'America/St_Johns']) {
    const [session] = [await database.session()]
    await session.query(`set timezone = '${zone}'`)
    const { rows } = await session.query('select $1::timestamptz as one, array[$1, null]::timestamptz[] as many', [
      instant,
    ])
    expect(rows[0].one.equals(instant)).toBe(true)
    expect(rows[0].many[0].equals(instant)).toBe(true)
    expect(rows[0].many[1]).toBe(null)
  }
})

test('a time before 1970 keeps its microseconds', async () => {
  const instant = Temporal.Instant.from('1969-12-31T23:59:59.000001Z')
  expect(instant.equals((await read('$1::timestamptz', instant)) as Instant)).toBe(true)
})

test('instants go into the database one by one and as arrays, by kysely too', async () => {
  const instant = Temporal.Instant.from('2026-12-01T08:00:00.000001Z')
  expect(await read('cardinality($1::timestamptz[])', [instant, instant])).toBe(2)
  const { rows } = await sql<{
    same: boolean
  }>`select ${instant}::timestamptz = '2026-12-01T08:00:00.000001Z' as same`.execute(database.db)
  expect(rows).toEqual([{ same: true }])
})

test('a date is the text of a day, never moved by a time zone', async () => {
  expect(await read(`date '2026-03-29'`)).toBe('2026-03-29')
  expect(await read(`array[date '2026-03-29']`)).toEqual(['2026-03-29'])
})

test('a table of goniec is named without its schema', async () => {
  const own = await createTestDatabase()
  expect(await own.db.selectFrom('installation').select('timezone').executeTakeFirst()).toEqual({
    timezone: 'Europe/Warsaw',
  })
})

test('a transaction that throws leaves nothing behind', async () => {
  const own = await createTestDatabase()
  const work = own.transaction(async (tx) => {
    await tx.updateTable('installation').set({ timezone: 'UTC' }).execute()
    await tx.insertInto('salesperson').values({ email: 'a@firma.example', daily_limit: -1 }).execute()
  })
  await expect(work).rejects.toMatchObject({ constraint: 'salesperson_daily_limit_is_not_negative' })
  expect(await own.query('select timezone from goniec.installation')).toEqual([{ timezone: 'Europe/Warsaw' }])
})

test('text that jsonb would refuse is written with U+FFFD, and everything else as it is', async () => {
  const value = { good: 'zażółć 😀 \\u0000 \\ud83d', bad: ['a\0b', 'half \ud83d', 1, null] }
  expect(await read('$1::jsonb', toJson(value))).toEqual({ ...value, bad: ['a\ufffdb', 'half \ufffd', 1, null] })
})
