/** A sample of block C, on three stages side by side: the ways to lose an answer, a server that dies, and a standby that takes over. */
import { expect, test } from 'vitest'
import { onGround } from '../../proof/gather.ts'
import { cells, FAULTS } from '../../proof/postgres/cells.ts'
import { playTogether, PHASES, type Try } from '../../proof/postgres/play.ts'
import { RESTORE_CELLS } from '../../proof/postgres/restore.ts'
import type { PhaseName } from '../../proof/postgres/scene.ts'
import { serverOfTests } from './sample.ts'

const server = serverOfTests()

const SAMPLES: Record<string, [phase: PhaseName, fault: string][]> = {
  'answers that are lost, late, or never come': [
    ['fence', 'reply-lost'],
    ['settle', 'reply-lost'],
    ['claim', 'request-late'],
    ['settle', 'silent'],
  ],
  'a server that dies, ends sessions, or takes no writes': [
    ['fence', 'killed'],
    ['plan', 'terminated'],
    ['claim', 'read-only'],
  ],
  'a standby that takes over without what was committed': [['settle', 'cancelled-wait-forgotten']],
}

test.concurrent.for(Object.entries(SAMPLES))(
  '%s: nobody is mailed twice, nobody is lost, nothing is in doubt',
  { timeout: 600_000 },
  async ([, sample]) => {
    const tries = sample.map(toTry)
    const runs = await onGround(server, ({ directory }) => playTogether(tries, tries[0]?.fault.needs ?? {}, directory))
    expect(
      runs.map(({ hit, violations, doubts }, index) => ({
        run: sample[index],
        isHit: hit !== null,
        violations,
        doubts,
      })),
    ).toEqual(sample.map((run) => ({ run, isHit: true, violations: [], doubts: 0 })))
  },
)

test('there is a cell for each fault in each phase, but where nothing is written that a wait could be about', () => {
  expect(cells).toHaveLength(FAULTS.length * Object.keys(PHASES).length - 2 + RESTORE_CELLS.length)
  expect(new Set(cells.map(({ name }) => name)).size).toBe(cells.length)
})

function toTry([phase, name]: [PhaseName, string]): Try {
  const fault = FAULTS.find((candidate) => candidate.name === name)
  if (!fault) throw new RangeError(`there is no fault ${name}`)
  return { phase, fault, seed: 1 }
}
