/** The two roles that `goniec migrate` makes: whether they are there, and may do what they are for. */
import { shellWord } from '../../campaigns/campaign.ts'
import { SCHEMA_DUMP } from '../../database/migration-files.ts'
import type { Database } from '../../database/pool.ts'
import { ok, problem, warning, type Checked } from './checked.ts'

const ROLES = ['goniec_worker', 'goniec_reporter']
const MOST = 5

/** What is the engine's, `goniec migrate` grants each time. */
const GRANT = `grep '^grant ' ${shellWord(SCHEMA_DUMP)} | psql "$DATABASE_URL"; goniec migrate`

/** Which of them are not there, and how they are made; undefined where both are. */
export async function missingRoles(
  database: Pick<Database, 'query'>,
): Promise<{ text: string; todo: string } | undefined> {
  const there = await database.query<{ role: string }>(
    'select rolname as role from pg_roles where rolname = any ($1)',
    [ROLES],
  )
  const missing = ROLES.filter((role) => !there.some((found) => found.role === role))
  if (missing.length === 0) return undefined
  const text = `${missing.join(' and ')} ${missing.length === 1 ? 'is' : 'are'} not there: everybody has to log in as the owner`
  const create = missing.map((role) => `create role ${role} nologin`).join('; ')
  return { text, todo: `as a user who may create roles: ${create}; then, as the owner, ${GRANT}` }
}

/** What they lack is told by name. */
export async function checkRoles(database: Pick<Database, 'query'>): Promise<Checked[]> {
  const name = 'roles'
  const missing = await missingRoles(database)
  if (missing !== undefined) return [warning(name, missing.text, missing.todo)]
  const lacking = await database.query<{ role: string; may_not: string }>(LACKING)
  if (lacking.length === 0)
    return [ok(name, 'goniec_worker and goniec_reporter are there, and may do what they are for')]
  const rows = lacking.slice(0, MOST).map(({ role, may_not: mayNot }) => `${role} may not ${mayNot}`)
  const more = lacking.length > MOST ? `; and ${lacking.length - MOST} more` : ''
  return [problem(name, `${rows.join('; ')}${more}`, `as the owner, ${GRANT}`)]
}

/** What a worker calls and writes in each of its minutes, and all that anybody reads. */
const LACKING = `
  select wanted.role, 'use the schema ' || wanted.schema as may_not
  from (values ('goniec_worker', 'goniec'), ('goniec_worker', 'graphile_worker'), ('goniec_reporter', 'goniec'), ('goniec_reporter', 'goniec_report'))
    as wanted (role, schema)
  where not has_schema_privilege(wanted.role, to_regnamespace(wanted.schema), 'usage')
  union all
  select 'goniec_reporter', 'read ' || c.oid::regclass
  from pg_class c
  where c.relnamespace in (to_regnamespace('goniec'), to_regnamespace('goniec_report')) and c.relkind in ('r', 'v')
    and not has_table_privilege('goniec_reporter', c.oid, 'select')
  union all
  select 'goniec_worker', 'read ' || c.oid::regclass
  from pg_class c
  where c.relnamespace = to_regnamespace('goniec') and c.relkind = 'r' and not has_table_privilege('goniec_worker', c.oid, 'select')
  union all
  select 'goniec_worker', 'change ' || c.oid::regclass
  from pg_class c
  where (c.relnamespace = to_regnamespace('graphile_worker') and c.relkind = 'r'
      or c.oid in (to_regclass('goniec.message'), to_regclass('goniec.attempt'), to_regclass('goniec.incarnation'), to_regclass('goniec.mailbox_day')))
    -- Of several rights in one list, any would do.
    and not (has_table_privilege('goniec_worker', c.oid, 'insert') and has_table_privilege('goniec_worker', c.oid, 'update'))
  union all
  select 'goniec_worker', 'call ' || p.oid::regprocedure
  from pg_proc p
  where p.pronamespace in (to_regnamespace('goniec'), to_regnamespace('graphile_worker'))
    and not has_function_privilege('goniec_worker', p.oid, 'execute')
  order by 1, 2`
