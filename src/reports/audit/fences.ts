/**
 * What was sent kept gaps, delays, windows and days: read from the instants of the fences. Which settings were in force is told by the versions
 * that an attempt carries, which its fence compared; what was sent with older settings cannot be judged, since nobody remembers them.
 */
import { HOLDING, LOOK, OF_OURS, type Check } from './check.ts'
import { HOLIDAYS, outsideWindow } from './windows.ts'

export const fenceChecks: readonly Check[] = [
  {
    name: 'the-gap-of-a-mailbox-was-kept',
    proves: ['RF-004', 'RF-014'],
    says: 'Two mails of a mailbox passed their fences no closer than its minimum gap.',
    todo: LOOK,
    sql: `
      select f.address as mailbox, f.before as attempt, f.before_at as fence_at, f.id as next_attempt, f.transmitting_at as next_fence_at, f.min_gap_ms
      from (
        select a.id, b.address, b.min_gap_ms, a.transmitting_at, lag(a.id) over by_time as before, lag(a.transmitting_at) over by_time as before_at
        from goniec.attempt a
        join goniec.mailbox b on b.id = a.mailbox_id and b.version = a.mailbox_version
        where a.transmitting_at is not null and a.message_id is not null and b.min_gap_ms > 0
        window by_time as (partition by a.mailbox_id order by a.transmitting_at, a.id)
      ) as f
      where f.transmitting_at - f.before_at < f.min_gap_ms * interval '1 millisecond'`,
  },
  {
    name: 'the-delay-of-a-campaign-was-kept',
    proves: ['RF-001', 'RF-014'],
    says: 'Two mails of a campaign passed their fences no closer than its shortest delay.',
    todo: LOOK,
    sql: `
      select f.name as campaign, f.before as attempt, f.before_at as fence_at, f.id as next_attempt, f.transmitting_at as next_fence_at, f.shortest_delay_ms
      from (
        select a.id, c.name, c.shortest_delay_ms, a.transmitting_at, lag(a.id) over by_time as before, lag(a.transmitting_at) over by_time as before_at
        from goniec.attempt a
        join goniec.campaign c on c.id = a.campaign_id and c.version = a.campaign_version
        where a.transmitting_at is not null and c.delay_ms > 0
        window by_time as (partition by a.campaign_id order by a.transmitting_at, a.id)
      ) as f
      where f.transmitting_at - f.before_at < f.shortest_delay_ms * interval '1 millisecond'`,
  },
  {
    name: 'mails-left-within-their-windows',
    proves: ['RF-001', 'RF-001a', 'RF-002/003'],
    says: 'Campaign mail passed its fence on a weekday, day and hour at which its campaign sends, and on no holiday.',
    todo: LOOK,
    givenHolidays: true,
    sql: `
      with ${HOLIDAYS}
      select a.id as attempt, a.message_id as message, c.name as campaign, a.transmitting_at, (a.transmitting_at at time zone c.timezone)::text as local_time
      from goniec.attempt a
      join goniec.campaign c on c.id = a.campaign_id and c.version = a.campaign_version
      where a.transmitting_at is not null and ${outsideWindow('a.transmitting_at')}`,
  },
  {
    name: 'mails-left-from-their-slots',
    proves: ['I-5', 'RF-014', 'RF-015'],
    says: 'A mail was claimed at its planned time, or within the five minutes of grace after it, and passed its fence before its window closed.',
    todo: LOOK,
    sql: `
      select m.id as message, a.id as attempt, m.scheduled_at, a.claimed_at, a.transmitting_at, m.window_closes_at
      from goniec.message m
      join goniec.attempt a on a.message_id = m.id and a.state in ${HOLDING} and ${OF_OURS}
      where m.status in ('sending', 'sent', 'in_doubt')
        and (m.scheduled_at is null or a.claimed_at < m.scheduled_at or a.claimed_at > m.scheduled_at + interval '5 minutes' or a.transmitting_at >= m.window_closes_at)`,
  },
  {
    name: 'mails-count-on-the-day-they-left',
    proves: ['RF-001a'],
    says: 'What a mail took was taken from the days on which it passed its fence, its mailbox’s in the installation’s zone, its campaign’s in its own; and from that hour of its recipient’s domain, where that has a limit an hour.',
    todo: LOOK,
    sql: `
      select a.id as attempt, a.message_id as message, a.transmitting_at, a.mailbox_day, a.campaign_day, a.domain_hour
      from goniec.attempt a
      cross join goniec.installation i
      join goniec.mailbox b on b.id = a.mailbox_id
      left join goniec.campaign c on c.id = a.campaign_id
      left join goniec.message m on m.id = a.message_id
      where a.transmitting_at is not null
        and ((a.mailbox_version = b.version and a.mailbox_day <> (a.transmitting_at at time zone i.timezone)::date)
             or (a.campaign_version = c.version and a.campaign_day is distinct from (a.transmitting_at at time zone c.timezone)::date)
             or (a.domain_hour <> goniec.hour_of(a.transmitting_at)
                 and exists (select from goniec.domain_hour h
                             where h.domain = goniec.domain_of(m.recipient) and h.hour = a.domain_hour and h.hourly_limit is not null)))`,
  },
  {
    name: 'the-contact-gap-was-kept',
    proves: ['RF-008'],
    says: 'No campaign took a lead while another one held it within its contact gap.',
    todo: LOOK,
    sql: `
      select l.email as lead, taken.id as attempt, other.name as taken_by, taken.mailbox_day as day, a.id as next_attempt, c.name as then_taken_by, a.mailbox_day as next_day
      from goniec.attempt a
      join goniec.campaign c on c.id = a.campaign_id and c.version = a.campaign_version and c.contact_gap_days > 0
      join goniec.attempt taken on taken.lead_id = a.lead_id and taken.kind = 'campaign' and taken.holds_capacity and taken.campaign_id <> a.campaign_id
        and taken.message_id is not null and taken.ended_by is distinct from 'import'
        and taken.mailbox_day between a.mailbox_day - (c.contact_gap_days - 1) and a.mailbox_day and taken.claimed_at < a.claimed_at
      join goniec.campaign other on other.id = taken.campaign_id
      join goniec.lead l on l.id = a.lead_id
      where a.kind = 'campaign' and a.message_id is not null and ${OF_OURS}`,
  },
  {
    // The last mail is told by its number: a database's clock may have been set back since, and then its gates were too (set_back_at).
    name: 'the-gates-know-the-last-mail',
    proves: ['RF-001', 'RF-004'],
    says: 'The gate of a mailbox or campaign holds the time of a mail that really passed, and of none before the last one.',
    todo: LOOK,
    sql: `
      select 'mailbox' as gate_of, b.address as name, g.last_fence_at as gate, last.at as last_fence_at
      from goniec.mailbox_gate g
      join goniec.mailbox b on b.id = g.mailbox_id
      left join (
        select l.mailbox_id, l.mailbox_version, a.transmitting_at as at
        from (select mailbox_id, mailbox_version, max(id) as id from goniec.attempt
              where message_id is not null and mailbox_version is not null and transmitting_at is not null group by 1, 2) l
        join goniec.attempt a on a.id = l.id
      ) as last on last.mailbox_id = b.id and last.mailbox_version = b.version and b.min_gap_ms > 0
      where (g.set_back_at is null or g.last_fence_at is distinct from g.set_back_at)
        and (coalesce(g.last_fence_at, '-infinity') < last.at
         or (g.last_fence_at is not null and not exists (
           select from goniec.attempt a
           where a.mailbox_id = b.id and (a.transmitting_at = g.last_fence_at or (a.message_id is null and a.claimed_at = g.last_fence_at)))))
      union all
      select 'campaign', c.name, g.last_fence_at, last.at
      from goniec.campaign_gate g
      join goniec.campaign c on c.id = g.campaign_id
      left join (
        select l.campaign_id, l.campaign_version, a.transmitting_at as at
        from (select campaign_id, campaign_version, max(id) as id from goniec.attempt
              where campaign_version is not null and transmitting_at is not null group by 1, 2) l
        join goniec.attempt a on a.id = l.id
      ) as last on last.campaign_id = c.id and last.campaign_version = c.version and c.delay_ms > 0
      where (g.set_back_at is null or g.last_fence_at is distinct from g.set_back_at)
        and (coalesce(g.last_fence_at, '-infinity') < last.at
         or (g.last_fence_at is not null and (c.id, g.last_fence_at) not in (
           select a.campaign_id, a.transmitting_at from goniec.attempt a where a.campaign_id is not null and a.transmitting_at is not null)))`,
  },
]
