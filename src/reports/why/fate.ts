/** What became of a mail that does not wait. */
import { shellWord } from '../../campaigns/campaign.ts'
import { instantAt } from '../../time.ts'
import { describeReason } from '../reason-words.ts'
import { local } from './calendar.ts'
import type { MailFacts } from './mail-facts.ts'
import type { Next, Reason } from './reason.ts'

/** The one reason of a mail that is under way, in doubt, failed, cancelled or sent, and what comes next. */
export function fateOf(facts: MailFacts): { reasons: Reason[]; next: Next | null; never: string | null } {
  const reason = FATES[facts.status]?.(facts)
  if (!reason) return { reasons: [], next: null, never: null }
  const next: Next | null = facts.status === 'sending' && reason.until ? { what: 'answered', at: reason.until } : null
  const isOver = next === null && facts.status !== 'sent'
  return { reasons: [reason], next, never: isOver ? reason.text : null }
}

const FATES: Partial<Record<MailFacts['status'], (facts: MailFacts) => Reason>> = {
  sending: (facts) => ({
    code: 'under_way',
    text: `a worker has it, since ${facts.claimed_at && local(facts.claimed_at, facts.timezone)}; its attempt ends ${facts.deadline_at && local(facts.deadline_at, facts.timezone)} at the latest`,
    until: facts.deadline_at,
    todo: null,
    ended_by: 'mail',
  }),
  in_doubt: inDoubt,
  failed: (facts) => ({
    code: 'failed',
    text: `it has failed: ${facts.failed_reason ?? facts.response}`,
    until: null,
    todo: retryOf(facts),
    ended_by: 'person',
  }),
  cancelled: ({ slot_reason: why }) => ({
    code: why ?? 'cancelled',
    text: `it ${cancelledWords(why)}; that is final`,
    until: null,
    todo: null,
    ended_by: 'person',
  }),
  sent: ({ sent_at: at, mailbox, timezone }) => ({
    code: 'sent',
    text: `it was sent ${at && local(at, timezone)} from ${mailbox}`,
    until: null,
    todo: null,
    ended_by: 'mail',
  }),
}

/** `was cancelled`, with the reason where one is on record that says more. */
export function cancelledWords(reason: string | null): string {
  return `was cancelled${reason === null || reason === 'cancelled' ? '' : `: ${describeReason(reason)}`}`
}

type Retryable = Pick<MailFacts, 'lead' | 'lead_mark' | 'suppressed_by' | 'is_over'> & { id: number | null }

/** What sends a failed mail again; null: nothing, where it is over. A retry is refused as long as its lead is out. */
export function retryOf({
  id,
  lead,
  lead_mark: mark,
  suppressed_by: value,
  is_over: isOver,
}: Retryable): string | null {
  if (isOver) return null
  // These two marks bring a suppression of the address with them, which goes with the mark.
  const goesWithMark = value === lead && (mark === 'unsubscribed' || mark === 'bounced')
  const lifts: string[] = []
  if (value !== null && !goesWithMark) lifts.push(`goniec suppress remove ${shellWord(value)}`)
  if (lead !== null && mark !== null)
    lifts.push(`goniec lead unblock ${shellWord(lead)}${mark === 'blocked' ? '' : ` --${mark}`}`)
  const retry = `goniec message retry ${id}`
  return lifts.length === 0 ? retry : `by mistake: ${lifts.join(', ')}, then ${retry}`
}

function inDoubt({ id, transmitting_at: at, deadline_at: until, timezone, now }: MailFacts): Reason {
  const resolvable = until === null || until.epochMilliseconds <= now.epochMilliseconds
  const wait = resolvable || !until ? '' : `; a late answer may settle it until ${local(until, timezone)}`
  return {
    code: 'in_doubt',
    text: `its content went out ${at && local(at, timezone)} and no answer came: nobody knows whether the server took it${wait}`,
    until: resolvable || !until ? null : instantAt(until.epochMilliseconds),
    todo: `look for it in the mailbox’s Sent folder, then goniec doubt resolve ${id} --as sent (or not-sent)${resolvable || !until ? '' : `, from ${local(until, timezone)} on`}`,
    ended_by: 'person',
  }
}
