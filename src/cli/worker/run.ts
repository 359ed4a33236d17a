import { readInteger } from '../../config.ts'
import { explainDatabaseError } from '../../database/failures.ts'
import { GoniecError, messageOf } from '../../errors.ts'
import { createLogger, type Logger } from '../../log.ts'
import { readWorkerSettings } from '../../worker/settings.ts'
import { Worker } from '../../worker/worker.ts'
import type { Cli } from '../cli.ts'

/** Runs a worker until it is stopped, or idle. The first SIGINT or SIGTERM drains, the second ends at once. */
export async function runWorker(cli: Cli, options: { name?: string; untilIdle?: boolean }): Promise<void> {
  const settings = readWorkerSettings()
  const log = createLogger({ level: cli.config.logLevel })
  await cli.withDatabase(async ({ url }) => {
    survive(url, log)
    const stopped = Promise.withResolvers<void>()
    const worker = new Worker({
      url,
      name: options.name,
      settings,
      keepContentDays: keepContentDays(),
      log,
      onFatal: (reason) =>
        stopped.reject(new GoniecError('worker_died', reason, { hint: 'see the log above; start it again' })),
    })
    handleSignals(cli, worker, log, stopped.resolve)
    await worker.start()
    if (options.untilIdle) {
      await worker.untilIdle()
      await worker.stop()
      stopped.resolve()
    }
    await stopped.promise
  })
}

function handleSignals(cli: Cli, worker: Worker, log: Logger, onStopped: () => void): void {
  let signals = 0
  cli.handleSignals((signal) => {
    signals += 1
    if (signals > 1) {
      log.fatal({ signal }, 'stopped at once')
      process.exit(130)
    }
    cli.output.say('Stopping when the mails in flight are finished. Once more stops at once.')
    void worker.stop().then(onStopped)
  })
}

/**
 * The engine can leave a rejection without a handler when the database goes away. That is the world's doing, and survived; any other
 * one is our mistake and ends the process.
 */
function survive(url: string, log: Logger): void {
  process.on('unhandledRejection', (error) => {
    if (explainDatabaseError(error, url) === undefined) {
      log.fatal({ err: error }, 'this is a defect in goniec')
      process.exit(1)
    }
    log.warn({ problem: messageOf(error) }, 'the engine lost the database')
  })
}

function keepContentDays(): number | undefined {
  const days = readInteger(process.env, 'GONIEC_KEEP_CONTENT_DAYS', { standard: 0, least: 0, most: 36_500 })
  return days === 0 ? undefined : days
}
