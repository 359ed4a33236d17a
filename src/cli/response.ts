import type { Command } from 'commander'
import type { Cli } from './cli.ts'
import { addExamples } from './examples.ts'
import type { SendOptions } from './response/send.ts'

/** `goniec response …` */
export function register(program: Command, cli: Cli): void {
  const response = program
    .command('response')
    .summary('a single mail to a lead who asked for it')
    .description(
      'Single mails with material to leads who asked for it. They go before campaign mail, and no campaign’s pause holds them.',
    )
  const send = response
    .command('send')
    .description(
      'Queues one response, once: with the same key and content it is the same response, however often it is asked for.',
    )
    .requiredOption('--to <LEAD>', 'the lead’s address')
    .requiredOption('--key <KEY>', 'names the request, e.g. the number of a ticket')
    .option('--subject <TEXT>', 'the subject (default: a reply to the last mail to the lead)')
    .option('--text <TEXT>', 'the text')
    .option('--text-file <FILE>', 'a file with the text; - is standard input')
    .option('--html <HTML>', 'an HTML part; without a text, the text is made from it')
    .option('--html-file <FILE>', 'a file with the HTML part; - is standard input')
    .option('--from <MAILBOX>', 'the mailbox it leaves from (default: the one that mailed the lead last)')
    .option('--at <TIME>', 'not before: 2026-12-01T09:00+01:00, or local 2026-12-01 09:00 (default: as soon as it may)')
    .option('--attach <FILE...>', 'attached files, 10 MB together at most')
    .option('--campaign <NAME>', 'the campaign it belongs to (default: that of the last mail to the lead)')
    .option('--again', 'although the lead has had a response of this campaign today')
    .option('--dry-run', 'only say what would be queued')
    .action(async (options: SendOptions) => (await import('./response/send.ts')).sendResponse(cli, options))
  addExamples(send, [
    'goniec response send --to jan@klient.example --key ticket-17 --text-file offer.txt --attach offer.pdf',
    'goniec response send --to jan@klient.example --key ticket-18 --subject "Your price list" --text "Here it is." --at "2026-12-01 09:00"',
  ])
}
