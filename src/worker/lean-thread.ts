/**
 * Threads beside the one that sends: what they throw away may be collected sooner, since nobody waits for them. The one that sends has a larger young
 * generation (bin/goniec.js; docs/decisions/lean-worker.md), which is said for the whole process and read by each thread as it begins.
 */
import { setFlagsFromString } from 'node:v8'
import { Worker as Thread } from 'node:worker_threads'

const OF_THE_SENDER = '--max-semi-space-size=8'
const OF_A_THREAD = '--max-semi-space-size=4'

/** Starts it; where somebody has said how large a worker's memory may be, with that. */
export function startLeanThread(entry: URL, workerData: unknown): Thread {
  if (process.execArgv.includes(OF_THE_SENDER)) setFlagsFromString(OF_A_THREAD)
  return new Thread(entry, { workerData })
}
