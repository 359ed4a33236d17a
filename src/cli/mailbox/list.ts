import { readMailboxes, type MailboxSummary } from '../../reports/mailboxes.ts'
import type { Cli } from '../cli.ts'

/** Prints all mailboxes. */
export async function listMailboxes(cli: Cli): Promise<void> {
  const mailboxes = await cli.withDatabase(readMailboxes)
  cli.output.data(mailboxes, () => {
    if (mailboxes.length === 0) return cli.output.say('There are no mailboxes yet. Next: goniec apply FILE')
    cli.output.table(mailboxes, [
      { header: 'address', value: ({ address }) => address },
      { header: 'salesperson', value: ({ salesperson }) => salesperson },
      { header: 'status', value: ({ status }) => status },
      { header: 'today', value: ({ today }) => used(today.taken, today.daily_limit) },
      { header: 'campaigns', value: ({ today }) => used(today.campaign_taken, today.campaign_limit) },
      { header: 'responses', value: ({ today }) => today.response_taken },
      { header: 'warm-up', value: ({ today }) => used(today.warmup_taken, today.warmup_limit) },
      { header: 'day', value: ({ warmup }) => warmup?.day },
      { header: 'next', value: (mailbox) => mailbox.next_at },
      { header: 'held up by', value: heldUpBy },
    ])
    cli.output.say(`Times are local in ${cli.output.timeZone}.`)
  })
}

/** `3 of 50`; without a limit of its own just the count. */
export function used(taken: number, limit: number | null): string {
  return limit === null ? String(taken) : `${taken} of ${limit}`
}

function heldUpBy({
  status_reason: reason,
  free_from: free,
  fault_reason: fault,
  faults,
}: MailboxSummary): string | null {
  if (reason !== null) return reason
  if (free !== null) return fault ?? 'waits'
  return faults > 0 ? fault : null
}
