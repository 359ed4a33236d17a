/** The times of block E: shorter than in life, and longer than elsewhere in the proof, since eight workers share a machine with everything else. */

export const LEASE_MS = 5000

/** For the environment of its workers. */
export const TIMES: Readonly<Record<string, string>> = {
  GONIEC_LEASE: `${LEASE_MS}ms`,
  GONIEC_PHASE_DEADLINE: '4s',
  GONIEC_BEFORE_FENCE_DEADLINE: '4500ms',
  GONIEC_DOT_WITHIN: '3s',
  GONIEC_BLOCK_DEADLINE: '6s',
  GONIEC_DOT_DEADLINE: '5s',
  GONIEC_ATTEMPT_DEADLINE: '13s',
  GONIEC_CONNECTION_IDLE: '2s',
  GONIEC_TICK: '2s',
}
