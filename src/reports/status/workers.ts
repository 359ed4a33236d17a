/** Workers, by what can be known of them from the database: whether a session holds the lock on their name, and what they have in hand. */
import type { Database } from '../../database/pool.ts'
import { WORKER_NAME_LOCK } from '../../database/worker-lock.ts'
import type { Instant } from '../../time.ts'

export interface WorkerStatus {
  name: string
  host: string
  pid: number
  version: string
  started_at: Instant
  /** Its session holds its name. A process that is stopped may still hold it; one whose connection was lost takes it again. */
  works: boolean
  /** Mails that it has claimed and not settled. */
  in_flight: number
}

/** Every worker that works, and those that vanished within the week without having ended; by name. */
export async function readWorkers(database: Pick<Database, 'query'>): Promise<WorkerStatus[]> {
  return database.query<WorkerStatus & Record<string, unknown>>(WORKERS, [WORKER_NAME_LOCK])
}

/** Whether any worker works: without one nothing is planned, sent, started or recovered. */
export async function isAnyWorkerRunning(database: Pick<Database, 'query'>): Promise<boolean> {
  return (await readWorkers(database)).some(({ works }) => works)
}

const WORKERS = `
  with
  held as materialized (
    select l.objid::bigint as hash
    from pg_locks l
    where l.locktype = 'advisory' and l.classid::bigint = $1 and l.objsubid = 2 and l.granted
      and l.database = (select oid from pg_database where datname = current_database())
  ),
  latest as (
    -- Of a name that was used again the last life counts.
    select distinct on (i.worker) i.*
    from goniec.incarnation i
    where i.ended_at is null
    order by i.worker, i.id desc
  )
  select w.worker as name, w.host, w.pid, w.version, w.started_at, w.works,
    (select count(*) from goniec.attempt a where a.incarnation_id = w.id and a.state in ('claimed', 'transmitting')) as in_flight
  from (
    select latest.*, exists (select from held where held.hash = hashtext(latest.worker)::bigint & 4294967295) as works
    from latest
  ) as w
  where w.works or w.started_at > goniec.now() - interval '7 days'
  order by w.works desc, w.worker
  limit 50`
