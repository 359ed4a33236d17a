/**
 * Plans once, as a worker's plan thread does, with goniec as it is installed in the folder that is named, or with the sources where that is a
 * checkout; says how many milliseconds it took from the call of the plan to its last commit.
 */
import { existsSync } from 'node:fs'

const root = process.argv[2]
const [folder, ending] = existsSync(`${root}/src`) ? ['src', 'ts'] : ['dist', 'js']
const { runPlan } = await import(`${root}/${folder}/campaigns/plan/run.${ending}`)
const { openDatabase } = await import(`${root}/${folder}/database/pool.${ending}`)

const database = openDatabase(process.env['DATABASE_URL'] ?? '', { name: 'plan', size: 4 })
const calledMs = performance.now()
await runPlan(database)
process.stdout.write(String(performance.now() - calledMs))
await database.close()
