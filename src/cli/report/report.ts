import { GoniecError } from '../../errors.ts'
import { findView, readRows, readViews, type View, type ViewColumn, type ViewRow } from '../../reports/views.ts'
import type { Cli } from '../cli.ts'
import { readDelimiter } from '../delimiter.ts'
import { parseWhole } from '../number.ts'
import { toJson } from '../output.ts'
import { csvHeader, csvLine, type Dialect } from './csv.ts'
import { readFilters, type FilterOptions } from './filters.ts'
import { showValue, zoneOf } from './show-value.ts'

export interface ReportOptions extends FilterOptions {
  limit?: string
  csv?: boolean
  delimiter: string
}

/** What fits on a screen or two. Programs and spreadsheets get all. */
const FOR_PEOPLE = 50

/** Prints one report, or which there are. */
export async function printReport(cli: Cli, name: string | undefined, options: ReportOptions): Promise<void> {
  const { json, csv } = { json: cli.flags.json === true, csv: options.csv === true }
  if (json && csv) throw new GoniecError('usage', '--json and --csv exclude each other', { exitCode: 2 })
  const delimiter = readDelimiter(options.delimiter)
  const limit = options.limit === undefined ? undefined : parseWhole(options.limit, '--limit', { least: 1 })
  await cli.withDatabase(async (database) => {
    if (name === undefined) return list(cli, await readViews(database))
    const view = await findView(database, name)
    const filters = await readFilters(database, view, options)
    if (json) return printJson(cli, readRows(database, view, { filters, limit }))
    if (csv) return printCsv(cli, view, readRows(database, view, { filters, limit }), delimiter)
    // One more than is shown tells whether there is more.
    const most = limit ?? FOR_PEOPLE
    const rows: ViewRow[] = []
    for await (const page of readRows(database, view, { filters, limit: most + 1 })) rows.push(...page)
    printTable(cli, view, rows, most)
  })
}

function list({ output }: Cli, views: View[]): void {
  output.data(views, () => {
    output.table(views, [
      { header: 'report', value: ({ name }) => name },
      { header: 'what it is', value: ({ sentence }) => sentence },
    ])
    output.say('Next: goniec report campaigns, or psql with docs/sql.md')
  })
}

async function printJson({ output }: Cli, pages: AsyncIterable<ViewRow[]>): Promise<void> {
  let last: string | undefined
  for await (const page of pages) {
    for (const row of page) {
      output.line(last === undefined ? '[' : `${last},`)
      last = toJson(row).replaceAll(/^/gm, '  ')
    }
    await output.drained()
  }
  output.line(last === undefined ? '[]' : `${last}\n]`)
}

async function printCsv(
  { output }: Cli,
  view: View,
  pages: AsyncIterable<ViewRow[]>,
  delimiter: string,
): Promise<void> {
  const dialect: Dialect = { delimiter, timeZone: output.timeZone }
  output.line(csvHeader(view.columns, dialect))
  for await (const page of pages) {
    output.line(page.map((row) => csvLine(view.columns, row, dialect)).join('\n'))
    await output.drained()
  }
}

function printTable({ output }: Cli, view: View, rows: ViewRow[], most: number): void {
  if (rows.length === 0) return output.say(`Nothing to show: ${view.sentence}`)
  const shown = rows.slice(0, most)
  const columns = view.columns.filter((column) => isWorthShowing(column, shown))
  output.table(
    shown,
    columns.map(({ name, type }) => ({
      header: name,
      value: (row) => showValue(row[name], { type, timeZone: zoneOf(row, output.timeZone) }),
    })),
  )
  const left = view.columns.filter((column) => !columns.includes(column) && column.name !== 'timezone')
  if (left.length > 0) output.say(`Left out, since they say nothing here: ${left.map(({ name }) => name).join(', ')}.`)
  output.say(describeZones(shown, output.timeZone))
  if (rows.length > most) output.say(`There are more: --limit ${most * 10}, or --json or --csv for all.`)
}

/** Views are wide, screens are not: what says nothing about these rows is left out. */
function isWorthShowing({ name, type }: ViewColumn, rows: ViewRow[]): boolean {
  const saysNothing = (row: ViewRow): boolean => row[name] === null || (type === 'boolean' && row[name] === false)
  const repeatsTheLead = name === 'recipient' && rows.every((row) => row['recipient'] === row['lead'])
  return name !== 'timezone' && !repeatsTheLead && !rows.every(saysNothing)
}

function describeZones(rows: ViewRow[], timeZone: string): string {
  const [zone, ...others] = new Set(rows.map((row) => zoneOf(row, timeZone)))
  return others.length === 0 ? `Times are local in ${zone}.` : 'Times are local, each in its campaign’s zone.'
}
