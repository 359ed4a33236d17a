/**
 * graphile-worker, kept running: it starts the tasks, and nothing else depends on it. Its jobs carry no mail and hold no truth.
 *
 * Owns       the runner and its own small pool. Promises that a runner which ends by itself (its pool died with the database) is started
 *            again when the database is back, and that one which cannot be kept running ends the worker: `onDead`, once.
 * Leaves     its jobs that a dead runner left locked to graphile, which frees them after four hours; each is harmless then.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { Logger as GraphileLogger, parseCronItems, run, type Runner, type TaskList } from 'graphile-worker'
import { Pool } from 'pg'
import { messageOf } from '../errors.ts'
import type { Logger } from '../log.ts'

export interface EngineOptions {
  url: string
  /** Tasks that one worker of the cluster runs at these times (cron, UTC). */
  cron: readonly { task: string; match: string }[]
  log: Logger
  onDead: (reason: string) => void
}

/** Rare, since jobs that matter are booked for now, which wakes the runner, or some seconds before they are needed. */
export const POLL_INTERVAL_MS = 10_000

/** Jobs at the same time: the dispatch loop stays in one of them for as long as something is due soon. */
const CONCURRENCY = 4

/** A runner that ends so often within a minute is not kept running. */
const MOST_ENDS_A_MINUTE = 5

export class Engine {
  #options: EngineOptions
  #tasks: TaskList = {}
  #runner: Runner | undefined
  #pool: Pool | undefined
  #stopping = false
  #ends: number[] = []

  constructor(options: EngineOptions) {
    this.#options = options
  }

  /** Starts the runner with these tasks. Rejects where the database does not answer. */
  async start(tasks: TaskList): Promise<void> {
    if (this.#stopping || this.#runner) return
    this.#tasks = tasks
    const { url, cron, log } = this.#options
    const pool = new Pool({
      connectionString: url,
      max: CONCURRENCY + 2,
      application_name: 'goniec engine',
      keepAlive: true,
    })
    const onError = (error: Error): void => log.warn({ problem: messageOf(error) }, 'the engine lost a connection')
    pool.on('error', onError)
    pool.on('connect', (client) => client.on('error', onError))
    this.#pool = pool
    const runner = await run({
      pgPool: pool,
      taskList: tasks,
      parsedCronItems: parseCronItems(
        cron.map(({ task, match }) => ({
          task,
          match,
          identifier: task,
          options: { backfillPeriod: 0, maxAttempts: 1 },
        })),
      ),
      concurrency: CONCURRENCY,
      pollInterval: POLL_INTERVAL_MS,
      noHandleSignals: true,
      logger: quietLogger(log),
    })
    this.#runner = runner
    runner.promise.then(
      () => this.#ended(runner, 'it ended by itself'),
      (error: unknown) => this.#ended(runner, messageOf(error)),
    )
  }

  /** Books a task to run now. Several bookings of a task that has not begun are one. */
  async book(task: string, { afterMs = 0 }: { afterMs?: number } = {}): Promise<void> {
    const runAt = new Date(Date.now() + afterMs)
    await this.#runner?.addJob(
      task,
      {},
      { jobKey: task, jobKeyMode: 'replace', maxAttempts: 1, ...(afterMs > 0 ? { runAt } : {}) },
    )
  }

  /** The database is gone: forgets the runner, whose end cannot be waited for. */
  abandon(): void {
    const pool = this.#pool
    const runner = this.#runner
    this.#runner = undefined
    this.#pool = undefined
    runner
      ?.stop()
      .catch((error: unknown) => this.#options.log.debug({ problem: messageOf(error) }, 'the engine did not stop well'))
    void pool?.end().catch(() => undefined)
  }

  /** Lets running tasks end, at most this long. */
  async stop(withinMs: number): Promise<void> {
    this.#stopping = true
    const runner = this.#runner
    this.#runner = undefined
    if (runner) {
      const stopped = runner.stop().catch((error: unknown) => {
        this.#options.log.warn({ problem: messageOf(error) }, 'the engine did not stop well')
      })
      await Promise.race([stopped, delay(withinMs, undefined, { ref: false })])
    }
    await this.#pool?.end()
  }

  #ended(runner: Runner, reason: string): void {
    if (this.#stopping || runner !== this.#runner) return
    this.#options.log.warn({ reason }, 'the engine ended; it is started again')
    this.#runner = undefined
    const now = performance.now()
    this.#ends = [...this.#ends.filter((end) => now - end < 60_000), now]
    if (this.#ends.length >= MOST_ENDS_A_MINUTE)
      return this.#options.onDead(`the engine ended ${this.#ends.length} times within a minute: ${reason}`)
    void this.#restart()
  }

  async #restart(): Promise<void> {
    for (let pauseMs = 200; !this.#stopping && !this.#runner; pauseMs = Math.min(pauseMs * 2, 5000)) {
      try {
        await this.start(this.#tasks)
      } catch (error) {
        this.#options.log.warn({ problem: messageOf(error) }, 'the engine could not be started yet')
        await delay(pauseMs)
      }
    }
  }
}

/** graphile's own lines are of interest only when something is wrong. */
function quietLogger(log: Logger): GraphileLogger {
  return new GraphileLogger(() => (level, message) => {
    if (level === 'error') log.error({ engine: message }, 'engine')
    else if (level === 'warning') log.warn({ engine: message }, 'engine')
    else log.trace({ engine: message }, 'engine')
  })
}
