/** Who did it, as `goniec.event` names it. */
import { hostname, userInfo } from 'node:os'
import { sql } from 'kysely'
import type { Queries } from './pool.ts'

/** Names whoever runs this process in every event of this transaction: `anna@laptop`. */
export async function nameActor(tx: Queries, actor: string = thisActor()): Promise<void> {
  await sql`select set_config('goniec.actor', ${actor}, true)`.execute(tx)
}

/** `user@host` of this process. */
export function thisActor(): string {
  return `${userName()}@${hostname()}`
}

function userName(): string {
  try {
    return userInfo().username
  } catch (error) {
    // A container may run under a number that no user has.
    if (error instanceof Error && 'code' in error && error.code === 'ERR_SYSTEM_ERROR')
      return `uid-${process.getuid?.() ?? 0}`
    throw error
  }
}
