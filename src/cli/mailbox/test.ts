import { GoniecError } from '../../errors.ts'
import { findMailbox } from '../../mailboxes/find.ts'
import { requestLoginChecks } from '../../mailboxes/login-check.ts'
import type { Cli } from '../cli.ts'

/** Lets a worker log in. Ends 1 where no worker answers, 3 where the login does not work. */
export async function testMailbox(cli: Cli, given: string): Promise<void> {
  const { address, check } = await cli.withDatabase(async (database) => {
    const { id, address } = await findMailbox(database, given)
    cli.output.progress(`Waiting for a worker to log in to ${address} …`)
    const [check] = await requestLoginChecks(database, [id])
    cli.output.endProgress()
    return { address, check }
  })
  if (!check || check.ok === null) {
    throw new GoniecError(
      'no_worker',
      `no worker answered within 15 seconds, so the login to ${address} was not tried`,
      {
        hint: 'goniec worker, in another terminal; only workers hold the passwords',
      },
    )
  }
  const { ok, response, worker, answeredAt } = check
  cli.output.data({ address, ok, response, worker, answered_at: answeredAt }, () => cli.output.line(response ?? ''))
  cli.output.say(ok ? `The login to ${address} works.` : `The login to ${address} does not work.`)
  if (!ok) {
    cli.output.say(
      `Try: correct smtp of the mailbox in the definition file and goniec apply it, or the password where the worker finds it`,
    )
    cli.setExitCode(3)
  }
}
