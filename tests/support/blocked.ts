/** Proof that a session waits for a lock: what race tests wait for instead of sleeping. */
import type { Client } from 'pg'
import { setTimeout as wait } from 'node:timers/promises'
import { assert } from '../../src/errors.ts'
import type { TestDatabase } from './database.ts'

/**
 * Waits until this session is seen waiting for a lock (a row's, a table's, an advisory one), and returns the pids that hold it up.
 * Fails after `timeoutMs` with what the session does instead.
 */
export async function untilBlocked(
  { pool }: Pick<TestDatabase, 'pool'>,
  session: number | Client,
  { timeoutMs = 60_000 }: { timeoutMs?: number } = {},
): Promise<number[]> {
  const pid = typeof session === 'number' ? session : pidOf(session)
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const { rows } = await pool.query<{ blocking: number[]; doing: string }>(WAITING, [pid])
    const blocking = rows[0]?.blocking ?? []
    if (blocking.length > 0) return blocking
    assert(
      performance.now() < deadline,
      `session ${pid} waits for no lock after ${timeoutMs} ms: ${rows[0]?.doing ?? 'it is gone'}`,
    )
    await wait(2)
  }
}

/** The server's process of a session. */
export function pidOf(session: Client): number {
  const pid = 'processID' in session ? session.processID : undefined
  assert(typeof pid === 'number', 'the session is connected')
  return pid
}

const WAITING = `
  select pg_blocking_pids(pid) as blocking, concat_ws(' ', state, wait_event_type, wait_event, query) as doing
  from pg_stat_activity
  where pid = $1`
