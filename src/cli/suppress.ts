import type { Command } from 'commander'
import type { Cli } from './cli.ts'
import { addExamples } from './examples.ts'
import type { ListFlags } from './suppress/import.ts'

/** `goniec suppress …` */
export function register(program: Command, cli: Cli): void {
  const suppress = program
    .command('suppress')
    .summary('addresses and domains that must not be mailed')
    .description(
      'Addresses and domains that must not be mailed, by whichever campaign. A domain covers its subdomains.',
    )
  const add = suppress
    .command('add [VALUE...]')
    .summary('suppress addresses or domains')
    .description(
      'Suppresses addresses or domains, at once. Without values, or for -, they are read from standard input.',
    )
    .option('--reason <TEXT>', 'why; shown by list, kept with each')
    .option('--dry-run', 'only say what would be done')
    .action(async (values: string[], flags: { reason?: string; dryRun?: boolean }) =>
      (await import('./suppress/change.ts')).runAdd(cli, values, flags),
    )
  const remove = suppress
    .command('remove [VALUE...]')
    .summary('lift suppressions')
    .description('Lifts suppressions. Without values, or for -, they are read from standard input.')
    .option('--dry-run', 'only say what would be done')
    .action(async (values: string[], flags: { dryRun?: boolean }) =>
      (await import('./suppress/change.ts')).runRemove(cli, values, flags),
    )
  const list = suppress
    .command('list [TEXT]')
    .summary('what is suppressed')
    .description('Shows what is suppressed; with a text, the values that hold it.')
    .action(async (text?: string) => (await import('./suppress/list.ts')).runList(cli, text))
  registerImport(suppress, cli)
  addExamples(add, ['goniec suppress add jan@klient.example konkurent.example --reason "asked by phone"'])
  addExamples(remove, ['goniec suppress remove jan@klient.example'])
  addExamples(list, ['goniec suppress list', 'goniec suppress list konkurent'])
}

function registerImport(suppress: Command, cli: Cli): void {
  const command = suppress
    .command('import <CSV>')
    .summary('suppress what a CSV file lists')
    .description(
      'Suppresses the addresses and domains of a CSV file (a column email, domain or value; and reason). Rejected lines go to a file beside it.',
    )
    .option('--reason <TEXT>', 'for lines that give none')
    .option('--dry-run', 'only count')
    .option('--address-column <NAME>', 'the column that holds the addresses or domains')
    .option('--encoding <NAME>', 'utf8, windows-1250, … (default: found)')
    .option('--delimiter <CHARACTER>', 'what parts the columns; tab for a tabulator (default: found)')
    .action(async (csv: string, flags: ListFlags) => (await import('./suppress/import.ts')).runImport(cli, csv, flags))
  addExamples(command, ['goniec suppress import do-not-mail.csv --reason "list of the chamber"'])
}
