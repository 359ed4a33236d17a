/**
 * How a worker stops: within a bound, whatever hangs.
 *
 *   1  Nothing is claimed any more; dialogues in flight may end by themselves within `drainMs`, and are ended then.
 *   2  Their outcomes are written. Is the database away, it has as long again to come back; then they are given up, and each is told in the log:
 *      recovery will decide on its attempt, and what had passed its fence becomes a doubt.
 *   3  Everything is closed; what does not close in time is left to the end of the process.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Database } from '../database/pool.ts'
import { messageOf } from '../errors.ts'
import type { Logger } from '../log.ts'
import type { Memory } from './memory.ts'
import type { Parts } from './parts.ts'
import type { WorkerSession } from './session.ts'

/** How a worker has stopped. */
export interface Stopped {
  /** Outcomes that could not be written. */
  unwritten: number
}

export interface StopOptions {
  /** Undefined: it had not even begun. */
  parts: Parts | undefined
  session: WorkerSession
  memory: Memory
  database: Database
  drainMs: number
  log: Logger
}

/** For closing, and for the last write before it. */
const CLOSE_MS = 5000

/** Stops all of it. Never rejects. */
export async function stopParts({ parts, session, memory, database, drainMs, log }: StopOptions): Promise<Stopped> {
  log.info({ in_flight: parts?.dispatch.held.length ?? 0 }, 'worker stops: mails in flight are finished first')
  const unwritten = parts ? await drain(parts, drainMs, log) : 0
  const closing = [
    parts?.planning.close(),
    parts?.forecasts.close(),
    parts?.engine.stop(),
    parts?.connections.close(),
    session.close(),
    memory.close(),
  ].map(async (closed) =>
    closed?.catch((error: unknown) => log.debug({ problem: messageOf(error) }, 'was gone already')),
  )
  const all = Promise.all(closing).then(() => database.close())
  if (!(await isOverWithin(CLOSE_MS, all))) log.warn('not everything could be closed in time')
  log.info({ unwritten }, 'worker stopped')
  return { unwritten }
}

async function drain({ dispatch, outcomes }: Parts, drainMs: number, log: Logger): Promise<number> {
  const drained = dispatch.stop(drainMs)
  if (await isOverWithin(drainMs * 2, drained)) return 0
  const unwritten = outcomes.giveUp()
  for (const { attemptId, outcome, response } of unwritten) {
    log.fatal(
      { attempt_id: attemptId, outcome, response },
      'this outcome could not be written; recovery will decide on its attempt',
    )
  }
  return unwritten.length
}

async function isOverWithin(ms: number, work: Promise<unknown>): Promise<boolean> {
  const patience = new AbortController()
  const over = work.then(() => true)
  try {
    return await Promise.race([over, delay(ms, false, { signal: patience.signal })])
  } finally {
    patience.abort()
  }
}
