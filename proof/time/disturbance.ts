/** What a cell of this block does to the clocks, at which moment, and how it is known that it happened. */
import { readFile } from 'node:fs/promises'
// The state of another process is looked at again and again: nothing tells of its change.
import { setTimeout as delay } from 'node:timers/promises'
import { Temporal } from '../../src/time.ts'
import type { WorkerProcess } from '../../tests/support/worker-process.ts'
import type { Chain } from './chain.ts'
import type { Step, Whose } from './clocks.ts'
import type { Moment } from './moments.ts'

export interface Disturbance {
  step: Step
  moment: Moment
  whose: Whose
  /** Workers of the chain. */
  workers: number
  /** Its times of the protocol. */
  times: Readonly<Record<string, string>>
  /** The worker's monotonic clock moves with its wall clock. */
  suspends?: boolean
  /** The attempt that is held may not end with a mail that the server took: too much time has passed for it, by one of the clocks. */
  isTooLate?: boolean
  /** Returns how it is known that it happened; nothing where it did not. */
  jump(chain: Chain): Promise<string>
}

/** The clock of all workers, or of the database, jumps; the evidence is what it says then. */
export function stepOf(whose: Whose): Disturbance['jump'] {
  return async ({ clocks, database, step }) => {
    clocks.step(whose, step.ms)
    if (whose === 'worker')
      return `the workers' clock file said ${clocks.worker.offsetMs - clocks.database.offsetMs} ms`
    const [row] = await database.query<{ now_ms: number }>(
      `select (extract(epoch from clock_timestamp()) * 1000)::float8 as now_ms`,
    )
    const offMs = (row?.now_ms ?? 0) - Temporal.Now.instant().epochMilliseconds - clocks.worker.offsetMs
    return Math.abs(offMs - step.ms) < 5000 ? `the database's clock was off by ${Math.round(offMs / 1000)} s` : ''
  }
}

/** A little time passes also for a machine that was suspended: a monotonic clock that runs backwards by a moment ends Node with an assertion. */
const LEAST_MS = 100

/** The worker is stopped for so long; its clock jumps meanwhile, by the step, or back to where it stood. */
export function stoppedFor(ms: number, { suspended = false } = {}): Disturbance['jump'] {
  return async ({ clocks, workers, step }) => {
    for (const worker of workers) await asleep(worker)
    const fromMs = performance.now()
    await delay(ms)
    const stoppedMs = performance.now() - fromMs
    clocks.step('worker', suspended ? LEAST_MS - stoppedMs : step.ms)
    for (const worker of workers) worker.kill('SIGCONT')
    const clock = suspended ? 'its wall and its monotonic clock stood still' : `its clock jumped by ${step.ms} ms`
    return `stopped for ${Math.round(stoppedMs)} ms, ${clock}`
  }
}

async function asleep(worker: WorkerProcess): Promise<void> {
  worker.kill('SIGSTOP')
  for (;;) {
    const stat = await readFile(`/proc/${worker.pid}/stat`, 'utf8')
    if (stat.slice(stat.lastIndexOf(')') + 2).startsWith('T')) return
    await delay(5)
  }
}
