/**
 * One run of the plan: tend the campaigns, make the day rows, lay the slots, end what has nothing open.
 *
 * Owns       the lock "plan" (one plan at a time, over all workers). Promises that a run sees everything that was committed before it
 *            began, and that nobody holds the lock for ever: a process that is stopped in the middle of a plan loses it, and its writes
 *            find what they read changed.
 * Leaves     waking the workers' dispatch to the notification it sends when slots have changed, and at its end.
 */
import { setImmediate as turn } from 'node:timers/promises'
import type { PoolClient } from 'pg'
import type { Database } from '../../database/pool.ts'
import { apart } from '../../schedule/apart.ts'
import { FRONT, type WholePlanInput } from '../../schedule/plan-input.ts'
import { plan } from '../../schedule/plan.ts'
import { sweepRetired } from '../apply/sweep-retired.ts'
import { tendCampaigns } from '../tend.ts'
import { loadPlanInput, type LoadedPlan, type LoadOptions } from './load.ts'
import { PlanWriter, withdraw, type PartOfPlan, type SavedPlan } from './save.ts'

export interface PlanRun extends SavedPlan {
  /** Campaigns that ended. */
  completed: string[]
}

export interface PlanOptions extends LoadOptions {
  /** A process that holds the lock, and of which the database hears nothing for so long, is taken for stopped. */
  stoppedAfterMs?: number
}

/** Plans once. Waits while another process plans. */
export async function runPlan(
  database: Database,
  { stoppedAfterMs = STOPPED_AFTER_MS, ...options }: PlanOptions = {},
): Promise<PlanRun> {
  const client = await database.pool.connect()
  // It is idle while other sessions read and write, and while slots are reckoned; what has become of it is told by its last statement.
  const alive = setInterval(() => void client.query(ALIVE).catch(() => undefined), stoppedAfterMs / 5)
  try {
    await client.query(LOCK, [`${stoppedAfterMs}ms`])
    const saved = await planOnce(database, client, options)
    const { rows } = await client.query<{ completed: string[] }>(END)
    client.release()
    return { ...saved, completed: rows[0]?.completed ?? [] }
  } catch (error) {
    // The lock goes with the connection, whatever has become of it.
    client.release(true)
    throw error
  } finally {
    clearInterval(alive)
  }
}

/** Slots are reckoned without a break where they all hang together: ten thousand campaigns that share mailboxes take a minute. */
const STOPPED_AFTER_MS = 300_000

const ALIVE = `select 'the plan goes on'`

/** Mails that are reckoned at once, where not all have to be: some ten milliseconds of it, since meanwhile nobody gives the database more to write. */
const PART = 2000

/** What it reads it reads on the same connection, so that it may be stopped in a transaction too. */
const LOCK = `
  select set_config('idle_session_timeout', $1, false), set_config('idle_in_transaction_session_timeout', $1, false),
    pg_advisory_lock(goniec.lock_key('plan'))`

/** Dispatch is woken whatever was found: a wake-up that was lost with a connection comes again. */
const END = `
  select array(select goniec.complete_campaigns()) as completed, pg_notify('goniec', 'dispatch'), pg_advisory_unlock(goniec.lock_key('plan'))`

/** Where campaigns that wait for room were only looked at, and one of them found some, once more with all that there could be room for. */
async function planOnce(database: Database, client: PoolClient, options: LoadOptions): Promise<SavedPlan> {
  await tendCampaigns(database)
  const seen = await planPass(database, client, { peek: FRONT, ...options })
  if (!seen.mayHaveRoom) return seen.saved
  const { saved } = await planPass(database, client, { ...options, peek: null })
  return {
    planned: seen.saved.planned + saved.planned,
    moved: seen.saved.moved + saved.moved,
    withdrawn: seen.saved.withdrawn + saved.withdrawn,
    givenUp: seen.saved.givenUp + saved.givenUp,
  }
}

interface Pass {
  saved: SavedPlan
  /** Of a campaign's first mails only the first were read, and none of them waits for room. */
  mayHaveRoom: boolean
}

async function planPass(database: Database, client: PoolClient, options: LoadOptions): Promise<Pass> {
  // The plan reads what was taken of a day, and of a new day nothing was.
  const [{ input, blocked, peekedAt, byShare }] = await Promise.all([
    loadSwept(database, client, options),
    database.query('select goniec.make_day_rows(3)'),
  ])
  const withdrawn = await withdraw(database, blocked)
  const unsettled = new Set(peekedAt)
  let plans: Plans | PartOfPlan[] = reckon(input, unsettled)
  // By shares it stands only as a whole: what one campaign leaves is another one's, which may not have been read so far.
  if (byShare) plans = await all(plans)
  if (byShare && unsettled.size > 0) return { saved: { ...NOTHING, withdrawn }, mayHaveRoom: true }
  const saved = await new PlanWriter(database, input).write(plans)
  return { saved: { ...saved, withdrawn: saved.withdrawn + withdrawn }, mayHaveRoom: unsettled.size > 0 }
}

type Plans = AsyncGenerator<PartOfPlan>

async function all(plans: Plans): Promise<PartOfPlan[]> {
  const list: PartOfPlan[] = []
  for await (const one of plans) list.push(one)
  return list
}

const NOTHING: SavedPlan = { planned: 0, moved: 0, withdrawn: 0, givenUp: 0 }

/** Part by part; campaigns for which it shows that there is no room are taken out of the unsettled ones. */
async function* reckon(input: WholePlanInput, unsettled: Set<number>): Plans {
  for (const part of apart(input, PART)) {
    const planned = plan(part)
    for (const campaignId of planned.withoutRoom) unsettled.delete(campaignId)
    yield { part, planned }
    // What the database has answered meanwhile is heard, and the next slots go to it.
    await turn()
  }
}

/** What there is to plan, once no mail of a removed step is left that could be: whenever it came into being, and whoever was away then. */
async function loadSwept(database: Database, client: PoolClient, options: LoadOptions): Promise<LoadedPlan> {
  const loaded = await loadPlanInput(database, client, options)
  if (loaded.unswept.length === 0) return loaded
  for (const campaignId of loaded.unswept) await sweepRetired(database, campaignId)
  return loadPlanInput(database, client, options)
}
