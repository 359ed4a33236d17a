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

/** For the page: where the worker is at each point. */
export function describePoints(): string[] {
  return [
    'Where the worker is at each point, in the order in which a mail comes to them:',
    '',
    ...POINTS.map(({ name, what }) => `- \`${name}\`: ${what}`),
    '',
    'There it kills itself (`SIGKILL`), is stopped (`SIGSTOP`) until the work it held is no longer its own, or hangs (`blocked`) for as long: in its own process, in the middle',
    'of the call. Who was stopped or hung goes on afterwards, and finds that another worker, its *heir*, has taken its work over, that a *namesake* has taken its name, or that nobody has.',
    '',
  ]
}
