/**
 * The engine's tasks. Each is safe to run twice, at the same time, or late: the database decides what is to be done.
 *
 * | task              | woken by                                            | does                                      |
 * | dispatch:<worker> | some seconds before the next planned time; minutely | the dispatch loop of that worker, which a notification begins without a task |
 * | plan              | whatever changes what should be planned; minutely   | lays slots, makes day rows                |
 * | recover           | minutely                                            | ends attempts whose time is over          |
 * | check             | `campaign check`, `mailbox test`                    | tries logins; the command waits           |
 * | forecast          | hourly                                              | makes the day's forecasts once, in a thread |
 * | tidy              | nightly                                             | drops old counters, and old contents, if configured |
 */
import type { TaskList } from 'graphile-worker'
import type { Database } from '../database/pool.ts'
import type { Deadlines } from '../delivery/deadlines.ts'
import type { Logger } from '../log.ts'
import type { AccessTokens } from '../mailboxes/access-tokens.ts'
import { checkLogins } from './tasks/check.ts'
import { sweepDomainCounters, tidyContents } from './tasks/tidy.ts'

export interface TaskOptions {
  /** The worker's name. */
  name: string
  database: Database
  deadlines: Deadlines
  tokens: AccessTokens
  keepContentDays: number | undefined
  dispatch: () => Promise<void>
  plan: () => Promise<void>
  recover: () => Promise<void>
  forecast: () => void
  log: Logger
}

/** What workers book each minute, one of them for all: by their own monotonic clocks, since the engine's cron stands still where a clock is set back. */
export const MINUTELY = ['recover', 'plan'] as const

/** Once in the cluster, by the engine; nothing that sends depends on it. */
export const CRON = [
  { task: 'forecast', match: '23 * * * *' },
  { task: 'tidy', match: '17 2 * * *' },
] as const

/** The tasks of one worker. */
export function taskList({
  name,
  database,
  deadlines,
  tokens,
  keepContentDays,
  dispatch,
  plan,
  recover,
  forecast,
  log,
}: TaskOptions): TaskList {
  return {
    [`dispatch:${name}`]: () => dispatch(),
    plan: () => plan(),
    recover: () => recover(),
    // Not waited for: a job's place is needed by tasks that mails depend on.
    forecast: () => forecast(),
    check: (payload) => checkLogins({ database, deadlines, tokens, worker: name }, (payload as CheckPayload).ids),
    tidy: async () => {
      await sweepDomainCounters(database)
      if (keepContentDays === undefined) return
      const dropped = await tidyContents(database, keepContentDays)
      log.info({ dropped, older_than_days: keepContentDays }, 'contents of old mails were dropped')
    },
  }
}

/** As whoever books the task writes it (src/mailboxes/login-check.ts). */
interface CheckPayload {
  ids: number[]
}
