/**
 * How long it takes to plan: campaigns of a thousand leads, three mailboxes each with fifty mails a day and a minute's gap, nothing planned
 * yet; then once more, when nothing is left to do. Each in a process of its own, which is what a worker's planner does in its thread.
 */
import { join } from 'node:path'
import type { Database } from '../src/database/pool.ts'
import { addCampaigns } from './campaigns.ts'
import { table, type BenchOptions, type Measured } from './figures.ts'
import { familyCpuMs } from './processes.ts'
import { runMeasured } from './run-measured.ts'
import { serverPid, type BenchServer } from './server.ts'

const SLOTS = 1_000_000
const OF_A_CAMPAIGN = 1000

/** The benchmark. */
export async function planning({ url, database }: BenchServer, { size }: BenchOptions): Promise<Measured> {
  const postgres = await serverPid(database)
  const rows: (string | number)[][] = []
  let made = 0
  for (const upTo of [SLOTS / 10, SLOTS]) {
    const campaigns = Math.max(made + 1, Math.round((upTo * size) / OF_A_CAMPAIGN))
    await addCampaigns(database, {
      from: made + 1,
      to: campaigns,
      leads: OF_A_CAMPAIGN,
      mailboxes: 3 * campaigns,
      delayMs: 60_000,
    })
    made = campaigns
    for (const what of ['laid', 'kept']) {
      const before = { slots: await countSlots(database), cpuMs: familyCpuMs(postgres) }
      const { tookMs, cpuMs, peakMb } = await runMeasured(url, join(import.meta.dirname, 'plan-once.ts'))
      const slots = await countSlots(database)
      const count = what === 'laid' ? slots - before.slots : slots
      const row = [
        `${count} slots ${what}`,
        tookMs / 1000,
        cpuMs / 1000,
        (familyCpuMs(postgres) - before.cpuMs) / 1000,
        peakMb,
      ]
      process.stderr.write(`${row.join('  ')}\n`)
      rows.push(row)
    }
  }
  return {
    what: 'planning, node’s start of half a second included',
    lines: table(['', 'seconds', 'its CPU s', 'Postgres CPU s', 'most MB'], rows),
  }
}

async function countSlots({ query }: Database): Promise<number> {
  const [row] = await query<{ slots: number }>(
    `select count(*)::integer as slots from goniec.message where status = 'pending' and scheduled_at is not null`,
  )
  return row?.slots ?? 0
}
