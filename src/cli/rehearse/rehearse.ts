import { shellWord } from '../../campaigns/campaign.ts'
import { readDefinitionFiles } from '../../campaigns/definition/read.ts'
import { parseDefinition } from '../../campaigns/definition/parse.ts'
import type { Database } from '../../database/pool.ts'
import { GoniecError } from '../../errors.ts'
import { forecastJson } from '../../reports/forecast/json.ts'
import { failureWords } from '../../reports/rehearsal/leads.ts'
import { rehearse, type Rehearsal } from '../../reports/rehearsal/rehearse.ts'
import { Temporal } from '../../time.ts'
import type { Cli } from '../cli.ts'
import { readDelimiter } from '../delimiter.ts'
import { counted, grouped, isoDay } from '../drawing/day-words.ts'
import type { Drawn, DrawnLeads } from '../drawing/drawn.ts'
import { checkPageFile } from '../drawing/save-page.ts'
import { showBars, writePage } from '../drawing/show.ts'

export interface RehearseFlags {
  leads: string
  campaign?: string
  html?: string
  rejects?: string
  addressColumn?: string
  encoding?: string
  delimiter?: string
}

/** Plays a campaign through and shows it; ends with 3 where it would not start, or not end. */
export async function runRehearse(cli: Cli, file: string, flags: RehearseFlags): Promise<void> {
  if (file === '-' && flags.leads === '-') throw bothFromInput()
  if (flags.html !== undefined) checkPageFile(flags.html)
  const definition = parseDefinition(readDefinitionFiles([file]))
  const play = async (database: Database | null): Promise<Rehearsal> =>
    rehearse(database, definition, flags.leads === '-' ? process.stdin : flags.leads, {
      ...csvOptions(flags),
      campaign: flags.campaign,
      rejectsFile: flags.rejects,
      now: Temporal.Now.instant(),
      keep: cli.output.wantsJson ? Number.POSITIVE_INFINITY : SHOWN,
      onProgress: (rows, part) => cli.output.progress(`${Math.floor(part * 100)} %  ${rows} lines`),
      onPlan: () => cli.output.progress('laying the days'),
    })
  const isNamed = namesDatabase(cli)
  if (!isNamed)
    cli.output.say('No database is named: the campaign is rehearsed as if it were alone (DATABASE_URL or --embedded).')
  const rehearsal = isNamed ? await cli.withDatabase(play, { name: 'rehearse' }) : await play(null)
  cli.output.endProgress()
  report(cli, rehearsal, { file, html: flags.html, withDatabase: isNamed })
}

const SHOWN = 20

function namesDatabase({ flags, config }: Cli): boolean {
  return [flags.embedded, config.databaseUrl, config.embeddedDirectory].some((named) => named !== undefined)
}

function csvOptions({ addressColumn, encoding, delimiter }: RehearseFlags): Record<string, string> {
  return {
    ...(addressColumn === undefined ? {} : { addressColumn }),
    ...(encoding === undefined ? {} : { encoding }),
    ...(delimiter === undefined ? {} : { delimiter: readDelimiter(delimiter) }),
  }
}

function report(
  cli: Cli,
  rehearsal: Rehearsal,
  { file, html, withDatabase }: { file: string; html: string | undefined; withDatabase: boolean },
): void {
  // prettier-ignore
  const { leads, problems } = rehearsal
  const drawn = drawnOf(rehearsal)
  cli.output.data(rehearsalJson(rehearsal, { withDatabase }), () => {
    showBars(cli, drawn)
    cli.output.line('')
    showLeads(cli, rehearsal)
  })
  if (html !== undefined) writePage(cli, html, drawn)
  if (leads.rejectsFile !== null)
    cli.output.say(`The lines that fail stand in ${leads.rejectsFile}, each with its reason.`)
  const next = problems.length === 0 ? ` Next: goniec apply ${fileWord(file)}` : ''
  cli.output.say(`Nothing was written to any database.${next}`)
  if (problems.length > 0) cli.setExitCode(3)
}

function drawnOf({ forecast, leads }: Rehearsal): Drawn {
  return { ...forecast, leads: drawnLeads(leads) }
}

function drawnLeads({ rejects, failures, ...leads }: Rehearsal['leads']): DrawnLeads {
  return {
    ...leads,
    rejects: rejects.slice(0, SHOWN),
    failures: failures.slice(0, SHOWN).map((failure) => ({ ...failure, what: failureWords(failure.problems) })),
  }
}

function rehearsalJson(
  { forecast, leads, others, problems }: Rehearsal,
  { withDatabase }: { withDatabase: boolean },
): object {
  const { file, rows, valid, rejected, rejects, failing, failures, rejectsFile } = leads
  return {
    with_database: withDatabase,
    ok: problems.length === 0,
    forecast: forecastJson(forecast),
    others,
    problems,
    leads: {
      file,
      rows,
      valid,
      rejected: rejects,
      rejected_count: rejected,
      template_failures: failures.flatMap(({ line, problems: of }) => of.map((problem) => ({ line, ...problem }))),
      failing_count: failing,
      rejects_file: rejectsFile,
    },
  }
}

function showLeads(cli: Cli, { leads, others, problems }: Rehearsal): void {
  const { file, rows, valid, rejected, rejects, failing, failures } = leads
  cli.output.line(`${file}: ${counted(rows, 'line')}, ${counted(valid, 'lead')} to mail, ${grouped(rejected)} rejected`)
  for (const { campaign, without, with: beside } of others)
    cli.output.line(`With it ${campaign} ends ${endWords(beside)} instead of ${endWords(without)}`)
  for (const { text, hint } of problems) {
    cli.output.line(`Problem: ${text}`)
    if (hint !== undefined) cli.output.line(`  Try: ${hint}`)
  }
  const lines = [
    ...rejects.map(({ line, reason }) => ({ line, lead: null, reason })),
    ...failures.map((failure) => ({ line: failure.line, lead: failure.lead, reason: failureWords(failure.problems) })),
  ]
  if (lines.length === 0) return
  cli.output.line('')
  cli.output.table(lines, [
    { header: 'line', value: ({ line }) => line },
    { header: 'lead', value: ({ lead }) => lead },
    { header: 'why it fails', value: ({ reason }) => reason },
  ])
  if (rejected + failing > lines.length) cli.output.say(`${rejected + failing} lines in all; --json lists each, --rejects FILE writes them down.`) // prettier-ignore
}

/** A path as it is typed in a command. */
function fileWord(file: string): string {
  if (file === '-') return 'FILE'
  return /^[\w./-]+$/.test(file) ? file : shellWord(file)
}

function endWords(day: string | null): string {
  return day === null ? 'never' : `on ${isoDay(day)}`
}

function bothFromInput(): GoniecError {
  return new GoniecError('usage', 'the definition and the leads cannot both come from standard input', {
    hint: 'goniec rehearse FILE --leads -',
    exitCode: 2,
  })
}
