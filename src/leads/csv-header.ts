/** The header of a table: which name its columns have in templates, and which one holds the address. */
import { shellWord } from '../campaigns/campaign.ts'
import { GoniecError } from '../errors.ts'
import { nearest } from '../nearest.ts'

export interface CsvColumn {
  /** As the header has it: `Imię`. */
  name: string
  /** As templates call it: `imie`. */
  field: string
  /** Its place on each line, from 0. */
  index: number
}

export interface CsvHeader {
  columns: CsvColumn[]
  addressColumn: CsvColumn
}

/** Names of the address column, folded. */
const ADDRESS_NAMES = new Set([
  'email',
  'mail',
  'adresemail',
  'adresmail',
  'emailaddress',
  'emailadres',
  'mailadres',
  'adresmailowy',
])
/** Words that Liquid reads as values. */
const LIQUID_WORDS = new Set(['true', 'false', 'nil', 'null', 'empty', 'blank'])

/**
 * Reads a header's cells. Columns without a name belong to nobody and are passed over. `wanted`: the address column as a person named
 * it; `names`: what else it may be called.
 */
export function readHeader(
  cells: string[],
  file: string,
  { wanted, names = [] }: { wanted?: string | undefined; names?: readonly string[] | undefined } = {},
): CsvHeader {
  const columns = cells
    .map((cell, index) => ({ name: cell.trim(), field: fieldName(cell), index }))
    .filter(({ field }) => field !== '')
  const byField = new Map<string, CsvColumn>()
  for (const column of columns) {
    const other = byField.get(column.field)
    if (other !== undefined) throw collision(file, other, column)
    byField.set(column.field, column)
  }
  if (wanted !== undefined) return { columns, addressColumn: chosen(columns, file, wanted) }
  return { columns, addressColumn: findAddress(columns, file, names) }
}

/** The name of a column as a template can say it: lower case, without diacritics, `_` for all that is neither letter nor digit. */
export function fieldName(name: string): string {
  const field = fold(name)
    .replace(/[^\p{L}\p{N}]+/gu, '_')
    .replace(/^_+|_+$/g, '')
  if (LIQUID_WORDS.has(field)) return `${field}_`
  return /^\p{N}/u.test(field) ? `_${field}` : field
}

/** Whether a column of this name would be taken for the address. */
export function isAddressName(name: string): boolean {
  return ADDRESS_NAMES.has(key(name))
}

function findAddress(columns: CsvColumn[], file: string, names: readonly string[]): CsvColumn {
  const [found, other] = columns.filter(({ name }) => isAddressName(name) || names.includes(key(name)))
  if (found === undefined) throw noAddress(columns, file)
  if (other === undefined) return found
  throw new GoniecError(
    'csv_header',
    `${file} has two columns that could be the address: "${found.name}" and "${other.name}"`,
    {
      hint: `say which: --address-column ${shellWord(found.name)}`,
    },
  )
}

function chosen(columns: CsvColumn[], file: string, wanted: string): CsvColumn {
  const column =
    columns.find(({ name }) => name === wanted.trim()) ?? columns.find(({ name }) => key(name) === key(wanted))
  if (column !== undefined) return column
  const near = nearest(wanted, columns.map(({ name }) => name)) // prettier-ignore
  throw new GoniecError('csv_header', `${file} has no column "${wanted}"; its header is: ${listed(columns)}`, {
    hint: near === undefined ? 'name a column of the header' : `--address-column ${shellWord(near)}`,
  })
}

function noAddress(columns: CsvColumn[], file: string): GoniecError {
  const data = columns.some(({ name }) => name.includes('@'))
  if (data) {
    return new GoniecError(
      'csv_header',
      `${file} has no header: its first line is already a lead: ${listed(columns)}`,
      {
        hint: 'put a line above it that names the columns, one of them "email"',
      },
    )
  }
  return new GoniecError('csv_header', `${file} has no column for the address; its header is: ${listed(columns)}`, {
    hint: 'call the column "email", or name it: --address-column NAME',
  })
}

function collision(file: string, first: CsvColumn, second: CsvColumn): GoniecError {
  const both = `column ${first.index + 1} "${first.name}" and column ${second.index + 1} "${second.name}"`
  return new GoniecError(
    'csv_header',
    `${file} has two columns that templates would call {{ ${first.field} }}: ${both}`,
    {
      hint: 'rename or remove one of them',
    },
  )
}

function listed(columns: CsvColumn[]): string {
  const names = columns.slice(0, 20).map(({ name }) => (name.length > 60 ? `${name.slice(0, 60)}…` : name))
  return names.length === 0
    ? '(empty)'
    : names.join(', ') + (columns.length > 20 ? `, and ${columns.length - 20} more` : '')
}

function key(name: string): string {
  return fold(name).replace(/[^\p{L}\p{N}]/gu, '')
}

/** Letters that Unicode does not take apart into a base letter and a mark. */
const WHOLE: Record<string, string> = { ł: 'l', ø: 'o', đ: 'd', ß: 'ss', æ: 'ae', œ: 'oe', ı: 'i' }

function fold(name: string): string {
  return name
    .toLowerCase()
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .replace(/[łøđßæœı]/g, (letter) => WHOLE[letter] ?? letter)
}
