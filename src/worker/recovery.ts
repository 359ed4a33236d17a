/**
 * What a worker puts right at its start, on every return of the database, and each minute: what vanished workers left, what a clock wrote that
 * has been set back since, and refusals that nobody counted.
 */
import type { Database } from '../database/pool.ts'
import { recover } from '../delivery/recover.ts'
import type { Logger } from '../log.ts'
import type { WorkerSession } from './session.ts'

export interface RecoveryOptions {
  database: Database
  session: WorkerSession
  /** The attempts that this worker holds in memory. */
  held: readonly number[]
  log: Logger
}

/** Attempts of this name's earlier lives are ended at once, those of others when their time is over. */
export async function recoverAll({ database, session, held, log }: RecoveryOptions): Promise<void> {
  // First, since a lease or a deadline that lies a day ahead would not run out.
  const [instants] = await database.query<{ mended: number }>('select goniec.mend_instants() as mended')
  if (instants && instants.mended > 0)
    log.warn(
      { rows: instants.mended },
      "the database's clock was set back: instants that lay in the future count as now",
    )
  const { gone, seenGone } = await session.predecessors()
  const { incarnationId } = session
  const recovered = await recover(database.pool, { incarnationId, gone, seenGone, held, unheldAtOnce: false })
  await session.endPredecessors(gone)
  await database.query('select goniec.brake_refused()')
  for (const { attemptId, messageId, state } of recovered) {
    const fields = { attempt_id: attemptId, message_id: messageId, state }
    if (state === 'in_doubt') log.error(fields, 'in doubt: its worker was gone before the answer was known')
    else log.warn(fields, 'recovered: nothing had been sent')
  }
}
