import { cancelCampaign, cancelPreview, type Cancelled, type OpenMails } from '../../campaigns/cancel.ts'
import type { Cli } from '../cli.ts'
import { alreadyPassedSentence, MAIL_OF_STEPS } from '../passed.ts'

/** Says what is open, asks, and cancels it. */
export async function runCancel(cli: Cli, name: string, { dryRun = false }: { dryRun?: boolean }): Promise<void> {
  await cli.withDatabase(async (database) => {
    const open = await cancelPreview(database, name)
    cli.output.say(
      `Open in campaign "${name}": ${open.pending} pending, ${open.sending} with a worker, ${open.inDoubt} in doubt.`,
    )
    if (!(await cli.confirm(`Cancel campaign "${name}" and its open mails, for good?`, { dryRun }))) {
      cli.output.data({ name, dry_run: true, cancelled: 0, open: openJson(open) }, () => undefined)
      return
    }
    const cancelled = await cancelCampaign(database, name)
    cli.output.data(cancelledJson(cancelled), () => undefined)
    cli.output.say(
      `Cancelled campaign "${name}"; mails cancelled: ${cancelled.cancelled}. ${alreadyPassedSentence(cancelled.alreadyPassed, MAIL_OF_STEPS)}`,
    )
    sayWhatStays(cli, cancelled)
  })
}

function cancelledJson({ name, cancelled, alreadyPassed, open }: Cancelled): Record<string, unknown> {
  return { name, status: 'cancelled', dry_run: false, cancelled, already_passed: alreadyPassed, open: openJson(open) }
}

function openJson({ pending, sending, inDoubt, doubts }: OpenMails): Record<string, unknown> {
  return { pending, sending, in_doubt: inDoubt, doubts }
}

function sayWhatStays(cli: Cli, { open, alreadyPassed }: Cancelled): void {
  const held = open.sending - alreadyPassed
  if (held > 0)
    cli.output.say(`${held} are with a worker and not on the wire: they are cancelled when it lets go of them.`)
  if (open.inDoubt === 0) return
  cli.output.say(`${open.inDoubt} stay in doubt, since the server may have accepted them:`)
  for (const { id, lead } of open.doubts) cli.output.say(`  message ${id} to ${lead}`)
  cli.output.say('Next: goniec doubt list')
}
