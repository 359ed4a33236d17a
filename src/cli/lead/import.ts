import { GoniecError } from '../../errors.ts'
import { findCampaign, shellWord } from '../../campaigns/campaign.ts'
import { importHistory } from '../../leads/history.ts'
import { importLeads, type Imported, type ImportProgress } from '../../leads/import.ts'
import type { Database } from '../../database/pool.ts'
import { freshFinish, MOST_FRESH_MAILS } from '../../reports/forecast/forecast.ts'
import { finishWords, rangeWords } from '../apply/describe-outlook.ts'
import type { Cli } from '../cli.ts'
import { readDelimiter } from '../delimiter.ts'

export interface ImportFlags {
  campaign?: string
  history?: boolean
  dryRun?: boolean
  strict?: boolean
  addressColumn?: string
  encoding?: string
  delimiter?: string
}

/** Imports a CSV file, and says what became of its lines. */
export async function runImport(cli: Cli, csv: string, flags: ImportFlags): Promise<void> {
  const { campaign, delimiter, history = false, ...rest } = flags
  if ((campaign === undefined) === !history) throw unclear(csv, history)
  const input = csv === '-' ? process.stdin : csv
  const options = {
    ...rest,
    ...(delimiter === undefined ? {} : { delimiter: readDelimiter(delimiter) }),
    onProgress: (progress: ImportProgress) => cli.output.progress(describe(progress)),
  }
  const { imported, finish } = await cli.withDatabase(
    async (database) => {
      if (campaign === undefined) return { imported: await importHistory(database, input, options) }
      const before = flags.dryRun ? undefined : await finishOf(database, campaign)
      const imported = await importLeads(database, input, { ...options, campaign })
      const isLonger = before !== undefined && imported.enrolled > 0
      return {
        imported,
        ...(isLonger ? { finish: { before, after: (await finishOf(database, campaign)) ?? null } } : {}),
      }
    },
    { name: 'import' },
  )
  report(cli, imported, flags, finish === undefined ? [] : [describeFinish(campaign ?? '', finish)])
}

type Told = Awaited<ReturnType<typeof freshFinish>>

/** When a campaign under way will be done; undefined: it is not under way, and has no such day. */
async function finishOf(database: Database, name: string): Promise<Told | undefined> {
  const { id, status } = await findCampaign(database, name)
  return status === 'running' || status === 'scheduled' ? freshFinish(database, { id, name }) : undefined
}

/** `spring: done on 2026-12-17 → 2026-12-22 (between 2026-12-21 and 2026-12-29)`. */
function describeFinish(campaign: string, { before, after }: { before: Told; after: Told }): string {
  if (before === 'too many' || after === 'too many')
    return `${campaign}: more than ${MOST_FRESH_MAILS.toLocaleString('en')} of its mails wait; when they are done says: goniec forecast ${shellWord(campaign)} --fresh`
  // Before its first leads it was never to be done, which is no news.
  const isFirst = before === null && after !== null
  return `${campaign}: ${isFirst ? `done on ${after.likely}${rangeWords(after)}` : finishWords({ before, after })}`
}

function unclear(csv: string, history: boolean): GoniecError {
  const message = history ? 'a history names its campaigns itself' : 'say which campaign the leads come into'
  return new GoniecError('usage', message, {
    hint: `goniec lead import ${shellWord(csv)} ${history ? '--history' : '--campaign NAME'}`,
    exitCode: 2,
  })
}

function describe({ rows, enrolled, part }: ImportProgress): string {
  return `${Math.floor(part * 100)} %  ${rows} lines, ${enrolled} enrolled`
}

function report(
  cli: Cli,
  imported: Imported,
  { campaign, dryRun = false, strict = false }: ImportFlags,
  consequences: readonly string[],
): void {
  const { rejectsFile, written, ...counts } = imported
  cli.output.data({ ...counts, rejects_file: rejectsFile, dry_run: dryRun }, () =>
    cli.output.properties(Object.entries({ ...counts, 'rejects file': rejectsFile })),
  )
  if (counts.rows === 0) cli.output.say('The file has a header, and no lead on a line below it.')
  // A dry run tells it too; and a file may be clean when it was tried, and not when it was done, if somebody was blocked in between.
  if (strict && counts.rejected > 0) cli.setExitCode(1)
  if (dryRun) return cli.output.say('Dry run: nothing was imported.')
  if (!written) throw notClean(counts.rejected, rejectsFile)
  if (counts.rejected > 0) cli.output.say(`${rejectedWords(counts.rejected)}; the reasons stand in ${rejectsFile}.`)
  for (const line of consequences) cli.output.say(line)
  cli.output.say(
    campaign === undefined ? 'Next: goniec campaign list' : `Next: goniec campaign check ${shellWord(campaign)}`,
  )
}

/** Of a strict import. */
function notClean(rejected: number, rejectsFile: string | null): GoniecError {
  const message = `nothing was imported: ${rejectedWords(rejected)}; the reasons stand in ${rejectsFile}`
  return new GoniecError('import_not_clean', message, {
    hint: 'mend them and import the file again, or leave --strict out: then the other lines come in',
  })
}

function rejectedWords(count: number): string {
  return count === 1 ? '1 line is rejected' : `${count} lines are rejected`
}
