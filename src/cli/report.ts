import type { Command } from 'commander'
import type { Cli } from './cli.ts'
import { addExamples } from './examples.ts'
import type { ReportOptions } from './report/report.ts'

/** `goniec report [NAME]` */
export function register(program: Command, cli: Cli): void {
  const report = program
    .command('report')
    .summary('results: what went out, what did not, how exactly, from where')
    .description(
      'Prints a view of goniec_report, which SQL can ask as well (docs/sql.md). Without a name: which there are.',
    )
    .argument('[NAME]', 'campaigns, campaign_days, sent, leads, variants, …')
    .option('--campaign <NAME>', 'only this campaign’s')
    .option('--salesperson <ADDRESS>', 'only this person’s')
    .option('--mailbox <ADDRESS>', 'only this mailbox’s')
    .option('--lead <ADDRESS>', 'only this lead’s')
    .option('--domain <DOMAIN>', 'only recipients of this domain')
    .option('--day <DAY>', 'only this day: 2026-12-01, yesterday, today or tomorrow')
    .option('--from <DAY>', 'from this day on')
    .option('--to <DAY>', 'up to this day')
    .option('--limit <N>', 'at most so many rows (default: 50 for people, all with --json and --csv)')
    .option('--csv', 'print CSV, safe to open in a spreadsheet')
    .option('--delimiter <CHARACTER>', 'between columns of CSV; with ";" decimals have a comma', ',')
    .action(async (name: string | undefined, options: ReportOptions) =>
      (await import('./report/report.ts')).printReport(cli, name, options),
    )
  addExamples(report, [
    'goniec report',
    'goniec report campaigns',
    'goniec report sent --day yesterday --salesperson anna@firma.example',
    'goniec report leads --campaign spring-offer --csv > leads.csv',
  ])
}
