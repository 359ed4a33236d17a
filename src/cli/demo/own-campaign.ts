/** A campaign for a list that the demo has never seen: its texts use the columns that are there, and do without a cell that is empty. */
import type { CampaignDefinition, StepDefinition, VariantDefinition } from '../../campaigns/definition/definition.ts'
import { checkTemplate } from '../../delivery/templates.ts'
import { GoniecError } from '../../errors.ts'
import type { CsvColumn } from '../../leads/csv-header.ts'

/** Name, limit and texts of a campaign for a list with these columns, the address's among them. */
export function ownCampaign(
  columns: readonly CsvColumn[],
  address: CsvColumn,
): Pick<CampaignDefinition, 'name' | 'steps' | 'dailyLimit'> {
  const others = columns.filter((column) => column.field !== address.field && canBeSaid(column))
  return { name: 'your-list', dailyLimit: MOST_TODAY, steps: [intro(others), reminder(others)] }
}

/** A longer list goes on tomorrow: so the demo ends in time, and shows it. */
const MOST_TODAY = 110

const AT = { file: 'the demo', line: 1, column: 1, path: '' }

function intro(columns: readonly CsvColumn[]): StepDefinition {
  const text = `${greeting(columns)}

this mail was made for you from one line of a list. It went through a real queue and a real SMTP dialogue, and no further than the
demo's recorder.
${columns.slice(0, MOST_SHOWN).map(shown).join('')}`
  const variants = [
    variant('A', 'A first mail from your own list', text),
    variant('B', 'Your own list, one mail a line', text),
  ]
  return { key: 'intro', wait: null, variants, at: AT }
}

function reminder(columns: readonly CsvColumn[]): StepDefinition {
  const text = `${greeting(columns)}

this is the follow-up to my first mail, in the same thread and from the same mailbox.
`
  return { key: 'reminder', wait: { ms: 1 }, variants: [variant('A', null, text)], at: AT }
}

function variant(letter: string, subject: string | null, text: string): VariantDefinition {
  return { letter, weight: 1, subject, text, html: null, at: AT }
}

const MOST_SHOWN = 12

function shown({ name, field }: CsvColumn): string {
  // A header may hold what Liquid would take for its own.
  const label = name.replaceAll(/[{}%]/g, ' ')
  return `{% if ${field} %}\n${label}: {{ ${field} }}{% endif %}`
}

/** Liquid has words of its own, such as `or`. */
function canBeSaid({ field }: CsvColumn): boolean {
  try {
    return checkTemplate({ name: field, kind: 'text', source: `{{ ${field} }}` }).join() === field
  } catch (error) {
    if (error instanceof GoniecError) return false
    throw error
  }
}

/** Names of a column with first names, or with whole ones, as lists in a few languages have them. */
const NAMES = [
  'imie',
  'first_name',
  'firstname',
  'given_name',
  'vorname',
  'prenom',
  'nombre',
  'nome',
  'name',
  'full_name',
  'imie_i_nazwisko',
]

function greeting(columns: readonly CsvColumn[]): string {
  const name = NAMES.find((candidate) => columns.some(({ field }) => field === candidate))
  return name === undefined ? 'Hello,' : `Hello {{ ${name} | default: "there" }},`
}
