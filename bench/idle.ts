/** What a worker costs that has nothing to do: ten minutes with mails planned for later days, after a minute in which it has settled. */
import { setTimeout as wait } from 'node:timers/promises'
import { makeFleet } from '../tests/crash/fleet.ts'
import { startWorker } from '../tests/support/worker-process.ts'
import { table, type BenchOptions, type Measured } from './figures.ts'
import { cpuMs, familyCpuMs, peakMb, residentMb } from './processes.ts'
import { serverPid, type BenchServer } from './server.ts'

const SECONDS = 600
const SETTLING_SECONDS = 60

/** The server counts its statements for this one. */
export const IDLE_SETTINGS = { shared_preload_libraries: 'pg_stat_statements' }

/** The benchmark. */
export async function idle({ url, database, root }: BenchServer, { size }: BenchOptions): Promise<Measured> {
  await makeFleet(database, {
    mailboxes: 20,
    campaigns: 4,
    leads: 2000,
    smtpPort: 25,
    mailboxDailyLimit: 50,
    minGapMs: 60_000,
  })
  await database.query(`update goniec.campaign set starts_on = current_date + 3, version = version + 1`)
  const counts = await canCount(database.query)
  const worker = startWorker(url, { root, args: ['--name', 'bench'], env: { GONIEC_LOG_LEVEL: 'warn' } })
  try {
    await wait(SETTLING_SECONDS * 1000 * size)
    const postgres = await serverPid(database)
    const read = async () => ({
      atMs: performance.now(),
      statements: counts ? await statements(database.query) : Number.NaN,
      cpuMs: cpuMs(worker.pid),
      postgresMs: familyCpuMs(postgres),
    })
    const before = await read()
    const memory = await meanMb(worker.pid, SECONDS * size)
    const after = await read()
    // A busy machine waits longer than it is told to.
    const seconds = (after.atMs - before.atMs) / 1000
    const percent = (ms: number): string => `${(ms / 10 / seconds).toFixed(2)} %`
    return {
      what: `a worker with nothing to do, for ${seconds.toFixed(0)} s`,
      lines: table(
        ['statements a second', 'its CPU', 'Postgres CPU', 'MB in the mean', 'most MB'],
        [
          [
            ((after.statements - before.statements) / seconds).toFixed(2),
            percent(after.cpuMs - before.cpuMs),
            percent(after.postgresMs - before.postgresMs),
            memory,
            peakMb(worker.pid),
          ],
        ],
      ),
    }
  } finally {
    worker.kill('SIGTERM')
    await worker.ended
  }
}

/** Looked at each second: a planner comes and goes each minute. */
async function meanMb(pid: number, seconds: number): Promise<number> {
  let sum = 0
  for (let second = 0; second < seconds; second += 1) {
    await wait(1000)
    sum += residentMb(pid)
  }
  return sum / seconds
}

type Query = BenchServer['database']['query']

async function canCount(query: Query): Promise<boolean> {
  const [row] = await query<{ loaded: boolean }>(
    `select current_setting('shared_preload_libraries') like '%pg_stat_statements%' as loaded`,
  )
  if (row?.loaded === true) await query('create extension pg_stat_statements')
  return row?.loaded === true
}

/** All that was asked from outside, but for this question. */
async function statements(query: Query): Promise<number> {
  const [row] = await query<{ calls: number }>(
    `select coalesce(sum(calls), 0)::integer as calls from pg_stat_statements where toplevel and query not like '%pg_stat_statements%'`,
  )
  return row?.calls ?? 0
}
