/** A mail of the queue as every list shows it: what it is, where it stands, planned times, and why it waits. */
import type { Instant } from '../time.ts'
import { CLOCK, reasonsOf } from './reason.ts'

export type MessageKind = 'response' | 'campaign' | 'warmup'

export const MESSAGE_STATUSES = ['pending', 'sending', 'in_doubt', 'sent', 'failed', 'cancelled'] as const
export type MessageStatus = (typeof MESSAGE_STATUSES)[number]

/** Names as those of the columns; this is what `--json` prints. */
export interface Mail {
  id: number
  kind: MessageKind
  campaign: string | null
  /** The lead's address; null for a mail to nobody who is a lead (a test, a warm-up mail). */
  lead: string | null
  /** The step's key. */
  step: string | null
  variant: string | null
  /** Where its slot is, or where it was sent from. */
  mailbox: string | null
  status: MessageStatus
  first_planned_at: Instant | null
  scheduled_at: Instant | null
  /** A code of `reason.ts`; null for a mail that was sent. */
  reason: string | null
  recipient: string
  is_test: boolean
  /** The server's words, or goniec's, where it failed; why it was set aside, where it is held. */
  detail: string | null
  /** The zone that its times are meant in: its campaign's, else the installation's. */
  timezone: string
}

/**
 * The statement that returns `Mail` rows in the order of `page`: a select of `id, place` for not too many messages. `more` names
 * further columns of the message.
 */
export function mailsOf(page: string, more: readonly string[] = []): string {
  return `
    with ${CLOCK},
    page as materialized (${page}),
    reasons as (${reasonsOf('page')})
    select m.id, m.kind, c.name as campaign, l.email as lead, m.step_key as step, m.variant, b.address as mailbox, m.status,
      m.first_planned_at, m.scheduled_at, r.reason, m.recipient, m.is_test,
      case m.status when 'failed' then m.failed_reason when 'pending' then m.held_reason end as detail,
      coalesce(c.timezone, i.timezone) as timezone${more.map((column) => `, m.${column}`).join('')}
    from page
    join reasons r on r.id = page.id
    join goniec.message m on m.id = page.id
    cross join goniec.installation i
    left join goniec.campaign c on c.id = m.campaign_id
    left join goniec.lead l on l.id = m.lead_id
    left join goniec.mailbox b on b.id = m.mailbox_id
    order by page.place`
}
