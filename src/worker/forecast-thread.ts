/** The forecasts' thread: makes the day's forecasts once, says what came of it, and ends. */
import { setPriority } from 'node:os'
import { parentPort, workerData } from 'node:worker_threads'
import { openDatabase } from '../database/pool.ts'
import { messageOf } from '../errors.ts'
import { recordForecasts } from '../reports/forecast/record.ts'
import type { ForecastAnswer } from './forecasts.ts'

const { url } = workerData as { url: string }
// On Linux this is the priority of this thread alone: mails that are due go before a forecast.
if (process.platform === 'linux') setPriority(10)
const database = openDatabase(url, { name: 'forecast', size: 2 })
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
parentPort?.postMessage(await answer())
await database.close()

async function answer(): Promise<ForecastAnswer> {
  try {
    return { made: await recordForecasts(database) }
  } catch (error) {
    return { problem: messageOf(error) }
  }
}
