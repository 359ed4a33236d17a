import type { Command } from 'commander'
import type { Cli } from './cli.ts'
import { addExamples } from './examples.ts'
import type { ActFlags, Verb } from './lead/act.ts'
import type { ImportFlags } from './lead/import.ts'

/** `goniec lead …` */
export function register(program: Command, cli: Cli): void {
  const lead = program
    .command('lead')
    .summary('import leads; show, block, remove one')
    .description('The people who are mailed.')
  registerImport(lead, cli)
  const show = lead
    .command('show [ADDRESS...]')
    .summary('what is marked, campaigns, mails, what happened')
    .description(
      'Shows a lead: what is marked, its campaigns with their fields, its mails with planned and actual times, and what happened to it, by whom.',
    )
    .option('--all', 'the whole story, however long')
    .action(async (addresses: string[], options: { all?: boolean }) =>
      (await import('./lead/show.ts')).runShow(cli, addresses, options),
    )
  addExamples(show, ['goniec lead show jan@klient.example'])
  for (const verb of VERBS) registerAct(lead, cli, verb)
}

const VERBS: readonly Verb[] = ['block', 'unblock', 'replied', 'unsubscribe', 'remove']

const ACTS: Record<Verb, { summary: string; description: string; examples: string[] }> = {
  block: {
    summary: 'hold all mail to leads',
    description: 'Holds all mail to leads, at once. What is open waits until they are unblocked.',
    examples: ['goniec lead block jan@klient.example', 'goniec lead block < addresses.txt'],
  },
  unblock: {
    summary: 'lift a block, or another mark',
    description: 'Lifts a block; or another mark. What was cancelled because of a mark stays cancelled.',
    examples: ['goniec lead unblock jan@klient.example', 'goniec lead unblock jan@klient.example --replied'],
  },
  replied: {
    summary: 'end the campaign mails to leads who replied',
    description: 'Marks leads as having replied: ends their open campaign mails, at once. Responses stay.',
    examples: ['goniec lead replied jan@klient.example'],
  },
  unsubscribe: {
    summary: 'end all mail to leads',
    description: 'Ends all open mails to leads, at once, and suppresses their addresses.',
    examples: ['goniec lead unsubscribe jan@klient.example'],
  },
  remove: {
    summary: 'take leads out of a campaign',
    description: 'Takes leads out of a campaign, and ends its open mails to them.',
    examples: ['goniec lead remove jan@klient.example --campaign spring-offer'],
  },
}

function registerAct(lead: Command, cli: Cli, verb: Verb): void {
  const { summary, description, examples } = ACTS[verb]
  const command = lead
    .command(`${verb} [ADDRESS...]`)
    .summary(summary)
    .description(`${description} Without addresses, or for -, they are read from standard input, one to a line.`)
    .option('--dry-run', 'only say what would be done')
  if (verb === 'remove') command.option('--campaign <NAME>', 'the campaign')
  if (verb === 'unblock') {
    command
      .option('--replied', 'the mark of having replied, instead of the block')
      .option('--unsubscribed', 'the mark of having unsubscribed')
      .option('--bounced', 'the mark of having bounced')
  }
  command.action(async (addresses: string[], flags: ActFlags) =>
    (await import('./lead/act.ts')).runAct(cli, verb, addresses, flags),
  )
  addExamples(command, examples)
}

function registerImport(lead: Command, cli: Cli): void {
  const command = lead
    .command('import')
    .summary('take leads from a CSV file into a campaign')
    .description(
      'Takes leads from a CSV file into a campaign. Every column can be used in its templates. Delimiter and encoding are found. ' +
        'Rejected lines go to a file beside it, each with the reason. The same file can be imported again: nobody is enrolled twice.',
    )
    .argument('<CSV>', 'a file; - is standard input')
    .option('--campaign <NAME>', 'the campaign that the leads come into')
    .option(
      '--history',
      'what was sent elsewhere before (columns email, campaign, step, sent_at, message_id, mailbox, subject)',
    )
    .option('--dry-run', 'count, and write the rejected lines; import nothing')
    .option('--strict', 'import nothing if a line is rejected, and end with 1')
    .option('--address-column <NAME>', 'the column that holds the address (default: email, e-mail, adres e-mail, …)')
    .option('--encoding <NAME>', 'utf8, windows-1250, … (default: found)')
    .option('--delimiter <CHARACTER>', 'what parts the columns; tab for a tabulator (default: found)')
    .action(async (csv: string, flags: ImportFlags) => (await import('./lead/import.ts')).runImport(cli, csv, flags))
  addExamples(command, [
    'goniec lead import leads.csv --campaign spring-offer',
    'goniec lead import leads.csv --campaign spring-offer --dry-run',
    'goniec lead import sent-before.csv --history',
  ])
}
