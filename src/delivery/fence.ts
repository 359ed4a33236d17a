/**
 * Fence, as a worker calls it: `migrations/000006_fence.sql` has the statement and its reasons. This file owns one thing more: a
 * fence that the server answered with a warning counts as refused. Postgres answers so when the wait for a synchronous standby was
 * cancelled: the commit is on this server only, and could be forgotten by a failover. A batch that fails is asked one by one, so that
 * one bad row refuses no other.
 */
import { DatabaseError, type Pool } from 'pg'
import { toJson } from '../database/values.ts'
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
    if (options.requests.length === 1) return [{ verdict: `the fence failed: ${error.message}`, waitMs: null }]
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
    text: `select attempt_id, verdict, (extract(epoch from opens_at - goniec.now()) * 1000)::float8 as wait_ms
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
    if (warning !== undefined) return { verdict: `not_durable: ${warning.text}`, waitMs: null }
    return { verdict: row?.verdict ?? 'not_claimed', waitMs: row?.wait_ms ?? null }
  })
}

interface FenceRow {
  attempt_id: number
  verdict: string
  wait_ms: number | null
}
