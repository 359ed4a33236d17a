/**
 * Fence, as a worker calls it: `migrations/000006_fence.sql` has the statement and its reasons. This file owns one thing more: a
 * fence that the server answered with a warning counts as refused. Postgres answers so when the wait for a synchronous standby was
 * cancelled: the commit is on this server only, and could be forgotten by a failover. A batch that fails is asked one by one, so that
 * one bad row refuses no other.
 */
import { DatabaseError, type Pool } from 'pg'
import { toJson } from '../database/values.ts'
import type { Instant } from '../time.ts'
import { isAboutTheServer } from './batch.ts'
import { queryWatchingWarnings } from './warnings.ts'

/** What is kept of a mail that goes on the wire. */
export interface SentContent {
  subject: string | null
  text: string | null
  html: string | null
  /** Lower-case names; `message-id` among them. */
  headers: Record<string, string>
}

export interface FenceRequest {
  attemptId: number
  content: SentContent
}

export interface FenceAnswer {
  /** `passed`; `too_early` with the time to wait; or the reason of the refusal. */
  verdict: string
  /** Milliseconds until it may be asked again, by the database's clock. */
  waitMs: number | null
  /** When it passed, by the database's clock, and how far the write-ahead log was then. */
  passedAt: Instant | null
  walPosition: string | null
}

export interface FenceOptions {
  incarnationId: number
  totalMs: number
  requests: FenceRequest[]
}

/** Lets these attempts pass to `transmitting`, in one commit where it can. Answers in the order of the requests. */
export async function fence(pool: Pick<Pool, 'connect'>, options: FenceOptions): Promise<FenceAnswer[]> {
  try {
    return await fenceTogether(pool, options)
  } catch (error) {
    if (!(error instanceof DatabaseError) || isAboutTheServer(error)) throw error
    if (options.requests.length === 1) return [refusal(`the fence failed: ${error.message}`)]
    const answers: FenceAnswer[] = []
    for (const request of options.requests) answers.push(...(await fence(pool, { ...options, requests: [request] })))
    return answers
  }
}

async function fenceTogether(
  pool: Pick<Pool, 'connect'>,
  { incarnationId, totalMs, requests }: FenceOptions,
): Promise<FenceAnswer[]> {
  const { rows, warning } = await queryWatchingWarnings<FenceRow>(pool, {
    name: 'goniec fence',
    text: `select attempt_id, verdict, passed_at, wal_position, (extract(epoch from opens_at - goniec.now()) * 1000)::float8 as wait_ms
           from goniec.fence($1, $2, $3 * interval '1 millisecond', $4)`,
    values: [
      incarnationId,
      requests.map(({ attemptId }) => attemptId),
      totalMs,
      toJson(requests.map(({ attemptId, content }) => ({ attempt_id: attemptId, ...content }))),
    ],
  })
  const byAttempt = new Map(rows.map((row) => [row.attempt_id, row]))
  return requests.map(({ attemptId }) => {
    const row = byAttempt.get(attemptId)
    if (warning !== undefined) return refusal(`not_durable: ${warning.text}`)
    if (row === undefined) return refusal('not_claimed')
    return { verdict: row.verdict, waitMs: row.wait_ms, passedAt: row.passed_at, walPosition: row.wal_position }
  })
}

function refusal(verdict: string): FenceAnswer {
  return { verdict, waitMs: null, passedAt: null, walPosition: null }
}

interface FenceRow {
  attempt_id: number
  verdict: string
  wait_ms: number | null
  passed_at: Instant | null
  wal_position: string | null
}
