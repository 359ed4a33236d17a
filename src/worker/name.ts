/**
 * A worker's name, as the database knows it: an advisory lock that a session holds, and the incarnations that have worked under it.
 *
 * The lock proves a session gone, not a process. A process that was seen gone is another matter: then its sockets are closed, its
 * session is about to end, and its name is worth a moment's wait.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { hostname } from 'node:os'
import type { Client } from 'pg'
import { WORKER_NAME_LOCK } from '../database/worker-lock.ts'
import { assert, GoniecError } from '../errors.ts'
import { version } from '../version.ts'
import { isSeenGone, thisProcess, type ProcessIdentity } from './process.ts'

/** How long a server may take to notice that an old connection is gone. */
const OLD_SESSION_MS = 10_000

/** Incarnations of a name before this one, whose session is surely gone since this session holds the lock. */
export interface Predecessors {
  gone: number[]
  seenGone: number[]
}

/** Takes the wanted name, or without one the first free of host, host-2, host-3 …; returns it. */
export async function takeName(client: Client, wanted: string | undefined): Promise<string> {
  if (wanted === undefined) return takeFreeName(client)
  if (await takeIfFree(client, wanted)) return wanted
  throw new GoniecError('worker_name_taken', `a worker named "${wanted}" is running already`, {
    hint: 'give this one another --name, or leave it out',
  })
}

/** Takes the lock on the name; waits so long for a session that may be about to end. */
export async function takeNameWithin(client: Client, name: string, patienceMs = OLD_SESSION_MS): Promise<boolean> {
  const until = performance.now() + patienceMs
  for (;;) {
    const { rows } = await client.query<{ taken: boolean }>('select pg_try_advisory_lock($1, hashtext($2)) as taken', [
      WORKER_NAME_LOCK,
      name,
    ])
    if (rows[0]?.taken) return true
    if (performance.now() >= until) return false
    await delay(50)
  }
}

/** Writes down that this process works under the name from now on. */
export async function registerIncarnation(client: Client, name: string): Promise<number> {
  const self = thisProcess()
  const { rows } = await client.query<{ id: number }>(
    `insert into goniec.incarnation (worker, host, boot_id, pid_namespace, pid, pid_started, version)
     values ($1, $2, $3, $4, $5, $6, $7)
     returning id`,
    [name, self.host, self.bootId, self.pidNamespace, self.pid, self.pidStarted, version],
  )
  assert(rows[0], 'an inserted row is returned')
  return rows[0].id
}

/**
 * What the database says of this incarnation. `ended`: another process has had the name, and recovered what was ours. `unknown`: a database that was
 * restored does not know it; the number may be somebody else's by now.
 */
export async function lifeOf(
  client: Client,
  name: string,
  incarnationId: number,
): Promise<'goes on' | 'ended' | 'unknown'> {
  const self = thisProcess()
  const { rows } = await client.query<{ ended: boolean }>(
    `select ended_at is not null as ended from goniec.incarnation
     where id = $1 and worker = $2 and host = $3 and pid = $4 and pid_started is not distinct from $5`,
    [incarnationId, name, self.host, self.pid, self.pidStarted],
  )
  if (rows[0] === undefined) return 'unknown'
  return rows[0].ended ? 'ended' : 'goes on'
}

/** Those who worked under the name and have not ended, but for this one. */
export async function unfinished(client: Client, name: string, incarnationId: number): Promise<Predecessors> {
  const { rows } = await client.query<IncarnationRow>(
    `select ${IDENTITY} from goniec.incarnation where worker = $1 and id <> $2 and ended_at is null`,
    [name, incarnationId],
  )
  const self = thisProcess()
  return {
    gone: rows.map(({ id }) => id),
    seenGone: rows.filter((row) => isSeenGone(toIdentity(row), self)).map(({ id }) => id),
  }
}

interface IncarnationRow {
  id: number
  host: string
  boot_id: string | null
  pid_namespace: string | null
  pid: number
  pid_started: string | null
}

const IDENTITY = 'id, host, boot_id, pid_namespace, pid, pid_started'

async function takeFreeName(client: Client): Promise<string> {
  const host = hostname()
  for (let n = 1; ; n += 1) {
    const name = n === 1 ? host : `${host}-${n}`
    if (await takeIfFree(client, name)) return name
  }
}

async function takeIfFree(client: Client, name: string): Promise<boolean> {
  return takeNameWithin(client, name, (await isHolderGone(client, name)) ? OLD_SESSION_MS : 0)
}

/** Whether the last process of that name was seen gone. */
async function isHolderGone(client: Client, name: string): Promise<boolean> {
  const { rows } = await client.query<IncarnationRow>(
    `select ${IDENTITY} from goniec.incarnation where worker = $1 and ended_at is null order by id desc limit 1`,
    [name],
  )
  return rows[0] !== undefined && isSeenGone(toIdentity(rows[0]))
}

function toIdentity(row: IncarnationRow): ProcessIdentity {
  return {
    host: row.host,
    bootId: row.boot_id,
    pidNamespace: row.pid_namespace,
    pid: row.pid,
    pidStarted: row.pid_started,
  }
}
