/**
 * A process whose clock can be stepped while it runs: libfaketime, preloaded, reads the step from a file whenever the process asks for the
 * time. Only the wall clock moves, as when somebody sets it; monotonic clock and uptime go on, unless a test asks for a monotonic clock that
 * moves with it (a machine that was suspended: its monotonic clock stood still meanwhile).
 *
 * Debian has it (`apt-get install libfaketime`); `.ci/run` fetches it and names it in GONIEC_LIBFAKETIME. What needs it is skipped without.
 */
import { existsSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { assert } from '../../src/errors.ts'

/** The library; undefined where this machine has none. */
export const libfaketime = process.env['GONIEC_LIBFAKETIME'] || installed()

/** Why what needs it is skipped. */
export const NO_FAKETIME = 'libfaketime is not installed (apt-get install libfaketime)'

export interface FakedClock {
  /** For the environment of the process. */
  env: Record<string, string>
  /** From now on the clock is so far from the true one. */
  set(offsetMs: number): void
  readonly offsetMs: number
}

/** A clock that is right until it is set. `path` is a file of its own, which the process must be able to read. */
export function fakedClock(path: string, { monotonicToo = false }: { monotonicToo?: boolean } = {}): FakedClock {
  assert(libfaketime !== undefined, NO_FAKETIME)
  let offsetMs = 0
  const set = (ms: number): void => {
    offsetMs = ms
    const sign = ms < 0 ? '-' : '+'
    writeFileSync(`${path}.new`, `${sign}${(Math.abs(ms) / 1000).toFixed(3)}\n`, { mode: 0o644 })
    // In one step: a process must never read half of it.
    renameSync(`${path}.new`, path)
  }
  set(0)
  const monotonic = monotonicToo ? '0' : '1'
  return {
    env: {
      LD_PRELOAD: libfaketime,
      FAKETIME_TIMESTAMP_FILE: path,
      FAKETIME_NO_CACHE: '1',
      DONT_FAKE_MONOTONIC: monotonic,
      FAKETIME_DONT_FAKE_MONOTONIC: monotonic,
    },
    set,
    get offsetMs() {
      return offsetMs
    },
  }
}

function installed(): string | undefined {
  const libraries = '/usr/lib'
  if (!existsSync(libraries)) return undefined
  return readdirSync(libraries)
    .map((name) => join(libraries, name, 'faketime', 'libfaketimeMT.so.1'))
    .find((path) => existsSync(path))
}
