import type { Command } from 'commander'
import type { Cli } from './cli.ts'
import type { EventFlags } from './events/filter.ts'
import { addExamples } from './examples.ts'

/** `goniec events` */
export function register(program: Command, cli: Cli): void {
  const events = program
    .command('events')
    .summary('what happened, and with --follow what happens')
    .description(
      'The last events in words, in the order they happened; with --follow also each that comes, until Ctrl-C.',
    )
    .option('--follow', 'print what happens as it happens; with --json an object on each line')
    .option('--campaign <NAME>', 'only of this campaign and its mails')
    .option('--lead <ADDRESS>', 'only of this lead and its mails')
    .option('--mailbox <ADDRESS>', 'only of this mailbox and what leaves from it')
    .option('--type <TYPE...>', 'only of these types, e.g. sent, failed, mailbox_broken')
    .option('--since <TIME>', 'not before: 2h, 2026-12-01 09:00, 2026-12-01T09:00+01:00')
    .option('--limit <N>', 'at most so many of the past (default: 50; with --follow 10)')
    .action(async (flags: EventFlags) => {
      if (flags.follow) await (await import('./events/follow.ts')).followEvents(cli, flags)
      else await (await import('./events/list.ts')).listEvents(cli, flags)
    })
  addExamples(events, [
    'goniec events --follow',
    'goniec events --campaign spring-offer --type failed,in_doubt --since 1d',
    'goniec events --lead jan@firma.example --json',
  ])
}
