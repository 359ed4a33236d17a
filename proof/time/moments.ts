/** The moments at which a clock is stepped: each is reached exactly, held while the clock jumps, and let go. */
import type { Database } from '../../src/database/pool.ts'
import { untilRow } from '../../tests/support/until-row.ts'
import type { HoldingServer } from './held-mails.ts'
import { addLongResponse, addMails, attemptEnded, heldAttempt, twoTurns, type Place } from './place.ts'

export interface Scene {
  database: Database
  server: HoldingServer
  place: Place
}

export interface Reached {
  /** How it is known that the work stood at this moment. */
  evidence: string
  /** The attempt that was held. */
  attempt?: number
  release(): Promise<void>
  /** Resolves when what was held is over. */
  over(): Promise<void>
}

export interface Moment {
  name: string
  /** Adds the run's mails, and resolves when the work stands there. */
  reach(scene: Scene): Promise<Reached>
}

export const MOMENTS: readonly Moment[] = [
  { name: 'claimed', reach: (scene) => atStage(scene, 'data', 'claimed') },
  { name: 'fenced', reach: (scene) => atStage(scene, 'body', 'transmitting') },
  { name: 'behind-the-dot', reach: (scene) => atStage(scene, 'dot', 'transmitting') },
  { name: 'before-settle', reach: beforeSettle },
  { name: 'planning', reach: whilePlanning },
  { name: 'idle', reach: whileIdle },
]

async function atStage(scene: Scene, stage: 'data' | 'body' | 'dot', state: string): Promise<Reached> {
  const { database, server, place } = scene
  const held = server.hold(place.held, stage)
  if (stage === 'body') await addLongResponse(database, place)
  await addMails(database, place, { alsoHeld: stage !== 'body' })
  await held.reached
  const attempt = await heldAttempt(database, place, state)
  return {
    attempt,
    evidence: `attempt ${attempt} was ${state}, and the server held it at ${stage}`,
    release: async () => held.release(),
    over: () => attemptEnded(database, attempt),
  }
}

/** The outcome is known to the worker, and its row is held by a session of ours. */
async function beforeSettle({ database, server, place }: Scene): Promise<Reached> {
  const held = server.hold(place.held, 'dot')
  await addMails(database, place)
  await held.reached
  const attempt = await heldAttempt(database, place, 'transmitting')
  const session = await database.pool.connect()
  await session.query('begin')
  const { rows } = await session.query<{ pid: number }>(
    'select pg_backend_pid() as pid from goniec.attempt where id = $1 for update',
    [attempt],
  )
  held.release()
  await untilRow(
    database,
    `select from pg_stat_activity where datname = current_database() and $1 = any (pg_blocking_pids(pid)) and query like '%settle%'`,
    [rows[0]?.pid],
  )
  return {
    attempt,
    evidence: `the outcome of attempt ${attempt} waited to be written`,
    async release() {
      await session.query('commit')
      session.release()
    },
    over: () => attemptEnded(database, attempt),
  }
}

async function whilePlanning({ database, place }: Scene): Promise<Reached> {
  const session = await database.pool.connect()
  const lock = `goniec.lock_key('plan')`
  await session.query(`select pg_advisory_lock(${lock})`)
  await addMails(database, place)
  const { pid } = await untilRow<{ pid: number }>(
    database,
    `select pid from pg_stat_activity
     where datname = current_database() and application_name = 'goniec plan' and wait_event_type = 'Lock' and wait_event = 'advisory'`,
  )
  return {
    evidence: `the plan of session ${pid} had begun`,
    release: async () => void (await session.query(`select pg_advisory_unlock(${lock})`)),
    async over() {
      // The lock is had again when that plan is written.
      await session.query(`select pg_advisory_lock(${lock})`)
      await session.query(`select pg_advisory_unlock(${lock})`)
      session.release()
    },
  }
}

/** Everything is planned, for a second or two later, and nothing is under way. */
async function whileIdle({ database, place }: Scene): Promise<Reached> {
  await addMails(database, place, { afterMs: 1500 })
  await untilRow(
    database,
    `select from goniec.message m join goniec.campaign c on c.id = m.campaign_id where c.name = $1 having count(*) = count(m.scheduled_at)`,
    [place.campaign],
  )
  const [row] = await database.query<{ live: boolean }>(
    `select exists (select from goniec.attempt a join goniec.campaign c on c.id = a.campaign_id where c.name = $1) as live`,
    [place.campaign],
  )
  return {
    evidence: row?.live === false ? `${place.mails} mails were planned, and none was under way yet` : '',
    release: async () => undefined,
    over: () => twoTurns(database),
  }
}
