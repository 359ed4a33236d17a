/** What becomes of leads' mails when somebody acts on the leads. */
import { sql } from 'kysely'
import type { Queries } from '../database/pool.ts'
import type { Instant } from '../time.ts'
import type { LeadAct } from './marks.ts'

/** Ends what is pending; what a worker has in its hands is refused by the fence, and ends when the worker lets go of it. */
export async function cancelMails(tx: Queries, act: LeadAct, leads: readonly number[]): Promise<Map<number, number>> {
  if (act.kind === 'block' || act.kind === 'unblock' || leads.length === 0) return new Map()
  const only =
    act.kind === 'remove'
      ? sql`and m.campaign_id = ${act.campaignId} and m.kind = 'campaign'`
      : act.kind === 'replied'
        ? sql`and m.kind = 'campaign'`
        : sql``
  const { rows } = await sql<{ id: number; mails: number }>`
    with
    open as materialized (
      select m.id from goniec.message m
      where m.lead_id = any (${[...leads]}) and m.status = 'pending' ${only}
      order by m.id for no key update
    ),
    cancelled as (
      update goniec.message m
      set status = 'cancelled', slot_reason = ${REASONS[act.kind]}, scheduled_at = null, mailbox_id = null, window_closes_at = null
      from open
      where m.id = open.id and m.status = 'pending'
      returning m.lead_id
    )
    select lead_id as id, count(*) as mails from cancelled group by 1`.execute(tx)
  return new Map(rows.map(({ id, mails }) => [id, mails]))
}

const REASONS = { replied: 'lead_replied', unsubscribe: 'lead_unsubscribed', remove: 'lead_removed' } as const

/** Who is let go on. */
export interface GoingOn {
  id: number
  /** Only behind what was sent since then; left out: behind whatever was sent last. */
  since?: Instant
}

/** Of what was sent while the mark was being set nobody knows which of the two came first. */
const AT_ONCE = '1 minute'

/**
 * The next step after the last one that was sent, where nothing is open and it has not been made. What is under way is locked: a settle that is
 * just running may have seen the mark still, and made no next step; one that begins later sees it no more.
 */
export async function goOn(tx: Queries, leads: readonly GoingOn[]): Promise<Map<number, number>> {
  const ids = leads.map(({ id }) => id)
  const since = leads.map((lead) => lead.since ?? null)
  await sql`
    select from goniec.message m
    where m.lead_id = any (${ids}) and m.kind = 'campaign' and m.status in ('sending', 'in_doubt')
    order by m.id for no key update`.execute(tx)
  const { rows: sent } = await sql<{ id: number; lead: number }>`
    select distinct on (m.enrollment_id) m.id, m.lead_id as lead
    from unnest(${ids}::bigint[], ${since}::timestamptz[]) as lead (id, since)
    join goniec.message m on m.lead_id = lead.id
    where m.kind = 'campaign' and m.status = 'sent'
      and (lead.since is null or exists (select from goniec.event e
                                         where e.message_id = m.id and e.type = 'sent' and e.at >= lead.since - ${AT_ONCE}::interval))
      and not exists (select from goniec.message o
                      where o.lead_id = m.lead_id and o.enrollment_id = m.enrollment_id and o.status in ('pending', 'sending', 'in_doubt'))
    order by m.enrollment_id, m.sent_at desc, m.id desc`.execute(tx)
  const made = new Map<number, number>()
  for (const { id, lead } of sent) {
    const { rows } = await sql<{ made: number }>`select goniec.follow_up(array[${id}::bigint]) as made`.execute(tx)
    made.set(lead, (made.get(lead) ?? 0) + (rows[0]?.made ?? 0))
  }
  return made
}
