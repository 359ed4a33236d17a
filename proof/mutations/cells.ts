/**
 * A cell for each guard: in a copy of the sources its test is green; then the guard is switched off, and the test has to say what is
 * broken. Of a guard that another one backs, it has to stay green: else the list would be wrong about what holds the promise.
 */
import { join } from 'node:path'
import { assert } from '../../src/errors.ts'
import type { Cell, Ground, Run } from '../cell.ts'
import { MUTATIONS } from './catalogue.ts'
import { makeCheckout, type Checkout } from './checkout.ts'
import { isLoadBearing, type Mutation } from './mutation.ts'
import { runTest, type TestEnd } from './run-test.ts'

export const cells: readonly Cell[] = MUTATIONS.map(toCell)

function toCell(mutation: Mutation): Cell {
  return {
    name: `G/${mutation.name}`,
    block: 'G',
    runs: 1,
    atOnce: 1,
    async run(seeds, ground) {
      const runs: Run[] = []
      for (const seed of seeds) runs.push({ seed, ...(await tryMutation(mutation, ground)), accepted: 0, doubts: 0 })
      return runs
    },
  }
}

async function tryMutation(
  mutation: Mutation,
  { server, directory }: Ground,
): Promise<Pick<Run, 'hit' | 'violations'>> {
  using checkout = makeCheckout(join(directory, 'checkout'))
  await expectGreen(checkout, mutation, server.url)
  checkout.apply(mutation.edits)
  return judge(mutation, await runTest(checkout, mutation.test, server.url))
}

const green = new Map<string, Promise<TestEnd>>()

/** As the sources are, the test is green: seen once for all mutations that it judges. */
async function expectGreen(checkout: Checkout, { test }: Mutation, databaseUrl: string): Promise<void> {
  const name = `${test.file}: ${test.title}`
  const running = green.get(name) ?? runTest(checkout, test, databaseUrl)
  green.set(name, running)
  const { status, message } = await running
  if (status === 'failed') green.delete(name)
  assert(status === 'passed', `${name} is red with every guard in place: ${message}`)
}

/** What a mutation's test came to. */
export function judge(mutation: Mutation, { status, message }: TestEnd): Pick<Run, 'hit' | 'violations'> {
  const said = message.split('\n')[0]?.replace(/^AssertionError: /, '') ?? ''
  if (isLoadBearing(mutation)) {
    if (status === 'passed')
      return { hit: 'applied, and not noticed', violations: [`nothing notices: ${mutation.off}`] }
    if (!mutation.says.test(message)) return { hit: null, violations: [`red for another reason: ${message}`] }
    return { hit: `red: ${said}`, violations: [] }
  }
  if (status === 'passed') return { hit: `stays green: ${mutation.heldBy}`, violations: [] }
  return { hit: `red: ${said}`, violations: [`not held by what the list says (${mutation.heldBy}): ${said}`] }
}
