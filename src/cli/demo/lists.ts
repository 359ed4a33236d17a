/**
 * The lists of leads that the demo imports: of each campaign a file in the demo's directory, made from the examples' list (whose column
 * "Kampanie" names the campaigns) or from the visitor's. Which addresses stand in it is kept here as well, apart from the database, so that
 * in the end every one of them can be asked for.
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { GoniecError } from '../../errors.ts'
import { normaliseAddress } from '../../leads/address.ts'
import type { CsvColumn } from '../../leads/csv-header.ts'
import { readCsv, type CsvRow, type CsvTable } from '../../leads/csv.ts'
import { EXAMPLES } from './definition.ts'

/** A list to import. */
export interface LeadList {
  campaign: string
  file: string
  /** In their one form, each once. */
  addresses: string[]
}

/** A list as it was read: its usable rows, and what is wrong with the others. */
export interface ReadList {
  header: string[]
  columns: CsvColumn[]
  addressColumn: CsvColumn
  rows: { address: string; row: CsvRow }[]
  rejects: { line: number; reason: string }[]
  /** There are more rows, which were not read. */
  cut: boolean
}

/** More would only be waiting for tomorrow. */
const MOST_ROWS = 1000

/** Reads the visitor's list. */
export async function readOwnList(path: string, addressColumn: string | undefined): Promise<ReadList> {
  const input = path === '-' ? process.stdin : path
  const list = await readList(await readCsv(input, addressColumn === undefined ? {} : { addressColumn }))
  if (list.rows.length > 0) return list
  const [first] = list.rejects
  const why = first === undefined ? 'it has a header and nothing else' : `line ${first.line}: ${first.reason}`
  throw new GoniecError('demo_list_empty', `nobody can be mailed from ${path}: ${why}`, {
    hint: 'a list has a header line with a column "email", and a lead on each line after it',
  })
}

/** Reads the examples' list. */
export async function readExampleList(): Promise<ReadList> {
  return readList(await readCsv(join(EXAMPLES, 'leads.csv')))
}

/** Writes the rows of `list` for which `isMeant` as a list for this campaign. */
export async function writeList(
  directory: string,
  campaign: string,
  list: ReadList,
  isMeant: (row: CsvRow) => boolean = () => true,
): Promise<LeadList> {
  const rows = list.rows.filter(({ row }) => isMeant(row))
  const file = join(directory, `${encodeURIComponent(campaign)}.csv`)
  const lines = [list.header, ...rows.map(({ row }) => row.cells)].map((cells) => cells.map(quoted).join(';'))
  await writeFile(file, `${lines.join('\n')}\n`, { mode: 0o600 })
  return { campaign, file, addresses: rows.map(({ address }) => address) }
}

/** Whether the row's column "Kampanie" names this campaign. A list without that column is meant for the first one. */
export function isFor(campaign: string, isFirst: boolean): (row: CsvRow) => boolean {
  return ({ fields }) => {
    const named = fields['kampanie']
    return named === undefined ? isFirst : named.split(/\s+/).includes(campaign)
  }
}

async function readList(table: CsvTable): Promise<ReadList> {
  const { header, columns, addressColumn } = table
  const list: ReadList = { header, columns, addressColumn, rows: [], rejects: [], cut: false }
  const seen = new Set<string>()
  for await (const record of table) {
    list.cut = list.rows.length === MOST_ROWS
    if (list.cut) break
    if (record.kind === 'reject') list.rejects.push(record)
    else take(record, list, seen)
  }
  return list
}

function take(row: CsvRow, { rows, rejects }: ReadList, seen: Set<string>): void {
  const { address, problem } = { address: '', ...normaliseAddress(row.address) }
  if (problem !== undefined) rejects.push({ line: row.line, reason: problem })
  else if (seen.has(address)) rejects.push({ line: row.line, reason: `${address} was there before` })
  else rows.push({ address, row })
  seen.add(address)
}

function quoted(cell: string): string {
  return `"${cell.replaceAll('"', '""')}"`
}
