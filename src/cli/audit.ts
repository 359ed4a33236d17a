import type { Command } from 'commander'
import type { Cli } from './cli.ts'
import { addExamples } from './examples.ts'
import { parseWhole } from './number.ts'

/** `goniec audit` */
export function register(program: Command, cli: Cli): void {
  const audit = program
    .command('audit')
    .summary('prove that queue, ledger, counters and plan agree')
    .description(
      'Checks every invariant on one snapshot of the database, while sending goes on: that nobody was mailed twice, that limits, gaps and windows were kept, that queue, ledger, counters, plan and record agree. Ends 3 where something is broken. Reads only.',
    )
    .option('--check <NAME...>', 'only these checks')
    .option(
      '--rows <N>',
      'so many of the rows that break a check',
      (text) => parseWhole(text, '--rows', { least: 1, most: 10_000 }),
      20,
    )
    .option('--list', 'only name the checks, and what they prove')
    .action(async (options: { check?: string[]; rows: number; list?: boolean }) =>
      (await import('./audit/run.ts')).runAudit(cli, options),
    )
  addExamples(audit, ['goniec audit', 'goniec audit --json', 'goniec audit --check nobody-is-mailed-a-step-twice'])
}
