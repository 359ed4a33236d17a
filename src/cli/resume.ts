import type { Command } from 'commander'
import type { ResumeOptions } from './pause/resume.ts'
import type { Cli } from './cli.ts'
import { addExamples } from './examples.ts'

/** `goniec resume` */
export function register(program: Command, cli: Cli): void {
  const resume = program
    .command('resume')
    .summary('lift the emergency brake; or send again after a restore')
    .description(
      'Lifts the emergency brake: campaigns that were paused by name stay paused. With --after-restore it lets sending go on after the database was restored.',
    )
    .option('--all', 'everything that goniec pause --all holds')
    .option('--salesperson <ADDRESS>', 'what goniec pause --salesperson holds')
    .option(
      '--after-restore',
      'after the database was restored, copied or promoted: says what is unknown, and lets sending go on',
    )
    .option(
      '--without <WORKER...>',
      'with --after-restore: this worker is lost, and what it may have sent is put in doubt',
    )
    .option('--dry-run', 'with --after-restore: only say what is unknown')
    .action(async (options: ResumeOptions) => (await import('./pause/resume.ts')).runResume(cli, options))
  addExamples(resume, [
    'goniec resume --all',
    'goniec resume --salesperson anna@firma.example',
    'goniec resume --after-restore',
    'goniec resume --after-restore --without sender-2',
  ])
}
