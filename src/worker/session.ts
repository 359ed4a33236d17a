/**
 * The worker's session: one direct connection that holds the lock on its name and hears what is notified.
 *
 * Owns       the advisory lock (20201, hash of the name), the incarnation's row, the subscription to the channel `goniec`.
 * Promises   while `held` is true no other process works under this name. When the connection is lost, `held` is false at once; the
 *            lock is taken again when the server is back. If another process holds the name by then, `onUsurped` is called, once.
 * Leaves     what to do meanwhile to the worker: claim nothing, fence nothing, keep outcomes.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { hostname } from 'node:os'
import { Client } from 'pg'
import { clientConfig } from '../database/pool.ts'
import { refuseTransactionPooler } from '../database/pooler.ts'
import { GoniecError } from '../errors.ts'
import { version } from '../version.ts'
import { isSeenGone, thisProcess, type ProcessIdentity } from './process.ts'

/** The first key of the advisory lock; the second is the hash of the worker's name. */
const NAME_LOCK = 20_201

export interface SessionEvents {
  onNotification: (payload: string) => void
  onLost: (error: Error) => void
  onRegained: () => void
  onUsurped: () => void
}

/** Incarnations of this name before this one, whose session is surely gone since this session holds the lock. */
export interface Predecessors {
  gone: number[]
  seenGone: number[]
}

export class WorkerSession {
  readonly url: string
  name = ''
  incarnationId = 0
  held = false
  #events: SessionEvents
  #client: Client | undefined
  #closed = false

  constructor(url: string, events: SessionEvents) {
    this.url = url
    this.#events = events
  }

  /** Takes the name, or without one the first free of host, host-2, host-3 …, and registers this incarnation. */
  async open(wantedName: string | undefined): Promise<void> {
    const client = await this.#connect()
    this.name = wantedName === undefined ? await takeFreeName(client) : await takeName(client, wantedName)
    this.incarnationId = await registerIncarnation(client, this.name)
    await client.query('listen goniec')
    this.held = true
  }

  /** Who worked under this name before and has not ended. */
  async predecessors(): Promise<Predecessors> {
    const client = this.#client
    if (!client) return { gone: [], seenGone: [] }
    const { rows } = await client.query<IncarnationRow>(
      `select id, host, boot_id, pid_namespace, pid, pid_started
       from goniec.incarnation
       where worker = $1 and id <> $2 and ended_at is null`,
      [this.name, this.incarnationId],
    )
    return {
      gone: rows.map(({ id }) => id),
      seenGone: rows.filter((row) => isSeenGone(toIdentity(row))).map(({ id }) => id),
    }
  }

  /** Marks those as ended that have nothing left to recover. */
  async endPredecessors(ids: readonly number[]): Promise<void> {
    await this.#client?.query(
      `update goniec.incarnation i
       set ended_at = goniec.now()
       where i.id = any ($1)
         and not exists (select from goniec.attempt a where a.incarnation_id = i.id and a.state in ('claimed', 'transmitting'))`,
      [ids],
    )
  }

  /** Ends the incarnation, gives the name back and closes. */
  async close(): Promise<void> {
    this.#closed = true
    this.held = false
    const client = this.#client
    this.#client = undefined
    if (!client) return
    try {
      await client.query('update goniec.incarnation set ended_at = goniec.now() where id = $1', [this.incarnationId])
    } finally {
      await client.end()
    }
  }

  async #connect(): Promise<Client> {
    await refuseTransactionPooler(this.url)
    const client = new Client(clientConfig(this.url, { name: 'worker session' }))
    await client.connect()
    this.#client = client
    client.on('notification', ({ payload = '' }) => this.#events.onNotification(payload))
    const onEnd = (error?: Error): void => this.#onEnd(client, error)
    client.on('error', onEnd)
    client.on('end', onEnd)
    return client
  }

  #onEnd(client: Client, error: Error | undefined): void {
    if (client !== this.#client || this.#closed) return
    this.#client = undefined
    this.held = false
    this.#events.onLost(error ?? new GoniecError('database_lost', 'the connection to the database ended'))
    void this.#regain()
  }

  /** Until the server is back: tries to connect, with growing pauses; then takes the lock again, waiting a moment for our old session to end. */
  async #regain(): Promise<void> {
    for (let pauseMs = 100; !this.#closed; pauseMs = Math.min(pauseMs * 2, 3000)) {
      try {
        const client = await this.#connect()
        if (!(await takeLockWithin(client, this.name, OLD_SESSION_MS))) {
          this.#events.onUsurped()
          return
        }
        await client.query('listen goniec')
        this.held = true
        this.#events.onRegained()
        return
      } catch (error) {
        // Not there yet; whatever it was shows in the log of the loss, and the next try follows.
        this.#client = undefined
        await delay(pauseMs, undefined, { ref: !this.#closed })
        if (isFinal(error)) {
          this.#events.onUsurped()
          return
        }
      }
    }
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

/** How long a server may take to notice that our old connection is gone. */
const OLD_SESSION_MS = 10_000

function toIdentity(row: IncarnationRow): ProcessIdentity {
  return {
    host: row.host,
    bootId: row.boot_id,
    pidNamespace: row.pid_namespace,
    pid: row.pid,
    pidStarted: row.pid_started,
  }
}

async function takeName(client: Client, name: string): Promise<string> {
  // Somebody restarted: the old session may need a moment to be noticed as gone.
  const patienceMs = (await holderIsGone(client, name)) ? OLD_SESSION_MS : 0
  if (await takeLockWithin(client, name, patienceMs)) return name
  await client.end()
  throw new GoniecError('worker_name_taken', `a worker named "${name}" is running already`, {
    hint: 'give this one another --name, or leave it out',
  })
}

async function takeFreeName(client: Client): Promise<string> {
  const host = hostname()
  for (let n = 1; ; n += 1) {
    const name = n === 1 ? host : `${host}-${n}`
    const patienceMs = (await holderIsGone(client, name)) ? OLD_SESSION_MS : 0
    if (await takeLockWithin(client, name, patienceMs)) return name
  }
}

/** Whether the last incarnation of that name was seen gone: then its session is about to go too, and is worth waiting for. */
async function holderIsGone(client: Client, name: string): Promise<boolean> {
  const { rows } = await client.query<IncarnationRow>(
    `select id, host, boot_id, pid_namespace, pid, pid_started
     from goniec.incarnation where worker = $1 and ended_at is null order by id desc limit 1`,
    [name],
  )
  return rows[0] !== undefined && isSeenGone(toIdentity(rows[0]))
}

async function takeLockWithin(client: Client, name: string, patienceMs: number): Promise<boolean> {
  const until = performance.now() + patienceMs
  for (;;) {
    const { rows } = await client.query<{ taken: boolean }>('select pg_try_advisory_lock($1, hashtext($2)) as taken', [
      NAME_LOCK,
      name,
    ])
    if (rows[0]?.taken) return true
    if (performance.now() >= until) return false
    await delay(50)
  }
}

async function registerIncarnation(client: Client, name: string): Promise<number> {
  const self = thisProcess()
  const { rows } = await client.query<{ id: number }>(
    `insert into goniec.incarnation (worker, host, boot_id, pid_namespace, pid, pid_started, version)
     values ($1, $2, $3, $4, $5, $6, $7)
     returning id`,
    [name, self.host, self.bootId, self.pidNamespace, self.pid, self.pidStarted, version],
  )
  return rows[0]?.id ?? 0
}

/** What will not become better by waiting. */
function isFinal(error: unknown): boolean {
  return error instanceof GoniecError && error.code === 'database_pooler'
}
