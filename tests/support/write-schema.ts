/** `npm run schema`: migrates an empty database and writes what came out of it, `migrations/schema.sql` and `src/database/schema.ts`. */
import { writeFile } from 'node:fs/promises'
import { migrate } from '../../src/database/migrate.ts'
import { openDatabase } from '../../src/database/pool.ts'
import { dumpSchema } from './schema-dump.ts'
import { describeTypes } from './schema-types.ts'
import { startTestServer } from './server.ts'

const server = await startTestServer()
try {
  await migrate(server.url)
  const database = openDatabase(server.url)
  await writeFile('migrations/schema.sql', await dumpSchema(database))
  await writeFile('src/database/schema.ts', await describeTypes(database))
  await database.close()
} finally {
  await server.stop({ keep: false })
}
