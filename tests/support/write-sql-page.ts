/** `npm run docs:sql`: writes the columns and the answers of docs/sql.md anew. */
import { readFile, writeFile } from 'node:fs/promises'
import { migrate } from '../../src/database/migrate.ts'
import { openDatabase } from '../../src/database/pool.ts'
import { readViews } from '../../src/reports/views.ts'
import { askAs } from '../reports/ask.ts'
import { PAGE, renderPage } from '../reports/sql-page.ts'
import { seedTeam } from '../reports/sql-page-world.ts'
import { startTestServer } from './server.ts'

const server = await startTestServer()
try {
  await migrate(server.url)
  const database = openDatabase(server.url)
  await seedTeam(database)
  const client = await database.pool.connect()
  await client.query('set role goniec_reporter')
  await writeFile(PAGE, await renderPage(await readFile(PAGE, 'utf8'), await readViews(database), askAs(client)))
  client.release(true)
  await database.close()
} finally {
  await server.stop({ keep: false })
}
