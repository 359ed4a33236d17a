/** docs/sql.md is true: its questions are asked, of a team that is seeded here, by a login that has the role goniec_reporter and no other. */
import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { readViews } from '../../src/reports/views.ts'
import { createTestDatabase } from '../support/database.ts'
import { askAs } from './ask.ts'
import { PAGE, questionsOf, renderPage, statementsOfTheOwner } from './sql-page.ts'
import { seedTeam } from './sql-page-world.ts'

const database = await createTestDatabase()
await seedTeam(database)
const page = await readFile(PAGE, 'utf8')
const views = await readViews(database)

test('every answer and every column of the page is what a reporter gets; else: npm run docs:sql', async () => {
  const ask = askAs(await database.session('reporter'))
  expect(await renderPage(page, views, ask)).toBe(page)
})

test('there are twenty questions, and each has an answer', () => {
  expect(page.match(/^### \d+\. .+\?$/gm)).toHaveLength(20)
  expect(questionsOf(page)).toHaveLength(20)
})

test('every view has its place on the page', () => {
  const named = [...page.matchAll(/^<!-- columns of (\w+) -->$/gm)].map(([, name = '']) => name)
  expect(named.toSorted()).toEqual(views.map(({ name }) => name))
})

test('what the page has the owner of the schema do can be done', async () => {
  const owner = await database.session()
  const statements = statementsOfTheOwner(page)
  expect(statements).toHaveLength(1)
  for (const statement of statements) {
    await owner.query('begin')
    // A role belongs to the whole server, and other tests run on it.
    await owner.query(statement.replace('metabase', `metabase_${database.name}`))
    await owner.query('rollback')
  }
})

test('every metric stands in the table of metrics, and no other', async () => {
  const metrics = await database.query<{ metric: string }>(
    'select distinct metric from goniec_report.metrics order by 1',
  )
  const table = page.slice(page.indexOf('| worth an alert'), page.indexOf('## What they cost'))
  const named = [...table.matchAll(/^\| (`[^|]+)/gm)].flatMap(([, cell = '']) => cell.match(/\w+/g) ?? [])
  expect(named.toSorted()).toEqual(metrics.map(({ metric }) => metric))
})
