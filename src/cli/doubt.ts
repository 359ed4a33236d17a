import { Option, type Command } from 'commander'
import { RESOLUTIONS, type Resolution } from '../delivery/resolutions.ts'
import type { Cli } from './cli.ts'
import { addExamples } from './examples.ts'

/** `goniec doubt …` */
export function register(program: Command, cli: Cli): void {
  const doubt = program
    .command('doubt')
    .summary('mails of which nobody knows whether they were accepted')
    .description(
      'Mails whose server gave no answer after their final dot: they may have been accepted, or not. Goniec never sends them again on its own.',
    )
  doubt
    .command('list')
    .description('Lists doubts, and late answers of servers that contradict how a doubt was resolved.')
    .action(async () => (await import('./doubt/list.ts')).listDoubts(cli))
  const resolve = doubt
    .command('resolve <ID>')
    .description(
      'Says what became of a mail in doubt. To find out, search the Sent folder of its mailbox (or the server’s log) for the Message-ID.',
    )
    .addOption(
      new Option('--as <WHAT>', 'sent: it counts as sent; not-sent: it is sent again')
        .choices([...RESOLUTIONS])
        .makeOptionMandatory(),
    )
    .option('--dry-run', 'only say what would be done')
    .action(async (id: string, options: { as: Resolution; dryRun?: boolean }) =>
      (await import('./doubt/resolve.ts')).resolve(cli, id, options),
    )
  addExamples(resolve, ['goniec doubt resolve 1204 --as sent', 'goniec doubt resolve 1204 --as not-sent --yes'])
}
