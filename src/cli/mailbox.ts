import type { Command } from 'commander'
import type { Cli } from './cli.ts'
import { addExamples } from './examples.ts'

/** `goniec mailbox …` */
export function register(program: Command, cli: Cli): void {
  const mailbox = program
    .command('mailbox')
    .summary('mailboxes: today’s use, state; pause, resume, test')
    .description('The mailboxes that send. goniec apply makes them from a definition file.')
  mailbox
    .command('list')
    .description('Lists all mailboxes with today’s use of each limit.')
    .action(async () => (await import('./mailbox/list.ts')).listMailboxes(cli))
  mailbox
    .command('show <ADDRESS>')
    .description('Shows a mailbox: limits, warm-up, what holds it up, and what servers said last.')
    .action(async (address: string) => (await import('./mailbox/show.ts')).showMailbox(cli, address))
  const pause = mailbox
    .command('pause <ADDRESS>')
    .description(
      'Nothing more leaves from it. Its mails move to other mailboxes of their campaign, unless they are bound to it.',
    )
    .action(async (address: string) => (await import('./mailbox/pause.ts')).pause(cli, address))
  mailbox
    .command('resume <ADDRESS>')
    .description('Puts a paused or broken mailbox back into service; a back-off ends.')
    .action(async (address: string) => (await import('./mailbox/pause.ts')).resume(cli, address))
  mailbox
    .command('test <ADDRESS>')
    .description(
      'Lets a running worker log in to its server, and prints the server’s words. Nothing is sent. Ends 3 where it does not work.',
    )
    .action(async (address: string) => (await import('./mailbox/test.ts')).testMailbox(cli, address))
  addExamples(pause, ['goniec mailbox pause anna@firma.example', 'goniec mailbox resume anna@firma.example'])
}
