/** Waiting for a server that is away for a while, and for no longer than it may be. */
import { setTimeout as delay } from 'node:timers/promises'
import { DatabaseError } from 'pg'
import { isDatabaseAway } from '../../src/database/failures.ts'
import { messageOf } from '../../src/errors.ts'

/** How long anything may take before it counts as hanging: many times the longest of the times above, on a busy machine. */
const PATIENCE_MS = 120_000

/** Time that runs out. */
export class Patience {
  readonly #what: string
  readonly #endsMs = performance.now() + PATIENCE_MS

  constructor(what: string) {
    this.#what = what
  }

  /** Throws when it has run out, with what there was to wait for. */
  spend(details: readonly string[]): void {
    if (performance.now() > this.#endsMs)
      throw new RangeError(`${this.#what} within ${PATIENCE_MS / 1000} s: ${details.join('; ')}`)
  }
}

/** Nothing tells of a row's change: the database is asked again after a moment. */
export async function pause(): Promise<void> {
  await delay(40)
}

/** The answer, asked for again as long as the server is away or takes no writes; no longer than the patience lasts, where there is one. */
export async function whileAway<Answer>(ask: () => Promise<Answer>, patience?: Patience): Promise<Answer> {
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      if (!isDatabaseAway(error) && !(error instanceof DatabaseError && error.code === '25006')) throw error
      patience?.spend([messageOf(error)])
      await pause()
    }
  }
}

/** What it comes to, if it does so soon; else undefined. */
export async function within<Result>(ms: number, work: Promise<Result>): Promise<Result | undefined> {
  const patience = new AbortController()
  const over = delay(ms, undefined, { signal: patience.signal }).catch(() => undefined)
  const result = await Promise.race([work, over])
  patience.abort()
  return result
}
