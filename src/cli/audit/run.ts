import { audit, chooseChecks, type CheckResult } from '../../reports/audit/audit.ts'
import { formatDuration, Temporal } from '../../time.ts'
import type { Cli } from '../cli.ts'
import type { Cell, Column, Output } from '../output.ts'

export interface AuditFlags {
  check?: string[]
  rows: number
  list?: boolean
}

/** Checks everything, or what was asked for; ends 3 where a check is broken. */
export async function runAudit(cli: Cli, { check, rows, list = false }: AuditFlags): Promise<void> {
  const { output } = cli
  const chosen = chooseChecks(check)
  if (list) {
    const named = chosen.map(({ name, proves, says }) => ({ name, proves, says }))
    return output.data(named, () =>
      output.table(named, [
        { header: 'check', value: ({ name }) => name },
        { header: 'proves', value: ({ proves }) => proves.join(' ') },
        { header: 'what holds', value: ({ says }) => says },
      ]),
    )
  }
  const results = await cli.withDatabase((database) =>
    audit(database, {
      only: chosen.map(({ name }) => name),
      rows,
      onCheck: ({ name }, { number, of }) => output.progress(`checking ${number} of ${of}: ${name}`),
    }),
  )
  output.endProgress()
  const broken = results.filter(({ ok }) => !ok)
  output.data({ ok: broken.length === 0, checks: results }, () => print(output, results))
  if (broken.length > 0) cli.setExitCode(3)
  if (!output.wantsJson) sum(output, results, broken.length)
}

function print(output: Output, results: readonly CheckResult[]): void {
  output.table(results, [
    { header: 'holds', value: ({ ok }) => (ok ? 'yes' : 'BROKEN') },
    { header: 'check', value: ({ name }) => name },
    { header: 'what holds', value: ({ says }) => says },
  ])
  for (const { ok, name, says, total, violations, todo } of results) {
    if (ok) continue
    output.line('')
    output.line(`BROKEN: ${name}, by ${total} ${total === 1 ? 'row' : 'rows'}`)
    output.line(says)
    output.table(violations, columnsOf(violations))
    if (violations.length < total) output.line(`… and ${total - violations.length} more (--rows ${total})`)
    output.line(`To do: ${todo}`)
  }
}

function columnsOf(rows: readonly Record<string, unknown>[]): Column<Record<string, unknown>>[] {
  return Object.keys(rows[0] ?? {}).map((name) => ({
    header: name.replaceAll('_', ' '),
    value: (row) => toCell(row[name]),
    seconds: true,
  }))
}

function toCell(value: unknown): Cell {
  if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
    return value
  if (value instanceof Temporal.Instant) return value
  return Array.isArray(value) ? value.join(', ') : JSON.stringify(value)
}

function sum(output: Output, results: readonly CheckResult[], broken: number): void {
  const took = formatDuration(results.reduce((sum, { duration_ms: ms }) => sum + ms, 0))
  if (broken === 0) output.say(`${results.length} checks, and all of them hold (${took}).`)
  else output.say(`${broken} of ${results.length} checks are broken (${took}).`)
}
