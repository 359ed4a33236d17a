/**
 * Orders of steps: several actors, each with its own steps in their fixed sequence, taken in turn in every way there is. Pure: how many
 * there are by a formula, all of them by generation, and any single one by its number.
 */

/** How many steps each actor has. */
export type Steps = Readonly<Record<string, number>>

/** An order, written down: whose turn it is, step after step. */
export type Order = readonly string[]

/** n! / (a! · b! · …) for n = a + b + … */
export function countOrders(steps: Steps): number {
  let count = 1
  let placed = 0
  for (const own of Object.values(steps)) {
    placed += own
    count *= choose(placed, own)
  }
  return count
}

/** The formula as people write it: `10!/(4!·4!·1!·1!)`. */
export function formulaOf(steps: Steps): string {
  const counts = Object.values(steps)
  const all = counts.reduce((sum, own) => sum + own, 0)
  return `${all}!/(${counts.map((own) => `${own}!`).join('·')})`
}

/** Every order once. */
export function* allOrders(steps: Steps): Generator<Order> {
  const movable = Object.keys(steps).filter((actor) => (steps[actor] ?? 0) > 0)
  if (movable.length === 0) yield []
  for (const actor of movable) for (const rest of allOrders(without(steps, actor))) yield [actor, ...rest]
}

/** The order of this number, from 0 to `countOrders(steps) - 1`, in the sequence of `allOrders`. */
export function orderAt(steps: Steps, number: number): Order {
  for (const actor of Object.keys(steps)) {
    if ((steps[actor] ?? 0) === 0) continue
    const rest = without(steps, actor)
    const behind = countOrders(rest)
    if (number < behind) return [actor, ...orderAt(rest, number)]
    number -= behind
  }
  return []
}

/**
 * The same order with this step of an actor (counted from 0) taken as early as it can be: right after the actor's step before it, or after
 * the last step between the two that it must come behind.
 */
export function takenEarly(order: Order, actor: string, step: number, { behind }: { behind: string }): Order {
  const own = order.flatMap((name, place) => (name === actor ? [place] : []))
  const [before, place] = [own[step - 1], own[step]]
  if (before === undefined || place === undefined) return order
  const last = order.slice(before, place).lastIndexOf(behind)
  const target = last === -1 ? before + 1 : before + last + 1
  return [...order.slice(0, target), actor, ...order.slice(target, place), ...order.slice(place + 1)]
}

/** The steps that are left when this actor has taken one. */
function without(steps: Steps, actor: string): Steps {
  return { ...steps, [actor]: (steps[actor] ?? 0) - 1 }
}

/** In how many ways `few` of `all` places can be chosen. */
export function choose(all: number, few: number): number {
  let count = 1
  for (let n = 1; n <= few; n += 1) count = (count * (all - few + n)) / n
  return Math.round(count)
}
