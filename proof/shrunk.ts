/**
 * The protocol's times, shrunk together, so that what takes minutes in life takes seconds here: nothing in it depends on their length,
 * only on their order, and a worker refuses times that do not fit each other.
 */
import type { Database } from '../src/database/pool.ts'

/** For the environment of a worker that a proof starts. */
export const SHRUNK: Readonly<Record<string, string>> = {
  GONIEC_LEASE: '4s',
  GONIEC_PHASE_DEADLINE: '3s',
  GONIEC_BEFORE_FENCE_DEADLINE: '3500ms',
  GONIEC_DOT_WITHIN: '3s',
  GONIEC_BLOCK_DEADLINE: '5s',
  GONIEC_DOT_DEADLINE: '3s',
  GONIEC_ATTEMPT_DEADLINE: '10s',
  GONIEC_CONNECTION_IDLE: '2s',
}

/** The lease of these times. */
export const SHRUNK_LEASE_MS = 4000

/** The longest that an attempt may take, from its fence on. */
export const SHRUNK_ATTEMPT_MS = 10_000

/** How long mails and mailboxes wait for their next try is a sixtieth of what it is in life; the shape of its growth stays. */
export async function shrinkBackOffs(database: Pick<Database, 'query'>): Promise<void> {
  await database.query(`do $$
    declare v_function regproc;
    begin
      foreach v_function in array array['goniec.backoff', 'goniec.mailbox_backoff']::regproc[] loop
        execute replace(pg_get_functiondef(v_function), '''1 minute''', '''1 second''');
      end loop;
    end $$`)
}
