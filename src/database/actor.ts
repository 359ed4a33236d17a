/** Who did it, as `goniec.event` names it. */
import { hostname, userInfo } from 'node:os'
import { CompiledQuery, sql } from 'kysely'
import type { Database, Queries } from './pool.ts'

/** Names whoever runs this process in every event of this transaction: `anna@laptop`. */
export async function nameActor(tx: Queries, actor: string = thisActor()): Promise<void> {
  await sql`select set_config('goniec.actor', ${actor}, true)`.execute(tx)
}

/** Plain statements, each in a transaction of its own that names whoever runs this process. */
export function asThisActor(database: Pick<Database, 'transaction'>): Pick<Database, 'query'> {
  return {
    query: (text, values = []) =>
      database.transaction(async (tx) => {
        await nameActor(tx)
        const { rows } = await tx.executeQuery(CompiledQuery.raw(text, [...values]))
        return rows as never
      }),
  }
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
