/**
 * Work that gives a lock up rather than hold up others (`lock_timeout`), or that was chosen to end a deadlock, is begun again: each
 * try was rolled back, and holds nothing.
 */
import { DatabaseError } from 'pg'
import { GoniecError } from '../errors.ts'

const MOST_TRIES = 20

/** That a lock was not to be had within `lock_timeout`, or at once where nobody was to wait. */
export function isLockRefused(error: unknown): boolean {
  return error instanceof DatabaseError && error.code === '55P03'
}

function isDeadlock(error: unknown): boolean {
  return error instanceof DatabaseError && error.code === '40P01'
}

/** Does `work`, one transaction of it, again until it has its locks. Throws `database_busy` when it never has. */
export async function whileLocksAreGivenUp<Result>(work: () => Promise<Result>): Promise<Result> {
  for (let tries = 1; ; tries++) {
    try {
      return await work()
    } catch (error) {
      if (!isLockRefused(error) && !isDeadlock(error)) throw error
      if (tries < MOST_TRIES) continue
      throw new GoniecError('database_busy', 'another program holds what this needs in an open transaction', {
        hint: 'end that transaction (select * from pg_stat_activity), and run the command again',
        cause: error,
      })
    }
  }
}
