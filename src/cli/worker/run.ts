import { readInteger } from '../../config.ts'
import { explainDatabaseError } from '../../database/failures.ts'
import { GoniecError, messageOf } from '../../errors.ts'
import { createLogger, type Logger } from '../../log.ts'
import { OwnServer, type OwnServerOptions } from '../../worker/own-server.ts'
import { readWorkerSettings } from '../../worker/settings.ts'
import { Systemd, watch } from '../../worker/systemd.ts'
import { Worker } from '../../worker/worker.ts'
import type { Cli } from '../cli.ts'

/** Runs a worker until it is stopped, or idle. The first SIGINT or SIGTERM drains, the second ends at once. */
export async function runWorker(cli: Cli, options: { name?: string; untilIdle?: boolean }): Promise<void> {
  // A variable that is not set where the command runs, as in --name "$HOSTNAME" under cron: no two workers could have that name.
  if (options.name?.trim() === '') {
    throw new GoniecError('usage', '--name is empty', { hint: 'give the worker a name, or leave it out', exitCode: 2 })
  }
  const settings = readWorkerSettings()
  const log = createLogger({ level: cli.config.logLevel })
  const systemd = new Systemd(process.env, log)
  await cli.withDatabase(async ({ url }) => {
    survive(url, log)
    const ended = Promise.withResolvers<void>()
    // Told by `await` below, as soon as the start is over.
    ended.promise.catch(() => undefined)
    const server = ownServer(cli, { url, log, onMoved: (reason) => void worker.giveUp(reason) })
    const worker = new Worker({
      url,
      name: options.name,
      settings,
      keepContentDays: keepContentDays(),
      log,
      onAway: () => server?.lookAfter(),
      onFatal: (reason) =>
        ended.reject(new GoniecError('worker_died', reason, { hint: 'see the log above; start it again' })),
    })
    const stop = (): void => {
      void systemd.stopping()
      void stopWorker(worker).then(ended.resolve, ended.reject)
    }
    handleSignals(cli, log, stop)
    let unwatch: (() => void) | undefined
    try {
      await worker.start()
      await systemd.ready(`sends as ${worker.name}`)
      unwatch = watch(
        systemd,
        () => worker.getsOn(),
        () => void worker.giveUp('mails are due, and claims are not answered'),
      )
      if (options.untilIdle) {
        await worker.untilIdle()
        stop()
      }
      await ended.promise
    } catch (error) {
      // Already, should something that does not close keep the error from being reported.
      process.exitCode = 1
      throw error
    } finally {
      unwatch?.()
      endAnyway()
    }
  })
}

function ownServer(cli: Cli, options: Omit<OwnServerOptions, 'directory'>): OwnServer | undefined {
  const choice = cli.database()
  return choice.kind === 'embedded' ? new OwnServer({ directory: choice.directory, ...options }) : undefined
}

async function stopWorker(worker: Worker): Promise<void> {
  const { unwritten } = await worker.stop()
  if (unwritten === 0) return
  throw new GoniecError(
    'outcomes_unwritten',
    `${unwritten} outcomes could not be written, since the database was away`,
    {
      hint: 'see the log above; start the worker again when the database is back: mails whose fate it cannot know are then in doubt',
    },
  )
}

function handleSignals(cli: Cli, log: Logger, stop: () => void): void {
  let signals = 0
  const drain = (): void => {
    cli.output.say('Stopping when the mails in flight are finished. Once more stops at once.')
    stop()
  }
  cli.handleSignals((signal) => {
    signals += 1
    if (signals === 1) return drain()
    log.fatal({ signal }, 'stopped at once')
    process.exit(130)
  })
  // A terminal that is closed says so more than once, by its shell and by the kernel: that is one signal to stop, and never a second one.
  process.on('SIGHUP', () => {
    if (signals > 0) return
    signals = 1
    drain()
  })
}

/** For closing what is left, and for the last words. */
const CLOSE_MS = 5000

/** A connection to a server that is gone may not close for minutes; everything that matters is done by now. */
function endAnyway(): void {
  setTimeout(() => process.exit(), CLOSE_MS).unref()
}

/**
 * The engine can leave a rejection without a handler when the database goes away. That is the world's doing, and survived; any other
 * one is our mistake and ends the process.
 */
function survive(url: string, log: Logger): void {
  process.on('unhandledRejection', (error) => {
    if (explainDatabaseError(error, url) === undefined && !LEFT_BEHIND.test(messageOf(error))) {
      log.fatal({ err: error }, 'this is a defect in goniec')
      process.exit(1)
    }
    log.warn({ problem: messageOf(error) }, 'the engine lost the database')
  })
}

/** A task of an engine that was let go of asks for a connection. */
const LEFT_BEHIND = /Cannot use a pool after calling end/

function keepContentDays(): number | undefined {
  const days = readInteger(process.env, 'GONIEC_KEEP_CONTENT_DAYS', { standard: 0, least: 0, most: 36_500 })
  return days === 0 ? undefined : days
}
