/**
 * Starts graphile-worker for the engine. A module of its own, loaded when the engine starts: graphile and what it brings along are seventy
 * files, which the first mail behind a restart does not wait for.
 */
import { Logger as GraphileLogger, parseCronItems, run, type Runner, type TaskList } from 'graphile-worker'
import type { Pool } from 'pg'
import type { Logger } from '../log.ts'

export interface RunnerOptions {
  pool: Pool
  tasks: TaskList
  /** Tasks that one worker of the cluster runs at these times (cron, UTC). */
  cron: readonly { task: string; match: string }[]
  /** Jobs at the same time. */
  concurrency: number
  pollInterval: number
  log: Logger
}

/** A runner that has begun. Rejects where the database does not answer. */
export async function startRunner({
  pool,
  tasks,
  cron,
  concurrency,
  pollInterval,
  log,
}: RunnerOptions): Promise<Runner> {
  return await run({
    pgPool: pool,
    taskList: tasks,
    parsedCronItems: parseCronItems(
      cron.map((item) => ({ ...item, identifier: item.task, options: { backfillPeriod: 0, maxAttempts: 1 } })),
    ),
    concurrency,
    pollInterval,
    noHandleSignals: true,
    logger: quietLogger(log),
  })
}

/** graphile's own lines are of interest only when something is wrong. */
function quietLogger(log: Logger): GraphileLogger {
  return new GraphileLogger(() => (level, message) => {
    if (level === 'error') log.error({ engine: message }, 'engine')
    else if (level === 'warning') log.warn({ engine: message }, 'engine')
    else log.trace({ engine: message }, 'engine')
  })
}
