import type { Command } from 'commander'
import type { Cli } from './cli.ts'
import { addExamples } from './examples.ts'
import type { StatusFlags } from './status/show.ts'

/** `goniec status` */
export function register(program: Command, cli: Cli): void {
  const status = program
    .command('status')
    .summary('what goniec is doing: campaigns, next mails, mailboxes, workers')
    .description(
      'Shows what goniec is doing: campaigns with their progress, the next mails, mailboxes with their day’s use, workers, what somebody ' +
        'should see to, and what happened last.',
    )
    .option('--check', 'for a monitor: only what somebody should see to; ends 3 where there is something')
    .option('--watch', 'full screen, drawn again and again; keys pause and resume a campaign')
    .option('--late <DURATION>', 'with --check: from when a mail is overdue (default: 10m)')
    .option('--ignore <CODE...>', 'with --check: findings that are known')
    .option('--limit <N>', 'at most so many campaigns and mailboxes (default: 20)')
    .action(async (flags: StatusFlags) => {
      if (flags.watch) await (await import('./status/watch.ts')).watchStatus(cli, flags)
      else if (flags.check) await (await import('./status/check.ts')).checkStatus(cli, flags)
      else await (await import('./status/show.ts')).showStatus(cli, flags)
    })
  addExamples(status, [
    'goniec status',
    'goniec status --watch',
    'goniec status --check',
    'goniec status --check --late 30m --ignore held',
  ])
}
