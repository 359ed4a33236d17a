import type { Command } from 'commander'
import type { BrakeOptions } from './pause/what.ts'
import type { Cli } from './cli.ts'
import { addExamples } from './examples.ts'

/** `goniec pause` */
export function register(program: Command, cli: Cli): void {
  const pause = program
    .command('pause')
    .summary('the emergency brake, for everything or for a salesperson')
    .description(
      'The emergency brake: holds all mails, responses and other programs’ slots too, up to the instant before content goes on the wire. A single campaign: goniec campaign pause NAME.',
    )
    .option('--all', 'everything')
    .option('--salesperson <ADDRESS>', 'all mails of this salesperson')
    .action(async (options: BrakeOptions) => (await import('./pause/pause.ts')).runPause(cli, options))
  addExamples(pause, ['goniec pause --all', 'goniec pause --salesperson anna@firma.example'])
}
