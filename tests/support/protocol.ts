/** The protocol's SQL functions as tests call them, on any session; what a test is not about is ample. */
import { assert } from '../../src/errors.ts'
import type { Instant } from '../../src/time.ts'
import type { Sql } from './world.ts'

export interface Claimed {
  status: 'claimed' | 'nothing' | 'busy'
  /** In the order of the answer. */
  messages: number[]
  attempts: number[]
  /** The attempt of a message. */
  of: Map<number, number>
  nextAt: string | null
}

/** One call of claim, by this incarnation. */
export async function claim(
  sql: Sql,
  worker: number,
  { batch = 50, leaseMs = 180_000, graceMs = 300_000 }: { batch?: number; leaseMs?: number; graceMs?: number } = {},
): Promise<Claimed> {
  const { rows } = await sql.query<{
    answer: { status: Claimed['status']; attempts: { attempt_id: number; message_id: number }[]; next_at?: string }
  }>(`select goniec.claim($1, $2, $3 * interval '1 ms', interval '2 min', $4 * interval '1 ms') as answer`, [
    worker,
    batch,
    leaseMs,
    graceMs,
  ])
  const answer = rows[0]?.answer
  assert(answer, 'claim answers')
  return {
    status: answer.status,
    messages: answer.attempts.map((attempt) => attempt.message_id),
    attempts: answer.attempts.map((attempt) => attempt.attempt_id),
    of: new Map(answer.attempts.map((attempt) => [attempt.message_id, attempt.attempt_id])),
    nextAt: answer.next_at ?? null,
  }
}

/** Claims this one message, and returns its attempt. */
export async function claimOne(sql: Sql, worker: number, message: number): Promise<number> {
  const attempt = (await claim(sql, worker)).of.get(message)
  assert(attempt, `message ${message} is claimed`)
  return attempt
}

export interface Verdict {
  verdict: string
  opensAt: Instant | null
}

/** One call of the fence: the verdicts, in the order asked. */
export async function fence(
  sql: Sql,
  worker: number,
  attempts: number | readonly number[],
  contents: readonly Record<string, unknown>[] = [],
  { totalMs = 900_000 }: { totalMs?: number } = {},
): Promise<Verdict[]> {
  const asked = typeof attempts === 'number' ? [attempts] : [...attempts]
  const { rows } = await sql.query<{ attempt_id: number; verdict: string; opens_at: Instant | null }>(
    `select * from goniec.fence($1, $2, $4 * interval '1 ms', $3)`,
    [worker, asked, JSON.stringify(contents), totalMs],
  )
  const byAttempt = new Map(rows.map((row) => [row.attempt_id, { verdict: row.verdict, opensAt: row.opens_at }]))
  return asked.map((id) => byAttempt.get(id) ?? { verdict: 'no answer', opensAt: null })
}

/** One outcome, with the columns of goniec.settle. */
export interface Report {
  attempt: number
  outcome: 'accepted' | 'rejected' | 'deferred' | 'mailbox_fault' | 'aborted' | 'unknown'
  [column: string]: unknown
}

export interface Settled {
  verdict: string
  status: string | null
}

/** One call of settle: the verdicts, in the order asked. */
export async function settle(sql: Sql, worker: number, reports: Report | readonly Report[]): Promise<Settled[]> {
  const asked = 'outcome' in reports ? [reports] : reports
  const results = asked.map(({ attempt, ...report }) => ({ attempt_id: attempt, ...report }))
  const { rows } = await sql.query<{ attempt_id: number; verdict: string; message_status: string | null }>(
    'select * from goniec.settle($1, $2)',
    [worker, JSON.stringify(results)],
  )
  const byAttempt = new Map(rows.map((row) => [row.attempt_id, { verdict: row.verdict, status: row.message_status }]))
  return asked.map(({ attempt }) => byAttempt.get(attempt) ?? { verdict: 'no answer', status: null })
}

export interface Recovered {
  attempt_id: number
  message_id: number | null
  state: string
}

interface RecoverArguments {
  gone?: number[]
  seenGone?: number[]
  held?: number[] | null
  unheldAtOnce?: boolean
}

/** One call of recover. */
export async function recover(
  sql: Sql,
  worker: number | null,
  { gone = [], seenGone = [], held = null, unheldAtOnce = true }: RecoverArguments = {},
): Promise<Recovered[]> {
  const { rows } = await sql.query<Recovered>('select * from goniec.recover($1, $2, $3, $4, $5)', [
    worker,
    gone,
    seenGone,
    held,
    unheldAtOnce,
  ])
  return rows
}

/** What a mail's message and its last attempt say now. */
export async function stateOf(sql: Sql, message: number): Promise<{ message: string; attempt: string | null }> {
  const { rows } = await sql.query<{ message: string; attempt: string | null }>(
    `select m.status as message, (select a.state from goniec.attempt a where a.message_id = m.id order by a.id desc limit 1) as attempt
     from goniec.message m where m.id = $1`,
    [message],
  )
  const [row] = rows
  assert(row, `message ${message} exists`)
  return row
}
