/** The views of `goniec_report` as an interface: every one explains itself, whoever may read can read it, and nothing secret is in reach. */
import { expect, test } from 'vitest'
import { createTestDatabase } from '../support/database.ts'
import { World } from '../support/world.ts'

const database = await createTestDatabase()
const world = new World(database.pool)
const views = await database.query<{ name: string; columns: string[] }>(
  `select c.relname as name, array_agg(a.attname::text order by a.attnum) as columns
   from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
   where c.relnamespace = 'goniec_report'::regnamespace and c.relkind = 'v'
   group by 1 order by 1`,
)

test('every view and every column explains itself, as \\d+ shows it', async () => {
  const silent = await database.query<{ name: string }>(
    `select c.relname || coalesce('.' || a.attname, '') as name
     from pg_class c
     cross join lateral (
       select null::name as attname, obj_description(c.oid, 'pg_class') as comment
       union all
       select a.attname, col_description(c.oid, a.attnum) from pg_attribute a where a.attrelid = c.oid and a.attnum > 0) a
     where c.relnamespace = 'goniec_report'::regnamespace and c.relkind = 'v' and coalesce(a.comment, '') !~ '[.?]$'`,
  )
  expect(silent).toEqual([])
  expect(views.length).toBeGreaterThanOrEqual(16)
})

test.each(views.map(({ name }) => name))('a reporter reads %s, and cannot change it', async (name) => {
  await world.mail()
  const session = await database.session('reporter')
  await session.query(`select * from goniec_report.${name}`)
  await expect(session.query(`delete from goniec_report.${name}`)).rejects.toThrow(
    /permission denied|cannot delete from view/,
  )
})

test('no column leads to a password, a reference to one, or the text of a mail', async () => {
  const secrets = await database.query(
    `select distinct u.view_name, u.table_name, u.column_name
     from information_schema.view_column_usage u
     where u.view_schema = 'goniec_report' and u.table_schema = 'goniec'
       and (u.column_name ~ 'password|token|secret|_ref$|smtp_user|imap|signature'
            or (u.table_name in ('message_content', 'message_material', 'variant') and u.column_name in ('text', 'html', 'attachments'))
            or (u.table_name = 'enrollment' and u.column_name = 'fields'))`,
  )
  expect(secrets).toEqual([])
})
