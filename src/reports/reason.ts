/**
 * Why a mail waits: one stated reason for every message that is pending, in a plain code.
 *
 * Written once, in SQL, over the facts that claim itself decides by (`goniec.candidates`), so that the two cannot disagree: a mail is
 * `due` exactly if claim would take it now were it the only one. Of several reasons it names the one that will hold longest: what a
 * person has to end goes before what passes with time.
 */

/** How long a slot stays due: claim's own default. An older one is missed. */
const GRACE = `interval '5 minutes'`

/**
 * The statement behind a common table expression: give it the name of a relation with a column `id` (the messages asked about, few of
 * them), and it returns `id, reason`. `reason` is null for a message that waits for nothing: one that was sent.
 *
 * Two more must stand before it: `clock (now, today)`, see `CLOCK`.
 */
export function reasonsOf(asked: string): string {
  return `
    select m.id,
      case m.status
        when 'pending' then
          case
            when m.held_reason is not null then 'held'
            when i.paused_at is not null then 'all_paused'
            when s.paused_at is not null then 'salesperson_paused'
            when c.status <> 'running' then 'campaign_' || c.status
            when l.unsubscribed_at is not null then 'lead_unsubscribed'
            when l.bounced_at is not null then 'lead_bounced'
            when l.replied_at is not null and m.kind = 'campaign' then 'lead_replied'
            when l.blocked_at is not null then 'lead_blocked'
            when goniec.is_suppressed(m.recipient) then 'suppressed'
            when b.status <> 'active' then 'mailbox_' || b.status
            when m.scheduled_at is null then coalesce(m.slot_reason, 'not_planned')
            when not k.settings_current then 'settings_changed'
            when k.already_tried then 'attempt_open'
            when m.scheduled_at > clock.now then coalesce(m.slot_reason, 'planned')
            when m.scheduled_at < clock.now - ${GRACE} then 'missed'
            when m.window_closes_at <= clock.now then 'window_closed'
            when bd.day is null or sd.day is null or (c.id is not null and k.campaign_day is null) then 'day_not_prepared'
            when k.in_contact_gap then 'contact_gap'
            when k.salesperson_room <= 0 then 'salesperson_limit'
            when k.campaign_room <= 0 then 'campaign_limit'
            when bd.daily_limit <= bd.campaign_taken + bd.warmup_taken + bd.response_taken then 'mailbox_limit'
            when k.mailbox_room <= 0 then 'warmup_limit'
            when g.free_from > clock.now then 'mailbox_backoff'
            when k.mailbox_busy then 'mailbox_busy'
            when k.mailbox_opens_at > clock.now then 'mailbox_gap'
            when k.campaign_opens_at > clock.now then 'campaign_delay'
            else 'due'
          end
        when 'sending' then 'under_way'
        when 'in_doubt' then 'in_doubt'
        when 'failed' then 'failed'
        when 'cancelled' then coalesce(m.slot_reason, 'cancelled')
      end as reason
    from ${asked} as asked
    cross join clock
    cross join goniec.installation i
    join goniec.message m on m.id = asked.id
    left join goniec.campaign c on c.id = m.campaign_id and m.kind = 'campaign'
    left join goniec.lead l on l.id = m.lead_id
    left join goniec.mailbox b on b.id = coalesce(m.mailbox_id, m.bound_mailbox_id)
    left join goniec.mailbox_gate g on g.mailbox_id = m.mailbox_id
    left join goniec.mailbox_day bd on bd.mailbox_id = m.mailbox_id and bd.day = clock.today
    left join goniec.salesperson s on s.id = coalesce(c.salesperson_id, b.salesperson_id)
    left join goniec.salesperson_day sd on sd.salesperson_id = s.id and sd.day = clock.today
    -- "offset 0": one message at a time, by its key. Joined as a whole, the planner reads every slot of the queue.
    left join lateral (
      select k.* from goniec.candidates(clock.now, clock.today) k where k.message_id = m.id offset 0
    ) as k on true`
}

/** The instant that a statement speaks about, and the installation's day; read once. */
export const CLOCK = `
  clock as materialized (
    select c.now, (c.now at time zone i.timezone)::date as today from (select goniec.now() as now) c, goniec.installation i
  )`
