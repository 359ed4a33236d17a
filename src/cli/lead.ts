import type { Command } from 'commander'
import type { Cli } from './cli.ts'
import { addExamples } from './examples.ts'
import type { ImportFlags } from './lead/import.ts'

/** `goniec lead …` */
export function register(program: Command, cli: Cli): void {
  const lead = program
    .command('lead')
    .summary('import leads; show, block, remove one')
    .description('The people who are mailed.')
  registerImport(lead, cli)
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
