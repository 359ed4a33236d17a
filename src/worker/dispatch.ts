/**
 * The dispatch loop: claims what is due, sends it concurrently, claims again as each mail ends.
 *
 * It is one of three things at any moment:
 *   claiming   one call of claim is under way.
 *   waiting    for the next planned instant, for a mail to end, or for a wake-up: it is ready before the instant, so that lateness
 *              is a matter of milliseconds and not of polling.
 *   asleep     nothing is due soon and nothing in flight: `run` has returned, with the instant at which to be called again.
 *
 * Owns       the mails in flight, by attempt. Promises that at most `inFlight` are, and that it is safe to overlap: claim decides.
 * Leaves     booking its next wake-up to the worker.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { isUnableToWrite } from '../database/failures.ts'
import type { Database } from '../database/pool.ts'
import { claim, type Claim, type ClaimedAttempt } from '../delivery/claim.ts'
import { recover } from '../delivery/recover.ts'
import type { Settlement } from '../delivery/settle.ts'
import { messageOf } from '../errors.ts'
import { instantAt } from '../time.ts'
import type { Logger } from '../log.ts'
import { Alarm } from './alarm.ts'
import { busyWaitMs } from './busy.ts'
import { loadContents, type Contents } from './contents.ts'
import type { Sender } from './sender.ts'
import type { WorkerSettings } from './settings.ts'

export interface DispatchOptions {
  database: Database
  incarnationId: number
  settings: WorkerSettings
  sender: Pick<Sender, 'send'>
  /** Which time of holding its name this worker is in; undefined: it has lost it, and may not claim. */
  tenure: () => number | undefined
  /** Told of each settled mail. */
  onSettled: (settlement: Settlement) => void
  /** `run` waits for what is due soon. False where the clock stands still: it returns as soon as nothing can go at this instant. */
  waits?: boolean
  log: Logger
}

/** `run` returns instead of waiting for what is further away than this: longer than the engine may take to call it, which is told so early. */
const SOON_MS = 60_000

export class Dispatch {
  #options: DispatchOptions
  #inFlight = new Map<number, Promise<void>>()
  #dialogues = new AbortController()
  #running = false
  /** Resolves when the first mail of the call under way is over, or there is none. */
  #first = Promise.withResolvers<void>()
  /** The time of holding the name in which it was called last. */
  #calledIn: number | undefined
  /** Resolves when the loop under way has ended. */
  #ended: Promise<unknown> = Promise.resolve()
  #stopping = false
  /** A claim whose answer was lost: its attempts are ours, and nobody has them. */
  #claimLost = false
  #busyInARow = 0
  #failedLoads = 0
  #answeredAtMs = performance.now()
  readonly #alarm = new Alarm()

  constructor(options: DispatchOptions) {
    this.#options = options
  }

  /** The attempts that are in flight, or whose outcome is not written yet. */
  get held(): number[] {
    return [...this.#inFlight.keys()]
  }

  /** How long ago the last claim was answered, whatever the answer was: also that the database cannot write, as it would tell any other worker. */
  get sinceClaimMs(): number {
    return performance.now() - this.#answeredAtMs
  }

  get isRunning(): boolean {
    return this.#running
  }

  /**
   * Sends until nothing is due soon. Resolves with the milliseconds until the next planned instant; undefined where nothing is planned,
   * or another call is at it. It claims only in the time of holding the name in which it was called: who has it back recovers and plans first.
   */
  async run(): Promise<number | undefined> {
    this.#calledIn = this.#options.tenure()
    if (this.#running) {
      this.wake()
      return undefined
    }
    this.#running = true
    this.#first = Promise.withResolvers()
    const loop = this.#loop()
    this.#ended = Promise.allSettled([loop])
    try {
      return await loop
    } finally {
      this.#running = false
      this.#first.resolve()
    }
  }

  /** Waits until the first mail of the call under way is over or there is none to send, but no longer than this. */
  async firstOver(mostMs: number): Promise<void> {
    await Promise.race([this.#first.promise, delay(mostMs, undefined, { ref: false })])
  }

  /** Sends until nothing is due soon; where another call is at it, waits for that one. */
  async finish(): Promise<void> {
    if (this.#running) await this.#ended
    else await this.run()
  }

  /** Something may have opened: look again now. */
  wake(): void {
    this.#alarm.ring()
  }

  /** Claims nothing more, and waits for what is in flight, at most this long; then ends the dialogues. Outcomes are written in any case. */
  async stop(drainMs: number): Promise<void> {
    this.#stopping = true
    this.wake()
    const timer = setTimeout(() => this.#dialogues.abort(), drainMs)
    // A claim that is just being answered still brings mails.
    await this.#ended
    await Promise.all(this.#inFlight.values())
    clearTimeout(timer)
  }

  async #loop(): Promise<number | undefined> {
    for (let failures = 0; ;) {
      const tenure = this.#options.tenure()
      if (this.#stopping || tenure === undefined || tenure !== this.#calledIn) return undefined
      this.#alarm.set()
      const claimedAtMs = performance.now()
      const answer = await this.#claim()
      failures = answer === undefined ? failures + 1 : 0
      if (answer === undefined) {
        await this.#alarm.until(pauseAfterMs(failures))
        continue
      }
      const askedAtMs = performance.now()
      this.#answeredAtMs = askedAtMs
      this.#start(answer.attempts, tenure)
      if (this.#inFlight.size === 0) this.#first.resolve()
      if (answer.status === 'claimed') await this.#rest(askedAtMs - claimedAtMs)
      const waitMs = this.#waitAfter(answer, askedAtMs)
      const isOver =
        waitMs === undefined || waitMs > SOON_MS || (this.#options.waits === false && answer.status === 'nothing')
      if (this.#inFlight.size === 0 && isOver && !this.#alarm.hasRung) return waitMs
      await this.#alarm.until(waitMs)
    }
  }

  /** Lets mails end for a moment, so that the next claim finds some more of them: it costs nearly the same for one mail as for twenty. */
  async #rest(claimMs: number): Promise<void> {
    if (!this.#stopping && this.#inFlight.size > 0) await delay(Math.min(claimMs, LONGEST_REST_MS))
  }

  /** Undefined when the database did not answer. */
  async #claim(): Promise<Claim | undefined> {
    const { database, incarnationId, settings, log } = this.#options
    const room = Math.min(settings.batch, settings.inFlight - this.#inFlight.size)
    try {
      if (this.#claimLost) await this.#abortUnheld()
      if (room <= 0) return { status: 'nothing', now: NOWHEN, attempts: [], nextAt: undefined }
      return await claim(database.pool, {
        incarnationId,
        batch: room,
        leaseMs: settings.leaseMs,
        totalMs: settings.leaseMs,
        graceMs: settings.graceMs,
      })
    } catch (error) {
      // Answered: nothing was taken, and nothing is to be undone, which would wait for the same lock for longer than a claim does.
      if (isUnableToWrite(error)) this.#answeredAtMs = performance.now()
      else this.#claimLost = true
      log.warn({ problem: messageOf(error) }, 'claim failed; the database may be away')
      return undefined
    }
  }

  async #abortUnheld(): Promise<void> {
    const { database, incarnationId, log } = this.#options
    // Said first: what is lost while this is under way is still in its list of held ones, and wants another one.
    this.#claimLost = false
    const aborted = await recover(database.pool, { incarnationId, held: this.held }).catch((error: unknown) => {
      this.#claimLost = true
      throw error
    })
    if (aborted.length > 0) log.warn({ attempts: aborted }, 'a claim whose answer was lost is undone')
  }

  /** They are under way from here on. The next claim does not wait until what they are made of is read. */
  #start(attempts: readonly ClaimedAttempt[], tenure: number): void {
    if (attempts.length === 0) return
    const loaded = this.#load(attempts)
    for (const attempt of attempts) this.#inFlight.set(attempt.attemptId, this.#send(attempt, tenure, loaded))
  }

  /** Undefined, after a moment, where the database did not say: undone at once they would be claimed again at once. */
  async #load(attempts: readonly ClaimedAttempt[]): Promise<Contents | undefined> {
    const { database, log } = this.#options
    try {
      const contents = await loadContents(database, attempts)
      this.#failedLoads = 0
      return contents
    } catch (error) {
      log.warn({ problem: messageOf(error) }, 'what was claimed could not be read; the claim will be undone')
      await delay(pauseAfterMs(++this.#failedLoads))
      return undefined
    }
  }

  async #send(attempt: ClaimedAttempt, tenure: number, loading: Promise<Contents | undefined>): Promise<void> {
    const { sender, onSettled } = this.#options
    const loaded = await loading
    try {
      if (!loaded) return
      onSettled(await sender.send({ attempt, ...loaded(attempt), tenure }, this.#dialogues.signal))
    } finally {
      this.#inFlight.delete(attempt.attemptId)
      this.#first.resolve()
      // Claimed, and not even begun: undone as soon as the database answers again. Said when it is not held any more, or it would be spared.
      if (!loaded) this.#claimLost = true
      this.wake()
    }
  }

  /** Milliseconds until a look is worth it by itself. */
  #waitAfter({ status, now, attempts, nextAt }: Claim, askedAtMs: number): number | undefined {
    if (status === 'busy') return busyWaitMs(this.#busyInARow++)
    this.#busyInARow = 0
    if (attempts.length === this.#options.settings.batch) return 0
    if (nextAt === undefined) return undefined
    const elapsedMs = performance.now() - askedAtMs
    return Math.max(0, nextAt.epochMilliseconds - now.epochMilliseconds - elapsedMs)
  }
}

const LONGEST_REST_MS = 5

/** After a claim that failed, or could not be read: a moment, doubled each time. A worker that has lost its name too ends the loop instead. */
const pauseAfterMs = (failures: number): number => Math.min(FAILED_MS * 2 ** failures, LONGEST_FAILED_MS)
const FAILED_MS = 50
const LONGEST_FAILED_MS = 5000

/** Stands for the database's clock where it was not asked. */
const NOWHEN = instantAt(0)
