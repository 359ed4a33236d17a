/**
 * The protocol's times, shrunk together, so that what takes minutes in life takes seconds here: nothing in it depends on their length,
 * only on their order, and a worker refuses times that do not fit each other.
 */

/** For the environment of a worker that a proof starts. */
export const SHRUNK: Readonly<Record<string, string>> = {
  GONIEC_LEASE: '2s',
  GONIEC_PHASE_DEADLINE: '1500ms',
  GONIEC_BEFORE_FENCE_DEADLINE: '1800ms',
  GONIEC_DOT_WITHIN: '1500ms',
  GONIEC_BLOCK_DEADLINE: '3s',
  GONIEC_DOT_DEADLINE: '2s',
  GONIEC_ATTEMPT_DEADLINE: '6s',
  GONIEC_CONNECTION_IDLE: '2s',
}

/** The lease of these times. */
export const SHRUNK_LEASE_MS = 2000

/** The longest that an attempt may take, from its fence on. */
export const SHRUNK_ATTEMPT_MS = 6000
