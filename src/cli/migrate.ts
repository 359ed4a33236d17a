import type { Command } from 'commander'
import type { Cli } from './cli.ts'

/** `goniec migrate` */
export function register(program: Command, cli: Cli): void {
  program
    .command('migrate')
    .summary('create or update the schema')
    .description(
      'Creates or updates the schema of the database. Does nothing where it is up to date; run it after every update of goniec.',
    )
    .option('--dry-run', 'only say what would be applied')
    .action(async (options: { dryRun?: boolean }) => (await import('./migrate/migrate.ts')).runMigrate(cli, options))
}
