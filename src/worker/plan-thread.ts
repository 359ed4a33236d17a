/** The planner's thread: plans whenever it is told to, and says what came of it, until it is told to end. */
import { parentPort, workerData } from 'node:worker_threads'
import { runPlan } from '../campaigns/plan/run.ts'
import { explainDatabaseError } from '../database/failures.ts'
import { openDatabase } from '../database/pool.ts'
import { messageOf } from '../errors.ts'
import { knownHolidays, rememberHolidays } from '../schedule/holidays.ts'
import type { PlanAnswer, PlanThreadData } from './planner.ts'

const { url, graceMs, silenceMs, holidays } = workerData as PlanThreadData
rememberHolidays(holidays)
/** What the plan reads and writes can be large, and it waits for the plans of other workers; others wait for nobody so long. */
const LONGER = 10
const database = openDatabase(url, { name: 'plan', size: 4, silenceMs: silenceMs * LONGER })

parentPort?.on('message', (told: 'plan' | 'end') => {
  if (told === 'end') void database.close().then(() => parentPort?.close())
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
  else void answer().then((result) => parentPort?.postMessage(result))
})

async function answer(): Promise<PlanAnswer> {
  try {
    return { run: await runPlan(database, { graceMs }), holidays: knownHolidays() }
  } catch (error) {
    const known = explainDatabaseError(error, url)
    return { problem: known?.message ?? messageOf(error), hint: known?.hint }
  }
}
