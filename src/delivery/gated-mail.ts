/**
 * The content of one mail, behind two gates. Nodemailer reads it only after the server's 354, and completes the mail with the
 * final dot only when the stream ends; so the first read is where the fence is asked, and the end is where time is looked at.
 *
 * - The first gate opens when the fence has passed. Before that not a byte of content leaves.
 * - The second is the end of the stream. It is released when everything before it has left this process, and only if little time
 *   has passed since the fence was asked: a process that slept in between must not complete a mail whose fence may be stale.
 *   `released` is set just before; it alone tells an unknown outcome from a mail that was surely not accepted.
 *
 * It closes nothing: whoever owns the connection is told that it must end (`onStop`).
 */
import { Readable, type Duplex } from 'node:stream'
import { messageOf } from '../errors.ts'
import type { Failure } from './connection.ts'
import { startMeasuring, type Clocks, systemClocks } from './elapsed.ts'

/** The fence's answer. */
export type FenceVerdict = { passed: true } | { passed: false; reason: string }

/**
 * Asks the fence. Time is measured from this call; a fence that waits before it asks the database calls `restart` just before it
 * does, and time is measured from there. One that throws counts as refused: whatever it committed, no content went out.
 */
export type Fence = (restart: () => void) => Promise<FenceVerdict>

/** Where the fence stands; `unanswered` is a mail that ended while it was being asked. */
export type FenceState = 'not_reached' | 'unanswered' | 'passed' | 'refused'

export interface GatedMailOptions {
  mail: Buffer
  fence: Fence
  dotWithinMs: number
  /** The server has said 354 and nothing since. */
  mayTransmit: () => boolean
  onPassed: () => void
  onProgress: () => void
  onRelease: () => void
  /** The mail may not go on; the connection must end at once. */
  onStop: (failure: Failure) => void
  /** How many bytes the socket has been given that have not left the process. */
  unsentBytes: () => number
  /** Resolves, later, when those have left. */
  flushed: () => Promise<void>
  clocks?: Clocks
}

export class GatedMail extends Readable {
  fence: FenceState = 'not_reached'
  released = false
  #options: GatedMailOptions
  #offset = 0
  #ending = false
  #elapsed: () => number = () => 0
  #target: Duplex | null = null

  constructor(options: GatedMailOptions) {
    super({ highWaterMark: BLOCK_BYTES })
    this.#options = options
  }

  /** Nodemailer pipes the content into its dot-stuffing stream, and that into the socket. */
  override pipe<T extends NodeJS.WritableStream>(target: T, options?: { end?: boolean }): T {
    this.#target = target as unknown as Duplex
    return super.pipe(target, options)
  }

  override _read(): void {
    if (this.fence === 'passed') return this.#next()
    if (this.fence !== 'not_reached') return
    if (this.#options.mayTransmit()) void this.#askFence()
    // Nodemailer also takes a 250 to DATA for a 354; a server that does not wait for content would read it as commands.
    else this.#options.onStop({ kind: 'protocol', text: 'the server does not wait for content' })
  }

  async #askFence(): Promise<void> {
    this.fence = 'unanswered'
    const restart = (): void => {
      this.#elapsed = startMeasuring(this.#options.clocks ?? systemClocks)
    }
    restart()
    const verdict = await this.#verdict(restart)
    this.fence = verdict.passed ? 'passed' : 'refused'
    if (!verdict.passed) return this.#options.onStop({ kind: 'fence_refused', text: verdict.reason })
    if (this.destroyed || !this.#options.mayTransmit()) return
    this.#options.onPassed()
    this.#next()
  }

  async #verdict(restart: () => void): Promise<FenceVerdict> {
    try {
      return await this.#options.fence(restart)
    } catch (error) {
      return { passed: false, reason: `the fence failed: ${messageOf(error)}` }
    }
  }

  #next(): void {
    if (this.#offset >= this.#options.mail.length) {
      if (!this.#ending) void this.#end()
      return
    }
    this.#options.onProgress()
    const block = this.#options.mail.subarray(this.#offset, this.#offset + BLOCK_BYTES)
    this.#offset += block.length
    this.push(block)
  }

  async #end(): Promise<void> {
    this.#ending = true
    while (!this.destroyed && this.#isUnderWay()) await this.#options.flushed()
    if (this.destroyed || !this.#options.mayTransmit()) return
    const elapsedMs = this.#elapsed()
    if (elapsedMs > this.#options.dotWithinMs)
      return this.#options.onStop(tooLate(elapsedMs, this.#options.dotWithinMs))
    this.#options.onRelease()
    this.released = true
    this.push(null)
  }

  #isUnderWay(): boolean {
    const inTarget = this.#target ? this.#target.writableLength + this.#target.readableLength : 0
    return this.readableLength + inTarget + this.#options.unsentBytes() > 0
  }
}

/** So much is pushed at a time. */
const BLOCK_BYTES = 64 * 1024

/** The stop of a mail whose fence is too long ago. */
export function tooLate(elapsedMs: number, withinMs: number): Failure {
  const text = `${Math.round(elapsedMs)} ms had passed since the fence, ${withinMs} ms are allowed; the mail was not completed`
  return { kind: 'too_late_at_dot', text }
}
