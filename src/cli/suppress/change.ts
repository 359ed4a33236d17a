import { didYouMean } from '../../nearest.ts'
import {
  addSuppressions,
  countHeld,
  listSuppressions,
  readSuppressible,
  removeSuppressions,
} from '../../leads/suppressions.ts'
import { readAddresses } from '../addresses.ts'
import type { Cli } from '../cli.ts'
import { alreadyPassedSentence } from '../passed.ts'

/** Suppresses; what is neither an address nor a domain is named, the others done, and the command ends with 1. */
export async function runAdd(
  cli: Cli,
  given: string[],
  { reason, dryRun = false }: { reason?: string; dryRun?: boolean },
): Promise<void> {
  const values = await readValues(cli, given)
  await cli.withDatabase(async (database) => {
    const suppressible = values.map((value) => ({ value, reason: reason ?? null }))
    const added = await addSuppressions(database, suppressible, { dryRun })
    const { held, alreadyPassed } = dryRun ? { held: 0, alreadyPassed: 0 } : await countHeld(database, values)
    const known = values.length - added.length
    cli.output.data({ added, known, held, already_passed: alreadyPassed, dry_run: dryRun }, () => undefined)
    if (dryRun) return cli.output.say(`Dry run: ${added.length} would be suppressed; nothing was changed.`)
    cli.output.say(
      `Suppressed ${added.length}${known > 0 ? `; ${known} were suppressed before` : ''}. ${heldSentence(held)}`,
    )
    if (alreadyPassed > 0) cli.output.say(alreadyPassedSentence(alreadyPassed))
  })
}

/** Lifts suppressions; one that is not there is named with the nearest, and the command ends with 1. */
export async function runRemove(cli: Cli, given: string[], { dryRun = false }: { dryRun?: boolean }): Promise<void> {
  const values = await readValues(cli, given)
  await cli.withDatabase(async (database) => {
    const there = await removeSuppressions(database, values, { dryRun: true })
    const missing = values.filter((value) => !there.includes(value))
    const known = missing.length === 0 ? [] : (await listSuppressions(database)).map(({ value }) => value)
    for (const value of missing) cli.output.say(`Error: ${value} is not suppressed${didYouMean(value, known)}`)
    if (missing.length > 0) cli.setExitCode(1)
    const question = `Allow mail to ${there.length === 1 ? there[0] : `${there.length} addresses and domains`} again?`
    const isMeant = there.length > 0 && (await cli.confirm(question, { dryRun }))
    const removed = isMeant ? await removeSuppressions(database, there) : []
    cli.output.data({ removed: dryRun ? there : removed, unknown: missing, dry_run: dryRun }, () => undefined)
    if (removed.length > 0)
      cli.output.say(
        `Lifted ${removed.length}. A lead that bounced or unsubscribed stays marked: goniec lead unblock ADDRESS --bounced`,
      )
  })
}

/** What can be kept, each once. */
async function readValues(cli: Cli, given: string[]): Promise<string[]> {
  const values = new Set<string>()
  for (const text of await readAddresses(given)) {
    const read = readSuppressible(text)
    if (read.problem === undefined) values.add(read.value)
    else {
      cli.output.say(`Error: ${read.problem}`)
      cli.setExitCode(1)
    }
  }
  return [...values]
}

/** What it means for mails that wait. */
export function heldSentence(held: number): string {
  if (held === 0) return 'No open mail is held by it.'
  return held === 1 ? '1 open mail is held by it.' : `${held} open mails are held by it.`
}
