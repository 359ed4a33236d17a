/**
 * The cells of block F: a cell is a family of orders, a run is one order. The seed is the order's number, counted from 1 in the sequence of
 * `allOrders`; a cell wants as many runs as the formula says there are, each once.
 */
import type { Cell, Run } from '../cell.ts'
import { brokenChecks } from '../invariants.ts'
import { createProofDatabase } from '../database.ts'
import { playOrder, SPLIT, WHOLE, withEarlyDots, type Executed, type Family } from './families.ts'
import { KnownOrders } from './known-orders.ts'
import { countOrders, formulaOf, orderAt } from './orders.ts'
import { Stage } from './stage.ts'

export const cells: readonly Cell[] = [...WHOLE, ...SPLIT].map((family) => {
  const runs = countOrders(family.steps)
  return {
    name: `F/${family.name}`,
    block: 'F',
    runs,
    atOnce: runs,
    async run(seeds, { server }) {
      const database = await createProofDatabase(server)
      try {
        await using stage = await Stage.open(database.url)
        const [first, ...rest] = await runOrders(stage, family, seeds)
        const audit = await brokenChecks(stage.database)
        return first ? [{ ...first, violations: [...first.violations, ...audit] }, ...rest] : []
      } finally {
        await database.drop()
      }
    },
  }
})

/** The steps of a family, and how many orders of them there are. */
function describeFamily({ steps }: Family): string {
  const own = Object.entries(steps).map(([name, count]) => `${name} ${count}`)
  return `${own.join(', ')}: ${formulaOf(steps)} = ${countOrders(steps)}`
}

/** Plays the orders of these numbers. What they leave behind is for the audit. */
export async function runOrders(stage: Stage, family: Family, seeds: readonly number[]): Promise<Run[]> {
  const known = new KnownOrders((director) => playOrder(stage, family, director))
  const played: Executed[] = []
  for (const seed of seeds) played.push(await known.play(withEarlyDots(orderAt(family.steps, seed - 1), family)))
  const impossible = played.filter(({ possible }) => !possible).length
  const counts = `${describeFamily(family)}; ${known.executed} executions, ${impossible} orders that cannot be`
  return played.map(({ possible, violations, accepted, doubts }, index) => ({
    seed: seeds[index] ?? 0,
    hit: possible ? counts : `it cannot be: somebody would move while he waits for another; ${counts}`,
    violations,
    accepted,
    doubts,
  }))
}
