/**
 * The pool that graphile-worker borrows from. Its listener gives one connection back twice where that breaks between LISTEN's being sent and
 * answered while the runner is let go of, and leaves the error of the second time to nobody: it would end the worker. Here the second time does nothing.
 */
import type { Runner } from 'graphile-worker'
import { Pool, type PoolClient } from 'pg'

type Done = (error?: Error | boolean) => void
type Callback = (error: Error | undefined, client: PoolClient | undefined, done: Done) => void

export class EnginePool extends Pool {
  override connect(): Promise<PoolClient>
  override connect(callback: Callback): void
  override connect(callback?: Callback): Promise<PoolClient> | void {
    if (!callback) return super.connect()
    super.connect((error, client, done) => callback(error, client, once(done)))
  }
}

function once(done: Done): Done {
  let isDone = false
  return (error) => {
    if (isDone) return
    isDone = true
    done(error)
  }
}

/** Ends both, in this order: a task that is ending now still asks the pool, and graphile leaves its refusal to nobody. */
export async function letGo(runner: Runner | undefined, pool: Pool | undefined): Promise<void> {
  try {
    await runner?.stop()
  } finally {
    await pool?.end()
  }
}
