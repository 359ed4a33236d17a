/**
 * Orders are executed one by one; one that comes to the very same steps as an order before it is not executed again. That happens
 * where an actor ends early (a claim that gets nothing leaves nothing to fence): where in the order it does nothing any more makes no difference.
 *
 * Whether an order can be at all is known in the same way: nobody takes a step while he waits for another's open transaction.
 */
import type { Order } from './orders.ts'
import type { Director } from './turns.ts'

/** Where an execution stands between two steps. */
interface Point<Result> {
  ready: ReadonlySet<string>
  ended: ReadonlySet<string>
  next: Map<string, Point<Result>>
  result: Result | undefined
}

/** Follows one order, and writes down where it came by. What an actor that has ended would do is passed over. */
export class OneOrder implements Director {
  readonly points: Omit<Point<never>, 'next' | 'result'>[] = []
  readonly taken: string[] = []
  #rest: Order

  constructor(order: Order) {
    this.#rest = order
  }

  next(ready: readonly string[], ended: readonly string[]): string | undefined {
    const point = { ready: new Set(ready), ended: new Set(ended) }
    this.points.push(point)
    this.#rest = withoutEnded(this.#rest, point.ended)
    const [wanted, ...rest] = this.#rest
    if (wanted === undefined || !point.ready.has(wanted)) return undefined
    this.#rest = rest
    this.taken.push(wanted)
    return wanted
  }
}

/** Thrown where the same steps came to something else than before: then nothing that is counted here would be true. */
class NotReproduced extends Error {}

export class KnownOrders<Result> {
  /** How many executions there were. */
  executed = 0
  #first: Point<Result> | undefined
  #execute: (director: OneOrder) => Promise<Result>

  constructor(execute: (director: OneOrder) => Promise<Result>) {
    this.#execute = execute
  }

  /** What this order comes to. */
  async play(order: Order): Promise<Result> {
    const known = this.#find(order)
    if (known) return known
    const director = new OneOrder(order)
    const result = await this.#execute(director)
    this.executed += 1
    this.#remember(director, result)
    return result
  }

  #find(order: Order): Result | undefined {
    let rest = order
    let point = this.#first
    while (point) {
      rest = withoutEnded(rest, point.ended)
      const [wanted, ...after] = rest
      // It is over here; or it cannot go on as it is wanted to.
      if (wanted === undefined || !point.ready.has(wanted)) return point.result
      rest = after
      point = point.next.get(wanted)
    }
    return undefined
  }

  #remember({ points, taken }: OneOrder, result: Result): void {
    let point: Point<Result> | undefined
    for (const [index, seen] of points.entries()) {
      const before: Point<Result> | undefined = index === 0 ? this.#first : point?.next.get(taken[index - 1] ?? '')
      const here: Point<Result> = before ?? { ...seen, next: new Map(), result: undefined }
      if (!same(here.ready, seen.ready) || !same(here.ended, seen.ended))
        throw new NotReproduced(`after ${taken.slice(0, index).join(' ')} others could move than before`)
      if (index === 0) this.#first = here
      else point?.next.set(taken[index - 1] ?? '', here)
      point = here
    }
    if (point) point.result = result
  }
}

function withoutEnded(order: Order, ended: ReadonlySet<string>): Order {
  const first = order.findIndex((actor) => !ended.has(actor))
  return first === -1 ? [] : order.slice(first)
}

function same(one: ReadonlySet<string>, other: ReadonlySet<string>): boolean {
  return one.size === other.size && [...one].every((name) => other.has(name))
}
