/** The flags of a report as conditions on columns of its view. A flag for which it has no column is wrong usage, not an empty answer. */
import { findCampaign } from '../../campaigns/campaign.ts'
import type { Database } from '../../database/pool.ts'
import { GoniecError } from '../../errors.ts'
import { normaliseAddress, normaliseDomain } from '../../leads/address.ts'
import { findMailbox } from '../../mailboxes/find.ts'
import { didYouMean } from '../../nearest.ts'
import type { View, ViewFilter } from '../../reports/views.ts'
import { Temporal } from '../../time.ts'

export interface FilterOptions {
  campaign?: string
  salesperson?: string
  mailbox?: string
  lead?: string
  domain?: string
  day?: string
  from?: string
  to?: string
}

const FILTERS: readonly { flag: keyof FilterOptions; column: string; is: ViewFilter['is'] }[] = [
  { flag: 'campaign', column: 'campaign', is: '=' },
  { flag: 'salesperson', column: 'salesperson', is: '=' },
  { flag: 'mailbox', column: 'mailbox', is: '=' },
  { flag: 'lead', column: 'lead', is: '=' },
  { flag: 'domain', column: 'domain', is: '=' },
  { flag: 'day', column: 'day', is: '=' },
  { flag: 'from', column: 'day', is: '>=' },
  { flag: 'to', column: 'day', is: '<=' },
]

/** The conditions that were asked for. */
export async function readFilters(database: Database, view: View, options: FilterOptions): Promise<ViewFilter[]> {
  const asked = FILTERS.filter(({ flag }) => options[flag] !== undefined)
  for (const { flag, column } of asked) requireColumn(view, flag, column)
  const filters = await Promise.all(
    asked.map(async ({ flag, column, is }) => ({
      column,
      is,
      value: await readValue(database, flag, options[flag] ?? ''),
    })),
  )
  refuseNoDays(filters)
  return filters
}

/** Days that end before they begin would find nothing, and look like an answer. */
function refuseNoDays(filters: readonly ViewFilter[]): void {
  const [from, to] = ['>=', '<='].map((side) => filters.find(({ is }) => is === side)?.value)
  if (from === undefined || to === undefined || from <= to) return
  throw new GoniecError('usage', `--from ${from} is after --to ${to}`, { hint: 'goniec report --help', exitCode: 2 })
}

function requireColumn(view: View, flag: string, column: string): void {
  const names = view.columns.map(({ name }) => name)
  if (names.includes(column)) return
  const usable = FILTERS.filter((filter) => names.includes(filter.column)).map((filter) => `--${filter.flag}`)
  const instead = usable.length > 0 ? `it takes ${usable.join(', ')}` : 'it takes --limit only'
  throw new GoniecError(
    'usage',
    `the report "${view.name}" has no ${column}, so --${flag} cannot narrow it down; ${instead}`,
    {
      hint: `goniec report ${view.name}`,
      exitCode: 2,
    },
  )
}

/** A name that is mistyped would find nothing, and look like an answer. */
async function readValue(database: Database, flag: keyof FilterOptions, given: string): Promise<string> {
  if (flag === 'campaign') return (await findCampaign(database, given)).name
  if (flag === 'mailbox') return (await findMailbox(database, given)).address
  if (flag === 'salesperson') return findSalesperson(database, given)
  if (flag === 'lead' || flag === 'domain') return asKept(flag, given)
  return readDay(database, flag, given)
}

/** An international domain is kept in ASCII; what is no address or domain finds nothing, as it stands. */
function asKept(flag: 'lead' | 'domain', given: string): string {
  const text = given.trim().toLowerCase()
  if (flag === 'lead') {
    const read = normaliseAddress(given)
    return read.problem === undefined ? read.address : text
  }
  const read = normaliseDomain(given)
  return read.problem === undefined ? read.domain : text
}

async function findSalesperson(database: Database, given: string): Promise<string> {
  const rows = await database.query<{ email: string }>('select email from goniec.salesperson order by email')
  const known = rows.map(({ email }) => email)
  const email = given.trim().toLowerCase()
  if (known.includes(email)) return email
  throw new GoniecError('salesperson_unknown', `there is no salesperson "${given}"${didYouMean(email, known)}`, {
    hint: 'goniec report campaigns, which names them',
  })
}

const FROM_TODAY: Record<string, number> = { yesterday: -1, today: 0, tomorrow: 1 }

/** A date, or a word for one by the installation's clock and zone. */
async function readDay(database: Database, flag: string, given: string): Promise<string> {
  const days = FROM_TODAY[given]
  if (days !== undefined) {
    const [row] = await database.query<{ day: string }>(
      `select ((goniec.now() at time zone i.timezone)::date + $1::integer)::text as day from goniec.installation i`,
      [days],
    )
    return row?.day ?? given
  }
  try {
    return Temporal.PlainDate.from(given, { overflow: 'reject' }).toString()
  } catch (cause) {
    throw new GoniecError('usage', `--${flag} is a day, not "${given}"`, {
      hint: `--${flag} 2026-12-01, or yesterday, today, tomorrow`,
      exitCode: 2,
      cause,
    })
  }
}
