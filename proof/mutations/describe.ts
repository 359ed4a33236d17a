/** The part of the proof's page about guards that are switched off: each with its change and its test. */
import { MUTATIONS } from './catalogue.ts'
import { isLoadBearing, type Edit, type Mutation } from './mutation.ts'

/** Markdown. */
export function describeMutations(): string[] {
  const bearing = MUTATIONS.filter(isLoadBearing).length
  return [
    `Of ${MUTATIONS.length} changes ${bearing} turn a test red by what it sees: a second mail at the mail server, content behind a pause, a mail over a limit. The others`,
    'stay green, because a second guard holds the promise alone; which one is said, and both are then switched off together, until something gives. A test that is red for',
    'another reason than the one expected does not count.',
    '',
    ...MUTATIONS.flatMap(describe),
  ]
}

function describe(mutation: Mutation): string[] {
  const { name, off, edits, test } = mutation
  const outcome = isLoadBearing(mutation) ? 'turns red' : `stays green: ${mutation.heldBy}`
  return [
    '<details>',
    `<summary><code>G/${name}</code>: ${toHtml(off)}</summary>`,
    '',
    `\`${test.file}\`, “${test.title}”, ${outcome}.`,
    '',
    '```diff',
    ...edits.flatMap(toDiff),
    '```',
    '',
    '</details>',
    '',
  ]
}

function toDiff({ file, from, to }: Edit): string[] {
  return [`  ${file}`, ...signed(from, '-'), ...signed(to, '+')]
}

function signed(text: string, sign: string): string[] {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => `${sign} ${line}`)
}

/** In a summary, markdown is not read. */
function toHtml(markdown: string): string {
  return markdown.replaceAll(/`([^`]*)`/g, '<code>$1</code>')
}
