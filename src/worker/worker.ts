/**
 * A worker: the process that sends.
 *
 * It starts in this order: take the name, recover what was left under it, plan, dispatch; and goes through the same order on every return
 * from an outage of the database. Between these, tasks of the engine and notifications wake it.
 *
 * Owns       its parts and their order. Promises: SIGTERM drains within a bound and loses nothing; while the database is away it sends
 *            nothing new and keeps its outcomes; if another process holds its name afterwards, it settles what it holds and ends non-zero.
 * Leaves     what a mail goes through to Sender, when to claim to Dispatch, truth to the database.
 */
import type { PlanRun } from '../campaigns/plan/run.ts'
import { openDatabase, type Database } from '../database/pool.ts'
import { recover } from '../delivery/recover.ts'
import type { Settlement } from '../delivery/settle.ts'
import { messageOf } from '../errors.ts'
import type { Logger } from '../log.ts'
import { Connections } from './connections.ts'
import { Dispatch } from './dispatch.ts'
import { Engine, POLL_INTERVAL_MS } from './engine.ts'
import { Outcomes } from './outcomes.ts'
import { Planner } from './planner.ts'
import { Sender } from './sender.ts'
import { WorkerSession } from './session.ts'
import type { WorkerSettings } from './settings.ts'
import { taskList, CRON } from './tasks.ts'

export interface WorkerOptions {
  url: string
  /** Undefined: the first free one of host, host-2, host-3 … */
  name?: string | undefined
  settings: WorkerSettings
  /** Days after which contents of mails are dropped; undefined: never. */
  keepContentDays?: number | undefined
  log: Logger
  /** Told when the worker cannot go on: it has stopped by then, and the process should end with 1. */
  onFatal: (reason: string) => void
}

/** How long before a planned instant the dispatch job is booked: the engine polls rarely, and the loop waits for the instant itself. */
const WAKE_EARLY_MS = POLL_INTERVAL_MS + 5_000

/** Between two plans that mails' ends ask for: a moment, or ten times as long as a plan takes. */
const PLAN_PAUSE_MS = 300

export class Worker {
  readonly #options: WorkerOptions
  readonly #database: Database
  readonly #session: WorkerSession
  readonly #engine: Engine
  readonly #connections: Connections
  readonly #planner: Planner
  #log: Logger
  #outcomes: Outcomes | undefined
  #dispatch: Dispatch | undefined
  #minuteTimer: NodeJS.Timeout | undefined
  #planTimer: NodeJS.Timeout | undefined
  #planPauseMs = PLAN_PAUSE_MS
  #planning: Promise<void> = Promise.resolve()
  #stopping = false

  constructor(options: WorkerOptions) {
    this.#options = options
    this.#log = options.log
    this.#database = openDatabase(options.url, {
      name: 'worker',
      size: 12,
      onIdleError: (error) => this.#log.debug({ problem: messageOf(error) }, 'a connection was lost'),
    })
    this.#connections = new Connections(options.settings.deadlines)
    this.#planner = new Planner({ url: options.url, graceMs: options.settings.graceMs })
    this.#session = new WorkerSession(options.url, {
      onNotification: (payload) => this.#notified(payload),
      onLost: (error) => this.#databaseLost(error),
      onRegained: () => void this.#databaseBack(),
      onUsurped: () => void this.#usurped(),
    })
    this.#engine = new Engine({
      url: options.url,
      cron: CRON,
      log: options.log,
      onDead: (reason) => void this.#die(reason),
    })
  }

  get name(): string {
    return this.#session.name
  }

  /** Recovers, plans, and begins to send. Rejects where it cannot run at all. */
  async start(): Promise<void> {
    await this.#session.open(this.#options.name)
    this.#log = this.#log.child({ worker: this.name, incarnation: this.#session.incarnationId })
    this.#log.info('worker started')
    const { settings } = this.#options
    const common = { database: this.#database, incarnationId: this.#session.incarnationId, settings, log: this.#log }
    const outcomes = new Outcomes({
      pool: this.#database.pool,
      incarnationId: this.#session.incarnationId,
      log: this.#log,
    })
    const sender = new Sender({
      ...common,
      connections: this.#connections,
      outcomes,
      mayFence: () => this.#session.held,
    })
    this.#outcomes = outcomes
    this.#dispatch = new Dispatch({
      ...common,
      sender,
      mayClaim: () => this.#session.held,
      onSettled: (settlement) => this.#settled(settlement),
    })
    await this.recover()
    await this.#planBeforeDispatch()
    await this.#startEngine()
    this.#minuteTimer = setInterval(() => void this.#bookDispatch(), 60_000)
    await this.#bookDispatch()
  }

  /** Sends until nothing is due within the minute and nothing is in flight; then returns. */
  async untilIdle(): Promise<void> {
    while (!this.#stopping) {
      await this.#dispatch?.run()
      await this.plan()
      if (!this.#stopping && !(await this.#isBusySoon())) return
    }
  }

  /** Ends what vanished workers left: of this name at once, of others when their time is over. */
  async recover(): Promise<void> {
    const { gone, seenGone } = await this.#session.predecessors()
    const recovered = await recover(this.#database.pool, { incarnationId: this.#session.incarnationId, gone, seenGone })
    await this.#session.endPredecessors(gone)
    for (const { attemptId, messageId, state } of recovered) {
      const fields = { attempt_id: attemptId, message_id: messageId, state }
      if (state === 'in_doubt') this.#log.error(fields, 'in doubt: its worker was gone before the answer was known')
      else this.#log.warn(fields, 'recovered: nothing had been sent')
    }
  }

  /** Plans once; nothing is planned any more by a worker that stops. */
  async plan(): Promise<void> {
    if (this.#stopping) return
    // One at a time; one that failed does not keep the next from running.
    this.#planning = this.#planning.catch(() => undefined).then(() => this.#plan())
    await this.#planning
  }

  /**
   * Recover, plan, dispatch: in this order, so that what was missed does not go out before it has a place again. Where nothing was missed
   * the plan can only add to what is due, and goes on beside the first mails.
   */
  async #planBeforeDispatch(): Promise<void> {
    const [row] = await this.#database.query<{ missed: boolean }>(ANYTHING_MISSED, [this.#options.settings.graceMs])
    const planned = this.plan()
    if (row?.missed === false) {
      planned.catch((error: unknown) =>
        this.#log.warn({ problem: messageOf(error) }, 'the first plan failed; it is tried again within the minute'),
      )
    } else {
      await planned
    }
  }

  async #plan(): Promise<void> {
    const startedMs = performance.now()
    const run = await this.#planner.run()
    const tookMs = performance.now() - startedMs
    this.#planPauseMs = Math.min(30_000, Math.max(PLAN_PAUSE_MS, tookMs * 10))
    if (hasChanged(run)) this.#log.info({ ...run, took_ms: Math.round(tookMs) }, 'planned')
    this.#dispatch?.wake()
  }

  /** Stops claiming, lets mails in flight end within the bound, writes what is left, and gives the name back. */
  async stop(): Promise<void> {
    if (this.#stopping) return
    this.#stopping = true
    clearInterval(this.#minuteTimer)
    clearTimeout(this.#planTimer)
    this.#log.info({ in_flight: this.#dispatch?.inFlight ?? 0 }, 'worker stops: mails in flight are finished first')
    await this.#drain()
    await this.#planning.catch(() => undefined)
    await this.#engine.stop(2000)
    await this.#planner.close()
    await this.#connections.close()
    await this.#session
      .close()
      .catch((error: unknown) => this.#log.debug({ problem: messageOf(error) }, 'the session was gone'))
    await this.#database.close()
    this.#log.info('worker stopped')
  }

  /** Twice the bound: once for the dialogues, once for the database to take what came of them. */
  async #drain(): Promise<void> {
    const { drainMs } = this.#options.settings
    const timer = setTimeout(() => {
      for (const { attemptId, outcome, response } of this.#outcomes?.giveUp() ?? []) {
        this.#log.fatal(
          { attempt_id: attemptId, outcome, response },
          'this outcome could not be written; recovery will decide on its attempt',
        )
      }
    }, drainMs * 2)
    await this.#dispatch?.stop(drainMs)
    clearTimeout(timer)
  }

  async #startEngine(): Promise<void> {
    await this.#engine.start(
      taskList({
        name: this.name,
        database: this.#database,
        deadlines: this.#options.settings.deadlines,
        keepContentDays: this.#options.keepContentDays,
        dispatch: () => this.#runDispatch(),
        plan: () => this.plan(),
        recover: () => this.recover(),
        log: this.#log,
      }),
    )
  }

  async #runDispatch(): Promise<void> {
    const nextInMs = await this.#dispatch?.run()
    if (nextInMs !== undefined && !this.#stopping) await this.#bookDispatch(Math.max(0, nextInMs - WAKE_EARLY_MS))
  }

  async #bookDispatch(afterMs = 0): Promise<void> {
    if (this.#dispatch?.isRunning) return this.#dispatch.wake()
    try {
      await this.#engine.book(`dispatch:${this.name}`, { afterMs })
    } catch (error) {
      this.#log.warn(
        { problem: messageOf(error) },
        'the next dispatch could not be booked; it is booked again within the minute',
      )
    }
  }

  async #isBusySoon(): Promise<boolean> {
    const [row] = await this.#database.query<{ busy: boolean }>(DUE_WITHIN_THE_MINUTE, [this.#options.settings.graceMs])
    return row?.busy === true
  }

  #settled({ status }: Settlement): void {
    // What is pending again, and a next step's mail, want a slot.
    if (status === 'pending' || status === 'sent') this.#requestPlan()
  }

  #requestPlan(): void {
    if (this.#planTimer !== undefined || this.#stopping) return
    this.#planTimer = setTimeout(() => {
      this.#planTimer = undefined
      this.#engine.book('plan').catch((error: unknown) => {
        this.#log.warn(
          { problem: messageOf(error) },
          'the next plan could not be booked; it is booked again within the minute',
        )
      })
    }, this.#planPauseMs)
  }

  #notified(payload: string): void {
    if (payload === 'plan') this.#requestPlan()
    if (payload === 'dispatch') void this.#bookDispatch()
  }

  #databaseLost(error: Error): void {
    this.#log.error({ problem: messageOf(error) }, 'the database is away: nothing new is sent, outcomes are kept')
    this.#engine.abandon()
  }

  async #databaseBack(): Promise<void> {
    this.#log.info('the database is back')
    try {
      this.#outcomes?.retryNow()
      await this.recover()
      await this.#planBeforeDispatch()
      await this.#startEngine()
      await this.#bookDispatch()
    } catch (error) {
      // Gone again: the session notices too, and this is called anew.
      this.#log.warn({ problem: messageOf(error) }, 'the database went away again')
    }
  }

  async #usurped(): Promise<void> {
    this.#log.fatal({ unsettled: this.#outcomes?.kept.length }, 'another process works under this name now')
    this.#outcomes?.retryNow()
    await this.#die(`another process works under the name "${this.name}" now`)
  }

  async #die(reason: string): Promise<void> {
    await this.stop()
    this.#options.onFatal(reason)
  }
}

/** A slot that nobody may claim any more, or that stands on settings of before. */
const ANYTHING_MISSED = `
  with clock as materialized (select goniec.now() as now)
  select exists (
    select from goniec.message m, clock
    where m.status = 'pending' and m.scheduled_at > '-infinity' and m.scheduled_at < clock.now - $1 * interval '1 millisecond'
  ) or not exists (
    select from goniec.message m, clock
    where m.status = 'pending' and m.scheduled_at > '-infinity' and m.scheduled_at >= clock.now - $1 * interval '1 millisecond'
  ) as missed`

const DUE_WITHIN_THE_MINUTE = `
  with clock as materialized (select goniec.now() as now)
  select exists (
    select from goniec.message m, clock
    where m.status = 'pending' and m.scheduled_at > '-infinity' and m.scheduled_at between clock.now - $1 * interval '1 millisecond' and clock.now + interval '1 minute'
  ) or exists (select from goniec.attempt a where a.state in ('claimed', 'transmitting') and a.message_id is not null) as busy`

function hasChanged({ planned, moved, withdrawn, givenUp, completed }: PlanRun): boolean {
  return planned + moved + withdrawn + givenUp + completed.length > 0
}
