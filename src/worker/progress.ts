/**
 * Does this worker get on? It does as long as its claims are answered: each call says itself whether anything was to be had, and one is
 * made at least every minute. Where none was answered for longer, mails decide: if one is due that could be claimed, the worker is stuck
 * (a dead engine that nobody noticed, a pool that gives no connection), and should be started again.
 *
 * A database that is away is no such case, nor one that answers that it cannot write: a new process would fare no better, and this one holds outcomes
 * that only it knows.
 */
import { connectSession } from '../database/pool.ts'
import { messageOf } from '../errors.ts'
import type { Logger } from '../log.ts'

export interface ProgressOptions {
  url: string
  graceMs: number
  /** How long ago the last claim was answered, or the worker began to hold its name again: before that it may not claim. */
  sinceClaimMs: () => number
  log: Logger
}

/** More than twice the time between two claims of an idle worker. */
const QUIET_MS = 150_000

/** A mail that was just due may be claimed by whoever comes next. */
const OVERDUE_MS = 60_000

const ANSWER_MS = 10_000

/** False where mails are due, and this worker does not claim. Costs nothing while claims are answered. */
export async function getsOn(
  { url, graceMs, sinceClaimMs, log }: ProgressOptions,
  { quietMs = QUIET_MS, overdueMs = OVERDUE_MS }: { quietMs?: number; overdueMs?: number } = {},
): Promise<boolean> {
  if (sinceClaimMs() < quietMs) return true
  try {
    const isOverdue = await isAnythingOverdue(url, { graceMs, overdueMs })
    // One may have been answered meanwhile: a process that was stopped, or a machine that was, goes on with all of it at once.
    return !isOverdue || sinceClaimMs() < quietMs
  } catch (error) {
    log.warn({ problem: messageOf(error) }, 'whether mails are due could not be seen; the database may be away')
    return true
  }
}

/** Over a connection of its own: those of the worker may be what is stuck. */
async function isAnythingOverdue(
  url: string,
  { graceMs, overdueMs }: { graceMs: number; overdueMs: number },
): Promise<boolean> {
  const client = await connectSession(url, {
    name: 'watchdog',
    connectTimeoutMs: ANSWER_MS,
    silenceMs: ANSWER_MS * 2,
    statementMs: ANSWER_MS,
  })
  try {
    const { rows } = await client.query<{ overdue: boolean }>(ANYTHING_OVERDUE, [graceMs, overdueMs])
    return rows[0]?.overdue === true
  } finally {
    await client.end()
  }
}

const ANYTHING_OVERDUE = `
  with clock as materialized (
    select c.now, (c.now at time zone i.timezone)::date as today, i.paused_at from (select goniec.now() as now) c, goniec.installation i
  )
  select exists (
    select from clock
    cross join lateral goniec.claimable(clock.now, clock.today, $1 * interval '1 millisecond') c
    where clock.paused_at is null and not goniec.is_restored() and c.scheduled_at <= clock.now - $2 * interval '1 millisecond'
  ) as overdue`
