import { readAtOnce } from '../../database/read-at-once.ts'
import { GoniecError } from '../../errors.ts'
import { findingsOf } from '../../reports/status/findings.ts'
import { readStatus, STANDARD, type Status } from '../../reports/status/read.ts'
import { toLocalTime } from '../../time.ts'
import type { Cli } from '../cli.ts'
import { parseWhole } from '../number.ts'
import { cutTo, harmless } from '../text-width.ts'
import { grouped } from './moments.ts'
import { campaignRows, eventRows, mailboxRows, nextRows, workersLine, type Section } from './sections.ts'

/** What `status` takes, whichever way it shows. */
export interface StatusFlags {
  check?: boolean
  watch?: boolean
  limit?: string
  late?: string
  ignore?: string[]
}

/** As many as `--limit` lets anybody see. */
const MOST_ROWS = 1000

/** The most that one look may take. */
export const LOOK = { withinMs: 20_000 }

/** Prints the status once. */
export async function showStatus(cli: Cli, flags: StatusFlags): Promise<void> {
  const most = readMost(flags)
  const status = await cli.withDatabase((database) =>
    readAtOnce(database, LOOK, (at) => readStatus(at, { ...STANDARD, most })),
  )
  cli.output.data({ ...status, findings: findingsOf(status) }, () => {
    const width = process.stdout.isTTY ? process.stdout.columns : Number.POSITIVE_INFINITY
    for (const line of describeStatus(status, width)) cli.output.line(line)
  })
}

/** Most campaigns and mailboxes that are shown. */
export function readMost({ limit, late, ignore }: StatusFlags): number {
  const only = late === undefined ? (ignore === undefined ? null : '--ignore') : '--late'
  if (only !== null)
    throw new GoniecError('usage', `${only} goes with --check`, { hint: 'goniec status --help', exitCode: 2 })
  return limit === undefined ? STANDARD.most : parseWhole(limit, '--limit', { least: 1, most: MOST_ROWS })
}

/** The lines for people, none of them wider than `width`. Pure. */
export function describeStatus(status: Status, width: number): string[] {
  const view = { status, now: status.at, width: width - 2 }
  const findings = findingsOf(status).flatMap(({ text, command }) => [harmless(text), `  Try: ${command}`])
  const sections: Section[] = [
    { heading: 'To see to', rows: findings },
    { heading: 'Workers', rows: [workersLine(status)] },
    { heading: 'Campaigns', rows: withRest(campaignRows(view), status.campaigns_total, 'goniec campaign list') },
    { heading: 'Next mails', rows: nextRows(view) },
    { heading: 'Mailboxes today', rows: withRest(mailboxRows(view), status.mailboxes_total, 'goniec mailbox list') },
    { heading: 'Last events', rows: eventRows(view) },
  ]
  const braked =
    status.paused_at === null ? '' : `; everything is paused (since ${toLocalTime(status.paused_at, status.timezone)})`
  return [
    `goniec at ${toLocalTime(status.at, status.timezone, { seconds: true })}, ${status.timezone}${braked}`,
    ...sections
      .filter(({ rows }) => rows.length > 0)
      .flatMap(({ heading, rows }) => ['', heading, ...rows.map((row) => `  ${row}`)]),
  ].map((line) => cutTo(line, width))
}

function withRest(rows: string[], total: number, command: string): string[] {
  const rest = total - rows.length
  if (rest <= 0) return rows
  const wider = rows.length < MOST_ROWS ? `--limit ${Math.min(rows.length * 5, MOST_ROWS)}, or ` : ''
  return [...rows, `and ${grouped(rest)} more: ${wider}${command}`]
}
