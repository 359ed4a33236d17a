/**
 * The emergency brake: everything, or everything of one salesperson, responses and slots of other programs too. A flag of its own
 * beside the state of campaigns, so that lifting it revives no campaign that was paused by name.
 */
import { sql } from 'kysely'
import { nameActor } from '../database/actor.ts'
import type { Database } from '../database/pool.ts'
import { GoniecError } from '../errors.ts'
import { didYouMean } from '../nearest.ts'
import type { Instant } from '../time.ts'
import { passBarrier, passBarrierOfSalesperson } from './barrier.ts'

/** What is braked: all, or a salesperson by e-mail address. */
export type Brakeable = { all: true } | { salesperson: string }

export interface Braked {
  /** Since when; what was braked already stays so since then. */
  pausedAt: Instant
  changed: boolean
  alreadyPassed: number
}

export interface Released {
  changed: boolean
  /** Campaigns that stay paused, since somebody paused them by name. */
  stillPaused: string[]
}

/** Pulls the brake. When this returns, nothing more goes on the wire. */
export async function pullBrake(database: Database, what: Brakeable): Promise<Braked> {
  if ('all' in what) {
    const { changed, at } = await setBrake(database, { kind: 'all' }, true)
    return { changed, pausedAt: at, alreadyPassed: await passBarrier(database) }
  }
  const id = await findSalesperson(database, what.salesperson)
  const { changed, at } = await setBrake(database, { kind: 'salesperson', id }, true)
  return { changed, pausedAt: at, alreadyPassed: await passBarrierOfSalesperson(database, id) }
}

/** Lifts the brake. */
export async function releaseBrake(database: Database, what: Brakeable): Promise<Released> {
  const id = 'all' in what ? null : await findSalesperson(database, what.salesperson)
  const { changed } = await setBrake(database, id === null ? { kind: 'all' } : { kind: 'salesperson', id }, false)
  const stillPaused = await database.query<{ name: string }>(
    `select c.name from goniec.campaign c where c.status = 'paused' and c.salesperson_id = coalesce($1, c.salesperson_id) order by c.id`,
    [id],
  )
  return { changed, stillPaused: stillPaused.map(({ name }) => name) }
}

/** The salesperson of this address (or name), or the nearest one in the error. */
async function findSalesperson(database: Database, wanted: string): Promise<number> {
  const people = await database.query<{ id: number; email: string; name: string | null }>(
    'select id, email, name from goniec.salesperson order by id',
  )
  const typed = wanted.trim().toLowerCase()
  const found = people.find(({ email }) => email === typed)
  if (found) return found.id
  const named = people.filter(({ name }) => name?.toLowerCase() === typed)
  if (named.length === 1 && named[0]) return named[0].id
  const emails = people.map(({ email }) => email)
  throw new GoniecError('salesperson_unknown', `there is no salesperson "${wanted}"${didYouMean(wanted, emails)}`, {
    hint: emails.length === 0 ? 'goniec apply FILE' : `one of ${emails.slice(0, 10).join(', ')}`,
  })
}

type Target = { kind: 'all' } | { kind: 'salesperson'; id: number }

async function setBrake(database: Database, target: Target, on: boolean): Promise<{ changed: boolean; at: Instant }> {
  return await database.transaction(async (tx) => {
    await nameActor(tx)
    const table = sql.table(target.kind === 'all' ? 'goniec.installation' : 'goniec.salesperson')
    const mine = target.kind === 'all' ? sql`true` : sql`id = ${target.id}`
    const { rows } = await sql<{ before: Instant | null; now: Instant }>`
      select paused_at as before, goniec.now() as now from ${table} where ${mine} for no key update`.execute(tx)
    const { before = null, now } = rows[0] ?? {}
    if (now === undefined) throw new GoniecError('salesperson_unknown', 'the salesperson is gone')
    const changed = (before !== null) !== on
    if (changed) {
      await sql`update ${table} set paused_at = ${on ? now : null} where ${mine}`.execute(tx)
      const [type, who] = target.kind === 'all' ? ['all', null] : ['salesperson', target.id]
      await sql`
        insert into goniec.event (type, data)
        select ${`${on ? 'paused' : 'resumed'}_${type}`}, jsonb_strip_nulls(jsonb_build_object('salesperson', (select s.email from goniec.salesperson s where s.id = ${who}::bigint)))`.execute(
        tx,
      )
    }
    return { changed, at: before ?? now }
  })
}
