/**
 * A chain of runs: one database, one or two workers, and a clock that is stepped and set right again in each run. Afterwards days pass, until
 * everything that was put off has been sent: only then is it judged.
 */
import { chmodSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
// Nothing tells that there is nothing to do any more.
import { setTimeout as delay } from 'node:timers/promises'
import { assert } from '../../src/errors.ts'
import { startWorker, type WorkerProcess } from '../../tests/support/worker-process.ts'
import type { Ground, Run } from '../cell.ts'
import { createProofDatabase, type ProofDatabase } from '../database.ts'
import { openOracle, readOracle } from '../oracle.ts'
import { checkChain } from './check.ts'
import { Clocks, type Step } from './clocks.ts'
import { startHoldingServer, type HoldingServer } from './held-mails.ts'
import { makePlace, placeOf, twoTurns, type Place } from './place.ts'
import { startFakedServer } from './server.ts'
import type { Disturbance } from './disturbance.ts'

/** What a chain of runs stands on. */
export interface Chain {
  database: ProofDatabase
  server: HoldingServer
  clocks: Clocks
  workers: readonly WorkerProcess[]
  step: Step
}

/** What is known of a run before everything is judged. */
export interface Tried {
  place: Place
  hit: string | null
  /** The attempt that was held. */
  attempt: number | undefined
  /** What was still due long after the clock was right again. */
  stuck: readonly string[]
}

/** Runs these seeds one after the other. */
export async function runChain(seeds: readonly number[], ground: Ground, cell: Disturbance): Promise<Run[]> {
  // Postgres runs as another user, and reads its clock there.
  chmodSync(ground.directory, 0o755)
  const clocks = new Clocks({ directory: ground.directory, from: cell.step.from, monotonicToo: cell.suspends ?? false })
  const root = join(ground.directory, 'postgres')
  mkdirSync(root)
  const postgres = await startFakedServer(root, clocks.database)
  const oracle = openOracle(join(ground.directory, 'accepted'))
  const server = await startHoldingServer(oracle)
  const database = await createProofDatabase(postgres)
  const workers: WorkerProcess[] = []
  try {
    await database.query(`insert into goniec.salesperson (email) values ('anna@team.example')`)
    for (let n = 1; n <= cell.workers; n += 1) workers.push(await startFakedWorker(database, clocks, n, cell.times))
    const tried: Tried[] = []
    const chain: Chain = { database, server, clocks, workers, step: cell.step }
    const gone = Promise.race(workers.map(endedEarly))
    // The workers end in the end: then nobody waits for it any more.
    gone.catch(() => undefined)
    for (const seed of seeds) tried.push(await Promise.race([tryOne(chain, cell, seed), gone]))
    await Promise.race([untilAllIsSent(chain), gone])
    for (const worker of workers) {
      worker.kill('SIGTERM')
      await worker.endedWell()
    }
    return await checkChain({ database, clocks, cell, accepted: readOracle(oracle.path), tried })
  } finally {
    for (const worker of workers) {
      worker.kill('SIGCONT')
      worker.kill('SIGKILL')
      await worker.ended
    }
    await server.close()
    oracle.close()
    await database.close()
    await postgres.stop()
  }
}

async function startFakedWorker(
  database: ProofDatabase,
  clocks: Clocks,
  number: number,
  times: Readonly<Record<string, string>>,
): Promise<WorkerProcess> {
  const worker = startWorker(database.workerUrl, {
    args: ['--name', `worker-${number}`],
    env: { ...clocks.worker.env, ...times, GONIEC_TICK: '250ms' },
  })
  await worker.line(({ msg }) => msg === 'worker started')
  assert(readFileSync(`/proc/${worker.pid}/maps`, 'utf8').includes('libfaketime'), 'the worker sees the faked clock')
  return worker
}

/** Rejects when it ends: without it nothing would go on, and nothing would tell why. */
async function endedEarly(worker: WorkerProcess): Promise<never> {
  const code = await worker.ended
  throw new Error(`the worker ended with ${code}\n${worker.errors()}\n${JSON.stringify(worker.log.slice(-5))}`)
}

async function tryOne(chain: Chain, cell: Disturbance, seed: number): Promise<Tried> {
  const { database, clocks, server, step } = chain
  const place = placeOf(seed)
  await makePlace(database, place, step, server.port)
  const reached = await cell.moment.reach({ database, server, place })
  const jumped = await cell.jump(chain)
  await reached.release()
  await reached.over()
  // Half of them go on under the wrong clock for a while.
  if (seed % 2 === 0) await twoTurns(database)
  clocks.setRight()
  const stuck = [...(await lasting(database, AHEAD, [])), ...(await lasting(database, DUE, [place.domain]))]
  const hit = reached.evidence && jumped ? `${reached.evidence}; ${jumped}` : null
  return { place, hit, attempt: reached.attempt, stuck }
}

/** Far longer than anything takes that is not stuck. */
const STUCK_MS = 180_000

/** Waits until there is nothing of this any more, and returns what stays. */
async function lasting(database: ProofDatabase, query: string, values: readonly unknown[]): Promise<string[]> {
  const untilMs = performance.now() + STUCK_MS
  for (;;) {
    const left = await database.query<{ what: string }>(query, values)
    if (left.length === 0) return []
    if (performance.now() > untilMs) return left.map(({ what }) => what)
    await delay(20)
  }
}

/** What holds a mailbox or a campaign up until the clock is where it should never have been. */
const AHEAD = `
  select format('%s may send nothing before %s, and its clock was right again for three minutes', what, at) as what
  from (
    select b.address as what, g.last_fence_at as at from goniec.mailbox_gate g join goniec.mailbox b on b.id = g.mailbox_id
    union all
    select c.name || '/', greatest(g.last_claim_at, g.last_fence_at) from goniec.campaign_gate g join goniec.campaign c on c.id = g.campaign_id
  ) as gate
  where at > goniec.now() + interval '1 s'`

/** A mail that has neither been sent, nor is in doubt, nor planned for later. */
const DUE = `
  select format('%s to %s was due, its clock was right again, and for three minutes nobody took it', m.kind, m.recipient) as what
  from goniec.message m
  where goniec.domain_of(m.recipient) = $1
    and (m.status = 'sending' or (m.status = 'pending' and coalesce(m.scheduled_at, m.not_before, '-infinity') < goniec.now() + interval '10 s'))`

const HOUR = 3_600_000

/** Days pass, in jumps, for both clocks alike. What is left after all of them is told by what is checked then. */
async function untilAllIsSent({ database, clocks }: Chain): Promise<void> {
  const untilMs = performance.now() + STUCK_MS
  for (let day = 0; day < MOST_DAYS; day += 1) {
    const [row] = await database.query<{ left: number }>(
      `select count(*)::int as left from goniec.message where status in ('pending', 'sending')`,
    )
    if (row?.left === 0) return
    clocks.pass(24 * HOUR)
    await twoTurns(database)
    while (performance.now() < untilMs && (await database.query(DUE_WITHIN_THE_HOUR)).length > 0) await delay(20)
  }
}

const DUE_WITHIN_THE_HOUR = `
  select from goniec.message m
  where m.status = 'sending' or (m.status = 'pending' and coalesce(m.scheduled_at, m.not_before, '-infinity') < goniec.now() + interval '1 h')`

/** Four mails of a mailbox that may send two a day, and a day lost to a wrong clock. */
const MOST_DAYS = 6
