/**
 * How far the clocks of this host and of the database are apart. The database's is the one that counts (`goniec.now()`), and which of the
 * two is right cannot be known here; but where they differ, one is wrong.
 */
import type { Database } from '../../database/pool.ts'
import { formatDuration, Temporal } from '../../time.ts'
import { notTried, ok, problem, warning, type Checked } from './checked.ts'

/** The database's clock is so far ahead of the host's, give or take `withinMs`. */
export interface Skew {
  aheadMs: number
  withinMs: number
}

const ROUNDS = 7
const WARNING_MS = 2_000
const PROBLEM_MS = 60_000

/** Asks several times, and believes the quickest answer: the server read its clock somewhere between question and answer. */
export async function checkClock(database: Pick<Database, 'query'>): Promise<Checked[]> {
  let best: Skew | undefined
  for (let round = 0; round < ROUNDS; round += 1) {
    const skew = await measure(database)
    if (best === undefined || skew.withinMs < best.withinMs) best = skew
  }
  return best === undefined ? [] : [judgeClock(best)]
}

async function measure(database: Pick<Database, 'query'>): Promise<Skew> {
  const askedAt = epochMs()
  const asked = performance.now()
  const [row] = await database.query<{ now: number }>(
    'select (extract(epoch from goniec.now()) * 1000)::double precision as now',
  )
  const withinMs = (performance.now() - asked) / 2
  return { aheadMs: (row?.now ?? 0) - (askedAt + withinMs), withinMs }
}

function epochMs(): number {
  return Number(Temporal.Now.instant().epochNanoseconds) / 1e6
}

/** Only what lies beyond the doubt of the measurement counts. */
export function judgeClock({ aheadMs, withinMs }: Skew): Checked {
  const name = 'clocks'
  if (withinMs > WARNING_MS) {
    return notTried(name, `an answer of the database takes ${formatDuration(2 * withinMs)}: too long to compare clocks`)
  }
  const surelyMs = Math.abs(aheadMs) - withinMs
  if (surelyMs < WARNING_MS) {
    return ok(name, `this host and the database agree, to within ${formatDuration(Math.ceil(surelyMs + 2 * withinMs))}`)
  }
  const text = `the database’s clock is ${formatDuration(Math.abs(aheadMs))} ${aheadMs > 0 ? 'ahead of' : 'behind'} this host’s (give or take ${formatDuration(Math.ceil(withinMs))})`
  const todo = 'timedatectl on both machines: mails go out by the database’s clock'
  return surelyMs < PROBLEM_MS ? warning(name, text, todo) : problem(name, text, todo)
}
