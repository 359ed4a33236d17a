/** Guards whose loss the runs of block E notice, where everything befalls a crowd of workers at once: those runs can fail. */
import { assert } from '../../src/errors.ts'
import { DOUBT_GUARDS } from './doubt-guards.ts'
import { FENCE_GUARDS } from './fence-guards.ts'
import type { Edit, Mutation } from './mutation.ts'

const TEST = {
  file: 'tests/proof/many.test.ts',
  title: 'three workers, and everything at once that can befall them, break nothing',
}

/** What another mutation of the list changes. */
function editsOf(guards: readonly Mutation[], name: string): readonly Edit[] {
  const guard = guards.find((one) => one.name === name)
  assert(guard, `there is a mutation ${name}`)
  return guard.edits
}

const CLAIMED_WHILE_PAUSED: Edit = {
  file: 'migrations/000003_queue.sql',
  from: `         m.kind <> 'campaign' or c.status = 'running',`,
  to: `         true,`,
}

/** One for mails that come twice, one for mails that go out behind the back of whoever paused them. */
export const MANY_GUARDS: readonly Mutation[] = [
  {
    name: 'many-unknown-is-retried',
    off: 'the rule that an unknown outcome is not retried, in a run of block E',
    edits: editsOf(DOUBT_GUARDS, 'unknown-is-retried'),
    test: TEST,
    says: /was accepted 2 times/,
  },
  {
    name: 'many-paused',
    off: 'the claim’s and the fence’s question whether the campaign runs, in a run of block E',
    edits: [CLAIMED_WHILE_PAUSED, ...editsOf(FENCE_GUARDS, 'fence-campaign')],
    test: TEST,
    says: /passed its fence although stopped: campaign/,
  },
]
