import { stopEmbedded } from '../../database/embedded.ts'
import { GoniecError } from '../../errors.ts'
import type { Cli } from '../cli.ts'

/** Ends goniec's own server; a server of somebody else is not ours to stop. */
export async function stopDatabase(cli: Cli): Promise<void> {
  const choice = cli.database()
  if (choice.kind === 'url') {
    throw new GoniecError('database_not_ours', 'DATABASE_URL names a server that goniec did not start', {
      hint: 'goniec database stop --embedded stops goniec’s own',
    })
  }
  const stopped = await stopEmbedded(choice.directory)
  cli.output.data({ stopped, directory: choice.directory }, () => undefined)
  cli.output.say(
    stopped ? `Stopped the database in ${choice.directory}.` : `No database is running in ${choice.directory}.`,
  )
}
