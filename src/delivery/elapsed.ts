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
  const { monotonic, wall, uptime } = clocks === systemClocks ? justRead() : read(clocks)
  return () => Math.max(clocks.monotonic() - monotonic, clocks.wall() - wall, clocks.uptime() - uptime)
}

interface Reading {
  monotonic: number
  wall: number
  uptime: number
}

/** So old a reading of the clocks is taken for the start: everything then seems longer ago by as much, and never shorter. */
const RECENT_MS = 10
let last: Reading = { monotonic: Number.NEGATIVE_INFINITY, wall: 0, uptime: 0 }

/** The machine's clocks. To read the uptime is to open a file, and mails that are sent together begin together. */
function justRead(): Reading {
  if (systemClocks.monotonic() - last.monotonic > RECENT_MS) last = read(systemClocks)
  return last
}

function read({ monotonic, wall, uptime }: Clocks): Reading {
  return { monotonic: monotonic(), wall: wall(), uptime: uptime() }
}
