/**
 * The server: which version, whether it takes writes, and whether what it has committed outlives a power cut. The last is what "never
 * twice" stands on: a fence that was committed and forgotten would let a mail go out again.
 */
import type { Database } from '../../database/pool.ts'
import { OLDEST_SERVER } from '../../database/failures.ts'
import { IN_UTF8 } from '../../database/migrate.ts'
import { ok, problem, warning, type Checked } from './checked.ts'

interface Settings {
  version: string
  number: number
  encoding: string
  standby: boolean
  read_only: string
  fsync: string
  full_page_writes: string
  synchronous_commit: string
  standbys: string
  isolation: string
  database: string
  login: string
  /** Where each setting that a database or a login may be given comes from, as `pg_settings` has it. */
  sources: Record<string, string>
}

/** A setting that is given to one login, and so not seen by another. */
interface OfLogin {
  login: string
  /** Null: in every database. */
  database: string | null
  name: string
  value: string
}

/** The newest that tests run on. */
const NEWEST_MAJOR = 18

/** Reads them with one statement each. */
export async function checkServer(database: Pick<Database, 'query'>): Promise<Checked[]> {
  const [settings] = await database.query<Settings & Record<string, unknown>>(SETTINGS)
  if (!settings) return []
  const ofLogins = await database.query<OfLogin & Record<string, unknown>>(OF_LOGINS)
  return [
    judgeVersion(settings),
    judgeEncoding(settings),
    judgeWrites(settings, ofLogins),
    judgeDurability(settings),
    judgeCommit(settings, ofLogins),
    judgeIsolation(settings, ofLogins),
  ]
}

const SETTINGS = `
  select current_setting('server_version') as version, current_setting('server_version_num')::integer as number,
    current_setting('server_encoding') as encoding, pg_is_in_recovery() as standby, current_setting('default_transaction_read_only') as read_only,
    current_setting('fsync') as fsync, current_setting('full_page_writes') as full_page_writes,
    current_setting('synchronous_commit') as synchronous_commit, current_setting('synchronous_standby_names') as standbys,
    current_setting('default_transaction_isolation') as isolation, current_database() as database, current_user as login,
    (
      select jsonb_object_agg(s.name, s.source)
      from pg_settings s
      where s.name in ('default_transaction_read_only', 'fsync', 'full_page_writes', 'synchronous_commit', 'default_transaction_isolation')
    ) as sources`

const OF_LOGINS = `
  select distinct r.rolname as login, case when g.setdatabase <> 0 then current_database() end as database, split_part(s.setting, '=', 1) as name, lower(split_part(s.setting, '=', 2)) as value
  from pg_db_role_setting g
  join pg_roles r on r.oid = g.setrole
  cross join unnest(g.setconfig) as s (setting)
  where g.setdatabase in (0, (select d.oid from pg_database d where d.datname = current_database()))
    and split_part(s.setting, '=', 1) in ('default_transaction_read_only', 'synchronous_commit', 'default_transaction_isolation')
    and r.rolname <> current_user and r.rolcanlogin
  order by 1, 2`

/** Which Postgres it is; by `server_version_num`. */
export function judgeVersion({ version, number }: Pick<Settings, 'version' | 'number'>): Checked {
  const name = 'database version'
  if (number < OLDEST_SERVER) {
    const todo = 'upgrade the server, or use goniec’s own database with --embedded'
    return problem(name, `Postgres ${version}; goniec needs 15 or newer`, todo)
  }
  if (number >= (NEWEST_MAJOR + 1) * 10_000) {
    const todo = `use Postgres ${NEWEST_MAJOR}, or a newer goniec`
    return warning(name, `Postgres ${version}, which is newer than any that this goniec was tested on`, todo)
  }
  return ok(name, `Postgres ${version}`)
}

function judgeEncoding({ encoding }: Settings): Checked {
  const name = 'encoding'
  return encoding === 'UTF8' ? ok(name, 'it is UTF8') : problem(name, `it is ${encoding}; goniec needs UTF8`, IN_UTF8)
}

function judgeWrites(settings: Settings, ofLogins: readonly OfLogin[]): Checked {
  const name = 'database takes writes'
  const setting = 'default_transaction_read_only'
  if (settings.standby) {
    return problem(name, 'this server is a standby, which takes no writes', 'connect to the primary server')
  }
  if (settings.read_only !== 'off') {
    return problem(name, `transactions are read-only: ${setting} is on`, resetOf(settings, setting))
  }
  const other = ofLogins.find(({ name, value }) => name === setting && !isOff(value))
  if (!other) return ok(name, 'it is a primary, and transactions may write')
  const text = `not those of the login ${other.login}: ${setting} is on for it; no worker can send with that`
  return warning(name, text, resetOfLogin(other))
}

/** Both are the whole server’s, and nobody’s own. */
export function judgeDurability(settings: Pick<Settings, 'fsync' | 'full_page_writes' | 'sources'>): Checked {
  const { fsync, full_page_writes: fullPages } = settings
  const name = 'durability'
  const off = [fsync === 'off' && 'fsync', fullPages === 'off' && 'full_page_writes'].filter((set) => set !== false)
  if (off.length === 0) return ok(name, 'fsync and full_page_writes are on')
  const text = `${off.join(' and ')} ${off.length === 1 ? 'is' : 'are'} off: a power cut can spoil the database, and with it the record of what was sent`
  const started = off.filter((setting) => settings.sources[setting] === 'command line')
  if (started.length > 0) return problem(name, text, outOfCommandLine(started.join(' and ')))
  const todo = off.map((setting) => `alter system set ${setting} = on`).join('; ')
  return problem(name, text, `${todo}; select pg_reload_conf()`)
}

/** Of this session, and of other logins where they were given a value of their own. */
export function judgeCommit(
  settings: Pick<Settings, 'synchronous_commit' | 'standbys' | 'database' | 'login' | 'sources'>,
  ofLogins: readonly OfLogin[],
): Checked {
  const name = 'synchronous_commit'
  const { synchronous_commit: commit, standbys } = settings
  const why = 'a commit may be forgotten after a crash, and a mail that was sent goes out again'
  if (commit === 'off') return problem(name, `it is off: ${why}`, resetOf(settings, name))
  const other = ofLogins.find((setting) => setting.name === name && isOff(setting.value))
  if (other) {
    const text = `it is off for the login ${other.login}; where a worker uses that, ${why}`
    return warning(name, text, resetOfLogin(other))
  }
  if (commit === 'local' && standbys !== '') {
    const todo = 'set synchronous_commit to on, or promote a standby only where you know what it lacks'
    return warning(name, 'it is local: commits do not wait for the synchronous standby', todo)
  }
  return ok(name, `it is ${commit}`)
}

function judgeIsolation(settings: Settings, ofLogins: readonly OfLogin[]): Checked {
  const name = 'isolation level'
  const setting = 'default_transaction_isolation'
  if (settings.isolation !== 'read committed') {
    const text = `it is ${settings.isolation}, at which nothing is sent: claim and fence refuse it`
    return problem(name, text, resetOf(settings, setting))
  }
  const other = ofLogins.find(({ name, value }) => name === setting && value !== 'read committed')
  if (!other) return ok(name, 'it is read committed')
  const text = `it is ${other.value} for the login ${other.login}; no worker can send with that`
  return warning(name, text, resetOfLogin(other))
}

function isOff(value: string): boolean {
  return ['off', 'false', 'no', '0', 'f', 'n'].includes(value)
}

/** The statement that mends it where it was set. */
function resetOf(
  { database, login, sources }: Pick<Settings, 'database' | 'login' | 'sources'>,
  setting: string,
): string {
  const source = sources[setting]
  if (source === 'database') return `alter database "${database}" reset ${setting}`
  if (source === 'user') return `alter role "${login}" reset ${setting}`
  if (source === 'database user') return `alter role "${login}" in database "${database}" reset ${setting}`
  if (source === 'global') return `alter role all reset ${setting}`
  if (source === 'command line') return outOfCommandLine(setting)
  if (source === 'client') return `take ${setting} out of DATABASE_URL or PGOPTIONS`
  return `take ${setting} out of postgresql.conf, or alter system reset ${setting}; select pg_reload_conf()`
}

/** There it goes before every file, `alter system` too; a container gets it so. */
function outOfCommandLine(settings: string): string {
  return `take ${settings} out of what starts the server (postgres -c …), and restart it`
}

function resetOfLogin({ login, name, database }: OfLogin): string {
  return `alter role "${login}"${database === null ? '' : ` in database "${database}"`} reset ${name}`
}
