/** Block A: each named point of the protocol, in each of the three ways. */
import type { Cell } from '../cell.ts'
import { runChain } from './chain.ts'
import { POINTS, WAYS } from './points.ts'

export const cells: readonly Cell[] = POINTS.flatMap(({ name: point }) =>
  WAYS.map((way): Cell => ({
    name: `A/${point}/${way}`,
    block: 'A',
    runs: 100,
    atOnce: 10,
    run: (seeds, ground) =>
      runChain(
        seeds.map((seed) => ({ point, way, seed })),
        ground,
      ),
  })),
)
