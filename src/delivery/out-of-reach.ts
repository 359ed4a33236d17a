/** Why a message is out for good, in words: what `goniec.is_out` says yes or no to. */
import { sql } from 'kysely'
import { shellWord } from '../campaigns/campaign.ts'
import type { Queries } from '../database/pool.ts'
import { GoniecError } from '../errors.ts'

/** Refuses to send a mail that the next look would cancel again: its campaign is cancelled, its step removed, or its lead may not be mailed. */
export async function refuseIfOut(tx: Queries, messageId: number): Promise<void> {
  const { rows } = await sql<{ recipient: string; why: keyof typeof WAYS_OUT }>`
    select m.recipient,
      case
        when c.status = 'cancelled' then 'campaign_cancelled'
        when e.removed_at is not null then 'lead_removed'
        when s.retired_at is not null then 'step_removed'
        when l.unsubscribed_at is not null then 'lead_unsubscribed'
        when l.bounced_at is not null then 'lead_bounced'
        when l.blocked_at is not null then 'lead_blocked'
        when l.replied_at is not null and m.kind = 'campaign' then 'lead_replied'
        else 'suppressed'
      end as why
    from goniec.message m
    left join goniec.campaign c on c.id = m.campaign_id and m.kind = 'campaign'
    left join goniec.enrollment e on e.id = m.enrollment_id
    left join goniec.lead l on l.id = m.lead_id
    left join goniec.step s on s.id = m.step_id
    where m.id = ${messageId} and (goniec.is_out(m) or s.retired_at is not null)`.execute(tx)
  const [out] = rows
  if (!out) return
  const [text, hint] = WAYS_OUT[out.why](out.recipient)
  throw new GoniecError('message_out', text, { hint })
}

type Words = (recipient: string) => [text: string, hint: string]

const WAYS_OUT = {
  campaign_cancelled: (recipient) => [
    `the campaign of this mail to ${recipient} is cancelled, and that is for good`,
    'goniec campaign list',
  ],
  lead_removed: (recipient) => [
    `${recipient} was removed from the campaign of this mail`,
    `goniec lead show ${shellWord(recipient)}`,
  ],
  step_removed: (recipient) => [
    `the step of this mail to ${recipient} was taken out of its campaign`,
    'give the step back to the definition file and apply it, or goniec message cancel',
  ],
  lead_unsubscribed: (recipient) => [
    `${recipient} has unsubscribed, and gets no mail at all`,
    `goniec lead show ${shellWord(recipient)}`,
  ],
  lead_bounced: (recipient) => [
    `the server of ${recipient} said that there is no such mailbox; nothing is mailed there`,
    `goniec lead show ${shellWord(recipient)}`,
  ],
  lead_blocked: (recipient) => [`${recipient} is blocked`, `goniec lead unblock ${shellWord(recipient)}`],
  lead_replied: (recipient) => [
    `${recipient} has replied, and gets no more campaign mail`,
    `goniec response send --to ${shellWord(recipient)} --key KEY --text TEXT`,
  ],
  suppressed: (recipient) => [`${recipient} is suppressed, by address or by domain`, 'goniec suppress list'],
} satisfies Record<string, Words>
