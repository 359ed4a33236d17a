/**
 * A person says that sending may go on after a restore. The decision is `goniec.end_restoration` (migrations/000025_restore.sql), for the owner of the
 * schema only; here it gets its actor, and what stands against it its words.
 */
import { sql } from 'kysely'
import { nameActor, thisActor } from '../database/actor.ts'
import type { Database } from '../database/pool.ts'
import { transactOrRehearse } from '../database/rehearse.ts'
import { GoniecError } from '../errors.ts'
import { didYouMean } from '../nearest.ts'

export interface Resumed {
  /** False: nothing was restored. */
  changed: boolean
  /** Mails that were put in doubt, since a worker that does not report may have sent them. */
  doubted: number
}

/** Notices it where no worker has, so that everything about it can be read. */
export async function noticeRestoration(database: Database): Promise<void> {
  await database.transaction(async (tx) => {
    await nameActor(tx)
    await sql`select goniec.notice_restoration()`.execute(tx)
  })
}

/**
 * Lets sending go on. Refused while a worker that is not named in `without` has not told all that it knows; with such a worker what was due
 * in the time that may be forgotten is put in doubt. With `dryRun` it is what would be.
 */
export async function resumeAfterRestore(
  database: Database,
  { without, dryRun = false }: { without: readonly string[]; dryRun?: boolean },
): Promise<Resumed> {
  return transactOrRehearse(database, { dryRun }, async (tx) => {
    await nameActor(tx)
    // Not "for update": a worker that tells refers to the row by foreign keys, and would wait for this while this waits for it.
    const { rows } = await sql<{ id: number }>`
      select r.id from goniec.restoration r where r.ended_at is null for no key update`.execute(tx)
    const [open] = rows
    if (!open) return { changed: false, doubted: 0 }
    const { rows: workers } = await sql<{ worker: string; is_complete: boolean }>`
      select worker, is_complete from goniec.workers_to_report(${open.id})`.execute(tx)
    const lost = refuse(workers, without, dryRun)
    const { rows: doubted } = await sql<{ mails: number }>`
      select case when ${lost} then goniec.doubt_due(${open.id}) else 0 end as mails`.execute(tx)
    await sql`select goniec.end_restoration(${open.id}, ${thisActor()})`.execute(tx)
    return { changed: true, doubted: doubted[0]?.mails ?? 0 }
  })
}

/**
 * Throws where one who may know has not told. Says whether one is lost; that may be one whom the database has forgotten, since it was first started
 * after the backup: believed when nobody else is waited for, or a slip of the pen would be one.
 */
function refuse(
  workers: readonly { worker: string; is_complete: boolean }[],
  without: readonly string[],
  dryRun: boolean,
): boolean {
  const silent = workers.filter(({ is_complete: complete }) => !complete).map(({ worker }) => worker)
  const waiting = silent.filter((name) => !without.includes(name))
  const told = workers.map(({ worker }) => worker).filter((name) => !silent.includes(name))
  const stranger = without.find((name) => told.includes(name) || (waiting.length > 0 && !silent.includes(name)))
  if (stranger !== undefined) {
    throw new GoniecError(
      'worker_reported',
      `"${stranger}" is no worker that has not reported${didYouMean(stranger, silent)}`,
      { hint: 'goniec resume --after-restore --dry-run' },
    )
  }
  if (waiting.length === 0 || dryRun) return silent.length > 0 || without.length > 0
  throw new GoniecError(
    'workers_unreported',
    `${waiting.length === 1 ? 'a worker has' : `${waiting.length} workers have`} not told what they had sent: ${waiting.join(', ')}`,
    {
      hint: `start each on its own machine, with its logbook; of one that is lost for good: goniec resume --after-restore ${waiting.map((name) => `--without ${name}`).join(' ')}`,
    },
  )
}
