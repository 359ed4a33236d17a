/**
 * How long a person waits for an answer while a million mails are pending in a thousand campaigns: each command through the binary, its
 * start included; and without what the binary takes to start and say its version.
 */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createProgram } from '../src/cli/program.ts'
import { connectSession } from '../src/database/pool.ts'
import { percentile, table, type BenchOptions, type Measured } from './figures.ts'
import { fillLarge } from './million.ts'
import type { BenchServer } from './server.ts'

const ROUNDS = 20

/** The benchmark. */
export async function questions({ url, database, root }: BenchServer, { size }: BenchOptions): Promise<Measured> {
  const client = await connectSession(url, { name: 'bench' })
  await fillLarge(client, { campaigns: Math.ceil(1000 * size), pending: 1000, ended: 300 })
  await client.end()
  const [sample] = await database.query<Sample>(SAMPLE)
  const rounds = Math.ceil(ROUNDS * size)
  const rows: (string | number)[][] = []
  const start = percentile(await times(rounds, () => run({ url, root }, ['--version'])), 0.5)
  for (const args of sample ? commandsOf(sample) : []) {
    const row = await measure({ url, root }, args, { start, rounds })
    process.stderr.write(`${row.join('  ')}\n`)
    rows.push(row)
  }
  return {
    what: 'milliseconds for an answer, a million mails pending in 1,000 campaigns',
    lines: table(['goniec …', 'p50', 'p95', 'p50 without start', 'p95 without start'], rows),
  }
}

/** A campaign in the middle, with a mail that waits in it. */
type Sample = { campaign: string; message: number; lead: string }

const SAMPLE = `
  select c.name as campaign, m.id as message, m.recipient as lead
  from goniec.message m
  join goniec.campaign c on c.id = m.campaign_id
  where m.status = 'pending' and c.id = (select percentile_disc(0.5) within group (order by id) from goniec.campaign)
  order by m.id limit 1`

/** Those that this version knows. */
function commandsOf({ campaign, message, lead }: Sample): string[][] {
  const all = [
    ['queue', 'list'],
    ['queue', 'list', '--campaign', campaign],
    ['why', campaign],
    ['why', String(message)],
    ['why', lead],
    ['status'],
    ['forecast', campaign],
  ]
  const known = new Set(createProgram().program.commands.map((command) => command.name()))
  return all.filter(([noun = '']) => known.has(noun))
}

type Where = Pick<BenchServer, 'url' | 'root'>

async function measure(
  at: Where,
  args: readonly string[],
  { start, rounds }: { start: number; rounds: number },
): Promise<(string | number)[]> {
  const whole = await times(rounds, () => run(at, args))
  const without = whole.map((ms) => ms - start)
  return [
    args.join(' '),
    percentile(whole, 0.5),
    percentile(whole, 0.95),
    percentile(without, 0.5),
    percentile(without, 0.95),
  ]
}

async function times(rounds: number, work: () => Promise<unknown>): Promise<number[]> {
  const measured: number[] = []
  for (let round = 0; round < rounds; round += 1) {
    const startedMs = performance.now()
    await work()
    measured.push(performance.now() - startedMs)
  }
  return measured
}

async function run({ url, root }: Where, args: readonly string[]): Promise<void> {
  await promisify(execFile)(process.execPath, [join(root, 'bin', 'goniec.js'), ...args], {
    env: { ...process.env, DATABASE_URL: url },
    maxBuffer: 100_000_000,
  })
}
