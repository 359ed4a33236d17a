/**
 * An operator's cancel of single messages. Owns the step from pending to cancelled for them. Promises that when it returns none of the
 * cancelled ones goes on the wire. What a worker holds it leaves alone, and says so.
 */
import { sql } from 'kysely'
import { passBarrier } from '../campaigns/barrier.ts'
import { nameActor } from '../database/actor.ts'
import type { Database, Queries } from '../database/pool.ts'
import { transactOrRehearse } from '../database/rehearse.ts'
import { assert } from '../errors.ts'
import { unknownMessage } from './unknown-message.ts'

export interface Cancel {
  id: number
  kind: 'response' | 'campaign' | 'warmup'
  recipient: string
  campaign: string | null
  step: string | null
  /** After the call. */
  status: string
  /** By this call; with `dryRun`: it would be. */
  cancelled: boolean
  /** Of a message under way: its content is on the wire, and nothing stops it any more. */
  on_the_wire: boolean
}

/** Cancels those of the messages that are pending. A message that is not there is an error, and then none is cancelled. */
export async function cancelMessages(
  database: Database,
  ids: readonly number[],
  { dryRun = false }: { dryRun?: boolean } = {},
): Promise<Cancel[]> {
  const asked = [...new Set(ids)]
  const found = await transactOrRehearse(database, { dryRun }, async (tx) => {
    await nameActor(tx)
    const messages = await lock(tx, asked)
    const missing = asked.find((id) => !messages.has(id))
    if (missing !== undefined) throw unknownMessage(missing)
    await cancelPending(tx, asked)
    return messages
  })
  if (!dryRun) await passBarrier(database)
  return asked.map((id) => {
    const message = found.get(id)
    assert(message, 'every message asked for was found')
    const cancelled = message.status === 'pending'
    return { ...message, cancelled, status: cancelled && !dryRun ? 'cancelled' : message.status }
  })
}

/** In id order, as everywhere. It waits for a claim or a settle that has one of them just now. */
async function lock(tx: Queries, ids: number[]): Promise<Map<number, Omit<Cancel, 'cancelled'>>> {
  await sql`select from goniec.message where id = any (${ids}) order by id for no key update`.execute(tx)
  const { rows } = await sql<Omit<Cancel, 'cancelled'>>`
    select m.id, m.kind, m.recipient, c.name as campaign, m.step_key as step, m.status,
      exists (select from goniec.attempt a where a.message_id = m.id and a.state = 'transmitting') as on_the_wire
    from goniec.message m
    left join goniec.campaign c on c.id = m.campaign_id
    where m.id = any (${ids})`.execute(tx)
  return new Map(rows.map((row) => [row.id, row]))
}

async function cancelPending(tx: Queries, ids: number[]): Promise<void> {
  await sql`
    update goniec.message
    set status = 'cancelled', slot_reason = 'cancelled', scheduled_at = null, mailbox_id = null, window_closes_at = null
    where id = any (${ids}) and status = 'pending'`.execute(tx)
  await sql`select pg_notify('goniec', 'plan')`.execute(tx)
}
