/**
 * Recover, as a worker calls it: `migrations/000008_recover.sql` has the statement and its reasons. Who is gone is judged by the
 * caller; here its answer becomes values.
 */
import type { Pool } from 'pg'

export interface RecoverOptions {
  /** Spared, but for attempts it does not hold. */
  incarnationId: number
  /** Incarnations whose session is gone: the caller holds the lock on their name. */
  gone?: readonly number[]
  /** Those of them whose process was seen gone, so that their sockets are closed. */
  seenGone?: readonly number[]
  /** The attempts that this worker holds in memory; its other claimed ones are aborted. Undefined: it does not ask. */
  held?: readonly number[]
  /** False: those it does not hold are aborted only when their lease is over, so that a claim that is just being answered is left alone. */
  unheldAtOnce?: boolean
}

export interface RecoveredAttempt {
  attemptId: number
  messageId: number | null
  /** `aborted`: surely not sent, and pending again; `in_doubt`: nobody knows. */
  state: 'aborted' | 'in_doubt'
}

/** Ends what vanished workers have left. */
export async function recover(
  pool: Pick<Pool, 'query'>,
  { incarnationId, gone = [], seenGone = [], held, unheldAtOnce = true }: RecoverOptions,
): Promise<RecoveredAttempt[]> {
  const { rows } = await pool.query<{ attempt_id: number; message_id: number | null; state: 'aborted' | 'in_doubt' }>(
    'select attempt_id, message_id, state from goniec.recover($1, $2, $3, $4, $5)',
    [incarnationId, gone, seenGone, held ?? null, unheldAtOnce],
  )
  return rows.map((row) => ({ attemptId: row.attempt_id, messageId: row.message_id, state: row.state }))
}
