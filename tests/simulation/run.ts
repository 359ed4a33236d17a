/**
 * `npm run simulate`: worlds of eight weeks, one for each seed, on a Postgres of its own. Prints what each came to; a seed whose world
 * breaks an invariant is named, and can be run again alone.
 *
 *     npm run simulate                      twenty seeds
 *     npm run simulate -- --seed 7          one of them, with what happened in it
 *     npm run simulate -- --seeds 3 --weather calm
 */
import { parseArgs } from 'node:util'
import { migrate } from '../../src/database/migrate.ts'
import { openDatabase } from '../../src/database/pool.ts'
import { instantAt, toLocalTime } from '../../src/time.ts'
import { withDatabase } from '../support/global-setup.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import type { Weather } from './happenings.ts'
import { simulate, type Simulated } from './simulate.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string', default: '20' },
    weather: { type: 'string', default: 'full' },
    // Of a world's time most is Postgres's, in a process of its own.
    together: { type: 'string', default: '2' },
  },
})
const seeds =
  values.seed === undefined
    ? Array.from({ length: Number(values.seeds) }, (_, index) => index + 1)
    : [Number(values.seed)]
const server = await startTestServer()
let failed = 0
try {
  const left = [...seeds]
  const runNext = async (): Promise<void> => {
    for (let seed = left.shift(); seed !== undefined; seed = left.shift()) {
      try {
        if (!(await runSeed(server, seed, values.weather as Weather))) failed += 1
      } catch (error) {
        process.stdout.write(`seed ${seed} stopped: ${error instanceof Error ? error.stack : String(error)}\n`)
        failed += 1
      }
    }
  }
  await Promise.all(Array.from({ length: Number(values.together) }, runNext))
} finally {
  await server.stop({ keep: false })
}
process.stdout.write(
  failed === 0 ? `${seeds.length} worlds, nothing was broken\n` : `${failed} of ${seeds.length} worlds are broken\n`,
)
process.exitCode = failed === 0 ? 0 : 1

async function runSeed({ url }: TestServer, seed: number, weather: Weather): Promise<boolean> {
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
    report(result, (performance.now() - startedMs) / 1000)
    return result.violations.length === 0
  } finally {
    await database.close()
    await admin.query(`drop database ${name} with (force)`)
    await admin.close()
  }
}

function report({ seed, firstDay, accepted, inDoubt, moves, violations, words }: Simulated, seconds: number): void {
  const moved = [...moves].map(([reason, count]) => `${reason} ${count}`).join(', ')
  process.stdout.write(
    `seed ${seed}, from ${firstDay}: ${accepted} mails, ${inDoubt} in doubt, moved: ${moved} (${seconds.toFixed(0)} s)\n`,
  )
  if (violations.length === 0) return
  for (const alike of Map.groupBy(violations, shapeOf).values()) {
    for (const violation of alike.slice(0, 3)) process.stdout.write(`  ${violation}\n`)
    if (alike.length > 3) process.stdout.write(`  … and ${alike.length - 3} more like these\n`)
  }
  process.stdout.write(`  replay: npm run simulate -- --seed ${seed}\n`)
  if (seeds.length > 1) return
  for (const { atMs, what } of words)
    process.stdout.write(`  ${toLocalTime(instantAt(atMs), 'Europe/Warsaw', { seconds: true })} ${what}\n`)
}

/** Violations of one kind differ in names and numbers only. */
function shapeOf(violation: string): string {
  return violation.replaceAll(/\S*[@/\d]\S*/g, '#')
}
