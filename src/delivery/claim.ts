/**
 * Claim, as a worker calls it. The statement itself, what it owns and promises and why it has its shape, stands in
 * `migrations/000005_claim.sql`; here its answer becomes values.
 */
import type { Pool } from 'pg'
import { assert } from '../errors.ts'
import { Temporal, type Instant } from '../time.ts'

/** One mail that now belongs to this worker, until its lease is over. */
export interface ClaimedAttempt {
  attemptId: number
  messageId: number
  mailboxId: number
  /** With the number it names this claim, whatever a failover forgets. */
  claimedAt: Instant
  scheduledAt: Instant
}

export interface Claim {
  /** `busy`: another worker is claiming at this instant; ask again in a moment. */
  status: 'claimed' | 'nothing' | 'busy'
  /** The database's clock when it looked. */
  now: Instant
  attempts: ClaimedAttempt[]
  /** The next instant at which anything could open by itself; undefined: nothing will. */
  nextAt: Instant | undefined
}

export interface ClaimOptions {
  incarnationId: number
  /** Most mails. */
  batch: number
  leaseMs: number
  /** How long an attempt may take until its fence. */
  totalMs: number
  /** A slot older than this is missed, and left to the plan. */
  graceMs: number
}

interface ClaimAnswer {
  status: Claim['status']
  now: string
  attempts: { attempt_id: number; message_id: number; mailbox_id: number; scheduled_at: string }[]
  next_at: string | null
}

/** Takes due mails, and the capacity they use. One call, one transaction, committed when this resolves. */
export async function claim(
  pool: Pick<Pool, 'query'>,
  { incarnationId, batch, leaseMs, totalMs, graceMs }: ClaimOptions,
): Promise<Claim> {
  const { rows } = await pool.query<{ answer: ClaimAnswer }>({
    name: 'goniec claim',
    text: `select goniec.claim($1, $2, $3 * interval '1 millisecond', $4 * interval '1 millisecond', $5 * interval '1 millisecond') as answer`,
    values: [incarnationId, batch, leaseMs, totalMs, graceMs],
  })
  const answer = rows[0]?.answer
  assert(answer, 'goniec.claim returns one row')
  const now = Temporal.Instant.from(answer.now)
  return {
    status: answer.status,
    now,
    attempts: answer.attempts.map((attempt) => ({
      attemptId: attempt.attempt_id,
      messageId: attempt.message_id,
      mailboxId: attempt.mailbox_id,
      claimedAt: now,
      scheduledAt: Temporal.Instant.from(attempt.scheduled_at),
    })),
    nextAt: answer.next_at === null || answer.next_at === undefined ? undefined : Temporal.Instant.from(answer.next_at),
  }
}
