import type { Command } from 'commander'
import type { Cli } from './cli.ts'
import { addExamples } from './examples.ts'

/** `goniec why …` */
export function register(program: Command, cli: Cli): void {
  const why = program
    .command('why <NAME|ID|ADDRESS>')
    .summary('why a campaign, a mail or a lead gets nothing sent now, and what happens next')
    .description(
      'Explains why a campaign (by name), a mail (by number) or a lead (by address) has nothing sent at this moment: each reason with its end and what to do, and what happens next.',
    )
    .option('--message', 'the number is a mail’s, also where a campaign has it for a name')
    .action(async (given: string, options: { message?: boolean }) =>
      (await import('./why/why.ts')).runWhy(cli, given, options),
    )
  addExamples(why, ['goniec why spring-offer', 'goniec why 1204', 'goniec why jan@klient.example --json'])
}
