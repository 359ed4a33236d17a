/** Block D: every clock, every step, every moment; and processes that are stopped while clocks jump, or stand still. */
import { libfaketime, NO_FAKETIME } from '../../tests/support/faked-clock.ts'
import type { Cell } from '../cell.ts'
import { runChain } from './chain.ts'
import { STEPS, type Step } from './clocks.ts'
import { stepOf, stoppedFor, type Disturbance } from './disturbance.ts'
import { MOMENTS, type Moment } from './moments.ts'

/** Shorter than in life; longer than a busy machine needs to hold a mail while a clock is stepped. */
const UNHURRIED = {
  GONIEC_LEASE: '8s',
  GONIEC_PHASE_DEADLINE: '6s',
  GONIEC_BEFORE_FENCE_DEADLINE: '7s',
  GONIEC_DOT_WITHIN: '5s',
  // Nothing here depends on these: they are as long as a machine may take that has everything else to do.
  GONIEC_BLOCK_DEADLINE: '60s',
  GONIEC_DOT_DEADLINE: '60s',
  GONIEC_ATTEMPT_DEADLINE: '75s',
  GONIEC_CONNECTION_IDLE: '1s',
}

/** The lease, and more than may pass from the fence to the dot. */
const LONGEST_MS = 8000

/** For a worker that is stopped: little may pass from the fence to the dot, since so long it has to be stopped. */
const BRIEF_TO_THE_DOT = { ...UNHURRIED, GONIEC_DOT_WITHIN: '2s' }

/** Longer than the lease, or than the time to the dot. */
const STOPPED_MS: Readonly<Record<string, number>> = { claimed: 8500, fenced: 2500 }

const steps: Cell[] = (['worker', 'database'] as const).flatMap((whose) =>
  STEPS.flatMap((step) =>
    MOMENTS.map((moment) =>
      cell(`D/${whose}/${step.name}/${moment.name}`, {
        step,
        moment,
        whose,
        // A second one recovers what the database's clock takes for over.
        workers: whose === 'database' ? 2 : 1,
        times: UNHURRIED,
        isTooLate: step.ms > LONGEST_MS && moment.name === (whose === 'database' ? 'claimed' : 'fenced'),
        jump: stepOf(whose),
      }),
    ),
  ),
)

const stopped: Cell[] = MOMENTS.filter(({ name }) => name in STOPPED_MS).flatMap((moment) => [
  cell(`D/stopped/suspended/${moment.name}`, stops(moment, { ...named('+1h'), ms: 0 }, true)),
  ...['+1h', '-1h', '+1d', '-1d'].map((name) =>
    cell(`D/stopped/${name}/${moment.name}`, stops(moment, named(name), false)),
  ),
])

function stops(moment: Moment, step: Step, suspended: boolean): Disturbance {
  const jump = stoppedFor(STOPPED_MS[moment.name] ?? 0, { suspended })
  return {
    step,
    moment,
    whose: 'worker',
    workers: 1,
    times: BRIEF_TO_THE_DOT,
    suspends: suspended,
    isTooLate: true,
    jump,
  }
}

function named(name: string): Step {
  const step = STEPS.find((one) => one.name === name)
  if (!step) throw new RangeError(`there is no step ${name}`)
  return step
}

function cell(name: string, disturbance: Disturbance): Cell {
  return {
    name,
    block: 'D',
    runs: 30,
    atOnce: 30,
    async run(seeds, ground) {
      if (libfaketime !== undefined) return runChain(seeds, ground, disturbance)
      process.stderr.write(`${name}: skipped, since ${NO_FAKETIME}\n`)
      return []
    },
  }
}

/** Every cell of the block; where clocks cannot be faked each is skipped, and says so. */
export const cells: readonly Cell[] = [...steps, ...stopped]
