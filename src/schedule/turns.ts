/**
 * Whose turn it is in a day: the lane that may send the earliest; of several at one instant the one that had the least of the day, by weight.
 *
 * Thousands of lanes may wait for the same few mailboxes. They wait in their pool then, and only the one whose turn is next stands among all
 * others: each place that a lane takes would else have all of them look, and find that it is gone.
 */
import { Heap } from './heap.ts'
import { segmentOf, type Lane, type Pool } from './lane.ts'

/** The lanes of one pool that can send nothing before one of its mailboxes is free. */
interface Waiting {
  readonly lanes: Heap<Lane>
  /** Goes before all of them, and stands among the lanes of other pools. */
  front: Lane | null
}

export class Turns {
  readonly #turns = new Heap<Lane>(goesBefore)
  readonly #waiting = new Map<Pool, Waiting>()

  /** Puts a lane where its cursor stands. */
  push(lane: Lane): void {
    this.#turns.push(lane)
  }

  /** Has a lane wait until a mailbox of its pool is free, before which it can do nothing. */
  park(lane: Lane): void {
    const waiting = this.#waiting.get(lane.pool) ?? { lanes: new Heap<Lane>(hadLess), front: null }
    this.#waiting.set(lane.pool, waiting)
    waiting.lanes.push(lane)
    this.#bringForward(lane.pool, waiting)
  }

  pop(): Lane | undefined {
    const lane = this.#turns.pop()
    const waiting = lane && this.#waiting.get(lane.pool)
    if (waiting && waiting.front === lane) waiting.front = null
    return lane
  }

  /** To be called when a lane that was popped has had its turn: of those that wait as it did one is next. */
  hadTurn({ pool }: Lane): void {
    const waiting = this.#waiting.get(pool)
    if (waiting) this.#bringForward(pool, waiting)
  }

  #bringForward(pool: Pool, waiting: Waiting): void {
    const next = waiting.lanes.peek()
    if (!next || (waiting.front && !hadLess(next, waiting.front))) return
    waiting.lanes.pop()
    waiting.front = next
    next.cursorMs = pool.freeFromMs
    this.#turns.push(next)
  }
}

/** Earlier first; at one instant the lane that had the least. */
function goesBefore(a: Lane, b: Lane): boolean {
  return a.cursorMs === b.cursorMs ? hadLess(a, b) : a.cursorMs < b.cursorMs
}

/** The lane that had the least of its day, by weight; then the lower id, so that it is always the same. */
function hadLess(a: Lane, b: Lane): boolean {
  const [aServed, bServed] = [served(a), served(b)]
  return aServed === bServed ? a.id < b.id : aServed < bServed
}

function served(lane: Lane): number {
  const segment = segmentOf(lane)
  return lane.campaign && segment ? lane.campaign.counter.used(segment.sendingDay) / lane.weight : 0
}
