/**
 * Mails of steps that were taken out of the definition file: those that have not gone out are cancelled, and their leads go on with
 * the next step, counted from the mail they had last. What is under way when the step is retired comes back to pending (its settings
 * have changed, so it does not pass its fence) and is swept by the next call; workers make one every minute.
 *
 * What comes back has been tried, and by index such mails of all removed steps are few: whenever it comes, whoever was away, a look costs next to
 * nothing. Only a follow-up that was being made while its step went has not been tried: the plan, which reads every mail before it lays its slot,
 * has its campaign swept.
 */
import type { Database } from '../../database/pool.ts'

const BATCH = 2000

/** Sweeps all of this campaign; or without one, of every step what has been tried. Returns how many mails were cancelled. */
export async function sweepRetired(database: Pick<Database, 'query'>, campaignId?: number): Promise<number> {
  let cancelled = 0
  for (;;) {
    const [row] = await database.query<{ cancelled: number }>(SWEEP, [campaignId ?? null, BATCH])
    cancelled += row?.cancelled ?? 0
    if ((row?.cancelled ?? 0) === 0) return cancelled
  }
}

/** One statement: a lead whose mail is cancelled has the next one. What somebody holds is left to the next call. */
const SWEEP = `
  with
  retired as materialized (
    select s.id from goniec.step s
    where s.retired_at is not null and ($1::bigint is null or s.campaign_id = $1)
  ),
  found as materialized (
    (select m.id
     from goniec.message m
     where m.kind = 'campaign' and m.status = 'pending' and m.counted_attempts + m.uncounted_attempts > 0
       and m.step_id = any (array(select id from retired))
     limit $2)
    union
    (select m.id
     from goniec.message m
     where m.campaign_id = $1 and m.status in ('pending', 'sending', 'in_doubt')
       and m.kind = 'campaign' and m.status = 'pending' and m.step_id = any (array(select id from retired))
     limit $2)
  ),
  open as materialized (
    select m.id from goniec.message m where m.id in (select id from found) and m.status = 'pending' for no key update skip locked
  ),
  cancelled as (
    update goniec.message m
    set status = 'cancelled', slot_reason = 'step removed', scheduled_at = null, mailbox_id = null, window_closes_at = null
    from open
    where m.id = open.id and m.status = 'pending'
    returning m.campaign_id, m.enrollment_id, m.lead_id, m.recipient
  ),
  gone_on as (
    insert into goniec.message (kind, campaign_id, enrollment_id, lead_id, recipient, step_id, step_key, variant, bound_mailbox_id, follows_at)
    select 'campaign', c.campaign_id, c.enrollment_id, c.lead_id, c.recipient, next_step.id, next_step.key,
           goniec.pick_variant(next_step.id, c.enrollment_id), last.mailbox_id, last.sent_at
    from cancelled c
    join goniec.enrollment e on e.id = c.enrollment_id and e.removed_at is null
    join goniec.lead l on l.id = c.lead_id and l.replied_at is null and l.unsubscribed_at is null and l.bounced_at is null
    left join lateral (
      select m.mailbox_id, m.sent_at, s.position, s.retired_at
      from goniec.message m
      join goniec.step s on s.id = m.step_id
      where m.campaign_id = c.campaign_id and m.kind = 'campaign' and m.lead_id = c.lead_id and m.status = 'sent'
      order by s.retired_at is not null, s.position desc
      limit 1
    ) as last on true
    join lateral (
      select s.id, s.key
      from goniec.step s
      where s.campaign_id = c.campaign_id and s.retired_at is null
        and (last.position is null or last.retired_at is not null or s.position > last.position)
        and not exists (select from goniec.message m
                        where m.campaign_id = c.campaign_id and m.kind = 'campaign' and m.lead_id = c.lead_id and m.step_key = s.key)
      order by s.position
      limit 1
    ) as next_step on true
    on conflict do nothing
  )
  select count(*) as cancelled from cancelled`
