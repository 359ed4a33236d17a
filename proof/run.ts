/**
 * `npm run proof`: tries to break goniec's promises, and keeps the record of it, docs/proof.json, and its page, docs/proof.md.
 *
 *     npm run proof                              every cell, until each has as many runs as it wants, with seeds not run before
 *     npm run proof -- --block A                 one block; --cell A/fence: the cells whose names begin so
 *     npm run proof -- --runs 10 --minutes 30    at most ten runs of each cell; nothing new begins after half an hour
 *     npm run proof -- --cell A/plan-committed/SIGKILL --seed 7      one run again; nothing is recorded
 *     npm run proof -- --list                    the cells, and the runs that each has
 *     npm run proof -- --page                    nothing but the page, from the record; --merge FILE takes another record in first
 *
 * Ends with 1 where something was broken.
 */
import { join } from 'node:path'
import { commandNamed, wholeFrom } from '../tests/support/command.ts'
import { startTestServer, type TestServer } from '../tests/support/server.ts'
import { endWorkers } from '../tests/support/worker-process.ts'
import { BLOCKS, chooseCells } from './blocks.ts'
import type { Cell, Run } from './cell.ts'
import { MENDED } from './found.ts'
import { gather } from './gather.ts'
import { beginInvocation } from './invocation.ts'
import { describePage } from './page.ts'
import {
  addRuns,
  mergeRecords,
  nextSeed,
  readRecord,
  sinceMended,
  toRanges,
  totalOf,
  writeFormatted,
  writeRecord,
} from './record.ts'

const DOCS = join(import.meta.dirname, '..', 'docs')
const RECORD = join(DOCS, 'proof.json')

/** That is no proof of anything. */
const NOTHING_TRIED =
  'nothing was run: each of these cells has as many runs as it wants (--seed runs one again), or was skipped\n'

interface Options {
  block?: string
  cell?: string
  runs?: number
  seed?: number
  minutes?: number
  together: number
  list?: true
  page?: true
  merge?: string
}

const values = commandNamed('npm run proof --', 'Tries to break goniec’s promises, and keeps the record of it.')
  .option('--block <name>', 'the cells of one block')
  .option('--cell <prefix>', 'the cells whose names begin so')
  .option('--runs <count>', 'at most so many runs of each cell', wholeFrom(1))
  .option('--seed <number>', 'these runs again; nothing is recorded', wholeFrom(0))
  .option('--minutes <count>', 'nothing new begins after that', wholeFrom(1))
  // Of a run's time most is waiting.
  .option('--together <count>', 'runs at the same time', wholeFrom(1), 2)
  .option('--list', 'the cells, and the runs that each has')
  .option('--page', 'nothing but the page, from the record')
  .option('--merge <file>', 'takes another record in, and makes the page')
  .parse()
  .opts<Options>()
const cells = chooseCells({ block: values.block, prefix: values.cell })

if (values.page || values.merge !== undefined) await writePage(values.merge)
else if (cells.length === 0) {
  process.stderr.write(
    `There is no such cell. There are blocks ${BLOCKS.map(({ name }) => name).join(', ')}; --list names the cells.\n`,
  )
  process.exitCode = 2
} else if (values.list) list()
else process.exitCode = await run()

function list(): void {
  const record = sinceMended(readRecord(RECORD), MENDED)
  // At once, so that whoever reads only the beginning ends nothing in the middle.
  process.stdout.write(cells.map(({ name, runs }) => `${name}  ${totalOf(record, name).hit} of ${runs}\n`).join(''))
}

async function writePage(merge: string | undefined): Promise<void> {
  const record = mergeRecords(readRecord(RECORD), merge === undefined ? { invocations: [] } : readRecord(merge))
  if (merge !== undefined) await writeRecord(RECORD, record)
  await writeFormatted(join(DOCS, 'proof.md'), describePage(record))
}

async function run(): Promise<number> {
  const server = await startTestServer()
  let [wrong, done] = [0, 0]
  const isReplay = values.seed !== undefined
  const invocation = await beginInvocation(server, process.argv.slice(2))
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void giveUp(server))
  const untilMs = values.minutes === undefined ? Infinity : performance.now() + values.minutes * 60_000
  try {
    await gather({
      server,
      wanted: cells.map((cell) => ({ cell, seeds: seedsOf(cell) })),
      together: values.together,
      untilMs,
      async onRuns(cell, runs, seconds) {
        print(cell, runs, seconds)
        done += runs.length
        wrong += runs.filter(({ violations }) => violations.length > 0).length
        if (isReplay || runs.length === 0) return
        addRuns(invocation, cell.name, runs)
        await writeRecord(RECORD, mergeRecords(readRecord(RECORD), { invocations: [invocation] }))
      },
      onFault(cell, seeds, error) {
        wrong += 1
        const why = error instanceof Error ? error.stack : String(error)
        process.stdout.write(`${cell.name}: the proof itself failed with seeds ${toRanges(seeds)}: ${why}\n`)
      },
    })
  } finally {
    await server.stop({ keep: false })
  }
  if (!isReplay) await writePage(undefined)
  process.stdout.write(wrong > 0 ? `${wrong} runs were broken\n` : done > 0 ? 'nothing was broken\n' : NOTHING_TRIED)
  return wrong === 0 ? 0 : 1
}

/** Whoever interrupts it is left with no worker that was stopped, and with no server; what was run is on record. */
async function giveUp(server: TestServer): Promise<void> {
  await endWorkers()
  await server.stop({ keep: false })
  process.exit(130)
}

/** Given ones; or the next that nobody has run, as many as the cell still wants. */
function seedsOf({ name, runs }: Cell): number[] {
  if (values.seed !== undefined) return consecutive(values.seed, values.runs ?? 1)
  const record = readRecord(RECORD)
  const left = Math.max(0, runs - totalOf(sinceMended(record, MENDED), name).hit)
  return consecutive(nextSeed(record, name), values.runs === undefined ? left : Math.min(left, values.runs))
}

function consecutive(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => first + index)
}

function print({ name }: Cell, runs: readonly Run[], seconds: number): void {
  const hit = runs.filter((run) => run.hit !== null).length
  const accepted = runs.reduce((sum, run) => sum + run.accepted, 0)
  const doubts = runs.reduce((sum, run) => sum + run.doubts, 0)
  const broken = runs.filter(({ violations }) => violations.length > 0)
  const came = `${runs.length} runs, ${hit} hit, ${accepted} mails accepted, ${doubts} in doubt, ${broken.length} broken`
  process.stdout.write(`${name}: ${came} (${seconds.toFixed(0)} s)\n`)
  for (const { seed, hit: evidence, violations } of broken) {
    process.stdout.write(`  seed ${seed} (${evidence ?? 'not hit'})\n`)
    for (const violation of violations) process.stdout.write(`    ${violation}\n`)
    process.stdout.write(`    replay: npm run proof -- --cell ${name} --seed ${seed}\n`)
  }
}
