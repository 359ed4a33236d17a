/**
 * Asks a live worker to log in to mailboxes, since only workers hold the passwords, and waits for what the servers said.
 *
 * Owns the request: rows of `goniec.login_check`, one job for the task `check`, and the wait on channel `goniec`. Promises that a
 * request nobody took is withdrawn, so that no worker logs in later for somebody who has gone. Leaves the login, and writing the
 * answer (with `notify goniec, 'check'`), to the task.
 */
import { sql } from 'kysely'
import { Client } from 'pg'
import { nameActor } from '../database/actor.ts'
import { clientConfig, type Database } from '../database/pool.ts'
import type { Instant } from '../time.ts'

/** The answer to one mailbox's request. */
export interface LoginCheck {
  id: number
  mailboxId: number
  /** Null: no worker answered in time. */
  ok: boolean | null
  /** The server's words, or what kept the worker from hearing any. */
  response: string | null
  worker: string | null
  answeredAt: Instant | null
}

export interface LoginCheckOptions {
  /** How long a worker has to take the request. */
  timeoutMs?: number
  /** How long a worker that took it has to answer: a server that says nothing needs its time. */
  answerMs?: number
}

/** One login for each of these mailboxes; the answers are in the order of the ids. */
export async function requestLoginChecks(
  database: Database,
  mailboxIds: readonly number[],
  { timeoutMs = 15_000, answerMs = 120_000 }: LoginCheckOptions = {},
): Promise<LoginCheck[]> {
  if (mailboxIds.length === 0) return []
  // Listening starts before the request is there, so that no answer is missed.
  const ear = await listen(database.url)
  try {
    const ids = await request(database, mailboxIds)
    await untilAnswered(database, ear, ids, { timeoutMs, answerMs })
    return await readChecks(database, ids)
  } finally {
    await ear.close()
  }
}

interface Ear {
  /** Resolves with the next answer that is announced, or after so long; rejects when the connection is lost. */
  next(timeoutMs: number): Promise<void>
  close(): Promise<void>
}

async function listen(url: string): Promise<Ear> {
  const client = new Client(clientConfig(url, { name: 'login check' }))
  // What is announced while nobody waits is kept for the next one who does.
  let announced = Promise.withResolvers<Error | undefined>()
  client.on('notification', ({ payload }) => {
    if (payload === 'check') announced.resolve(undefined)
  })
  client.on('error', (error) => announced.resolve(error))
  await client.connect()
  await client.query('listen goniec')
  return {
    async next(timeoutMs) {
      const timer = setTimeout(() => announced.resolve(undefined), Math.max(0, timeoutMs))
      const failure = await announced.promise
      clearTimeout(timer)
      if (failure) throw failure
      announced = Promise.withResolvers()
    },
    close: () => client.end(),
  }
}

/** The job has a key of its own, which nobody else writes, so that it can be withdrawn. */
async function request(database: Database, mailboxIds: readonly number[]): Promise<number[]> {
  const ids = await database.transaction(async (tx) => {
    await nameActor(tx)
    const { rows } = await sql<{ id: number }>`
      insert into goniec.login_check (mailbox_id)
      select asked.id from unnest(${mailboxIds}::bigint[]) with ordinality as asked (id, place) order by asked.place
      returning id`.execute(tx)
    return rows.map(({ id }) => id)
  })
  await database.query(
    `select from graphile_worker.add_job('check', json_build_object('ids', $1::bigint[]), job_key := $2, max_attempts := 1)`,
    [ids, jobKey(ids)],
  )
  return ids
}

async function untilAnswered(
  database: Database,
  ear: Ear,
  ids: number[],
  { timeoutMs, answerMs }: Required<LoginCheckOptions>,
): Promise<void> {
  const begun = performance.now()
  for (let limitMs = timeoutMs; ;) {
    await ear.next(limitMs - (performance.now() - begun))
    if (await isAnswered(database, ids)) return
    if (performance.now() - begun < limitMs) continue
    if (limitMs > timeoutMs || !(await isTaken(database, ids))) break
    limitMs = timeoutMs + answerMs
  }
  await database.query('select from graphile_worker.remove_job($1)', [jobKey(ids)])
}

async function isAnswered(database: Database, ids: number[]): Promise<boolean> {
  const [row] = await database.query<{ answered: boolean }>(
    `select bool_and(answered_at is not null) as answered from goniec.login_check where id = any ($1)`,
    [ids],
  )
  return row?.answered === true
}

async function isTaken(database: Database, ids: number[]): Promise<boolean> {
  const rows = await database.query(`select from graphile_worker.jobs where key = $1 and locked_at is not null`, [
    jobKey(ids),
  ])
  return rows.length > 0
}

async function readChecks(database: Database, ids: number[]): Promise<LoginCheck[]> {
  return database.query<LoginCheck & Record<string, unknown>>(
    `select id, mailbox_id as "mailboxId", ok, response, worker, answered_at as "answeredAt"
     from goniec.login_check where id = any ($1) order by id`,
    [ids],
  )
}

function jobKey(ids: number[]): string {
  return `check:${ids[0]}`
}
