/** Plans once, as the planner's thread does, and ends. */
import { runPlan } from '../src/campaigns/plan/run.ts'
import { openDatabase } from '../src/database/pool.ts'

const database = openDatabase(process.env['DATABASE_URL'] ?? '', { name: 'plan', size: 4 })
await runPlan(database)
await database.close()
