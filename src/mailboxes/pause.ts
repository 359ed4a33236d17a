/**
 * Taking a mailbox out of service by hand, and putting it back.
 *
 * Owns the status of a mailbox as far as a person changes it. Promises that after a pause nothing more leaves from it, and that a
 * resume never opens it while a vanished worker may still be on its wire. Leaves its mails to the plan, which lays them elsewhere
 * where they are not bound to it.
 *
 * The gate is locked before the mailbox, as settle does it; a program that holds the gate in an open transaction is waited for, but
 * not for ever.
 */
import { sql } from 'kysely'
import { nameActor } from '../database/actor.ts'
import { isLockRefused } from '../database/given-up-locks.ts'
import type { Database, Queries } from '../database/pool.ts'
import { assert, GoniecError } from '../errors.ts'
import type { Instant } from '../time.ts'
import { findMailbox, type FoundMailbox } from './find.ts'

/** How long a program that holds the mailbox is waited for. */
const LOCK_TIMEOUT_MS = 10_000

export interface PausedMailbox {
  address: string
  status: 'paused'
  /** False: it was paused already. */
  changed: boolean
  /** What it was before. */
  was: 'active' | 'paused' | 'broken'
  /** Mails that were on the wire already; they end as the server says. */
  already_passed: number
}

/** Pauses a mailbox. When this returns, nothing more leaves from it. */
export async function pauseMailbox(
  database: Database,
  given: string,
  { lockTimeoutMs = LOCK_TIMEOUT_MS }: { lockTimeoutMs?: number } = {},
): Promise<PausedMailbox> {
  const { id, address } = await findMailbox(database, given)
  const was = await database.transaction(async (tx) => {
    await nameActor(tx)
    const { status } = await lock(tx, { id, address, lockTimeoutMs })
    if (status !== 'paused') await setStatus(tx, id, 'paused')
    return status
  })
  const [row] = await database.query<{ passed: number }>('select goniec.pass_barrier(p_mailbox => $1) as passed', [id])
  return { address, status: 'paused', changed: was !== 'paused', was, already_passed: row?.passed ?? 0 }
}

export interface ResumedMailbox {
  address: string
  status: 'active'
  was: 'active' | 'paused' | 'broken'
  was_reason: string | null
  /** It sends nothing before: a vanished worker may still be on its wire. */
  free_from: Instant | null
  /** Its salesperson, or everything, is paused: it sends nothing before that is lifted. */
  braked: boolean
}

/** Puts a mailbox back into service: no fault counts any more, and it need not wait out its back-off. */
export async function resumeMailbox(
  database: Database,
  given: string,
  { lockTimeoutMs = LOCK_TIMEOUT_MS }: { lockTimeoutMs?: number } = {},
): Promise<ResumedMailbox> {
  const { id, address } = await findMailbox(database, given)
  return database.transaction(async (tx) => {
    await nameActor(tx)
    const { status, status_reason, braked } = await lock(tx, { id, address, lockTimeoutMs })
    const freeFrom = await clearFaults(tx, id)
    if (status !== 'active') await setStatus(tx, id, 'active')
    // Whoever resumes knows of the refusals: the brake counts anew.
    await sql`update goniec.mailbox set refusals_since = goniec.now() where id = ${id}`.execute(tx)
    await sql`select pg_notify('goniec', 'plan')`.execute(tx)
    return { address, status: 'active', was: status, was_reason: status_reason, free_from: freeFrom, braked }
  })
}

interface LockedMailbox {
  status: 'active' | 'paused' | 'broken'
  status_reason: string | null
  braked: boolean
}

async function lock(
  tx: Queries,
  { id, address, lockTimeoutMs }: FoundMailbox & { lockTimeoutMs: number },
): Promise<LockedMailbox> {
  await sql`set local lock_timeout = ${sql.lit(`${lockTimeoutMs}ms`)}`.execute(tx)
  try {
    await sql`select from goniec.mailbox_gate where mailbox_id = ${id} for no key update`.execute(tx)
    const { rows } = await sql<LockedMailbox>`
      select b.status, b.status_reason, s.paused_at is not null or i.paused_at is not null as braked
      from goniec.mailbox b
      join goniec.salesperson s on s.id = b.salesperson_id
      cross join goniec.installation i
      where b.id = ${id}
      for no key update of b`.execute(tx)
    const [mailbox] = rows
    assert(mailbox, 'a mailbox that was found is there: mailboxes are not deleted')
    return mailbox
  } catch (error) {
    if (!isLockRefused(error)) throw error
    throw new GoniecError(
      'mailbox_held',
      `another program holds mailbox ${address} in an open transaction; nothing was changed`,
      {
        hint: 'end that program or its transaction (see pg_stat_activity), and run the command again',
        cause: error,
      },
    )
  }
}

/** The version counts up, so that slots planned with what was before are void. */
async function setStatus(tx: Queries, id: number, status: 'active' | 'paused'): Promise<void> {
  await sql`
    update goniec.mailbox set status = ${status}, status_reason = null, version = version + 1 where id = ${id}`.execute(
    tx,
  )
  await sql`
    insert into goniec.event (type, mailbox_id) values (${status === 'paused' ? 'mailbox_paused' : 'mailbox_resumed'}, ${id})`.execute(
    tx,
  )
}

/**
 * What remains of `free_from` is the quarantine of a doubtful attempt: until its deadline its worker could be alive. Whether a later
 * `free_from` was a back-off or a quarantine is not known, so the end of the doubt is kept in both cases.
 */
async function clearFaults(tx: Queries, id: number): Promise<Instant | null> {
  const { rows } = await sql<{ free_from: Instant | null }>`
    update goniec.mailbox_gate g
    set faults = 0, fault_reason = null,
      free_from = case when g.free_from is not null then (
        select least(g.free_from, max(a.deadline_at))
        from goniec.message m
        join goniec.attempt a on a.message_id = m.id and a.state = 'in_doubt'
        where m.status = 'in_doubt' and a.mailbox_id = g.mailbox_id and a.deadline_at > goniec.now()
        having count(*) > 0) end
    where g.mailbox_id = ${id}
    returning g.free_from`.execute(tx)
  return rows[0]?.free_from ?? null
}
