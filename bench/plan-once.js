/**
 * Plans once, with goniec as it is installed in the folder that is named, as a worker's plan thread does; says how many milliseconds it took
 * from the call of the plan to its last commit.
 */
const root = process.argv[2]
const { runPlan } = await import(`${root}/dist/campaigns/plan/run.js`)
const { openDatabase } = await import(`${root}/dist/database/pool.js`)

const database = openDatabase(process.env['DATABASE_URL'] ?? '', { name: 'plan', size: 4 })
const calledMs = performance.now()
await runPlan(database)
process.stdout.write(String(performance.now() - calledMs))
await database.close()
