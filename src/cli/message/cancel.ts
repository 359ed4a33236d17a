import { shellWord } from '../../campaigns/campaign.ts'
import { cancelMessages, type Cancel } from '../../delivery/cancel-messages.ts'
import type { Cli } from '../cli.ts'
import { parseMessageId } from './id.ts'

/** Cancels what can be cancelled, says of the rest why not, and fails if there is such a rest. */
export async function cancel(cli: Cli, given: string[], { dryRun = false }: { dryRun?: boolean }): Promise<void> {
  const ids = given.map(parseMessageId)
  const results = await cli.withDatabase(async (database) => {
    const expected = await cancelMessages(database, ids, { dryRun: true })
    const pending = expected.filter(({ cancelled }) => cancelled)
    if (pending.length === 0) return expected
    for (const mail of pending) cli.output.say(`${dryRun ? 'Would cancel' : 'To cancel'} ${describe(mail)}.`)
    const isMeant = await cli.confirm(question(pending), { dryRun })
    return isMeant ? cancelMessages(database, ids) : expected
  })
  cli.output.data(
    results.map((result) => ({ ...result, dry_run: dryRun })),
    () => undefined,
  )
  const done = results.filter(({ cancelled }) => cancelled)
  if (done.length > 0 && !dryRun)
    cli.output.say(`Cancelled ${done.length === 1 ? `message ${done[0]?.id}` : `${done.length} messages`}.`)
  const rest = results.filter(({ cancelled }) => !cancelled)
  for (const mail of rest) cli.output.say(`${describe(mail)}: ${whyNot(mail)}`)
  if (rest.length > 0) cli.setExitCode(1)
}

function question(pending: Cancel[]): string {
  const what = pending.length === 1 ? 'this mail' : `these ${pending.length} mails`
  const ends = pending.some(({ kind }) => kind === 'campaign')
  return `Cancel ${what} for good?${ends ? ' Their leads get no further step of the campaign.' : ''}`
}

function describe({ id, recipient, campaign, step }: Cancel): string {
  return `message ${id} to ${recipient}${campaign === null ? '' : ` (campaign ${campaign}${step === null ? '' : `, ${step}`})`}`
}

function whyNot({ id, kind, status, campaign, on_the_wire: onTheWire }: Cancel): string {
  if (status === 'sending' && onTheWire) return 'its content is on the wire, and cannot be called back'
  if (status === 'sending') {
    // A response names a campaign, and is held by none.
    const brake =
      kind === 'campaign' && campaign !== null
        ? `goniec campaign pause ${shellWord(campaign)}`
        : 'goniec mailbox pause ADDRESS'
    return `a worker has it. Try: ${brake} stops it if it is not on the wire yet; then cancel it, and resume`
  }
  if (status === 'sent') return 'it was sent, and cannot be called back'
  if (status === 'in_doubt')
    return `nobody knows whether it was accepted. Try: goniec doubt resolve ${id} --as sent|not-sent`
  if (status === 'failed') return 'it has failed: it is not sent again unless it is retried'
  return `it is ${status} already`
}
