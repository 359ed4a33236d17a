/** One simulated world from its seed: made, driven through its weeks, checked. */
import type { Database } from '../../src/database/pool.ts'
import { answerForecast } from '../../src/reports/forecast/forecast.ts'
import { checkWorld } from './check.ts'
import { Driver } from './driver.ts'
import { drawHappenings, type Weather } from './happenings.ts'
import { startMailServer } from './mail-server.ts'
import { readRecord } from './record.ts'
import { scoreForecast, type Scored } from './score.ts'
import { drawWorld } from './world.ts'

export interface SimulateOptions {
  seed: number
  weather: Weather
  /** Freshly migrated, and ours alone. */
  database: Database
  onDay?: (day: string) => void
}

export interface Simulated {
  seed: number
  weather: Weather
  firstDay: string
  violations: string[]
  /** Mails that the server took. */
  accepted: number
  inDoubt: number
  moves: ReadonlyMap<string, number>
  /** What was forecast on the first day, against what came. */
  scores: readonly Scored[]
  /** What was done to it, for a look at a failing seed. */
  words: readonly { atMs: number; what: string }[]
}

/** Runs it. What is wrong is in `violations`. */
export async function simulate({
  seed,
  weather,
  database,
  onDay = () => undefined,
}: SimulateOptions): Promise<Simulated> {
  const world = drawWorld(seed)
  await using server = await startMailServer(seed, weather === 'calm' ? 'good' : 'as chance has it')
  const driver = new Driver({ world, happenings: drawHappenings(world, weather), database, server, onDay })
  await driver.setUp()
  const { forecast } = await answerForecast(database, {})
  await driver.run()
  const { journal, watch } = driver
  const violations = await checkWorld({
    database,
    offers: server.offers,
    journal,
    zone: world.settings.zone,
    isCalm: weather === 'calm',
  })
  const [doubts] = await database.query<{ n: number }>(
    `select count(*)::int as n from goniec.message where status = 'in_doubt'`,
  )
  const record = readRecord(server.offers)
  return {
    seed,
    weather,
    firstDay: world.firstDay,
    violations: [...watch.violations, ...violations],
    accepted: record.length,
    scores: scoreForecast(forecast, record),
    inDoubt: doubts?.n ?? 0,
    moves: watch.moves,
    words: journal.words,
  }
}
