/** What goes out next: mails whose time comes or has just come, and that nothing but their time holds up for good. */
import type { Database } from '../../database/pool.ts'
import { mailsOf, type Mail } from '../mail.ts'

/** Up to `most` mails, in planned order. */
export async function readNextMails(database: Pick<Database, 'query'>, most: number): Promise<Mail[]> {
  // Some of them will be cancelled instead of being sent.
  const mails = await database.query<Mail & Record<string, unknown>>(mailsOf(NEXT), [most * 2])
  return mails.filter(({ reason }) => !OUT.test(reason ?? '')).slice(0, most)
}

const OUT = /^(lead_(blocked|unsubscribed|bounced|replied)|suppressed)$/

/** Of a braked campaign there may be many in front, until the plan has seen the brake: so many are looked at, and no more. */
const MOST_LOOKED_AT = 1000

const NEXT = `
  select m.id, row_number() over (order by m.scheduled_at, m.id) as place
  from (
    select m.id, m.scheduled_at, m.kind, m.campaign_id, m.mailbox_id, m.held_reason
    from goniec.message m
    where m.status = 'pending' and m.scheduled_at > '-infinity' and m.scheduled_at >= (select now from clock) - interval '5 minutes'
    order by m.scheduled_at, m.id
    limit ${MOST_LOOKED_AT}
  ) as m
  join goniec.installation i on i.paused_at is null and not goniec.is_restored()
  join goniec.mailbox b on b.id = m.mailbox_id and b.status = 'active'
  left join goniec.campaign c on c.id = m.campaign_id and m.kind = 'campaign'
  join goniec.salesperson s on s.id = coalesce(c.salesperson_id, b.salesperson_id) and s.paused_at is null
  where m.held_reason is null and (c.id is null or c.status = 'running')
  order by m.scheduled_at, m.id
  limit $1`
