/**
 * The two clocks of a run, the workers' and the database's, and the true one, which only the proof and the mail server see. Both stand at the
 * same date, chosen for what it is near to; one of them is stepped, and set right again.
 */
import { fakedClock, type FakedClock } from '../../tests/support/faked-clock.ts'
import type { Instant } from '../../src/time.ts'
import { Temporal, instantAt } from '../../src/time.ts'

export type Whose = 'worker' | 'database'

/** How a clock jumps, and from which date. */
export interface Step {
  name: string
  /** Local time in Warsaw, where the world begins. */
  from: string
  ms: number
  /** The campaigns' daily window, where it matters. */
  window?: readonly [from: string, to: string]
}

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const A_TUESDAY = '2027-02-09T12:00:00+01:00'

/** Everything a clock may jump over, forward and back. */
export const STEPS: readonly Step[] = [
  { name: '+10s', from: A_TUESDAY, ms: 10 * SECOND },
  { name: '-10s', from: A_TUESDAY, ms: -10 * SECOND },
  { name: '+1h', from: A_TUESDAY, ms: HOUR },
  { name: '-1h', from: A_TUESDAY, ms: -HOUR },
  { name: '+1d', from: A_TUESDAY, ms: DAY },
  { name: '-1d', from: A_TUESDAY, ms: -DAY },
  { name: '+15m-over-midnight', from: '2027-02-09T23:50:00+01:00', ms: 15 * MINUTE },
  { name: '-15m-over-midnight', from: '2027-02-10T00:05:00+01:00', ms: -15 * MINUTE },
  { name: '+15m-over-window-end', from: '2027-02-09T16:50:00+01:00', ms: 15 * MINUTE, window: ['09:00', '17:00'] },
  { name: '-15m-over-window-begin', from: '2027-02-09T09:05:00+01:00', ms: -15 * MINUTE, window: ['09:00', '17:00'] },
  { name: '+15m-into-summer-time', from: '2027-03-28T01:50:00+01:00', ms: 15 * MINUTE },
  { name: '-15m-into-summer-time', from: '2027-03-28T03:05:00+02:00', ms: -15 * MINUTE },
  { name: '+15m-out-of-summer-time', from: '2027-10-31T02:50:00+02:00', ms: 15 * MINUTE },
  { name: '-15m-out-of-summer-time', from: '2027-10-31T02:05:00+01:00', ms: -15 * MINUTE },
]

/** When the database's clock was set, and to what: from then on it was so far from the true one. */
interface Setting {
  atMs: number
  offsetMs: number
}

export class Clocks {
  readonly worker: FakedClock
  readonly database: FakedClock
  #baseMs: number
  #settings: Setting[] = []

  constructor({ directory, from, monotonicToo = false }: { directory: string; from: string; monotonicToo?: boolean }) {
    this.worker = fakedClock(`${directory}/worker-clock`, { monotonicToo })
    this.database = fakedClock(`${directory}/database-clock`)
    this.#baseMs = Temporal.Instant.from(from).epochMilliseconds - trueNowMs()
    this.setRight()
  }

  /** Puts one clock off by so much, and leaves the other one right. */
  step(whose: Whose, ms: number): void {
    this.#set(whose, this.#baseMs + ms)
  }

  /** Both show the same again. */
  setRight(): void {
    this.#set('worker', this.#baseMs)
    this.#set('database', this.#baseMs)
  }

  /** Time passes for both, as it would if nobody had waited for it. */
  pass(ms: number): void {
    this.#baseMs += ms
    this.setRight()
  }

  /** How often the database's clock was set between two true instants. */
  stepsBetween(fromMs: number, untilMs: number): number {
    return this.#settings.filter(({ atMs }, index) => index > 0 && atMs >= fromMs && atMs <= untilMs).length
  }

  /** The true time of what the database wrote; of several that it could be, the latest. */
  trueMsOf(written: Instant): number {
    const candidates = this.#settings.flatMap(({ atMs, offsetMs }, index) => {
      const trueMs = written.epochMilliseconds - offsetMs
      const untilMs = this.#settings[index + 1]?.atMs ?? Number.POSITIVE_INFINITY
      return trueMs >= atMs - READ_LATE_MS && trueMs <= untilMs + READ_LATE_MS ? [trueMs] : []
    })
    return Math.max(...candidates)
  }

  #set(whose: Whose, offsetMs: number): void {
    if (whose === 'worker') return this.worker.set(offsetMs)
    if (this.database.offsetMs === offsetMs && this.#settings.length > 0) return
    this.database.set(offsetMs)
    this.#settings.push({ atMs: trueNowMs(), offsetMs })
  }
}

/** A process may have read the clock's file just before it changed, and written what it read just after. */
const READ_LATE_MS = 1000

function trueNowMs(): number {
  return Temporal.Now.instant().epochMilliseconds
}

/** For sentences. */
export function showTrue(ms: number): string {
  return instantAt(ms).toString()
}
