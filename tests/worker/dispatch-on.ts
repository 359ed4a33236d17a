/** A dispatch loop by itself, with a real sender: no engine calls it, and no session holds its name. */
import { createLogger } from '../../src/log.ts'
import { AccessTokens } from '../../src/mailboxes/access-tokens.ts'
import { Connections } from '../../src/worker/connections.ts'
import { Dispatch, type DispatchOptions } from '../../src/worker/dispatch.ts'
import { Outcomes } from '../../src/worker/outcomes.ts'
import { Sender } from '../../src/worker/sender.ts'
import { readWorkerSettings } from '../../src/worker/settings.ts'

type Given = Pick<DispatchOptions, 'database' | 'incarnationId'> & Partial<Pick<DispatchOptions, 'waits'>>

/** On this database, under this incarnation; `env` has the worker's settings. */
export function dispatchOn({ database, incarnationId, ...more }: Given, env: Record<string, string> = {}): Dispatch {
  const settings = readWorkerSettings(env)
  const common = { database, incarnationId, settings, log: createLogger({ level: 'fatal' }), tenure: () => 1 }
  const tokens = new AccessTokens({ environment: {}, onWarning: () => undefined })
  const sender = new Sender({
    ...common,
    connections: new Connections(settings.deadlines, tokens),
    outcomes: new Outcomes({ pool: database.pool, incarnationId, log: common.log }),
    logbook: { passed: async () => undefined, answered: () => undefined },
  })
  return new Dispatch({ ...common, ...more, sender, onSettled: () => undefined })
}
