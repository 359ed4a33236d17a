import type { Command } from 'commander'
import type { Cli } from './cli.ts'
import { addExamples } from './examples.ts'
import type { ListOptions } from './queue/list.ts'

/** `goniec queue …` */
export function register(program: Command, cli: Cli): void {
  const queue = program
    .command('queue')
    .summary('what is planned, and why it waits')
    .description('The mails that are to go out.')
  const list = queue
    .command('list')
    .description('Lists mails in planned order: when, from which mailbox, and why each one waits.')
    .option('--campaign <NAME>', 'only this campaign’s')
    .option('--mailbox <ADDRESS>', 'only those planned from this mailbox')
    .option('--status <STATUS...>', 'pending, sending, in_doubt, sent, failed or cancelled (default: the first three)')
    .option('--limit <N>', 'at most so many (default: 50 for people, all with --json)')
    .action(async (options: ListOptions) => (await import('./queue/list.ts')).listQueue(cli, options))
  addExamples(list, [
    'goniec queue list',
    'goniec queue list --campaign spring-offer --limit 200',
    'goniec queue list --status failed --json',
  ])
}
