import type { Command } from 'commander'
import type { Cli } from './cli.ts'
import type { DoctorFlags } from './doctor/run.ts'
import { addExamples } from './examples.ts'

/** `goniec doctor` */
export function register(program: Command, cli: Cli): void {
  const doctor = program
    .command('doctor')
    .summary('tell whether the installation is sound')
    .description(
      'Looks at all that an installation stands on: the database and its durability, schema, guards, roles, clocks, time zones, workers, ' +
        'mailbox logins, SPF, DKIM and DMARC of the sending domains, room on disk. Says of each whether it is sound, and what to do where ' +
        'it is not. Ends 3 where there is a problem. Changes nothing.',
    )
    .option('--no-logins', 'do not ask a worker to log in to the mailboxes')
    .option('--selector <NAME...>', 'DKIM selectors that the mail provider signs with (default: common ones are tried)')
    .option('--dns <ADDRESS>', 'ask this name server instead of the host’s: an address, or address:port')
    .action(async (flags: DoctorFlags) => (await import('./doctor/run.ts')).runDoctor(cli, flags))
  addExamples(doctor, [
    'goniec doctor',
    'goniec doctor --no-logins --json',
    'goniec doctor --selector google --dns 9.9.9.9',
  ])
}
