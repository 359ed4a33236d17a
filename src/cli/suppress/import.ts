import { importSuppressions } from '../../leads/suppression-list.ts'
import type { Cli } from '../cli.ts'
import { readDelimiter } from '../delimiter.ts'
import { alreadyPassedSentence } from '../passed.ts'
import { heldSentence } from './change.ts'

export interface ListFlags {
  reason?: string
  dryRun?: boolean
  addressColumn?: string
  encoding?: string
  delimiter?: string
}

/** Suppresses what a CSV file lists, and says what became of its lines. */
export async function runImport(cli: Cli, csv: string, { delimiter, ...flags }: ListFlags): Promise<void> {
  const { dryRun = false } = flags
  const options = { ...flags, ...(delimiter === undefined ? {} : { delimiter: readDelimiter(delimiter) }) }
  const imported = await cli.withDatabase((database) =>
    importSuppressions(database, csv === '-' ? process.stdin : csv, options),
  )
  const { held, alreadyPassed, rejectsFile, ...counts } = imported
  const data = { ...counts, rejects_file: rejectsFile }
  cli.output.data({ ...data, held, already_passed: alreadyPassed, dry_run: dryRun }, () =>
    cli.output.properties(Object.entries(data).map(([name, value]) => [name.replace('_', ' '), value] as const)),
  )
  if (dryRun) return cli.output.say('Dry run: nothing was changed.')
  cli.output.say(heldSentence(held))
  if (alreadyPassed > 0) cli.output.say(alreadyPassedSentence(alreadyPassed))
}
