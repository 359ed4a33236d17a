/**
 * Whether a worker gets the connections that it takes. One that gets too few starts, and then plans or sends nothing, or ends: whichever of its parts
 * asks last.
 */
import type { Database } from '../../database/pool.ts'
import { ok, warning, type Checked } from './checked.ts'

/** Its pool, its session, the engine, and now and then the plan's thread and the forecasts': docs/operations.md, "Several machines". */
const OF_A_WORKER = 20

interface Limits {
  /** What the server grants to those who are no superusers. */
  server: number
  /** Sessions in other databases. */
  elsewhere: number
  database: string
  /** Null: no limit but the server's. */
  of_database: number | null
  /** Logins that may work, and have limits of their own. */
  of_logins: { login: string; most: number }[]
}

/** Asks the catalogue only. */
export async function checkConnections(database: Pick<Database, 'query'>): Promise<Checked[]> {
  const rows = await database.query<Limits & Record<string, unknown>>(LIMITS)
  return rows.map(judgeConnections)
}

/** The least of these limits counts. */
export function judgeConnections({
  server,
  elsewhere,
  database,
  of_database: ofDatabase,
  of_logins: ofLogins,
}: Limits): Checked {
  const name = 'connections'
  const besides = elsewhere === 0 ? '' : `, of which other databases have ${elsewhere}`
  const ofServer = `the server grants ${server}${besides}`
  const too = (text: string, todo: string): Checked => warning(name, `${text}, and a worker takes about twenty`, todo)
  if (server - elsewhere < OF_A_WORKER) return too(ofServer, 'raise max_connections, and start the server again')
  if (ofDatabase !== null && ofDatabase < OF_A_WORKER)
    return too(`the database may have ${ofDatabase}`, `alter database ${database} connection limit -1`)
  const login = ofLogins.find(({ most }) => most < OF_A_WORKER)
  if (login)
    return too(`the login ${login.login} may have ${login.most}`, `alter role ${login.login} connection limit -1`)
  return ok(name, ofServer)
}

const LIMITS = `
  select current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer
      - coalesce(current_setting('reserved_connections', true)::integer, 0) as server,
    (select count(*)::integer from pg_stat_activity a where a.datname <> current_database()) as elsewhere,
    quote_ident(current_database()) as database, nullif(d.datconnlimit, -1) as of_database,
    coalesce((
      select jsonb_agg(jsonb_build_object('login', quote_ident(r.rolname), 'most', r.rolconnlimit) order by r.rolconnlimit, r.rolname)
      from pg_roles r
      join pg_roles w on w.rolname = 'goniec_worker'
      where r.rolcanlogin and not r.rolsuper and r.rolconnlimit >= 0 and pg_has_role(r.oid, w.oid, 'member')
    ), '[]') as of_logins
  from pg_database d
  where d.datname = current_database()`
