/** Why a message is out for good, in words: what `goniec.is_out` says yes or no to. */
import { sql } from 'kysely'
import { shellWord } from '../campaigns/campaign.ts'
import type { Queries } from '../database/pool.ts'
import { GoniecError } from '../errors.ts'

/** SQL: the lead of a message `m` with this step has had a later mail of the campaign, or another one of it is open: sent now it would come after it. */
export const hasGoneOn = (step: string): string => `
  (m.kind = 'campaign' and exists (
    select from goniec.message o join goniec.step os on os.id = o.step_id
    where o.campaign_id = m.campaign_id and o.lead_id = m.lead_id and o.kind = 'campaign' and o.id <> m.id
      and (o.status in ('pending', 'sending', 'in_doubt') or (o.status = 'sent' and os.retired_at is null and os.position > ${step}.position))))`

/**
 * Refuses to send a mail that the next look would cancel again: its campaign is cancelled, its step removed, or its lead may not be mailed. Nor one
 * whose lead has gone on without it.
 */
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
        when goniec.is_suppressed(m.recipient) then 'suppressed'
        else 'gone_on'
      end as why
    from goniec.message m
    left join goniec.campaign c on c.id = m.campaign_id and m.kind = 'campaign'
    left join goniec.enrollment e on e.id = m.enrollment_id
    left join goniec.lead l on l.id = m.lead_id
    left join goniec.step s on s.id = m.step_id
    where m.id = ${messageId} and (goniec.is_out(m) or s.retired_at is not null or ${sql.raw(hasGoneOn('s'))})`.execute(
    tx,
  )
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
  gone_on: (recipient) => [
    `${recipient} has gone on in its campaign: a later mail of it was sent, or is open`,
    `goniec lead show ${shellWord(recipient)}`,
  ],
} satisfies Record<string, Words>
