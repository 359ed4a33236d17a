/**
 * Keeps outcomes until they are written.
 *
 * Owns       every outcome between the server's answer and the commit of settle.
 * Promises   none is dropped: while the database is away it is kept in memory and tried again until it is written, and its mailbox
 *            sends nothing meanwhile (its attempt is still live, so that no claim takes the mailbox). Outcomes in flight together are
 *            one statement.
 * Leaves     what cannot be kept, the death of this process, to recovery: the attempt becomes in_doubt.
 */
import type { Pool } from 'pg'
import { Coalescer } from '../delivery/batch.ts'
import { settle, type OutcomeReport, type SettleAnswer, type Settlement } from '../delivery/settle.ts'
import { messageOf } from '../errors.ts'
import type { Logger } from '../log.ts'

export interface OutcomesOptions {
  pool: Pick<Pool, 'connect'>
  incarnationId: number
  log: Logger
}

export class Outcomes {
  #log: Logger
  #settles: Coalescer<OutcomeReport, SettleAnswer>
  #kept = new Map<number, OutcomeReport>()
  #waiting = new Set<() => void>()
  #givenUp = Promise.withResolvers<void>()
  #isGivenUp = false

  constructor({ pool, incarnationId, log }: OutcomesOptions) {
    this.#log = log
    this.#settles = new Coalescer({ run: (reports) => settle(pool, { incarnationId, reports }) })
  }

  /** Outcomes that are not written yet. */
  get kept(): readonly OutcomeReport[] {
    return [...this.#kept.values()]
  }

  /** Writes the outcome; resolves when it is committed, however long that takes, or when all are given up. */
  async write(report: OutcomeReport): Promise<Settlement> {
    this.#kept.set(report.attemptId, report)
    for (let pauseMs = 100; !this.#isGivenUp; pauseMs = Math.min(pauseMs * 2, 5000)) {
      // A database that is away may also not answer at all.
      const settlement = await Promise.race([this.#try(report), this.#givenUp.promise])
      if (settlement) {
        this.#kept.delete(report.attemptId)
        return settlement
      }
      await this.#pause(pauseMs)
    }
    return { verdict: 'unwritten', status: null }
  }

  /** The process ends and the database is away: what is kept is left to recovery. Returns it, for the log. */
  giveUp(): readonly OutcomeReport[] {
    this.#isGivenUp = true
    this.#givenUp.resolve()
    this.retryNow()
    return this.kept
  }

  /** The database is back: those that wait for their next try are tried at once. */
  retryNow(): void {
    for (const wake of this.#waiting) wake()
  }

  async #pause(pauseMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        clearTimeout(timer)
        this.#waiting.delete(wake)
        resolve()
      }
      const timer = setTimeout(wake, pauseMs)
      this.#waiting.add(wake)
    })
  }

  async #try(report: OutcomeReport): Promise<Settlement | undefined> {
    try {
      const answer = await this.#settles.ask(report)
      if (!('failed' in answer)) return answer
      this.#logFailure(report, answer.failed)
    } catch (error) {
      this.#logFailure(report, error)
    }
    return undefined
  }

  #logFailure({ attemptId, outcome, response }: OutcomeReport, error: unknown): void {
    this.#log.error(
      { attempt_id: attemptId, outcome, response, problem: messageOf(error) },
      'an outcome could not be written yet; it is kept and tried again',
    )
  }
}
