/** docs/proof.md, made from the record: nothing on it is written by hand but the words around the counts. */
import { BLOCKS, type Block } from './blocks.ts'
import { FOUND, MENDED } from './found.ts'
import { sinceMended, totalOf, type Invocation, type ProofRecord } from './record.ts'

/** The page as markdown. */
export function describePage(record: ProofRecord): string {
  const counted = sinceMended(record, MENDED)
  return [
    INTRODUCTION,
    ...summary(counted),
    ...BLOCKS.flatMap((block) => describeBlock(block, counted)),
    ...found(),
    ...brokenRuns(record),
    ...untried(),
    ...invocations(record),
  ].join('\n')
}

const INTRODUCTION = `# The proof

<!-- Made by "npm run proof" from docs/proof.json; words are changed in proof/page.ts and proof/blocks.ts. -->

Goniec promises that nobody gets the same mail twice, and that nobody is lost in silence. Others have promised that too. So this page does not
say that it is so: it says how we tried to break it, how often, and what came of it. Everything here can be run again by anyone, on a laptop.

**How it is tried.** A real worker sends real mail, over a real connection, to a mail server of ours, out of a real database. Then something goes
wrong, at one exact place: that is a *cell* of the tables below. A *run* is one try of it, made different from the others by its *seed*: which mail it hits,
how many go at once, whether a second worker is there. Afterwards everything that was due is sent to its end, and what happened is checked. Two blocks are
of another kind: in block F a list stands for the mail server and sessions for the workers, so that every order of their steps can be had; block G runs tests.

**Who decides.** Not goniec. The mail server writes down each mail on its disk *before* it says that it has accepted it; that record is what counts. It is held
against goniec's own books:

- nobody has the same mail twice;
- what goniec calls sent was accepted, and what was accepted goniec calls sent. The one exception is a mail whose answer was lost on its way: nobody in the world
  can know then, and goniec says so, in a list of doubts, and sends nothing again on its own;
- every mail that was due has come to an end that is accounted for;
- nothing went out after a pause or a suppression had been confirmed, and every limit, gap and window held;
- what the books keep of a mail is byte for byte what was accepted;
- every check of [the audit](audit.md) holds; and where nothing went wrong there are no doubts.

**What counts.** Only runs in which the fault is known to have happened: *hits*. If none of *n* hits broke anything, then, with 95 % certainty, fewer
than 3 in *n* such faults would (the rule of three): that is the bound in the tables; a block's is that of its cells taken together, as if they were equally likely.
Block F tries each order once and leaves none to chance; there the bound says only how many there were. And since a proof that cannot fail proves nothing, block G takes goniec's guards
out, one at a time, and shows that something turns red.

Where a run broke something, and that is mended, the run stays listed below, and its cell begins anew: what it had been tried before counts no more.

Times that are minutes in life (how long a mail belongs to its worker, how long a server may take) are seconds here, shrunk together, so that thousands of runs fit into
a day.
`

function summary(record: ProofRecord): string[] {
  const rows = BLOCKS.map((block) => {
    const { runs, hit, accepted, doubts, broken } = sumOf(block, record)
    if (runs === 0) return [block.name, block.title, block.cells.length, '–', '–', '–', '–', '–', 'not run yet']
    // Guards that are switched off are no sample of anything: there is no rate to bound.
    const limit = block.name === 'G' && broken === 0 ? '–' : bound(hit, broken)
    return [block.name, block.title, block.cells.length, runs, hit, accepted, doubts, broken, limit]
  })
  const head = ['Block', '', 'Cells', 'Runs', 'Hits', 'Mails accepted', 'In doubt', 'Broken', 'Bound']
  return ['## In short', '', ...table(head, rows), '']
}

function describeBlock(block: Block, record: ProofRecord): string[] {
  const heading = [`## ${block.name}. ${block.title}`, '', block.what, '']
  if (block.cells.length === 0) return [...heading, 'Not built yet.', '']
  const rows = block.cells.map(({ name, runs: wanted }) => {
    const { runs, hit, accepted, doubts, broken, evidence } = totalOf(record, name)
    return [`\`${name}\``, wanted, runs, hit, accepted, doubts, broken.length, bound(hit, broken.length), evidence]
  })
  const head = [
    'Cell',
    'Wanted',
    'Runs',
    'Hits',
    'Accepted',
    'In doubt',
    'Broken',
    'Bound',
    'How the first hit was known',
  ]
  return [...heading, ...table(head, rows), '', ...(block.describe?.() ?? [])]
}

function found(): string[] {
  const entries = FOUND.map(({ where, what, mended }) => `- \`${where}\`: ${what} ${mended}`)
  return ['## What was found', '', ...(entries.length > 0 ? entries : ['Nothing yet.']), '']
}

function brokenRuns({ invocations }: ProofRecord): string[] {
  const entries = invocations.flatMap(({ commit, cells }) =>
    Object.entries(cells).flatMap(([name, { broken }]) =>
      broken.map(({ seed, violations }) => {
        const isMended = MENDED.some((run) => run.cell === name && run.seed === seed)
        return `- \`${name}\`, seed ${seed}, at ${commit}${isMended ? ', mended since' : ''}: ${violations.join('; ')}`
      }),
    ),
  )
  return entries.length === 0 ? [] : ['## Runs that broke something', '', ...entries, '']
}

function untried(): string[] {
  const entries = BLOCKS.flatMap(({ name, untried }) => untried.map((what) => `- ${name}: ${what}`))
  const open = BLOCKS.filter(({ cells }) => cells.length === 0).map(
    ({ name, title }) => `- ${name}, ${title}: not built yet.`,
  )
  return ['## What is untried', '', ...entries, ...open, '']
}

function invocations({ invocations: all }: ProofRecord): string[] {
  const rows = all.map((invocation) => [
    invocation.startedAt,
    `\`${invocation.commit}\`${invocation.clean ? '' : ', changed'}`,
    invocation.machine,
    `Node ${invocation.versions.node}, Postgres ${invocation.versions.postgres}`,
    `\`${invocation.arguments.join(' ')}\``,
    runsOf(invocation),
  ])
  return [
    '## Invocations, and how to run them again',
    '',
    'Each cell was run with the seeds that `docs/proof.json` names for it, invocation by invocation. Check the commit out, and',
    '',
    '```sh',
    'npm ci',
    'npm run proof -- --cell NAME --seed SEED',
    '```',
    '',
    'runs one of them again; `--runs 100` that seed and those after it. The same seed makes the same world and the same fault; what the machine does in between differs.',
    '',
    ...table(['Begun', 'Commit', 'Machine', 'With', 'Arguments', 'Runs'], rows),
    '',
  ]
}

function sumOf(
  { cells }: Block,
  record: ProofRecord,
): Record<'runs' | 'hit' | 'accepted' | 'doubts' | 'broken', number> {
  const sum = { runs: 0, hit: 0, accepted: 0, doubts: 0, broken: 0 }
  for (const { name } of cells) {
    const { runs, hit, accepted, doubts, broken } = totalOf(record, name)
    sum.runs += runs
    sum.hit += hit
    sum.accepted += accepted
    sum.doubts += doubts
    sum.broken += broken.length
  }
  return sum
}

function runsOf({ cells }: Invocation): number {
  return Object.values(cells).reduce((sum, { runs }) => sum + runs, 0)
}

/** The rule of three: with no failure in n tries the rate is below 3/n, at 95 %. With failures there is no such bound. */
export function bound(hits: number, broken: number): string {
  if (broken > 0) return 'broken'
  if (hits < 3) return '–'
  return `< ${((3 / hits) * 100).toPrecision(2)} %`
}

function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string[] {
  return [line(head), line(head.map(() => '---')), ...rows.map(line)]
}

function line(cells: readonly (string | number)[]): string {
  return `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |`
}
