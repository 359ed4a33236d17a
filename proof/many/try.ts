/** One run: some workers, two thousand mails, and everything at once that can befall them, drawn from the seed. */
import { join } from 'node:path'
// Nothing tells that everything has ended.
import { setTimeout as delay } from 'node:timers/promises'
import { Random } from '../../tests/simulation/random.ts'
import type { Ground, Run } from '../cell.ts'
import { createProofDatabase, type ProofDatabase } from '../database.ts'
import { checkFinished, type Stop } from '../invariants.ts'
import { openOracle, readOracle } from '../oracle.ts'
import { Accepted } from './accepted.ts'
import { Crew } from './crew.ts'
import { startFaultyServer } from './faulty-server.ts'
import { ACTS, resolveDoubts, type Office } from './people.ts'
import { starving } from './starving.ts'
import { CAMPAIGNS, letTimePass, makeMany } from './world.ts'

/** What befalls a run, in this many instances each. */
const HAPPENINGS: Readonly<Record<string, number>> = {
  kill: 3,
  stop: 2,
  standstill: 2,
  cut: 3,
  pause: 2,
  suppress: 3,
  block: 2,
  apply: 2,
  import: 2,
  respond: 6,
  resolve: 2,
}

export interface ManyOptions {
  workers: number
  /** Each gets two mails. */
  leads: number
  seed: number
}

/** Runs it. */
export async function tryMany({ workers, leads, seed }: ManyOptions, ground: Ground): Promise<Run> {
  const random = new Random('many', workers, seed)
  const accepted = new Accepted()
  const happened = new Map<string, number>()
  const count = (what: string): void => void happened.set(what, (happened.get(what) ?? 0) + 1)
  const oracle = openOracle(join(ground.directory, `accepted-${seed}`))
  const database = await createProofDatabase(ground.server)
  const server = await startFaultyServer({
    random: new Random('server', seed),
    oracle,
    onFault: () => count('fault of the server'),
    onAccept: () => accepted.add(),
  })
  await makeMany(database, leads, server.port)
  // A circle is found as one, before anybody's wait gives up.
  await database.query(`alter database ${database.name} set deadlock_timeout = '50ms'`)
  const crew = new Crew(database.workerUrl, workers)
  const stops: Stop[] = []
  const office: Office = {
    database,
    random,
    leads,
    stops,
    record: oracle.path,
    someMails: (more) => accepted.more(more),
  }
  let isOver = false
  const time = letTimePass(database, () => isOver)
  try {
    await Promise.all(drawHappenings(random, leads).map(({ what, at }) => happen(what, at)))
    accepted.end()
    await untilAllHasEnded(office)
    isOver = true
    await time
    await crew.end()
    const mails = readOracle(oracle.path)
    const violations = [
      ...(await checkFinished({ database, accepted: mails, stops, allDue: true })),
      ...crew.unexpected,
      ...(await deadlocks(database)),
      ...(await starving(database, mails, stops, CAMPAIGNS)),
    ]
    return {
      seed,
      hit: evidence(workers, happened),
      violations,
      accepted: mails.length,
      doubts: await countEverDoubtful(database),
    }
  } finally {
    isOver = true
    await crew.destroy()
    await time
    await server.close()
    oracle.close()
    await database.drop()
  }

  async function happen(what: string, at: number): Promise<void> {
    await accepted.until(at)
    const which = random.int(0, 7)
    if (what === 'kill' || what === 'stop' || what === 'standstill') await crew[what](which)
    else await ACTS[what]?.(office)
    count(what)
  }
}

/** The last of them while a fifth of the mails is still to come. */
function drawHappenings(random: Random, leads: number): { what: string; at: number }[] {
  return Object.entries(HAPPENINGS).flatMap(([what, times]) =>
    Array.from({ length: times }, () => ({ what, at: random.int(10, Math.floor(leads * 1.6)) })),
  )
}

/** Mails of which nobody knew for a while: a person, or a late answer, has settled each. */
async function countEverDoubtful(database: ProofDatabase): Promise<number> {
  const [row] = await database.query<{ mails: number }>(
    `select count(distinct message_id)::int as mails from goniec.event where type = 'in_doubt'`,
  )
  return row?.mails ?? 0
}

/** Nothing for so long that it cannot be the machine. */
const STUCK_MS = 120_000

/** Until every mail has ended or was set aside, and every doubt is resolved by the server's record. What never ends is told by the checks. */
async function untilAllHasEnded(office: Office): Promise<void> {
  let seen = ''
  for (let untilMs = performance.now() + STUCK_MS; performance.now() < untilMs;) {
    await resolveDoubts(office)
    const [row] = await office.database.query<{ open: number; state: string }>(
      `select count(*) filter (where status in ('sending', 'in_doubt') or (status = 'pending' and held_reason is null))::int as open,
              count(*) filter (where status = 'sent') || ' ' || (select max(id) from goniec.attempt) as state
       from goniec.message`,
    )
    if (row?.open === 0) return
    if (row && row.state !== seen) untilMs = performance.now() + STUCK_MS
    seen = row?.state ?? ''
    await delay(100)
  }
}

function evidence(workers: number, happened: ReadonlyMap<string, number>): string | null {
  const all = Object.keys(HAPPENINGS).every((what) => (happened.get(what) ?? 0) > 0)
  const list = [...happened].sort(([a], [b]) => a.localeCompare(b)).map(([what, times]) => `${what} ${times}`)
  return all ? `${workers} workers; ${list.join(', ')}` : null
}

async function deadlocks(database: ProofDatabase): Promise<string[]> {
  const [row] = await database.query<{ deadlocks: number }>(
    `select deadlocks::int from pg_stat_database where datname = current_database()`,
  )
  return row?.deadlocks === 0 ? [] : [`the database counted ${row?.deadlocks} deadlocks`]
}
