/**
 * `npm run simulate`: worlds of eight weeks, one for each seed, on a Postgres of its own. Prints what each came to; a seed whose world
 * breaks an invariant is named, and can be run again alone.
 *
 *     npm run simulate                      twenty seeds
 *     npm run simulate -- --seed 7          one of them, with what happened in it
 *     npm run simulate -- --seeds 3 --weather calm     nothing goes wrong; `faults`: outages and refusals; `full`: all that people do too
 */
import { InvalidArgumentError } from 'commander'
import { migrate } from '../../src/database/migrate.ts'
import { openDatabase } from '../../src/database/pool.ts'
import { instantAt, toLocalTime } from '../../src/time.ts'
import { commandNamed, wholeFrom } from '../support/command.ts'
import { withDatabase } from '../support/global-setup.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { WEATHERS, type Weather } from './happenings.ts'
import { simulate, type Simulated } from './simulate.ts'

interface Options {
  seed?: number
  seeds: number
  weather: Weather[]
  together: number
}

const values = commandNamed('npm run simulate --', 'Sends for eight weeks in worlds where things go wrong.')
  .option('--seed <number>', 'one world again, with what happened in it', wholeFrom(0))
  .option('--seeds <count>', 'how many worlds', wholeFrom(1), 20)
  .option('--weather <names>', `of ${WEATHERS.join(', ')}`, weathersOf, [...WEATHERS])
  // Of a world's time most is Postgres's, in a process of its own.
  .option('--together <count>', 'worlds at the same time', wholeFrom(1), 2)
  .parse()
  .opts<Options>()
const seeds = values.seed === undefined ? Array.from({ length: values.seeds }, (_, index) => index + 1) : [values.seed]
const weathers = values.weather
const left = seeds.flatMap((seed) => weathers.map((weather) => ({ seed, weather })))
const results: Simulated[] = []
let stopped = 0
const server = await startTestServer()
try {
  await Promise.all(Array.from({ length: values.together }, runNext))
} finally {
  await server.stop({ keep: false })
}
for (const weather of weathers)
  printScores(
    weather,
    results.filter((result) => result.weather === weather),
  )
const broken = stopped + results.filter(({ violations }) => violations.length > 0).length
const worlds = seeds.length * weathers.length
process.stdout.write(
  broken === 0 ? `${worlds} worlds, nothing was broken\n` : `${broken} of ${worlds} worlds are broken\n`,
)
process.exitCode = broken === 0 ? 0 : 1

function weathersOf(text: string): Weather[] {
  return text.split(',').map((name) => {
    const known = WEATHERS.find((weather) => weather === name)
    if (known === undefined) throw new InvalidArgumentError(`There is no weather "${name}".`)
    return known
  })
}

async function runNext(): Promise<void> {
  for (let next = left.shift(); next; next = left.shift()) {
    try {
      await runSeed(server, next.seed, next.weather)
    } catch (error) {
      stopped += 1
      const why = error instanceof Error ? error.stack : String(error)
      process.stdout.write(`seed ${next.seed} (${next.weather}) stopped: ${why}\n`)
    }
  }
}

async function runSeed({ url }: TestServer, seed: number, weather: Weather): Promise<void> {
  const name = `simulation_${seed}_${weather}`
  const admin = openDatabase(url)
  await admin.query(`drop database if exists ${name} with (force)`)
  await admin.query(`create database ${name}`)
  await migrate(withDatabase(url, name))
  const database = openDatabase(withDatabase(url, name))
  try {
    const startedMs = performance.now()
    const onDay = (day: string): void => void (process.stderr.isTTY && process.stderr.write(`\rseed ${seed}: ${day} `))
    const result = await simulate({ seed, weather, database, onDay })
    results.push(result)
    report(result, (performance.now() - startedMs) / 1000)
  } finally {
    await database.close()
    await admin.query(`drop database ${name} with (force)`)
    await admin.close()
  }
}

function report(result: Simulated, seconds: number): void {
  const { seed, weather, firstDay, accepted, inDoubt, moves, scores, violations, words } = result
  const moved = [...moves].map(([reason, count]) => `${reason} ${count}`).join(', ')
  process.stdout.write(
    `seed ${seed} (${weather}), from ${firstDay}: ${accepted} mails, ${inDoubt} in doubt, moved: ${moved} (${seconds.toFixed(0)} s)\n`,
  )
  for (const { campaign, earliest, likely, latest, actual, exact, held, narrow } of scores) {
    const judged = [
      exact ? 'exact' : held ? 'in the range' : 'outside the range',
      narrow ? '' : ', the range is too wide',
    ]
    process.stdout.write(
      `  ${campaign}: forecast ${earliest} ${likely} ${latest}, came ${actual}: ${judged.join('')}\n`,
    )
  }
  if (violations.length === 0) return
  for (const alike of Map.groupBy(violations, shapeOf).values()) {
    for (const violation of alike.slice(0, 3)) process.stdout.write(`  ${violation}\n`)
    if (alike.length > 3) process.stdout.write(`  … and ${alike.length - 3} more like these\n`)
  }
  process.stdout.write(`  replay: npm run simulate -- --seed ${seed} --weather ${weather}\n`)
  if (seeds.length * weathers.length > 1) return
  for (const { atMs, what } of words)
    process.stdout.write(`  ${toLocalTime(instantAt(atMs), 'Europe/Warsaw', { seconds: true })} ${what}\n`)
}

function printScores(weather: Weather, simulated: readonly Simulated[]): void {
  const all = simulated.flatMap(({ scores }) => scores)
  const share = (what: 'exact' | 'held' | 'narrow'): string =>
    `${all.filter((score) => score[what]).length} of ${all.length}`
  process.stdout.write(
    `forecasts, ${weather}: exact ${share('exact')}, in the range ${share('held')}, range no wider than a quarter ${share('narrow')}\n`,
  )
}

/** Violations of one kind differ in names and numbers only. */
function shapeOf(violation: string): string {
  return violation.replaceAll(/\S*[@/\d]\S*/g, '#')
}
