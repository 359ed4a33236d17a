/** A dry run that cannot differ from the real one: the same transaction, taken back at its end. */
import type { Transaction } from 'kysely'
import { assert } from '../errors.ts'
import type { Database } from './pool.ts'
import type { Schema } from './schema.ts'

/** Does the work in a transaction and commits it; with `dryRun` takes it back, and returns what it would have returned. */
export async function transactOrRehearse<Result>(
  database: Database,
  { dryRun }: { dryRun: boolean },
  work: (tx: Transaction<Schema>) => Promise<Result>,
): Promise<Result> {
  if (!dryRun) return database.transaction(work)
  const rehearsed: Result[] = []
  try {
    await database.transaction(async (tx) => {
      rehearsed.push(await work(tx))
      throw new TakenBack()
    })
  } catch (error) {
    if (!(error instanceof TakenBack)) throw error
  }
  const [result] = rehearsed
  assert(result !== undefined, 'a rehearsal has a result')
  return result
}

/** What makes kysely roll back. It never leaves this file. */
class TakenBack extends Error {}
