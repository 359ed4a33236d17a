import type { Command } from 'commander'
import type { Cli } from './cli.ts'

/** `goniec database …` */
export function register(program: Command, cli: Cli): void {
  const database = program
    .command('database')
    .summary('which database is in use; stop goniec’s own')
    .description('The database that commands work on.')
  database
    .command('url')
    .description('Prints the URL of the database in use; goniec’s own is started if it does not run.')
    .option('--with-password', 'print the password too, for psql "$(goniec database url --with-password)"')
    .action(async (options: { withPassword?: boolean }) => (await import('./database/url.ts')).printUrl(cli, options))
  database
    .command('stop')
    .description('Ends goniec’s own database server. Its data stays; the next command starts it again.')
    .action(async () => (await import('./database/stop.ts')).stopDatabase(cli))
}
