/** Block E: two to eight workers, and everything that the other blocks do one at a time, all at once. */
import type { Cell } from '../cell.ts'
import { tryMany } from './try.ts'

/** 200 runs in all. */
const RUNS: Readonly<Record<number, number>> = { 2: 29, 3: 29, 4: 29, 5: 29, 6: 28, 7: 28, 8: 28 }

export const cells: readonly Cell[] = Object.entries(RUNS).map(([workers, runs]) =>
  cellOf({ workers: Number(workers), leads: 1000, runs }),
)

/** One of them; a sample has fewer leads. */
export function cellOf({ workers, leads, runs }: { workers: number; leads: number; runs: number }): Cell {
  return {
    name: `E/${workers}-workers`,
    block: 'E',
    runs,
    atOnce: 1,
    run: async ([seed = 1], ground) => [await tryMany({ workers, leads, seed }, ground)],
  }
}
