/**
 * docs/sql.md as it should be: its tables of columns are the comments of the catalogue, and below each statement stands what it answers. What
 * people type as `current_date` and `now()` is the day and instant of the page.
 */
import { format, resolveConfig } from 'prettier'
import type { View } from '../../src/reports/views.ts'

export const PAGE = 'docs/sql.md'

export interface Answer {
  columns: { name: string; isNumber: boolean }[]
  rows: (string | null)[][]
}

/** A statement of the page, with an answer below it or without. */
const STATEMENT = /^```sql\n(.*?)^```\n(?:\n```text\n.*?^```\n)?/gms

/** The page anew. */
export async function renderPage(
  page: string,
  views: readonly View[],
  ask: (statement: string) => Promise<Answer>,
): Promise<string> {
  let rendered = page.replaceAll(
    /(<!-- columns of (\w+) -->\n).*?(<!-- end -->)/gs,
    (_, begin: string, name: string, end: string) => {
      const view = views.find((known) => known.name === name)
      return `${begin}\n${view ? describeColumns(view) : `There is no view ${name}.`}\n\n${end}`
    },
  )
  for (const [block, statement = ''] of page.matchAll(STATEMENT)) {
    if (!block.includes('```text')) continue
    const answer = await ask(atTheTimeOfThePage(statement))
    rendered = rendered.replace(block, () => `\`\`\`sql\n${statement}\`\`\`\n\n\`\`\`text\n${layOut(answer)}\`\`\`\n`)
  }
  return format(rendered, { ...(await resolveConfig(PAGE)), filepath: PAGE })
}

/** What the page shows no answer of: it is for the owner of the schema. */
export function statementsOfTheOwner(page: string): string[] {
  return [...page.matchAll(STATEMENT)]
    .filter(([block]) => !block.includes('```text'))
    .map(([, statement = '']) => statement)
}

/** The statements with an answer. */
export function questionsOf(page: string): string[] {
  return [...page.matchAll(STATEMENT)]
    .filter(([block]) => block.includes('```text'))
    .map(([, statement = '']) => statement)
}

function atTheTimeOfThePage(statement: string): string {
  return statement
    .replaceAll('current_date', `date '2026-12-01'`)
    .replaceAll('now()', `timestamptz '2026-12-01 12:00+01'`)
}

function describeColumns({ columns }: View): string {
  const rows = columns.map(
    ({ name, type, sentence }) => `| \`${name}\` | ${SHORT[type] ?? type} | ${sentence.replaceAll('|', '\\|')} |`,
  )
  return ['| column | type | meaning |', '| --- | --- | --- |', ...rows].join('\n')
}

const SHORT: Record<string, string> = {
  'timestamp with time zone': 'time',
  'timestamp with time zone[]': 'times',
  'double precision': 'number',
  bigint: 'number',
  integer: 'number',
  numeric: 'number',
  'bigint[]': 'numbers',
  boolean: 'yes or no',
  jsonb: 'JSON',
}

/** As psql prints it. */
function layOut({ columns, rows }: Answer): string {
  const widths = columns.map(({ name }, i) =>
    Math.max(name.length, ...rows.map((row) => Array.from(row[i] ?? '').length)),
  )
  const line = (cells: (string | null)[], isHeader = false): string =>
    cells
      .map((cell, i) => {
        const text = cell ?? ''
        const space = ' '.repeat(Math.max(0, (widths[i] ?? 0) - Array.from(text).length))
        return !isHeader && columns[i]?.isNumber ? space + text : text + space
      })
      .map((cell) => ` ${cell} `)
      .join('|')
      .trimEnd()
  const rule = widths.map((width) => '-'.repeat(width + 2)).join('+')
  const count = `(${rows.length} ${rows.length === 1 ? 'row' : 'rows'})`
  return [
    line(
      columns.map(({ name }) => name),
      true,
    ),
    rule,
    ...rows.map((row) => line(row)),
    count,
  ]
    .map((text) => `${text}\n`)
    .join('')
}
