import type { Command } from 'commander'
import type { Cli } from './cli.ts'
import { addExamples } from './examples.ts'

/** `goniec message …` */
export function register(program: Command, cli: Cli): void {
  const message = program
    .command('message')
    .summary('one mail: its state and history; retry, cancel')
    .description('Single mails, by the number that `queue list` shows.')
  const show = message
    .command('show <ID>')
    .description('Shows a mail: planned and actual times, every attempt with the server’s words, every event.')
    .option('--content', 'also the subject and the text that was sent')
    .option('--all', 'the whole story, however long')
    .action(async (id: string, options: { content?: boolean; all?: boolean }) =>
      (await import('./message/show.ts')).showMessage(cli, id, options),
    )
  const retry = message
    .command('retry <ID...>')
    .description('Sends failed mails again, and lets go of mails that were set aside. The plan gives them a new time.')
    .option('--dry-run', 'only say what would be done')
    .action(async (ids: string[], options: { dryRun?: boolean }) =>
      (await import('./message/retry.ts')).retryMessages(cli, ids, options),
    )
  const cancel = message
    .command('cancel <ID...>')
    .description('Cancels pending mails, for good. Their leads get no further step of the campaign.')
    .option('--dry-run', 'only say what would be done')
    .action(async (ids: string[], options: { dryRun?: boolean }) =>
      (await import('./message/cancel.ts')).cancel(cli, ids, options),
    )
  addExamples(show, ['goniec message show 1204', 'goniec message show 1204 --content'])
  addExamples(retry, ['goniec message retry 1204', 'goniec message retry 1204 1209 --dry-run'])
  addExamples(cancel, ['goniec message cancel 1204', 'goniec message cancel 1204 1205 --yes'])
}
