/** Another worker is claiming: how long to leave it alone before it is asked for the claim again. */

/**
 * Milliseconds, by how often the answer was "busy" before, in a row. A claim takes some: so long they are a few, and whoever waits has it next. One
 * that goes on waits for something itself (its commit for a standby, its connection for the network): then they double, up to a quarter of a second.
 */
export function busyWaitMs(before: number, chance = Math.random()): number {
  return Math.min(LEAST_MS * 2 ** Math.max(0, before - PATIENCE), MOST_MS) * (1 + 2 * chance)
}

const LEAST_MS = 4
const MOST_MS = 125

/** So many times it is asked as if it were over in a moment. */
const PATIENCE = 8
