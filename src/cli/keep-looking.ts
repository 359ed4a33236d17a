/**
 * Looking at the database again and again, without being felt: every second where a look is cheap, and never for more than a twentieth of
 * the time, so that a slow database is asked less and not more. A database that is away is waited for.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { isDatabaseAway } from '../database/failures.ts'

export interface LookOptions {
  /** Resolves with true where there is more to see at once. */
  look: () => Promise<boolean>
  /** The database cannot be asked: told of each look that fails so. */
  onAway: (error: unknown) => void
  /** The first look after that was answered. */
  onBack: () => void
}

export interface Looking {
  /** Looks now, instead of when it is time. */
  again: () => void
  stop: () => void
  /** Resolves when stopped; rejects with what is none of the database's being away. */
  ended: Promise<void>
}

const EVERY_MS = 1000
const PART = 20
const LONGEST_MS = 30_000
const LONGEST_AWAY_MS = 5000

/** How long to wait after a look that took so long. */
export function pauseAfter(tookMs: number): number {
  return Math.min(Math.max(EVERY_MS, tookMs * PART), LONGEST_MS)
}

/** Begins at once. */
export function keepLooking({ look, onAway, onBack }: LookOptions): Looking {
  const stopping = new AbortController()
  let woken = new AbortController()
  const wait = async (ms: number): Promise<void> => {
    try {
      await delay(ms, undefined, { signal: woken.signal })
    } catch (error) {
      if (!woken.signal.aborted) throw error
      woken = new AbortController()
    }
  }
  const loop = async (): Promise<void> => {
    for (let failures = 0; !stopping.signal.aborted;) {
      const startedMs = performance.now()
      try {
        const more = await look()
        if (failures > 0) onBack()
        failures = 0
        if (!more) await wait(pauseAfter(performance.now() - startedMs))
      } catch (error) {
        if (!isDatabaseAway(error)) throw error
        failures += 1
        if (!stopping.signal.aborted) onAway(error)
        await wait(Math.min(500 * 2 ** failures, LONGEST_AWAY_MS))
      }
    }
  }
  return {
    again: () => woken.abort(),
    stop() {
      stopping.abort()
      woken.abort()
    },
    ended: loop(),
  }
}
