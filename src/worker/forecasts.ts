/**
 * Has the day's forecasts made, in a thread of its own: where much is waiting it reckons for minutes, and must hold up neither mails nor
 * plans.
 */
import { extname } from 'node:path'
import type { Worker as Thread } from 'node:worker_threads'
import { messageOf } from '../errors.ts'
import type { Logger } from '../log.ts'
import { startLeanThread } from './lean-thread.ts'

/** What the thread answers: how many forecasts it made. */
export type ForecastAnswer = { made: number } | { problem: string }

export class Forecasts {
  #options: { url: string; log: Logger }
  #thread: Thread | undefined

  constructor(options: { url: string; log: Logger }) {
    this.#options = options
  }

  /** Begins to make them, unless they are made or being made. What fails is logged, and tried again within the hour. */
  begin(): void {
    if (this.#thread) return
    const { url, log } = this.#options
    const entry = new URL(`./forecast-thread${extname(import.meta.url)}`, import.meta.url)
    const thread = startLeanThread(entry, { url })
    this.#thread = thread
    thread.on('message', (answer: ForecastAnswer) => {
      if ('problem' in answer) log.warn(answer, 'the forecasts of today were not made yet')
      else if (answer.made > 0) log.info(answer, 'the forecasts of today were made')
    })
    thread.once('error', (error) => log.warn({ problem: messageOf(error) }, 'the forecasts of today were not made yet'))
    thread.once('exit', () => (this.#thread = undefined))
  }

  /** Ends the thread, also in the middle: what is not made is made within the next hour. */
  async close(): Promise<void> {
    await this.#thread?.terminate()
  }
}
