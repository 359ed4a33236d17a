/**
 * An operator's retry: a failed message is pending again, and one that was set aside is let go.
 *
 * Owns the step from failed to pending, and the end of a hold. Promises that nothing is retried of which an attempt was accepted or is
 * in doubt (the database refuses it as well), nor what would be cancelled at once. Leaves the new slot to the plan.
 */
import { sql } from 'kysely'
import { reviveCompleted } from '../campaigns/tend.ts'
import { asThisActor, nameActor } from '../database/actor.ts'
import type { Database, Queries } from '../database/pool.ts'
import { transactOrRehearse } from '../database/rehearse.ts'
import { GoniecError } from '../errors.ts'
import { refuseIfOut } from './out-of-reach.ts'
import { unknownMessage } from './unknown-message.ts'

export interface Retry {
  id: number
  was: 'failed' | 'held'
  status: 'pending'
  /** What had brought it there. */
  reason: string | null
  /** Its campaign, where it was completed and runs again. */
  revived: string | null
}

export interface RetryOptions {
  /** Only says what would be done. */
  dryRun?: boolean
}

interface Retryable {
  campaign_id: number | null
  recipient: string
  status: string
  held_reason: string | null
  failed_reason: string | null
  contradicted: boolean
}

/** Retries one message. */
export async function retryMessage(
  database: Database,
  id: number,
  { dryRun = false }: RetryOptions = {},
): Promise<Retry> {
  const { message, was } = await transactOrRehearse(database, { dryRun }, async (tx) => {
    await nameActor(tx)
    const message = await lock(tx, id)
    const was = judge(id, message)
    await putBack(tx, id)
    await refuseIfOut(tx, id)
    return { message, was }
  })
  const revived =
    dryRun || message.campaign_id === null ? [] : await reviveCompleted(asThisActor(database), message.campaign_id)
  const reason = was === 'failed' ? message.failed_reason : message.held_reason
  return { id, was, status: 'pending', reason, revived: revived[0] ?? null }
}

async function lock(tx: Queries, id: number): Promise<Retryable> {
  const { rows } = await sql<Retryable>`
    select m.campaign_id, m.recipient, m.status, m.held_reason, m.failed_reason,
      exists (select from goniec.contradiction k join goniec.attempt a on a.id = k.attempt_id where a.message_id = m.id) as contradicted
    from goniec.message m
    where m.id = ${id}
    for no key update of m`.execute(tx)
  const [message] = rows
  if (!message) throw unknownMessage(id)
  return message
}

/** What it is now, if it can be retried. One that was sent or cancelled is refused by the database, which has the words for it. */
function judge(id: number, { recipient, status, held_reason, contradicted }: Retryable): 'failed' | 'held' {
  if (status === 'sending') {
    throw new GoniecError('message_under_way', `message ${id} is on its way to ${recipient}: a worker has it`, {
      hint: `goniec message show ${id}`,
    })
  }
  if (status === 'pending' && held_reason === null) {
    throw new GoniecError(
      'message_pending',
      `message ${id} is pending: it waits for its time, there is nothing to retry`,
      {
        hint: `goniec message show ${id}`,
      },
    )
  }
  if (status === 'in_doubt') {
    throw new GoniecError(
      'message_in_doubt',
      `message ${id} to ${recipient} is in doubt: nobody knows whether the server accepted it`,
      {
        hint: `goniec doubt resolve ${id} --as sent|not-sent`,
      },
    )
  }
  if (contradicted && (status === 'pending' || status === 'failed')) {
    throw new GoniecError(
      'message_contradicted',
      `a late answer of the server says that it took message ${id}: ${recipient} has the mail, whatever the doubt was resolved as`,
      {
        hint: `goniec doubt list shows the answer; goniec message cancel ${id} ends it`,
      },
    )
  }
  return status === 'pending' ? 'held' : 'failed'
}

/** It starts anew: with all its attempts, on all its days. Of another state than failed or pending the database refuses it. */
async function putBack(tx: Queries, id: number): Promise<void> {
  await sql`
    update goniec.message
    set status = 'pending', held_reason = null, failed_reason = null, counted_attempts = 0, uncounted_attempts = 0, tried_days = '{}',
      not_before = null, scheduled_at = null, mailbox_id = null, window_closes_at = null, slot_reason = 'retry'
    where id = ${id}`.execute(tx)
  // The database checks at the end of a transaction whether message and attempts agree; here the error still has its place.
  await sql`set constraints all immediate`.execute(tx)
  await sql`select pg_notify('goniec', 'plan')`.execute(tx)
}
