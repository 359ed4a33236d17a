/**
 * Tables that another session has locked, so that nobody else can write to them, or read them: it makes an index or packs a table (`vacuum full`), or
 * is somebody's forgotten transaction. Claims wait for nobody and find nothing then, so that no worker says so.
 */
import type { Database } from '../../database/pool.ts'
import { formatDuration } from '../../time.ts'
import { ok, problem, type Checked } from './checked.ts'

export interface TableLock {
  pid: number
  login: string
  /** As it calls itself; null: it does not, or this login may not see it. */
  program: string | null
  tables: string[]
  /** How long its transaction has lasted; null: this login may not see it. */
  for_ms: number | null
  /** Nobody can read them either. */
  unreadable: boolean
}

/** One for each session. Asks the catalogue only, and waits for no lock. */
export async function findLocks(database: Pick<Database, 'query'>): Promise<TableLock[]> {
  return database.query<TableLock & Record<string, unknown>>(LOCKS)
}

/** One check, whatever there is. */
export function judgeLocks(locks: readonly TableLock[]): Checked {
  const name = 'locks'
  if (locks.length === 0) return ok(name, 'no session keeps others from the tables')
  const todo = `let it end, where it does something useful; else select pg_terminate_backend(${locks[0]?.pid})`
  return problem(name, `${locks.map(describe).join('; ')}: mails wait for its end`, todo)
}

function describe({ pid, login, program, tables, for_ms: forMs, unreadable }: TableLock): string {
  const who = `${login}${program ? ` with ${program}` : ''} (pid ${pid})`
  const since = forMs === null ? '' : `, for ${formatDuration(Math.round(forMs / 1000) * 1000)} now`
  return `${who} lets nobody ${unreadable ? 'read' : 'write to'} ${tables.join(', ')}${since}`
}

/** Those modes that a plain write waits for. Autovacuum takes one for moments, and gives way. */
const LOCKS = `
  select l.pid, coalesce(s.usename::text, 'somebody') as login, nullif(s.application_name, '') as program,
    array_agg(distinct c.oid::regclass::text) as tables,
    (extract(epoch from clock_timestamp() - s.xact_start) * 1000)::double precision as for_ms,
    bool_or(l.mode = 'AccessExclusiveLock') as unreadable
  from pg_locks l
  join pg_class c on c.oid = l.relation
  join pg_stat_activity s on s.pid = l.pid
  where l.locktype = 'relation' and l.granted and l.mode in ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
    and l.database = (select d.oid from pg_database d where d.datname = current_database())
    and c.relkind = 'r' and c.relnamespace in (to_regnamespace('goniec'), to_regnamespace('graphile_worker'))
    and s.backend_type is distinct from 'autovacuum worker'
  group by l.pid, s.usename, s.application_name, s.xact_start
  order by s.xact_start, l.pid`
