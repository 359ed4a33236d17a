import type { Command } from 'commander'
import type { BrakeOptions } from './pause/what.ts'
import type { Cli } from './cli.ts'
import { addExamples } from './examples.ts'

/** `goniec resume` */
export function register(program: Command, cli: Cli): void {
  const resume = program
    .command('resume')
    .summary('lift the emergency brake')
    .description('Lifts the emergency brake. Campaigns that were paused by name stay paused.')
    .option('--all', 'everything that goniec pause --all holds')
    .option('--salesperson <ADDRESS>', 'what goniec pause --salesperson holds')
    .action(async (options: BrakeOptions) => (await import('./pause/resume.ts')).runResume(cli, options))
  addExamples(resume, ['goniec resume --all', 'goniec resume --salesperson anna@firma.example'])
}
