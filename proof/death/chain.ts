/**
 * A chain of deaths in one world: each next worker begins with what the one before has left. At its end everything due is sent, and the
 * world is judged.
 */
import type { Ground, Run } from '../cell.ts'
import { checkFinished } from '../invariants.ts'
import { readOracle } from '../oracle.ts'
import { die, finish, markOf, type Death, type Try } from './death.ts'
import { closeWorld, openWorld, type World } from './world.ts'

/** Every death has a run in the result, in this order. */
export async function runChain(tries: readonly Try[], ground: Ground): Promise<Run[]> {
  const world = await openWorld(ground)
  try {
    const deaths: Death[] = []
    for (const tried of tries) deaths.push(await die(world, tried))
    await finish(world)
    return await judge(world, deaths)
  } finally {
    await closeWorld(world)
  }
}

async function judge({ database, oracle }: World, deaths: readonly Death[]): Promise<Run[]> {
  const accepted = readOracle(oracle.path)
  const violations = await checkFinished({ database, accepted, allDue: true })
  const doubts = await database.query<{ recipient: string }>(
    `select recipient from goniec.message where status = 'in_doubt'`,
  )
  const marks = deaths.map(({ tried }) => markOf(tried))
  const isOf = (text: string, index: number): boolean => text.includes(marks[index] ?? 'nobody')
  // What names nobody is told with the last death: the whole chain has to be run again for it.
  const unnamed = violations.filter((violation) => !marks.some((mark) => violation.includes(mark)))
  return deaths.map(({ tried, hit, complaints }, index) => ({
    seed: tried.seed,
    hit,
    violations: [
      ...complaints,
      ...violations.filter((violation) => isOf(violation, index)),
      ...(index === deaths.length - 1
        ? unnamed.map((violation) => `in this chain of ${deaths.length}: ${violation}`)
        : []),
    ],
    accepted: accepted.filter(({ to }) => isOf(to, index)).length,
    doubts: doubts.filter(({ recipient }) => isOf(recipient, index)).length,
  }))
}
