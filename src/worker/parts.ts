/** What a worker is made of, put together once its name is known. */
import type { Database } from '../database/pool.ts'
import type { Logger } from '../log.ts'
import { AccessTokens } from '../mailboxes/access-tokens.ts'
import { Connections } from './connections.ts'
import { Dispatch } from './dispatch.ts'
import { Engine } from './engine.ts'
import { Forecasts } from './forecasts.ts'
import type { Logbook } from './logbook/logbook.ts'
import { Outcomes } from './outcomes.ts'
import { Planning } from './planning.ts'
import { Sender } from './sender.ts'
import type { WorkerSession } from './session.ts'
import type { WorkerSettings } from './settings.ts'
import { CRON } from './tasks.ts'

export interface Parts {
  connections: Connections
  tokens: AccessTokens
  outcomes: Outcomes
  dispatch: Dispatch
  planning: Planning
  engine: Engine
  forecasts: Forecasts
}

export interface PartsOptions {
  database: Database
  session: WorkerSession
  logbook: Pick<Logbook, 'passed' | 'answered'>
  settings: WorkerSettings
  log: Logger
  onEngineDead: (reason: string) => void
}

/** Nothing of it has begun yet. Whoever has lost his name claims and fences nothing. */
export function makeParts({ database, session, logbook, settings, log, onEngineDead }: PartsOptions): Parts {
  const common = { database, incarnationId: session.incarnationId, settings, log }
  const engine = new Engine({
    url: database.url,
    silenceMs: settings.silenceMs,
    cron: CRON,
    log,
    onDead: onEngineDead,
  })
  const tokens = new AccessTokens({ environment: process.env, onWarning: (text) => log.warn(text) })
  const connections = new Connections(settings.deadlines, tokens)
  const outcomes = new Outcomes({ pool: database.pool, incarnationId: session.incarnationId, log })
  const planning = new Planning({
    database,
    graceMs: settings.graceMs,
    silenceMs: settings.silenceMs,
    book: () => engine.book(['plan']),
    onPlanned: () => dispatch.wake(),
    log,
  })
  const dispatch = new Dispatch({
    ...common,
    sender: new Sender({ ...common, connections, outcomes, logbook, tenure: () => session.tenure }),
    tenure: () => session.tenure,
    onSettled: ({ status }) => {
      if (status === 'pending' || status === 'sent') planning.request()
    },
  })
  return {
    connections,
    tokens,
    outcomes,
    dispatch,
    planning,
    engine,
    forecasts: new Forecasts({ url: database.url, log }),
  }
}
