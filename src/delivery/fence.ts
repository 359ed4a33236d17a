/**
 * Fence, as a worker calls it: `migrations/000006_fence.sql` has the statement and its reasons. This file owns one thing more: a
 * fence that the server answered with a warning counts as refused. Postgres answers so when the wait for a synchronous standby was
 * cancelled: the commit is on this server only, and could be forgotten by a failover. A batch that fails is asked one by one, so that
 * one bad row refuses no other.
 */
import { DatabaseError, type Pool, type PoolClient } from 'pg'
import { toJson } from '../database/values.ts'
import { isAboutTheServer } from './batch.ts'

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
  const { rows, warning } = await queryWatchingWarnings(pool, [
    incarnationId,
    requests.map(({ attemptId }) => attemptId),
    totalMs,
    toJson(requests.map(({ attemptId, content }) => ({ attempt_id: attemptId, ...content }))),
  ])
  const byAttempt = new Map(rows.map((row) => [row.attempt_id, row]))
  return requests.map(({ attemptId }) => {
    const row = byAttempt.get(attemptId)
    if (warning !== undefined) return { verdict: `not_durable: ${warning}`, waitMs: null }
    return { verdict: row?.verdict ?? 'not_claimed', waitMs: row?.wait_ms ?? null }
  })
}

interface FenceRow {
  attempt_id: number
  verdict: string
  wait_ms: number | null
}

async function queryWatchingWarnings(
  pool: Pick<Pool, 'connect'>,
  values: unknown[],
): Promise<{ rows: FenceRow[]; warning: string | undefined }> {
  const client: PoolClient = await pool.connect()
  let warning: string | undefined
  const onNotice = ({ severity, message }: { severity?: string | undefined; message?: string | undefined }): void => {
    if (severity === 'WARNING') warning = message ?? 'a warning without words'
  }
  client.on('notice', onNotice)
  let failure: unknown
  try {
    const { rows } = await client.query<FenceRow>({
      name: 'goniec fence',
      text: `select attempt_id, verdict, (extract(epoch from opens_at - goniec.now()) * 1000)::float8 as wait_ms
             from goniec.fence($1, $2, $3 * interval '1 millisecond', $4)`,
      values,
    })
    return { rows, warning }
  } catch (error) {
    failure = error
    throw error
  } finally {
    client.removeListener('notice', onNotice)
    client.release(failure !== undefined && isConnectionFailure(failure))
  }
}

/** A connection that failed is not used again; one on which a statement failed is. */
function isConnectionFailure(error: unknown): boolean {
  return !(error instanceof DatabaseError)
}
