/** Workers: alive, of this version, and logged in as somebody who may not do everything. */
import type { Database } from '../../database/pool.ts'
import { readAtOnce } from '../../database/read-at-once.ts'
import { WORKER_NAME_LOCK } from '../../database/worker-lock.ts'
import { version } from '../../version.ts'
import { findingsOf } from '../status/findings.ts'
import { STANDARD } from '../status/read.ts'
import { readTrouble } from '../status/trouble.ts'
import { readWorkers, type WorkerStatus } from '../status/workers.ts'
import { notTried, ok, problem, warning, type Checked } from './checked.ts'

/** A statement of these looks by index; where one takes longer than this, something else is wrong. */
const WITHIN_MS = 10_000

/** As `goniec status` knows them. */
export async function checkWorkers(database: Database): Promise<Checked[]> {
  const { workers, missing } = await readAtOnce(database, { withinMs: WITHIN_MS }, async (at) => {
    const workers = await readWorkers(at)
    const trouble = await readTrouble(at, { lateMs: STANDARD.lateMs })
    const found = findingsOf({ workers, trouble, timezone: 'UTC' })
    return { workers, missing: found.find(({ code }) => code === 'no_worker') }
  })
  return [missing ? problem('workers', missing.text, missing.command) : judgeWorkers(workers)]
}

function judgeWorkers(workers: readonly WorkerStatus[]): Checked {
  const name = 'workers'
  const working = workers.filter(({ works }) => works)
  if (working.length === 0) return warning(name, 'none is running; just now nothing waits for one', 'goniec worker')
  const vanished = workers.filter(({ works }) => !works)
  if (vanished.length > 0) {
    const text = `${list(working)} ${working.length === 1 ? 'works' : 'work'}; without having ended, ${list(vanished)} ${vanished.length === 1 ? 'has' : 'have'} vanished`
    return warning(name, text, 'start it again under its name: goniec worker --name …; its log says why it ended')
  }
  const other = working.filter((worker) => worker.version !== version)
  if (other.length > 0) {
    const text = `${list(other)} ${other.length === 1 ? 'is' : 'are'} of goniec ${other[0]?.version}, this is ${version}`
    return warning(name, text, 'install the same goniec there, and restart it')
  }
  return ok(name, `${list(working)} ${working.length === 1 ? 'works' : 'work'}`)
}

function list(workers: readonly WorkerStatus[]): string {
  return workers.map(({ name, host }) => (name === host ? name : `${name} on ${host}`)).join(', ')
}

/** The logins that workers use now, told by the locks on their names. */
export async function checkWorkerLogins(
  database: Pick<Database, 'query'>,
  { embedded }: { embedded: boolean },
): Promise<Checked[]> {
  const name = 'workers’ login'
  if (embedded) return [ok(name, 'goniec’s own database has one login, which only this machine’s programs reach')]
  const logins = await database.query<{ login: string; superuser: boolean; member: boolean }>(LOGINS, [
    WORKER_NAME_LOCK,
  ])
  if (logins.length === 0) return [notTried(name, 'no worker is connected, so its login is not known', 'goniec worker')]
  const superuser = logins.find((login) => login.superuser)
  const todo = `create user sender password '…' in role goniec_worker, and put it into the worker’s DATABASE_URL`
  if (superuser) {
    return [warning(name, `${superuser.login} is a superuser, whom nothing in the database can hold back`, todo)]
  }
  const owner = logins.find(({ member }) => !member)
  if (owner)
    return [warning(name, `${owner.login} may do more than goniec_worker, which is all that a worker needs`, todo)]
  return [ok(name, `${logins.map(({ login }) => login).join(', ')}, in the role goniec_worker`)]
}

const LOGINS = `
  select distinct u.rolname as login, u.rolsuper as superuser,
    exists (select from pg_roles r where r.rolname = 'goniec_worker' and pg_has_role(u.oid, r.oid, 'member')) as member
  from pg_locks l
  join pg_stat_activity s on s.pid = l.pid
  join pg_roles u on u.oid = s.usesysid
  where l.locktype = 'advisory' and l.classid::bigint = $1 and l.objsubid = 2 and l.granted
    and l.database = (select d.oid from pg_database d where d.datname = current_database())
  order by 1`
