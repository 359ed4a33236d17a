import type { Command } from 'commander'
import type { Cli } from './cli.ts'
import { addExamples } from './examples.ts'
import type { RehearseFlags } from './rehearse/rehearse.ts'

/** `goniec rehearse` */
export function register(program: Command, cli: Cli): void {
  const rehearse = program
    .command('rehearse')
    .summary('play a campaign through before it exists')
    .description(
      'Plays a campaign of a definition file through with a list of leads: the calendar of its mails, the limit that binds on each day, when it ends, and the leads that fail. ' +
        'Writes nothing. With a database, what is there already counts: shared mailboxes, running campaigns, leads who are suppressed or were mailed by others; without one, the file alone. Ends with 3 where something would keep it from starting or from ending.',
    )
    .argument('<FILE>', 'a definition file in YAML; - is standard input')
    .requiredOption('--leads <CSV>', 'the list of leads, as it would be imported; - is standard input')
    .option('--campaign <NAME>', 'which campaign of the file gets the leads, where it has several')
    .option('--html <FILE>', 'write a page to show and to print, with the calendar and the curve')
    .option('--rejects <FILE>', 'write the lines that fail, each with its reason, to be mended')
    .option('--address-column <NAME>', 'the column that holds the address')
    .option('--encoding <NAME>', 'the file’s encoding; found by itself otherwise')
    .option('--delimiter <CHARACTER>', 'what separates columns, "tab" for a tabulator; found by itself otherwise')
    .action(async (file: string, flags: RehearseFlags) =>
      (await import('./rehearse/rehearse.ts')).runRehearse(cli, file, flags),
    )
  addExamples(rehearse, [
    'goniec rehearse spring.yaml --leads offer.csv',
    'goniec rehearse campaigns.yaml --campaign spring-offer --leads offer.csv --html spring.html',
  ])
}
