/**
 * How long it takes to plan: campaigns of 900 leads, three mailboxes each with fifty mails a day and a minute's gap, nothing planned yet;
 * then once more, when nothing is left to do. All of them find a place, whatever the time of day: of seven sending days six are whole.
 *
 * Each plan has a process of its own, of goniec as it is installed. Its time from the start of Node is what counts; a worker has been started
 * already when it plans, so the time from the plan's call to its last commit stands beside it.
 */
import { join } from 'node:path'
import type { Database } from '../src/database/pool.ts'
import { addCampaigns } from './campaigns.ts'
import { table, type BenchOptions, type Measured } from './figures.ts'
import { familyCpuMs } from './processes.ts'
import { runMeasured } from './run-measured.ts'
import { serverPid, type BenchServer } from './server.ts'

const SLOTS = [100_000, 1_000_000]
const OF_A_CAMPAIGN = 900

/** The benchmark. */
export async function planning({ url, database, root }: BenchServer, { size }: BenchOptions): Promise<Measured> {
  const postgres = await serverPid(database)
  const rows: (string | number)[][] = []
  let made = 0
  for (const atLeast of SLOTS) {
    const campaigns = made + Math.ceil((atLeast * size) / OF_A_CAMPAIGN)
    await addCampaigns(database, {
      from: made + 1,
      to: campaigns,
      leads: OF_A_CAMPAIGN,
      // Three more than they need: the last one shares none with any, in this world or the next.
      mailboxes: 3 * (campaigns + 1),
      delayMs: 60_000,
    })
    made = campaigns
    for (const what of ['laid', 'kept']) {
      const before = { slots: await countSlots(database), cpuMs: familyCpuMs(postgres) }
      const program = join(import.meta.dirname, 'plan-once.js')
      const { tookMs, cpuMs, peakMb, output } = await runMeasured(url, program, {
        args: [root],
        lean: true,
      })
      const slots = await countSlots(database)
      const count = what === 'laid' ? slots - before.slots : slots
      const row = [
        `${count} slots ${what}`,
        ...[tookMs, Number(output), cpuMs, familyCpuMs(postgres) - before.cpuMs].map((ms) => (ms / 1000).toFixed(2)),
        peakMb,
      ]
      process.stderr.write(`${row.join('  ')}\n`)
      rows.push(row)
    }
  }
  return {
    what: 'planning, from the start of Node to its end, and of that from the plan’s call to its last commit',
    lines: table(['', 'seconds', 'of the plan', 'its CPU s', 'Postgres CPU s', 'most MB'], rows),
  }
}

async function countSlots({ query }: Database): Promise<number> {
  const [row] = await query<{ slots: number }>(
    `select count(*)::integer as slots from goniec.message where status = 'pending' and scheduled_at is not null`,
  )
  return row?.slots ?? 0
}
