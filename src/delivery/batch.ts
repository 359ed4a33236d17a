/**
 * Coalescing: what is asked for within a moment becomes one statement and one commit. Fences and outcomes of mails in flight
 * together go through here; measured, that doubles the mails a second.
 *
 * Items wait at most `waitMs` for company, or for the run under way: a run costs nearly the same for one item as for twenty, and two at a time only
 * share the items between them, down to runs of a few that cost more than their items. Only beside a run that is late, most likely by waiting for
 * somebody's lock, may the next one begin. A run takes at most `most` items. Each item gets its own answer. A run that fails fails for all its items:
 * whoever wants them tried one by one does so in `run`.
 */
import type { DatabaseError } from 'pg'
import { isLockRefused } from '../database/given-up-locks.ts'

export interface CoalescerOptions<Item, Answer> {
  run: (items: Item[]) => Promise<Answer[]>
  waitMs?: number
  most?: number
  /** A run that has taken as long is late: it most likely waits for somebody. */
  lateMs?: number
  /** Runs at the same time, the late ones included. */
  concurrency?: number
}

interface Waiting<Item, Answer> {
  item: Item
  resolve: (answer: Answer) => void
  reject: (error: unknown) => void
}

export class Coalescer<Item, Answer> {
  #options: Required<CoalescerOptions<Item, Answer>>
  #waiting: Waiting<Item, Answer>[] = []
  #timer: NodeJS.Timeout | undefined
  #running = 0
  #late = 0

  constructor({ waitMs = 1, most = 200, lateMs = 250, concurrency = 2, ...options }: CoalescerOptions<Item, Answer>) {
    this.#options = { ...options, waitMs, most, lateMs, concurrency }
  }

  /** The answer to this item. */
  ask(item: Item): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject })
      this.#timer ??= setTimeout(() => this.#start(), this.#options.waitMs)
    })
  }

  #start(): void {
    this.#timer = undefined
    const { most, concurrency } = this.#options
    const isRunning = this.#running > this.#late
    if (this.#waiting.length > 0 && !isRunning && this.#running < concurrency) {
      void this.#run(this.#waiting.splice(0, most))
    }
  }

  async #run(batch: Waiting<Item, Answer>[]): Promise<void> {
    this.#running += 1
    let isLate = false
    const lateness = setTimeout(() => {
      isLate = true
      this.#late += 1
      if (this.#timer === undefined) this.#start()
    }, this.#options.lateMs)
    try {
      const answers = await this.#options.run(batch.map(({ item }) => item))
      for (const [index, { resolve, reject }] of batch.entries()) {
        const answer = answers[index]
        if (answer === undefined) reject(new RangeError('a coalesced statement left an item without an answer'))
        else resolve(answer)
      }
    } catch (error) {
      for (const { reject } of batch) reject(error)
    } finally {
      clearTimeout(lateness)
      this.#running -= 1
      if (isLate) this.#late -= 1
      if (this.#timer === undefined) this.#start()
    }
  }
}

/**
 * Connection trouble, a server that takes no writes, resources, shutdown, deadlock: the same batch may succeed later, and trying its rows one by one would not help. A
 * lock that was waited for in vain is about one of its rows.
 */
export function isAboutTheServer(error: DatabaseError): boolean {
  return !isLockRefused(error) && /^(08|25006|40|53|55|57|58)/.test(error.code ?? '')
}
