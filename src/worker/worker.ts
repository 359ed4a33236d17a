/**
 * A worker: the process that sends.
 *
 * It starts in this order: take the name, look back whether the database still knows what was sent under it, recover what was left, plan,
 * dispatch; and goes through the same order on every return
 * from an outage of the database. Between these, tasks of the engine and notifications wake it.
 *
 * Owns       its parts and their order. Promises: SIGTERM drains within a bound and loses nothing; while the database is away it sends
 *            nothing new and keeps its outcomes; if another process holds its name afterwards, it settles what it holds and ends non-zero.
 * Leaves     what a mail goes through to Sender, when to claim to Dispatch, when to plan to Planning, truth to the database.
 */
// long: the order in which it starts and comes back, and whatever can interrupt it, stand on one page
import { setTimeout as delay } from 'node:timers/promises'
import type { Client } from 'pg'
import { readMigrations } from '../database/migration-files.ts'
import type { Database } from '../database/pool.ts'
import { isDatabaseLost } from '../database/failures.ts'
import { openDatabase, retireIdle } from '../database/pool.ts'
import { makeReady } from '../delivery/ready.ts'
import { messageOf } from '../errors.ts'
import type { Logger } from '../log.ts'
import { POLL_INTERVAL_MS } from './engine.ts'
import { Memory } from './memory.ts'
import { takeMinute } from './minute.ts'
import { watchSchema } from './newer-schema.ts'
import { makeParts, type Parts } from './parts.ts'
import { getsOn } from './progress.ts'
import { recoverAll } from './recovery.ts'
import { WorkerSession } from './session.ts'
import type { WorkerSettings } from './settings.ts'
import { stopParts, type Stopped } from './stop.ts'
import { MINUTELY, taskList } from './tasks.ts'
import { untilIdle } from './until-idle.ts'

export interface WorkerOptions {
  url: string
  /** Undefined: the first free one of host, host-2, host-3 … */
  name?: string | undefined
  settings: WorkerSettings
  /** Days after which contents of mails are dropped; undefined: never. */
  keepContentDays?: number | undefined
  log: Logger
  /** Told of each try to reach the database again that has failed. */
  onAway?: (() => void) | undefined
  /** Told when the worker cannot go on: it has stopped by then, and the process should end with 1. */
  onFatal: (reason: string) => void
}

/** How long before a planned instant dispatch is booked: the engine polls rarely, and the loop waits for the instant itself. */
const WAKE_EARLY_MS = POLL_INTERVAL_MS + 5_000

/** How the notification begins that says what the brake has paused, and why. */
const REFUSALS = 'refusals '

/** How long all else waits for the first mail: a server may take minutes. */
const FIRST_MAIL_MS = 1000

/** After a return of the database that it took back. */
const AGAIN_MS = 1000

export class Worker {
  readonly #options: WorkerOptions
  readonly #database: Database
  readonly #session: WorkerSession
  readonly #memory: Memory
  #log: Logger
  #parts: Parts | undefined
  #tick: NodeJS.Timeout | undefined
  #awayBecause = ''
  /** Recovered and planned since the database was there last: mails may go out. */
  #isInOrder = false
  #lookAtSchema: ReturnType<typeof watchSchema> | undefined
  #stopped: Promise<Stopped> | undefined

  constructor(options: WorkerOptions) {
    this.#options = options
    this.#log = options.log
    const { silenceMs } = options.settings
    const onIdleError = (error: Error): void => this.#log.debug({ problem: messageOf(error) }, 'a connection was lost')
    this.#database = openDatabase(options.url, { name: 'worker', size: 12, silenceMs, onIdleError })
    const onBroken = (error: Error): void => void this.giveUp(error.message)
    this.#memory = new Memory({ settings: options.settings, log: options.log, onBroken })
    this.#session = new WorkerSession(options.url, silenceMs, {
      onNotification: (payload) => this.#notified(payload),
      onLost: (error) => this.#databaseLost(error),
      onStillAway: (error) => this.#databaseStillAway(error),
      onRegained: () => void this.#databaseBack(),
      onOut: (reason) => void this.#out(reason),
      lookBack: (client, name) => this.#lookBack(client, name),
    })
  }

  get name(): string {
    return this.#session.name
  }

  /** Recovers, plans, and begins to send. Rejects where it cannot run at all; what it had begun is stopped by then. */
  async start(): Promise<void> {
    try {
      await this.#session.open(this.#options.name)
      this.#log = this.#log.child({ worker: this.name, incarnation: this.#session.incarnationId })
      this.#log.info('worker started')
      this.#lookAtSchema = watchSchema((await readMigrations()).length)
      this.#parts = this.#makeParts()
      await this.#begin(this.#parts)
      if (!this.#isStopping) this.#tick = setInterval(() => void this.#everyMinute(), this.#options.settings.tickMs)
    } catch (error) {
      if (this.#isStopping) return
      await this.stop()
      throw error
    }
  }

  /** Sends until nothing is due within the minute and nothing is in flight; then returns. */
  async untilIdle(): Promise<void> {
    if (!this.#parts) return
    const { dispatch, planning } = this.#parts
    await untilIdle({
      database: this.#database,
      graceMs: this.#options.settings.graceMs,
      send: () => dispatch.finish(),
      plan: () => planning.run(),
      isStopping: () => this.#isStopping,
      log: this.#log,
    })
  }

  /** False where mails are due and this worker claims none: it should be started again. */
  async getsOn(): Promise<boolean> {
    const dispatch = this.#parts?.dispatch
    if (!dispatch || this.#isStopping) return true
    const { url, settings } = this.#options
    const sinceClaimMs = (): number => Math.min(dispatch.sinceClaimMs, this.#session.heldMs)
    return getsOn({ url, graceMs: settings.graceMs, sinceClaimMs, log: this.#log })
  }

  /** Stops claiming, lets mails in flight end within the bound, writes what is left, and gives the name back. Every caller waits for the same end. */
  async stop(): Promise<Stopped> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  get #isStopping(): boolean {
    return this.#stopped !== undefined
  }

  async #stop(): Promise<Stopped> {
    clearInterval(this.#tick)
    return stopParts({
      parts: this.#parts,
      session: this.#session,
      memory: this.#memory,
      database: this.#database,
      drainMs: this.#options.settings.drainMs,
      log: this.#log,
    })
  }

  #makeParts(): Parts {
    return makeParts({
      database: this.#database,
      session: this.#session,
      logbook: this.#memory,
      settings: this.#options.settings,
      log: this.#log,
      onEngineDead: (reason) => void this.giveUp(reason),
    })
  }

  /** With its name taken, the loss of the database is an outage like any other: outcomes are kept, and what it had begun is taken up again. */
  async #begin(parts: Parts): Promise<void> {
    try {
      await this.#inOrder(parts)
    } catch (error) {
      if (!isDatabaseLost(error)) throw error
      this.#notYet(error)
      void this.#takeUp()
    }
  }

  /** Meanwhile the sessions that the first mails go through get ready. What fails there is told by whoever asks next. */
  async #lookBack(client: Client, name: string): Promise<void> {
    void makeReady(this.#database).catch((error: unknown) =>
      this.#log.debug({ problem: messageOf(error) }, 'sessions are not ready yet'),
    )
    await this.#memory.lookBack(client, name)
  }

  /** Recover, plan, dispatch. What is needed for later mails only, the engine and a plan that nothing waits for, does not take from the first ones' time. */
  async #inOrder({ planning, dispatch, engine, forecasts, tokens }: Parts): Promise<void> {
    await this.#recover()
    if (!this.#isStopping) await planning.beforeDispatch()
    if (this.#isStopping) return
    void this.#runDispatch()
    this.#isInOrder = true
    await dispatch.firstOver(FIRST_MAIL_MS)
    // Whoever has it back begins anew.
    if (this.#isStopping || !this.#isInOrder) return
    planning.afterDispatch()
    await engine.start(
      taskList({
        name: this.name,
        database: this.#database,
        deadlines: this.#options.settings.deadlines,
        tokens,
        keepContentDays: this.#options.keepContentDays,
        dispatch: () => this.#runDispatch(),
        plan: () => planning.runUnlessWaiting(),
        recover: () => this.#recover(),
        forecast: () => forecasts.begin(),
        log: this.#log,
      }),
    )
    await this.#bookDispatch()
  }

  async #recover(): Promise<void> {
    const held = this.#parts?.dispatch.held ?? []
    await recoverAll({ database: this.#database, session: this.#session, held, log: this.#log })
  }

  async #runDispatch(): Promise<void> {
    const nextInMs = await this.#parts?.dispatch.run()
    if (nextInMs !== undefined && !this.#isStopping) await this.#bookDispatch(Math.max(0, nextInMs - WAKE_EARLY_MS))
  }

  async #bookDispatch(afterMs = 0): Promise<void> {
    if (this.#parts?.dispatch.isRunning) return this.#parts.dispatch.wake()
    await this.#parts?.engine.book([this.#dispatchTask], { afterMs })
  }

  get #dispatchTask(): string {
    return `dispatch:${this.name}`
  }

  /** For itself, dispatch; for all workers whoever comes first, what they need once. */
  async #everyMinute(): Promise<void> {
    void this.#memory.beat(this.#session)
    const tasks: string[] = (await this.#isTurnOurs()) ? [...MINUTELY] : []
    if (this.#parts?.dispatch.isRunning) this.#parts.dispatch.wake()
    else tasks.push(this.#dispatchTask)
    if (tasks.length > 0) await this.#parts?.engine.book(tasks)
  }

  async #isTurnOurs(): Promise<boolean> {
    try {
      const { isOurs, schema } = await takeMinute(this.#database, this.#options.settings.tickMs)
      this.#lookAtSchema?.(schema, this.#log)
      return isOurs
    } catch (error) {
      this.#log.debug({ problem: messageOf(error) }, 'the minute could not be taken; the database may be away')
      return false
    }
  }

  #notified(payload: string): void {
    if (payload === 'plan') this.#parts?.planning.requestForPerson()
    // At once, and not by a job: the loop, when it ends, books one for later, which could take its place.
    if (payload === 'dispatch' && this.#isInOrder) void this.#runDispatch()
    if (payload === 'restored') void this.#memory.beat(this.#session)
    if (payload.startsWith(REFUSALS))
      this.#log.error({ why: payload.slice(REFUSALS.length) }, 'paused: too many refusals')
  }

  #databaseLost(error: Error): void {
    this.#log.error({ problem: messageOf(error) }, 'the database is away: nothing new is sent, outcomes are kept')
    this.#awayBecause = ''
    this.#isInOrder = false
    this.#parts?.engine.abandon()
    this.#parts?.planning.abandon()
    retireIdle(this.#database.pool)
    // Its loop sees that it may not claim, and ends: it begins anew behind the plan.
    this.#parts?.dispatch.wake()
  }

  /** A line for each new reason, not for each try. */
  #databaseStillAway(error: unknown): void {
    const problem = messageOf(error)
    if (problem !== this.#awayBecause) this.#log.warn({ problem }, 'the database is still away; it is tried again')
    this.#awayBecause = problem
    this.#options.onAway?.()
  }

  async #databaseBack(): Promise<void> {
    this.#log.info({ outcomes_kept: this.#parts?.outcomes.kept.length }, 'the database is back')
    await this.#takeUp()
  }

  async #takeUp(): Promise<void> {
    while (this.#session.held && !this.#isStopping && this.#parts) {
      try {
        this.#parts.outcomes.retryNow()
        await this.#inOrder(this.#parts)
        return
      } catch (error) {
        this.#notYet(error)
        await delay(AGAIN_MS)
      }
    }
  }

  #notYet(error: unknown): void {
    this.#log.warn({ problem: messageOf(error) }, 'work could not be taken up yet; it is tried again')
  }

  async #out(reason: string): Promise<void> {
    this.#log.fatal({ outcomes_kept: this.#parts?.outcomes.kept.length, reason }, 'the name cannot be had back')
    this.#parts?.outcomes.retryNow()
    await this.giveUp(reason)
  }

  /** Ends it, so that a supervisor starts it again: what is in flight is finished and written first. */
  async giveUp(reason: string): Promise<void> {
    this.#log.fatal({ reason }, 'the worker cannot go on')
    await this.stop()
    this.#options.onFatal(reason)
  }
}
