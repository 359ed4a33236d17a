import type { CheckReport } from '../../campaigns/check/report.ts'
import { requireStartable, startCampaign, type Started } from '../../campaigns/start.ts'
import { shellWord } from '../../campaigns/campaign.ts'
import { GoniecError } from '../../errors.ts'
import type { Cli } from '../cli.ts'
import { check, describeMails, printFindings, reportJson } from './check.ts'

/** Checks a campaign and starts it; with problems it is refused, with the reasons. */
export async function runStart(cli: Cli, name: string, options: { login: boolean; dryRun?: boolean }): Promise<void> {
  await cli.withDatabase(async (database) => {
    const campaign = await requireStartable(database, name)
    const report = await check(cli, database, name, options)
    if (!cli.output.wantsJson) printFindings(cli, report)
    if (report.problems.length > 0) return refuse(cli, report)
    if (!(await cli.confirm(question(report), { dryRun: options.dryRun }))) return printStarted(cli, report, null)
    const started = await startCampaign(database, campaign.name)
    printStarted(cli, report, started)
    cli.output.say(sentence(started))
  })
}

function refuse(cli: Cli, report: CheckReport): never {
  cli.output.data({ ...reportJson(report), started: false }, () => undefined)
  const [first] = report.problems
  const more = report.problems.length === 1 ? '' : `, and ${report.problems.length - 1} more`
  throw new GoniecError('campaign_has_problems', `campaign "${report.name}" is not started: ${first?.text}${more}`, {
    hint: `mend them, then goniec campaign check ${shellWord(report.name)}`,
  })
}

function question({ name, leads }: CheckReport): string {
  return `Start campaign "${name}": ${describeMails(leads)}?`
}

function printStarted(cli: Cli, report: CheckReport, started: Started | null): void {
  const status = started?.status ?? report.status
  cli.output.data(
    { ...reportJson(report), status, started: started !== null, starts_on: started?.startsOn ?? null },
    () => undefined,
  )
}

function sentence({ name, status, startsOn }: Started): string {
  const next = `Next: goniec campaign show ${shellWord(name)}`
  if (status === 'scheduled') return `Campaign "${name}" is scheduled, and starts by itself on ${startsOn}. ${next}`
  return `Campaign "${name}" runs. ${next}`
}
