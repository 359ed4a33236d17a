import type { Command } from 'commander'
import type { Cli } from './cli.ts'
import { addExamples } from './examples.ts'

/** `goniec apply` */
export function register(program: Command, cli: Cli): void {
  const apply = program
    .command('apply')
    .summary('salespeople, mailboxes and campaigns from definition files')
    .description(
      'Makes salespeople, mailboxes and campaigns what definition files say. Says what it changes; what the files do not name stays. ' +
        'Asks only where something changes by which mails are sent or wait.',
    )
    .argument('<FILE...>', 'definition files in YAML; - is standard input')
    .option('--dry-run', 'only say what would change')
    .action(async (files: string[], options: { dryRun?: boolean }) =>
      (await import('./apply/apply.ts')).runApply(cli, files, options),
    )
  addExamples(apply, ['goniec apply team.yaml', 'goniec apply team.yaml campaigns/*.yaml --dry-run'])
}
