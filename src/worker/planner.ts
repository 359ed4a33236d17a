/**
 * Runs the plan in a thread of its own, with its own database connection: a plan of a hundred thousand slots reckons for a second, and a
 * mail that is due in that second must not wait for it. The thread ends when there is nothing to plan, and the next plan has a new one: a worker
 * that is idle does without its forty megabytes, for a quarter of a second's work a minute. One that died is started again.
 */
import { extname } from 'node:path'
import type { Worker as Thread } from 'node:worker_threads'
import type { PlanRun } from '../campaigns/plan/run.ts'
import { GoniecError, messageOf } from '../errors.ts'
import type { KnownHolidays } from '../schedule/holidays.ts'
import { startLeanThread } from './lean-thread.ts'

/** What the thread is told when it is made, and for each run; and what it answers. */
export interface PlanThreadData {
  url: string
  graceMs: number
  /** How long the database may owe an answer. */
  silenceMs: number
  /** What threads before it have reckoned: it takes half as long to begin without the library of holidays. */
  holidays: KnownHolidays
}
export type PlanAnswer = { run: PlanRun; holidays: KnownHolidays } | { problem: string; hint?: string | undefined }

/** So long it waits for the next plan: where one has changed nothing, that is most likely the minute's. */
const ENDS_AFTER_MS = { nothing: 1000, something: 30_000 }

const LONGEST_END_MS = 10_000

export class Planner {
  #data: Omit<PlanThreadData, 'holidays'>
  #holidays: KnownHolidays = new Map()
  #thread: Thread | undefined
  #answered: (answer: PlanAnswer) => void = () => undefined
  #ending: NodeJS.Timeout | undefined

  constructor(data: Omit<PlanThreadData, 'holidays'>) {
    this.#data = data
  }

  /** Plans once. One call at a time. */
  async run(): Promise<PlanRun> {
    clearTimeout(this.#ending)
    const thread = (this.#thread ??= this.#start())
    const answer = await new Promise<PlanAnswer>((resolve) => {
      this.#answered = resolve
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
      thread.postMessage('plan')
    })
    const pauseMs = 'run' in answer && !hasChanged(answer.run) ? ENDS_AFTER_MS.nothing : ENDS_AFTER_MS.something
    this.#ending = setTimeout(() => this.#end(), pauseMs).unref()
    if ('run' in answer) {
      this.#holidays = answer.holidays
      return answer.run
    }
    const { problem, hint } = answer
    throw new GoniecError('plan_failed', `the plan failed: ${problem}`, hint === undefined ? {} : { hint })
  }

  /** Lets go of a plan whose database is gone, and of all its connections: the next run has a thread of its own. */
  abandon(): void {
    const thread = this.#thread
    this.#thread = undefined
    this.#answered({ problem: 'its database is gone' })
    void thread?.terminate()
  }

  /** Ends the thread, in the middle of a plan too: what is not committed by then is planned by the next one. */
  async close(): Promise<void> {
    clearTimeout(this.#ending)
    await this.#thread?.terminate()
  }

  /** It closes its connections itself, unless the database does not answer. Nobody waits for that. */
  #end(): void {
    const thread = this.#thread
    this.#thread = undefined
    if (!thread) return
    thread.unref()
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    thread.postMessage('end')
    setTimeout(() => void thread.terminate(), LONGEST_END_MS).unref()
  }

  #start(): Thread {
    const entry = new URL(`./plan-thread${extname(import.meta.url)}`, import.meta.url)
    const thread = startLeanThread(entry, { ...this.#data, holidays: this.#holidays } satisfies PlanThreadData)
    const died = (problem: string): void => {
      if (this.#thread !== thread) return
      this.#thread = undefined
      this.#answered({ problem })
    }
    thread.on('message', (answer: PlanAnswer) => this.#thread === thread && this.#answered(answer))
    thread.once('error', (error) => died(messageOf(error)))
    thread.once('exit', () => died('its thread ended'))
    return thread
  }
}

/** Whether a plan did anything. */
export function hasChanged({ planned, moved, withdrawn, givenUp, completed }: PlanRun): boolean {
  return planned + moved + withdrawn + givenUp + completed.length > 0
}
