/**
 * The pool that graphile-worker borrows from. Its listener gives one connection back twice where that breaks between LISTEN's being sent and
 * answered while the runner is let go of, and leaves the error of the second time to nobody: it would end the worker. Here the second time does nothing.
 */
import type { Runner } from 'graphile-worker'
import { Pool, type Client, type PoolClient } from 'pg'
import { clientConfig } from '../database/pool.ts'
import { setUpSession } from '../database/session-settings.ts'
import { breakWhenSilent, endedAfterMs } from '../database/silence.ts'
import { messageOf } from '../errors.ts'
import type { Logger } from '../log.ts'

type Done = (error?: Error | boolean) => void
/** As it is called: by a pool that has ended with the error alone, though the types say otherwise. */
type PoolCallback = (error: Error | undefined, client?: PoolClient, done?: Done) => void
type Callback = (error: Error | undefined, client: PoolClient | undefined, done: Done) => void

export class EnginePool extends Pool {
  override connect(): Promise<PoolClient>
  override connect(callback: Callback): void
  override connect(callback?: Callback): Promise<PoolClient> | void {
    if (!callback) return super.connect()
    const told: PoolCallback = (error, client, done = nothingToGiveBack) => callback(error, client, once(done))
    super.connect(told)
  }
}

function nothingToGiveBack(): void {}

function once(done: Done): Done {
  let isDone = false
  return (error) => {
    if (isDone) return
    isDone = true
    done(error)
  }
}

export interface EnginePoolOptions {
  url: string
  /** How long the database may owe an answer. */
  silenceMs: number
  log: Logger
  /** Connections. */
  most: number
  /** How long one is kept in which nothing is asked. */
  keptMs: number
}

/** Opens it; a connection is made when it is wanted. */
export function openEnginePool({ url, silenceMs, log, most, keptMs }: EnginePoolOptions): Pool {
  const pool = new EnginePool({
    ...clientConfig(url, { name: 'engine' }),
    max: most,
    idleTimeoutMillis: keptMs,
    // The pool waits for the promise, though its types do not say so.
    // oxlint-disable-next-line typescript/no-misused-promises
    onConnect: (client) => {
      breakWhenSilent(client as Client, silenceMs)
      return setUpSession(client, { statementMs: endedAfterMs(silenceMs) })
    },
  })
  const onError = (error: Error): void => log.debug({ problem: messageOf(error) }, 'the engine lost a connection')
  pool.on('error', onError)
  pool.on('connect', (client) => client.on('error', onError))
  return pool
}

/** Ends both, in this order: a task that is ending now still asks the pool, and graphile leaves its refusal to nobody. */
export async function letGo(runner: Runner | undefined, pool: Pool | undefined): Promise<void> {
  try {
    await runner?.stop()
  } finally {
    await pool?.end()
  }
}
