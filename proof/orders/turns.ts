/**
 * Actors that move one at a time. An actor is a plain async function that calls `turn()` before each of its steps; it goes on when the
 * director says that it is its turn, and nobody else moves until it asks for the next one, has ended, or is seen waiting in Postgres for a
 * lock that another holds. So an order of steps is exactly what was asked for, every time.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { messageOf } from '../../src/errors.ts'

/** Decides whose turn it is. */
export interface Director {
  /** One of those who are ready for their next step; undefined: the order that is followed cannot go on, or is over. */
  next: (ready: readonly string[], ended: readonly string[]) => string | undefined
}

/** Asks for the next turn; resolves with its number, counted over all actors. */
export type Turn = () => Promise<number>

export interface Part {
  name: string
  act: (turn: Turn) => Promise<void>
  /** Whether it waits for another's lock. Undefined: nothing of it is ever left open, so nobody can. */
  isBlocked?: () => Promise<boolean>
}

export interface Played {
  /** Whose turn it was, step after step. */
  order: string[]
  /** False: it was the turn of one who waited for another. */
  possible: boolean
  /** Actors that failed, with the error. */
  failures: string[]
}

/** Has the parts act in the order that the director chooses. */
export async function playTurns(parts: readonly Part[], director: Director): Promise<Played> {
  const clock = { turn: 0 }
  const actors = parts.map((part) => new Actor(part, clock))
  const played: Played = { order: [], possible: true, failures: [] }
  for (const actor of actors) await actor.rest()
  for (;;) {
    const ready = actors.filter(({ state }) => state === 'ready').map(({ name }) => name)
    const moving = actors.filter(({ state }) => state === 'moving')
    if (ready.length === 0 && moving.length > 0) {
      // Everybody waits for somebody: Postgres will find out, and refuse one of them.
      await Promise.race(moving.map((actor) => actor.changed))
      continue
    }
    const ended = actors.filter(({ state }) => state === 'ended').map(({ name }) => name)
    const next = director.next(ready, ended)
    const chosen = actors.find(({ name }) => name === next)
    if (!chosen) break
    played.order.push(chosen.name)
    chosen.move()
    await chosen.rest()
    for (const actor of actors) if (actor !== chosen && actor.state === 'moving') await actor.rest()
  }
  played.possible = actors.every(({ state }) => state === 'ended')
  played.failures = actors.flatMap(({ name, failure }) => (failure === undefined ? [] : [`${name}: ${failure}`]))
  await Promise.all(actors.map((actor) => actor.dismiss()))
  return played
}

class Dismissed extends Error {}

class Actor {
  readonly name: string
  state: 'moving' | 'ready' | 'ended' = 'moving'
  failure: string | undefined
  #part: Part
  #clock: { turn: number }
  #changed = Promise.withResolvers<void>()
  #grant: PromiseWithResolvers<number> | undefined
  #isDismissed = false
  #end: Promise<void>

  constructor(part: Part, clock: { turn: number }) {
    this.name = part.name
    this.#part = part
    this.#clock = clock
    this.#end = this.#act()
  }

  get changed(): Promise<void> {
    return this.#changed.promise
  }

  move(): void {
    this.state = 'moving'
    this.#clock.turn += 1
    this.#changed = Promise.withResolvers()
    this.#grant?.resolve(this.#clock.turn)
  }

  /** Until it asks for its next turn, has ended, or waits for another. */
  async rest(): Promise<void> {
    const { isBlocked } = this.#part
    if (!isBlocked) return this.changed
    while (this.state === 'moving') {
      await Promise.race([this.changed, delay(1)])
      if (this.state === 'moving' && (await isBlocked())) return
    }
  }

  /** Ends it where it stands. */
  async dismiss(): Promise<void> {
    this.#isDismissed = true
    if (this.state === 'ready') this.#grant?.reject(new Dismissed())
    await this.#end
  }

  async #act(): Promise<void> {
    try {
      await this.#part.act(async () => {
        if (this.#isDismissed) throw new Dismissed()
        this.state = 'ready'
        this.#grant = Promise.withResolvers()
        this.#changed.resolve()
        return this.#grant.promise
      })
    } catch (error) {
      if (!(error instanceof Dismissed)) this.failure = messageOf(error)
    }
    this.state = 'ended'
    this.#changed.resolve()
  }
}
