/** The blocks of the proof, in their order: what each tries, and what it cannot try here. A block's cells stand in its own folder. */
import type { BlockName, Cell } from './cell.ts'
import { cells as orderCells } from './orders/cells.ts'
import { cells as many } from './many/cells.ts'
import { cells as time } from './time/cells.ts'
import { cells as mutations } from './mutations/cells.ts'
import { describeMutations } from './mutations/describe.ts'
import { cells as mailServer } from './mail-server/cells.ts'
import { cells as death, describePoints } from './death/cells.ts'
import { cells as postgres } from './postgres/cells.ts'

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
    cells: death,
    describe: describePoints,
    untried: [
      'Deaths inside TLS, of a mail to a server that wants STARTTLS: what is written and heard is the same, below an encrypted socket.',
      'A loss of power: the worker dies with the machine, and the mail server, which is not ours, lives on. Postgres’s own promise to survive it is taken as it is.',
    ],
  },
  {
    name: 'B',
    title: 'The mail server fails',
    what: 'The mail server breaks off, says no, says nonsense, or says nothing, at one stage of the dialogue. Then postfix and OpenSMTPD, as people run them, are restarted, killed, filled up and told to refuse.',
    cells: mailServer,
    untried: [
      'A dialogue that is encrypted from its first byte (port 465): the stages are tried with STARTTLS and without encryption.',
      'Greylisting by OpenSMTPD, which leaves it to filters of others; postfix is tried with a policy service.',
    ],
  },
  {
    name: 'C',
    title: 'The database fails',
    what: 'The database is killed, cut off, slow, full, takes no writes, falls silent, or is replaced by its standby, in one phase of the work: while mails are claimed, pass their fence, are settled, recovered or planned, or while nothing is to do. The worker lives through all of it and hears every answer of the mail server, so a single doubt counts as broken.',
    cells: postgres,
    untried: [
      'Packets that the network itself loses: a proxy before the server swallows, resets and falls silent in its place. A hung disk is not tried.',
      'An address of several hosts in DATABASE_URL: the driver knows none. After a failover the proxy leads to the new server, as a name or a virtual address does.',
    ],
  },
  {
    name: 'D',
    title: 'Time',
    what: 'The clock of the workers’ host or of the database jumps and is set right again, at one moment of the work; or a worker is stopped while its clock jumps or stands still.',
    cells: time,
    untried: [
      'A machine that is really suspended: its monotonic clock stands still while its uptime goes on. What is tried is a process that is stopped while its wall clock and its monotonic clock stand still, so that nothing but the uptime tells.',
    ],
  },
  {
    name: 'E',
    title: 'Many at once',
    what: 'Several workers send two thousand mails while all of the above happens at random: they are killed, stopped and blocked, their connections cut, the mail server fails at any stage, and people pause, suppress, block, change limits, import, answer and resolve doubts.',
    cells: many,
    untried: [],
  },
  {
    name: 'F',
    title: 'Every order',
    what: `All orders in which the steps of two workers, a recovery, a person (who pauses, suppresses, or resolves a doubt) and time can follow each other,
with a worker that dies instead of each of its steps, and with one that counts as gone while it lives. A worker's steps are claim, fence, dot and settle; in the
cells called *split* every commit is a step of its own, so that others move while a transaction is open. The statements are goniec's own functions in a real
Postgres, one session for each who takes part; a list stands for the mail server. A run is one order, its seed the order's number: as many are wanted as the formula of
the last column says there are. Orders that come to the very same steps are one execution: where somebody has nothing to do any more, and where only the dot, which touches no row, stands elsewhere. An
order that cannot be, since somebody would move while he waits for another's transaction, is one that Postgres was seen to refuse.`,
    cells: orderCells,
    untried: ['three workers, and two persons at once, are left to block E.'],
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
