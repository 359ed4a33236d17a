/** Block C: each fault of the database, or of the way to it, in each phase of a worker's work. */
import type { Cell } from '../cell.ts'
import { NETWORK_FAULTS } from './faults-network.ts'
import { SERVER_FAULTS } from './faults-server.ts'
import { PHASES, playTogether } from './play.ts'
import { RESTORE_CELLS } from './restore.ts'
import type { Fault, PhaseName } from './scene.ts'

const RUNS = 30

/** So many follow each other on one stage. */
const AT_ONCE = 10

/** Every fault of this block. */
export const FAULTS: readonly Fault[] = [...NETWORK_FAULTS, ...SERVER_FAULTS]

const faultCells = FAULTS.flatMap((fault) =>
  (Object.keys(PHASES) as PhaseName[])
    .filter((phase) => fault.not?.[phase] === undefined)
    .map((phase): Cell => ({
      name: `C/${phase}/${fault.name}`,
      block: 'C',
      runs: RUNS,
      atOnce: AT_ONCE,
      run: (seeds, { directory }) =>
        playTogether(
          seeds.map((seed) => ({ phase, fault, seed })),
          fault.needs ?? {},
          directory,
        ),
    })),
)

export const cells: readonly Cell[] = [...faultCells, ...RESTORE_CELLS]
