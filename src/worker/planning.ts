/**
 * When this worker plans: at its start and on every return of the database, when a task says so, and soon after mails have ended.
 *
 * One plan at a time; whoever asks while one runs gets the next one, which sees what he has seen, and all who ask meanwhile share it.
 * Owns the planner's thread. Leaves to the database that plans of several workers do not meet.
 */
import type { PlanRun } from '../campaigns/plan/run.ts'
import type { Database } from '../database/pool.ts'
import { messageOf } from '../errors.ts'
import type { Logger } from '../log.ts'
import { hasChanged, Planner } from './planner.ts'

export interface PlanningOptions {
  database: Database
  graceMs: number
  /** How long the database may owe an answer. */
  silenceMs: number
  /** Has a plan booked, for whichever worker is free. */
  book: () => Promise<void>
  /** Told after each plan: something may be due that was not. */
  onPlanned: () => void
  log: Logger
}

/**
 * Between two plans that mails' ends ask for: a moment, or twenty times as long as a plan takes, but not for ever. A person who has started
 * or changed something waits a twentieth of that.
 */
const PAUSE_TO_PLAN = 20
const SHORTEST_PAUSE_MS = 300
const LONGEST_PAUSE_MS = 30_000

export class Planning {
  #options: PlanningOptions
  #planner: Planner
  #timer: NodeJS.Timeout | undefined
  #bookAtMs = 0
  #pauseMs = SHORTEST_PAUSE_MS
  #running: Promise<void> | undefined
  #next: Promise<void> | undefined
  #isPutOff = false
  #closed = false

  constructor(options: PlanningOptions) {
    this.#options = options
    const { database, graceMs, silenceMs } = options
    this.#planner = new Planner({ url: database.url, graceMs, silenceMs })
  }

  /** Plans once, from what is committed now. Rejects where the plan failed. */
  async run(): Promise<void> {
    if (this.#closed) return
    if (this.#running) return (this.#next ??= this.#afterRunning())
    this.#running = this.#plan()
    try {
      await this.#running
    } finally {
      this.#running = undefined
    }
  }

  /** The same as a task: not a second one that waits, since it would keep a place that other tasks need. */
  async runUnlessWaiting(): Promise<void> {
    if (!this.#next) await this.run()
  }

  /** What is pending again, and a next step's mail, want a slot: soon, and once for many. */
  request(): void {
    this.#bookWithin(this.#pauseMs)
  }

  /** Somebody has changed what should be planned, and looks whether it happens. */
  requestForPerson(): void {
    this.#bookWithin(Math.max(SHORTEST_PAUSE_MS, this.#pauseMs / PAUSE_TO_PLAN))
  }

  /**
   * Plan, then dispatch, so that what was missed gets its place before anything later goes out. Where nothing was missed a plan can only add to
   * what is due: then it is put off until the first mail is on its way.
   */
  async beforeDispatch(): Promise<void> {
    const { database, graceMs } = this.#options
    const [row] = await database.query<{ missed: boolean }>(ANYTHING_MISSED, [graceMs])
    this.#isPutOff = row?.missed === false
    if (!this.#isPutOff) await this.run()
  }

  /** Begins the plan that was put off. */
  afterDispatch(): void {
    if (!this.#isPutOff) return
    this.#isPutOff = false
    this.run().catch((error: unknown) =>
      this.#options.log.warn(
        { problem: messageOf(error) },
        'the first plan failed; it is tried again within the minute',
      ),
    )
  }

  /** The database is gone: a plan under way fails at once, even where its connections have not noticed. */
  abandon(): void {
    this.#planner.abandon()
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    await this.#planner.close()
  }

  /** A booking that stands sooner is left as it is, so that no stream of requests puts a plan off. */
  #bookWithin(pauseMs: number): void {
    const bookAtMs = performance.now() + pauseMs
    if (this.#closed || (this.#timer !== undefined && this.#bookAtMs <= bookAtMs)) return
    clearTimeout(this.#timer)
    this.#bookAtMs = bookAtMs
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      void this.#options.book()
    }, pauseMs)
  }

  async #afterRunning(): Promise<void> {
    try {
      await this.#running
    } catch {
      // Told to whoever asked for that one; it does not keep the next from running.
    }
    this.#next = undefined
    await this.run()
  }

  async #plan(): Promise<void> {
    const startedMs = performance.now()
    const run = await this.#planUnlessClosed()
    if (run === undefined) return
    const tookMs = performance.now() - startedMs
    this.#pauseMs = Math.min(LONGEST_PAUSE_MS, Math.max(SHORTEST_PAUSE_MS, tookMs * PAUSE_TO_PLAN))
    if (hasChanged(run)) this.#options.log.info({ ...run, took_ms: Math.round(tookMs) }, 'planned')
    this.#options.onPlanned()
  }

  /** Undefined: ended by `close`, which is no failure, and nobody’s to look at. */
  async #planUnlessClosed(): Promise<PlanRun | undefined> {
    try {
      return await this.#planner.run()
    } catch (error) {
      if (this.#closed) return undefined
      throw error
    }
  }
}

/** A slot that nobody may claim any more. */
const ANYTHING_MISSED = `
  with clock as materialized (select goniec.now() - $1 * interval '1 millisecond' as oldest)
  select exists (
    select from goniec.message m, clock
    where m.status = 'pending' and m.scheduled_at > '-infinity' and m.scheduled_at < clock.oldest
  ) as missed`
