/**
 * Runs the plan in a thread of its own, with its own database connection: a plan of a hundred thousand slots reckons for a second, and a
 * mail that is due in that second must not wait for it. The thread lives as long as the worker; one that died is started again.
 */
import { once } from 'node:events'
import { extname } from 'node:path'
import { Worker as Thread } from 'node:worker_threads'
import type { PlanRun } from '../campaigns/plan/run.ts'
import { GoniecError } from '../errors.ts'

/** What the thread is told when it is made, and for each run; and what it answers. */
export interface PlanThreadData {
  url: string
  graceMs: number
}
export type PlanAnswer = { run: PlanRun } | { problem: string }

export class Planner {
  #data: PlanThreadData
  #thread: Thread | undefined

  constructor(data: PlanThreadData) {
    this.#data = data
  }

  /** Plans once. One call at a time. */
  async run(): Promise<PlanRun> {
    const thread = (this.#thread ??= this.#start())
    thread.postMessage('plan')
    const [answer] = (await Promise.race([once(thread, 'message'), once(thread, 'exit').then(died)])) as [PlanAnswer]
    if ('run' in answer) return answer.run
    throw new GoniecError('plan_failed', `the plan failed: ${answer.problem}`)
  }

  async close(): Promise<void> {
    const thread = this.#thread
    this.#thread = undefined
    await thread?.terminate()
  }

  #start(): Thread {
    const entry = new URL(`./plan-thread${extname(import.meta.url)}`, import.meta.url)
    const thread = new Thread(entry, { workerData: this.#data })
    const forget = (): void => {
      if (this.#thread === thread) this.#thread = undefined
    }
    // An error ends the thread; `exit` tells whoever waits.
    thread.once('error', forget)
    thread.once('exit', forget)
    return thread
  }
}

function died(): [PlanAnswer] {
  return [{ problem: 'its thread ended' }]
}
