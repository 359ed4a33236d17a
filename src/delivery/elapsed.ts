/**
 * How long ago something was, by the clock that has moved most. A stopped process sees all clocks jump; a suspended machine
 * stops the monotonic clock but not its uptime; a clock set back moves the wall clock the wrong way. Whoever asks "has only
 * little time passed?" must believe the largest answer.
 */
import os from 'node:os'

/** Milliseconds, each by its own reckoning. */
export interface Clocks {
  monotonic: () => number
  wall: () => number
  /** Goes on while the machine is suspended. */
  uptime: () => number
}

/** The machine's own. On Linux the uptime is read from /proc/uptime, to 10 ms. */
export const systemClocks: Clocks = {
  monotonic: () => performance.now(),
  // date: the wall clock itself is what is asked for
  wall: () => Date.now(),
  uptime: () => os.uptime() * 1000,
}

/** Starts measuring now; the returned function tells the milliseconds since, by the largest of the clocks. */
export function startMeasuring(clocks: Clocks = systemClocks): () => number {
  const monotonic = clocks.monotonic()
  const wall = clocks.wall()
  const uptime = clocks.uptime()
  return () => Math.max(clocks.monotonic() - monotonic, clocks.wall() - wall, clocks.uptime() - uptime)
}
