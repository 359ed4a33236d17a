/**
 * graphile-worker, kept running: it starts the tasks, and nothing else depends on it. Its jobs carry no mail and hold no truth.
 *
 * It is one of three things at any moment:
 *   running   a runner is there.
 *   away      the database is gone: the runner was let go of, and the worker starts it again when the database is back.
 *   failing   the runner ended by itself, or bookings are refused, while the database answers otherwise. It is tried again with pauses;
 *             what does not heal ends the worker: `onDead`, once.
 *
 * graphile itself would try for ever, silently, and a worker without an engine looks alive and does little.
 *
 * Owns       the runner and its own small pool.
 * Leaves     its jobs that a dead runner left locked to graphile, which frees them after four hours; each is harmless then.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Runner, TaskList } from 'graphile-worker'
import type { Pool } from 'pg'
import { isRefusal } from '../database/failures.ts'
import { messageOf } from '../errors.ts'
import type { Logger } from '../log.ts'
import { letGo, openEnginePool } from './engine-pool.ts'
import { LastMinute } from './last-minute.ts'

export interface EngineOptions {
  url: string
  /** How long the database may owe an answer. */
  silenceMs: number
  /** Tasks that one worker of the cluster runs at these times (cron, UTC). */
  cron: readonly { task: string; match: string }[]
  log: Logger
  onDead: (reason: string) => void
}

/** Rare, since jobs that matter are booked for now, which wakes the runner, or some seconds before they are needed. */
export const POLL_INTERVAL_MS = 30_000

/** Jobs at the same time: the dispatch loop stays in one of them for as long as something is due soon, a plan and the next one in two. */
const CONCURRENCY = 4

/** An engine that fails so often within a minute is not kept running. */
const MOST_FAILURES_A_MINUTE = 5

/** Between two tries of what failed: twice as long with each failure of the last minute, since what is refused for good would be told each second. */
const PAUSE_MS = 1000
const LONGEST_PAUSE_MS = 10_000

/** The engine of one worker. */
export class Engine {
  #options: EngineOptions
  #tasks: TaskList = {}
  #runner: Runner | undefined
  #starting: Promise<void> | undefined
  #pool: Pool | undefined
  #stopping = false
  /** Let go of: whoever does that starts it. */
  #abandoned = false
  readonly #failures = new LastMinute()
  /** Whatever failed, and will be tried again. */
  readonly #troubles = new LastMinute()
  /** Tasks that were asked for while no runner was there. */
  #missed = new Set<string>()

  constructor(options: EngineOptions) {
    this.#options = options
  }

  /** Starts the runner with these tasks, unless it runs. Rejects where the database does not answer. */
  async start(tasks: TaskList): Promise<void> {
    this.#abandoned = false
    this.#tasks = tasks
    await this.#startOnce()
  }

  /**
   * Books tasks to run now, or later. Several bookings of a task that has not begun are one. What fails is tried again; what is asked for
   * while no runner is there is booked, for then, as soon as there is one.
   */
  async book(tasks: readonly string[], { afterMs = 0 }: { afterMs?: number } = {}): Promise<void> {
    while (!this.#stopping && this.#runner && this.#pool) {
      try {
        await this.#pool.query(BOOK, [tasks, afterMs])
        return
      } catch (error) {
        const againInMs = this.#pauseMs()
        this.#options.log.warn(
          { tasks, problem: messageOf(error), again_in_ms: againInMs },
          'a task could not be booked yet',
        )
        if (isRefusal(error)) this.#failed(`"${tasks.join('", "')}" could not be booked: ${messageOf(error)}`)
        await delay(againInMs)
      }
    }
    for (const task of tasks) this.#missed.add(task)
  }

  /** The database is gone: lets go of the runner, whose end cannot be waited for. */
  abandon(): void {
    const [pool, runner] = [this.#pool, this.#runner]
    this.#abandoned = true
    this.#starting = undefined
    this.#runner = undefined
    this.#pool = undefined
    this.#failures.forget()
    this.#troubles.forget()
    void letGo(runner, pool).catch(this.#note)
  }

  /** Lets running tasks end; whoever calls waits as long as he wants to. */
  async stop(): Promise<void> {
    this.#stopping = true
    const runner = this.#runner
    this.#runner = undefined
    try {
      await runner?.stop()
    } catch (error) {
      this.#options.log.warn({ problem: messageOf(error) }, 'the engine did not stop well')
    }
    await this.#pool?.end()
  }

  async #startOnce(): Promise<void> {
    if (this.#stopping || this.#runner) return
    const starting = (this.#starting ??= this.#start())
    try {
      await starting
    } finally {
      if (this.#starting === starting) this.#starting = undefined
    }
  }

  /** Resolves also where it was given up meanwhile: whoever stops it, or lets go of it, sees to what comes next. */
  async #start(): Promise<void> {
    const { url, silenceMs, log } = this.#options
    // Connections are kept from one poll to the next: each new one is a statement more.
    const pool = openEnginePool({ url, silenceMs, log, most: CONCURRENCY + 2, keptMs: POLL_INTERVAL_MS * 3 })
    this.#pool = pool
    let runner: Runner
    try {
      // graphile would wait for a connection in silence; a start that cannot have one should say so.
      await pool.query('select')
      runner = await this.#run(pool)
    } catch (error) {
      // Then it has no pool any more, and graphile says that in words of its own.
      if (this.#isGivenUp(pool)) return
      this.#pool = undefined
      void pool.end().catch(this.#note)
      throw error
    }
    if (this.#isGivenUp(pool)) return void runner.stop().catch(this.#note)
    this.#runner = runner
    const missed = [...this.#missed]
    this.#missed.clear()
    if (missed.length > 0) void this.book(missed)
    runner.promise.then(
      () => this.#ended(runner, pool, 'it ended by itself'),
      (error: unknown) => this.#ended(runner, pool, messageOf(error)),
    )
    runner.events.on('worker:getJob:error', ({ error }) => this.#cannotAsk(runner, pool, error))
  }

  #isGivenUp(pool: Pool): boolean {
    return this.#stopping || this.#pool !== pool
  }

  async #run(pool: Pool): Promise<Runner> {
    const { startRunner } = await import('./engine-run.ts')
    const { cron, log } = this.#options
    return await startRunner({
      pool,
      tasks: this.#tasks,
      cron,
      concurrency: CONCURRENCY,
      pollInterval: POLL_INTERVAL_MS,
      log,
    })
  }

  readonly #note = (error: unknown): void =>
    this.#options.log.debug({ problem: messageOf(error) }, 'the engine did not stop well')

  #ended(runner: Runner, pool: Pool, reason: string): void {
    if (this.#stopping || runner !== this.#runner) return
    this.#options.log.warn({ reason }, 'the engine ended; it is started again')
    this.#runner = undefined
    this.#pool = undefined
    void letGo(undefined, pool).catch(this.#note)
    this.#failed(reason)
    void this.#restart()
  }

  /**
   * One of its places could not ask for a job. graphile says nothing and asks again with the next poll; and where the very first question is refused
   * (which numbers do the tasks have?) it keeps that answer, and never runs a job again. Another runner asks anew; the old one is let go of when its
   * other places have been answered too, since one that ends in between writes to stderr.
   */
  #cannotAsk(runner: Runner, pool: Pool, error: unknown): void {
    if (this.#stopping || runner !== this.#runner) return
    const againInMs = this.#pauseMs()
    this.#options.log.warn(
      { problem: messageOf(error), again_in_ms: againInMs },
      'the engine could not ask for its jobs; it is started again',
    )
    this.#runner = undefined
    this.#pool = undefined
    if (isRefusal(error)) this.#failed(`it could not ask for its jobs: ${messageOf(error)}`)
    void delay(againInMs).then(() => {
      void letGo(runner, pool).catch(this.#note)
      return this.#restart()
    })
  }

  async #restart(): Promise<void> {
    while (!this.#stopping && !this.#abandoned && !this.#runner) {
      try {
        await this.#startOnce()
      } catch (error) {
        const againInMs = this.#pauseMs()
        this.#options.log.warn(
          { problem: messageOf(error), again_in_ms: againInMs },
          'the engine could not be started yet',
        )
        if (isRefusal(error)) this.#failed(`it could not be started: ${messageOf(error)}`)
        await delay(againInMs)
      }
    }
  }

  #pauseMs(): number {
    return Math.min(PAUSE_MS * 2 ** (this.#troubles.count() - 1), LONGEST_PAUSE_MS)
  }

  #failed(reason: string): void {
    if (this.#failures.count() !== MOST_FAILURES_A_MINUTE) return
    this.#options.onDead(`the engine failed ${MOST_FAILURES_A_MINUTE} times within a minute; the last: ${reason}`)
  }
}

/**
 * The database reckons the time: a host whose clock is behind would book what is due at once, again and again, and one whose clock is ahead
 * would book it too late. In the order of their names, since a job's key is locked until all of them are booked.
 */
const BOOK = `
  select from (select task from unnest($1::text[]) as task order by task collate "C") as wanted
  cross join lateral graphile_worker.add_job(
    wanted.task, job_key := wanted.task, job_key_mode := 'replace', max_attempts := 1, run_at := now() + $2::float8 * interval '1 millisecond')`
