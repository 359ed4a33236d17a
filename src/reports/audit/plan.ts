/**
 * The plan: slots are whole, in their windows, by the settings in force, and no two in each other's way.
 *
 * A plan is written in batches, and gives way to whoever holds a mail meanwhile; the next one, a minute later, mends it. What it says of several slots
 * together is therefore looked at only where none of them was planned within the last ten minutes.
 */
import { MOVE_REASONS } from '../../schedule/plan-input.ts'
import { LOOK, OF_OURS, type Check } from './check.ts'
import { HOLIDAYS, outsideWindow, windowEnd } from './windows.ts'

const PLAN = 'run a worker, which plans within a minute; if one is running and the rows stay, report a defect'

/** Slots to come that were planned with the settings in force, of mails that nothing but their time keeps. */
const SLOTS = `
  clock as materialized (select goniec.now() as at),
  slot as materialized (
    select m.id, m.kind, m.mailbox_id, case when m.kind = 'campaign' then m.campaign_id end as campaign_id, m.scheduled_at,
           case when m.kind = 'campaign' then c.salesperson_id else b.salesperson_id end as salesperson_id, b.min_gap_ms, c.shortest_delay_ms, c.timezone
    from clock
    join goniec.message m on m.scheduled_at > clock.at
    join goniec.mailbox b on b.id = m.mailbox_id and b.version = m.planned_mailbox_version
    left join goniec.campaign c on c.id = m.campaign_id and m.kind = 'campaign'
    where m.status = 'pending' and m.held_reason is null
      and (m.kind <> 'campaign' or (c.version = m.planned_campaign_version and c.status = 'running'))
  )`

/** Nobody has planned this mail within ten minutes. */
function settled(message: string): string {
  return `not exists (
    select from goniec.event e, clock
    where e.message_id = ${message} and e.type in ('planned', 'moved', 'returned', 'released') and e.at > clock.at - interval '10 minutes')`
}

export const planChecks: readonly Check[] = [
  {
    name: 'slots-are-whole',
    proves: ['I-5', 'RF-015'],
    says: 'A slot has a time, a mailbox, the end of its window after that time, the settings it was planned with, and none that are still to come.',
    todo: PLAN,
    sql: `
      select m.id as message, m.status, m.scheduled_at, m.window_closes_at, m.mailbox_id, m.planned_mailbox_version, b.version as mailbox_version,
             m.planned_campaign_version, c.version as campaign_version
      from goniec.message m
      left join goniec.mailbox b on b.id = m.mailbox_id
      left join goniec.campaign c on c.id = m.campaign_id
      where (m.scheduled_at is null) <> (m.window_closes_at is null) or (m.scheduled_at is null) <> (m.mailbox_id is null) or m.scheduled_at >= m.window_closes_at
         or (m.status = 'pending' and m.scheduled_at is not null
             and (m.first_planned_at is null
                  or coalesce(m.planned_mailbox_version > b.version, true)
                  or (m.kind = 'campaign' and coalesce(m.planned_campaign_version > c.version, true))))`,
  },
  {
    name: 'slots-lie-within-their-windows',
    proves: ['RF-001', 'RF-001a', 'RF-015'],
    says: 'A slot of campaign mail lies within its campaign’s window, on one of its days, and on no holiday.',
    todo: PLAN,
    givenHolidays: true,
    sql: `
      with ${HOLIDAYS}
      select m.id as message, c.name as campaign, m.scheduled_at, (m.scheduled_at at time zone c.timezone)::text as local_time, m.window_closes_at
      from goniec.message m
      join goniec.campaign c on c.id = m.campaign_id and c.version = m.planned_campaign_version
      where m.kind = 'campaign' and m.status = 'pending' and m.scheduled_at is not null
        and (${outsideWindow('m.scheduled_at')} or m.window_closes_at <> ${windowEnd('m.scheduled_at')})`,
  },
  {
    name: 'slots-are-at-mailboxes-of-their-own',
    proves: ['RF-015', 'RF-026'],
    says: 'A slot is at the mailbox that its mail is bound to, or at one of its campaign’s.',
    todo: PLAN,
    sql: `
      select m.id as message, m.kind, b.address as mailbox, bound.address as bound_to
      from goniec.message m
      left join goniec.mailbox b on b.id = m.mailbox_id
      left join goniec.mailbox bound on bound.id = m.bound_mailbox_id
      left join goniec.campaign c on c.id = m.campaign_id
      where m.status = 'pending' and m.scheduled_at is not null
        and case when b.id is null then true
                 when m.bound_mailbox_id is not null then m.mailbox_id <> m.bound_mailbox_id
                 else c.version = m.planned_campaign_version
                      and not exists (select from goniec.campaign_mailbox cm where cm.campaign_id = m.campaign_id and cm.mailbox_id = m.mailbox_id) end`,
  },
  {
    name: 'slots-keep-the-gap-of-their-mailbox',
    proves: ['RF-004', 'RF-015'],
    says: 'Two slots of a mailbox are no closer than its minimum gap.',
    todo: PLAN,
    sql: `
      with ${SLOTS}
      select b.address as mailbox, n.before as message, n.before_at as scheduled_at, n.id as next_message, n.scheduled_at as next_scheduled_at, n.min_gap_ms
      from (
        select s.*, lag(s.id) over by_time as before, lag(s.scheduled_at) over by_time as before_at
        from slot s
        window by_time as (partition by s.mailbox_id order by s.scheduled_at, s.id)
      ) as n
      join goniec.mailbox b on b.id = n.mailbox_id
      where n.scheduled_at - n.before_at < greatest(n.min_gap_ms, 1) * interval '1 millisecond' and ${settled('n.id')} and ${settled('n.before')}`,
  },
  {
    name: 'slots-keep-the-delay-of-their-campaign',
    proves: ['RF-001', 'RF-015'],
    says: 'Two slots of a campaign are no closer than its shortest delay.',
    todo: PLAN,
    sql: `
      with ${SLOTS}
      select c.name as campaign, n.before as message, n.before_at as scheduled_at, n.id as next_message, n.scheduled_at as next_scheduled_at, n.shortest_delay_ms
      from (
        select s.*, lag(s.id) over by_time as before, lag(s.scheduled_at) over by_time as before_at
        from slot s
        where s.campaign_id is not null
        window by_time as (partition by s.campaign_id order by s.scheduled_at, s.id)
      ) as n
      join goniec.campaign c on c.id = n.campaign_id
      where n.scheduled_at - n.before_at < n.shortest_delay_ms * interval '1 millisecond' and ${settled('n.id')} and ${settled('n.before')}`,
  },
  {
    name: 'no-coming-day-is-planned-beyond-its-limits',
    proves: ['RF-001', 'RF-001b', 'RF-005', 'RF-007'],
    says: 'On no coming day are more mails planned than mailbox, campaign and salesperson may send.',
    todo: PLAN,
    sql: `
      with ${SLOTS},
      of_day as materialized (
        select s.*, (s.scheduled_at at time zone i.timezone)::date as day, (s.scheduled_at at time zone s.timezone)::date as campaign_day,
               (clock.at at time zone i.timezone)::date as today, (clock.at at time zone s.timezone)::date as campaign_today
        from slot s cross join clock cross join goniec.installation i
      ),
      full_day as (
        select 'mailbox' as what, b.address as name, o.day, count(*) as planned, min(d.daily_limit) as daily_limit, min(d.campaign_limit) as campaign_limit,
               array_agg(o.id order by o.scheduled_at desc) as messages
        from of_day o join goniec.mailbox b on b.id = o.mailbox_id join goniec.mailbox_day d on d.mailbox_id = o.mailbox_id and d.day = o.day
        where o.day > o.today
        group by b.address, o.day
        having count(*) > min(d.daily_limit) or count(*) filter (where o.kind = 'campaign') > min(d.campaign_limit) or count(*) filter (where o.kind = 'warmup') > min(d.warmup_limit)
        union all
        select 'campaign', c.name, o.campaign_day, count(*), min(d.daily_limit), null, array_agg(o.id order by o.scheduled_at desc)
        from of_day o join goniec.campaign c on c.id = o.campaign_id join goniec.campaign_day d on d.campaign_id = o.campaign_id and d.day = o.campaign_day
        where o.campaign_day > o.campaign_today
        group by c.name, o.campaign_day
        having count(*) > min(d.daily_limit)
        union all
        select 'salesperson', p.email, o.day, count(*), min(d.daily_limit), null, array_agg(o.id order by o.scheduled_at desc)
        from of_day o join goniec.salesperson p on p.id = o.salesperson_id join goniec.salesperson_day d on d.salesperson_id = o.salesperson_id and d.day = o.day
        where o.day > o.today and o.kind <> 'warmup'
        group by p.email, o.day
        having count(*) > min(d.daily_limit)
      )
      select f.what, f.name, f.day, f.planned, f.daily_limit, f.campaign_limit, f.messages[1:5] as last_messages
      from full_day f
      where not exists (
        select from unnest(f.messages) as given (id)
        where not (${settled('given.id')}))`,
  },
  {
    name: 'first-plans-are-kept',
    proves: ['I-5', 'RF-020'],
    says: 'The first planned time of a mail is the one that its record tells.',
    todo: LOOK,
    sql: `
      select m.id as message, m.first_planned_at, told.first as first_planned_by_its_record
      from goniec.message m
      left join (
        select distinct on (e.message_id) e.message_id, (e.data ->> 'to')::timestamptz as first
        from goniec.event e
        where e.type = 'planned'
        order by e.message_id, e.id
      ) as told on told.message_id = m.id
      where m.first_planned_at is distinct from told.first`,
  },
  {
    name: 'every-move-has-its-reason',
    proves: ['I-5', 'RF-018'],
    says: 'A planned time moved, or was taken back, for a reason that is written down.',
    todo: LOOK,
    sql: `
      select e.id as event, e.message_id as message, e.at, e.type, e.data ->> 'from' as "from", e.data ->> 'to' as "to", e.data ->> 'reason' as reason, e.actor
      from goniec.event e
      where (e.type = 'moved' and coalesce(e.data ->> 'reason', '') not in (${MOVE_REASONS.map((reason) => `'${reason}'`).join(', ')}))
         or (e.type = 'withdrawn' and coalesce(e.data ->> 'reason', '') = '')`,
  },
  {
    name: 'nothing-of-today-gives-way-to-others',
    proves: ['I-5'],
    says: 'No slot of the day on which it was moved gave way to a follow-up or to another campaign’s share.',
    todo: LOOK,
    sql: `
      select e.id as event, e.message_id as message, e.at, e.data ->> 'from' as "from", e.data ->> 'reason' as reason
      from goniec.event e
      join goniec.campaign c on c.id = e.campaign_id
      where e.type in ('moved', 'withdrawn') and e.data ->> 'reason' in ('priority', 'share')
        and ((e.data ->> 'from')::timestamptz at time zone c.timezone)::date = (e.at at time zone c.timezone)::date`,
  },
  {
    name: 'no-mail-before-its-time',
    proves: ['RF-010', 'RF-026'],
    says: 'No mail is planned, or left, before the time it has to wait for, nor before the mail that it follows.',
    todo: PLAN,
    // Slots are whole milliseconds.
    sql: `
      select m.id as message, m.status, m.not_before, m.follows_at, m.scheduled_at, m.sent_at
      from goniec.message m
      left join goniec.attempt a on a.message_id = m.id and a.state = 'accepted'
      where (m.status = 'pending' and m.scheduled_at < greatest(m.not_before, m.follows_at) - interval '1 millisecond')
         or (m.status = 'sent' and ${OF_OURS} and m.sent_at < greatest(m.not_before, m.follows_at))`,
  },
]
