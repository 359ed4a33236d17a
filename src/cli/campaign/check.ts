import { checkCampaign } from '../../campaigns/check/check.ts'
import type { CheckReport, Finding, LeadProblem } from '../../campaigns/check/report.ts'
import { shellWord } from '../../campaigns/campaign.ts'
import type { Database } from '../../database/pool.ts'
import type { Cli } from '../cli.ts'

/** Prints what a check finds; ends with 3 where there are problems. */
export async function runCheck(cli: Cli, name: string, { login }: { login: boolean }): Promise<void> {
  const report = await cli.withDatabase((database) => check(cli, database, name, { login }))
  cli.output.data(reportJson(report), () => printFindings(cli, report))
  cli.output.say(summary(report))
  if (report.problems.length > 0) cli.setExitCode(3)
}

/** Checks a campaign with progress shown. All leads' problems are kept for programs, the first twenty for people. */
export async function check(
  cli: Cli,
  database: Database,
  name: string,
  { login }: { login: boolean },
): Promise<CheckReport> {
  const report = await checkCampaign(database, name, {
    keep: cli.output.wantsJson ? Number.POSITIVE_INFINITY : SHOWN,
    onProgress: (checked) => cli.output.progress(`${checked} leads checked`),
    logins: login ? {} : undefined,
    onLogins: () => cli.output.progress('waiting for a worker to try the logins'),
  })
  cli.output.endProgress()
  return report
}

const SHOWN = 20

/** Problems and warnings, then the leads that miss something. */
export function printFindings(cli: Cli, { problems, warnings, leads, capacity }: CheckReport): void {
  printGroup(cli, 'Problem', problems)
  printGroup(cli, 'Warning', warnings)
  if (capacity !== null && leads.toMail > 0) {
    const days =
      capacity.sendingDays === null ? 'more than a year' : `about ${count(capacity.sendingDays, 'sending day')}`
    cli.output.line(`${describeMails(leads)}, ${days} at up to ${capacity.mailsPerDay} a day`)
  }
  if (leads.problems.length === 0) return
  cli.output.line('')
  cli.output.table(leads.problems, [
    { header: 'lead', value: ({ lead }) => lead },
    { header: 'step', value: ({ step }) => step },
    { header: 'variant', value: ({ variant }) => variant },
    { header: 'misses', value: describeProblem },
  ])
  if (leads.incomplete > new Set(leads.problems.map(({ lead }) => lead)).size) {
    cli.output.say(`${leads.incomplete} leads in all; --json lists each of them.`)
  }
}

/** What `--json` prints of a check. */
export function reportJson({
  name,
  status,
  problems,
  warnings,
  leads,
  capacity,
  logins,
}: CheckReport): Record<string, unknown> {
  return {
    name,
    status,
    ok: problems.length === 0,
    problems,
    warnings,
    leads: {
      to_mail: leads.toMail,
      not_mailable: leads.notMailable,
      mails: leads.mails,
      incomplete: leads.incomplete,
      problems: leads.problems,
    },
    capacity: capacity && {
      sending_days: capacity.sendingDays,
      mails_per_day: capacity.mailsPerDay,
      shared_with: capacity.sharedWith,
    },
    logins,
  }
}

function printGroup(cli: Cli, word: string, findings: readonly Finding[]): void {
  for (const { text, hint } of findings) {
    cli.output.line(`${word}: ${text}`)
    if (hint !== undefined) cli.output.line(`  Try: ${hint}`)
  }
}

function describeProblem({ missing, problem }: LeadProblem): string {
  return [missing.join(', '), problem ?? ''].filter((part) => part !== '').join('; ')
}

function summary({ name, status, problems, warnings }: CheckReport): string {
  const found = [count(problems.length, 'problem'), count(warnings.length, 'warning')].join(', ')
  const next = problems.length === 0 && status === 'draft' ? ` Next: goniec campaign start ${shellWord(name)}` : ''
  return `Campaign "${name}": ${found}.${next}`
}

/** `1 lead, 2 mails if nobody replies`. */
export function describeMails({ toMail, mails }: Pick<CheckReport['leads'], 'toMail' | 'mails'>): string {
  return `${count(toMail, 'lead')}, ${count(mails, 'mail')} if nobody replies`
}

function count(number: number, word: string): string {
  return `${number === 0 ? 'no' : number} ${word}${number === 1 ? '' : 's'}`
}
