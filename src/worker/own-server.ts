/**
 * A worker on goniec's own server is what keeps that server running: where it has crashed (the system took it for its memory), it is started
 * again, since no other command may come for days. One that was stopped (`goniec database stop`) stays so.
 */
import { restartCrashed } from '../database/embedded.ts'
import { messageOf } from '../errors.ts'
import type { Logger } from '../log.ts'

export interface OwnServerOptions {
  directory: string
  /** Where the worker looks for it. */
  url: string
  log: Logger
  /** It runs again, at an address at which the worker does not look. */
  onMoved: (reason: string) => void
}

export class OwnServer {
  readonly #options: OwnServerOptions
  #isLooking = false

  constructor(options: OwnServerOptions) {
    this.#options = options
  }

  /** To be called whenever the database does not answer; one look at a time. */
  lookAfter(): void {
    if (!this.#isLooking) void this.#look()
  }

  async #look(): Promise<void> {
    const { directory, url, log, onMoved } = this.#options
    this.#isLooking = true
    try {
      const again = await restartCrashed(directory)
      if (again === undefined) return
      log.warn({ directory }, 'goniec’s own database had crashed, and was started again')
      if (again !== url) onMoved('goniec’s own database has another port now')
    } catch (error) {
      log.warn({ problem: messageOf(error) }, 'goniec’s own database has crashed, and could not be started yet')
    } finally {
      this.#isLooking = false
    }
  }
}
