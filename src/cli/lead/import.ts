import { GoniecError } from '../../errors.ts'
import { shellWord } from '../../campaigns/campaign.ts'
import { importLeads, type Imported, type ImportProgress } from '../../leads/import.ts'
import type { Cli } from '../cli.ts'

export interface ImportFlags {
  campaign?: string
  dryRun?: boolean
  strict?: boolean
  addressColumn?: string
  encoding?: string
  delimiter?: string
}

/** Imports a CSV file, and says what became of its lines. */
export async function runImport(cli: Cli, csv: string, flags: ImportFlags): Promise<void> {
  const { campaign, delimiter, ...rest } = flags
  if (campaign === undefined) throw noCampaign(csv)
  const imported = await cli.withDatabase(
    (database) =>
      importLeads(database, csv === '-' ? process.stdin : csv, {
        ...rest,
        ...(delimiter === undefined ? {} : { delimiter: readDelimiter(delimiter) }),
        campaign,
        onProgress: (progress) => cli.output.progress(describe(progress)),
      }),
    { name: 'import' },
  )
  report(cli, imported, flags, campaign)
}

/** Usage, and not commander's own check: with `--history` the file names the campaigns. */
function noCampaign(csv: string): GoniecError {
  return new GoniecError('usage', 'say which campaign the leads come into', {
    hint: `goniec lead import ${shellWord(csv)} --campaign NAME`,
    exitCode: 2,
  })
}

/** One character; a tabulator is hard to type. */
export function readDelimiter(given: string): string {
  const delimiter = given === 'tab' || given === String.raw`\t` ? '\t' : given
  if (delimiter.length === 1 && !/["\r\n]/.test(delimiter)) return delimiter
  throw new GoniecError('usage', `a delimiter is one character, not "${given}"`, {
    hint: `--delimiter ';', --delimiter ',' or --delimiter tab`,
    exitCode: 2,
  })
}

function describe({ rows, enrolled, part }: ImportProgress): string {
  return `${Math.floor(part * 100)} %  ${rows} lines, ${enrolled} enrolled`
}

function report(cli: Cli, imported: Imported, { dryRun = false, strict = false }: ImportFlags, campaign: string): void {
  const { rejectsFile, written, ...counts } = imported
  cli.output.data({ ...counts, rejects_file: rejectsFile, dry_run: dryRun }, () =>
    cli.output.properties(Object.entries({ ...counts, 'rejects file': rejectsFile })),
  )
  if (dryRun) return cli.output.say('Dry run: nothing was imported.')
  if (strict && counts.rejected > 0) cli.setExitCode(1)
  if (!written) {
    return cli.output.say(`Nothing was imported: ${rejectedWords(counts.rejected)}. Mend them, or leave --strict out.`)
  }
  if (counts.rejected > 0) cli.output.say(`${rejectedWords(counts.rejected)}; the reasons stand in ${rejectsFile}.`)
  cli.output.say(`Next: goniec campaign check ${shellWord(campaign)}`)
}

function rejectedWords(count: number): string {
  return count === 1 ? '1 line is rejected' : `${count} lines are rejected`
}
