/** The blocks of the proof, in their order: what each tries, and what it cannot try here. A block's cells stand in its own folder. */
import type { BlockName, Cell } from './cell.ts'
import { cells as mutations } from './mutations/cells.ts'
import { describeMutations } from './mutations/describe.ts'
import { cells as mailServer } from './mail-server/cells.ts'

export interface Block {
  name: BlockName
  title: string
  /** What is done to goniec, in a sentence that anybody understands. */
  what: string
  cells: readonly Cell[]
  /** Markdown below the table of its cells. */
  describe?: () => string[]
  /** What this block should try, and does not: a sentence each. */
  untried: readonly string[]
}

export const BLOCKS: readonly Block[] = [
  {
    name: 'A',
    title: 'Death',
    what: 'The worker is killed, stopped for longer than its work belongs to it, or hangs, at one named point of its work.',
    cells: [],
    untried: [],
  },
  {
    name: 'B',
    title: 'The mail server fails',
    what: 'The mail server breaks off, says no, says nonsense, or says nothing, at one stage of the dialogue.',
    cells: mailServer,
    untried: [],
  },
  {
    name: 'C',
    title: 'The database fails',
    what: 'The database is killed, cut off, slow, full, or is replaced by its standby, in one phase of the work.',
    cells: [],
    untried: [],
  },
  {
    name: 'D',
    title: 'Time',
    what: 'Clocks step, summer time begins and ends, processes are stopped.',
    cells: [],
    untried: [],
  },
  {
    name: 'E',
    title: 'Many at once',
    what: 'Several workers send two thousand mails while all of the above happens at random.',
    cells: [],
    untried: [],
  },
  {
    name: 'F',
    title: 'Every order',
    what: 'All orders in which the steps of two workers, a recovery and a person can follow each other, with a crash at each step.',
    cells: [],
    untried: [],
  },
  {
    name: 'G',
    title: 'Guards switched off',
    what: 'One guard of goniec is taken out, and something has to notice: a proof that cannot fail proves nothing. A hit is the failure that was seen.',
    cells: mutations,
    describe: describeMutations,
    untried: [],
  },
]

/** Every cell of these blocks (all without one named) whose name begins so. */
export function chooseCells({
  block,
  prefix = '',
}: {
  block?: string | undefined
  prefix?: string | undefined
}): Cell[] {
  return BLOCKS.filter(({ name }) => block === undefined || name === block)
    .flatMap(({ cells }) => cells)
    .filter(({ name }) => name.startsWith(prefix))
}
