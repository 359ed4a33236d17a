/** What applying would change, in lines for people: a thing with the fields that differ, old and new, and what follows from it. */
import type { Preview, PreviewedChange } from '../../campaigns/apply/apply.ts'

/** A line for each thing, lines for its fields under it. */
export function describeChanges({ changes }: Preview): string[] {
  return changes.flatMap((change) => [
    `${nameOf(change)}: ${change.change}${concerned(change)}`,
    ...change.fields.map(({ field, from, to }) => `  ${field}: ${show(from)} → ${show(to)}`),
    ...change.notes.map((note) => `  ${note}`),
  ])
}

function nameOf({ kind, name }: PreviewedChange): string {
  return name === '' ? kind : `${kind} ${name}`
}

function concerned({ mails, change }: PreviewedChange): string {
  if (change !== 'changed' || mails === 0) return ''
  return ` (concerns ${mails === 1 ? '1 waiting mail, which is' : `${mails} waiting mails, which are`} planned anew)`
}

const MOST_CHARACTERS = 60

/** A value on one line, whatever a text holds. */
function show(value: PreviewedChange['fields'][number]['from']): string {
  if (value === null) return 'none'
  if (typeof value === 'number') return String(value)
  const text = (typeof value === 'string' ? value : value.join(', ')).replaceAll(/[\s\p{Cc}]+/gu, ' ').trim()
  if (text.length <= MOST_CHARACTERS) return text === '' ? 'none' : text
  return `${text.slice(0, MOST_CHARACTERS)}… (${text.length} characters)`
}
