/** Sequences: a follow-up comes after its predecessor, from the same mailbox, when its wait is over; and it comes. */
import { HOLDING, LOOK, OF_OURS, type Check } from './check.ts'

export const sequenceChecks: readonly Check[] = [
  {
    name: 'a-follow-up-follows-a-sent-mail',
    proves: ['RF-008', 'RF-029'],
    says: 'A follow-up counts from a mail that was sent to the same lead in the same campaign.',
    todo: LOOK,
    sql: `
      select m.id as message, m.campaign_id, m.lead_id, m.step_key as step, m.status, m.follows_at
      from goniec.message m
      where m.kind = 'campaign' and m.follows_at is not null
        and (m.campaign_id, m.lead_id, m.follows_at) not in (
          select p.campaign_id, p.lead_id, p.sent_at from goniec.message p where p.kind = 'campaign' and p.status = 'sent' and p.sent_at is not null)`,
  },
  {
    name: 'the-wait-of-a-step-was-kept',
    proves: ['RF-001', 'RF-020'],
    says: 'A follow-up left no sooner after the mail before than its step says.',
    todo: LOOK,
    sql: `
      select m.id as message, a.id as attempt, m.step_key as step, m.follows_at, a.transmitting_at, s.wait_days, s.wait_ms
      from goniec.attempt a
      join goniec.campaign c on c.id = a.campaign_id and c.version = a.campaign_version
      join goniec.message m on m.id = a.message_id
      join goniec.step s on s.id = m.step_id
      where a.transmitting_at is not null and m.follows_at is not null
        and (a.transmitting_at < m.follows_at + coalesce(s.wait_ms, 0) * interval '1 millisecond'
             or (a.transmitting_at at time zone c.timezone)::date < (m.follows_at at time zone c.timezone)::date + coalesce(s.wait_days, 0))`,
  },
  {
    name: 'a-bound-mail-leaves-from-its-mailbox',
    proves: ['RF-026'],
    says: 'A follow-up left from the mailbox of the mail before, a response from the one that it was asked from.',
    todo: LOOK,
    sql: `
      select m.id as message, a.id as attempt, bound.address as bound_to, b.address as left_from
      from goniec.message m
      join goniec.attempt a on a.message_id = m.id and a.state in ${HOLDING} and ${OF_OURS}
      join goniec.mailbox b on b.id = a.mailbox_id
      join goniec.mailbox bound on bound.id = m.bound_mailbox_id
      where a.mailbox_id <> m.bound_mailbox_id`,
  },
  {
    name: 'the-next-step-was-made',
    proves: ['RF-009/012/013', 'RF-016/017'],
    says: 'Whoever was sent a step, and may still be mailed, has the mail of the next one.',
    todo: 'goniec lead unblock ADDRESS makes the next mail of a lead; then report a defect: a mail was lost',
    // By the campaign's steps as they are, so only behind mails that were sent by the settings in force. Whoever was out for a while, as the record
    // tells, has ended there.
    sql: `
      with
      furthest as materialized (
        select distinct on (m.campaign_id, m.lead_id) m.id, m.campaign_id, m.lead_id, m.enrollment_id, m.recipient, s.position, m.step_key
        from goniec.message m
        join goniec.attempt a on a.message_id = m.id and a.state = 'accepted'
        join goniec.campaign c on c.id = m.campaign_id and c.version = a.campaign_version and c.status <> 'cancelled'
        join goniec.step s on s.id = m.step_id and s.retired_at is null
        where m.kind = 'campaign' and m.status = 'sent'
        order by m.campaign_id, m.lead_id, s.position desc
      ),
      lost as materialized (
        select f.*, n.key as next_step
        from furthest f
        join lateral (
          select s.key from goniec.step s
          where s.campaign_id = f.campaign_id and s.retired_at is null and s.position > f.position order by s.position limit 1
        ) as n on true
        left join goniec.message next on next.campaign_id = f.campaign_id and next.lead_id = f.lead_id and next.step_key = n.key and next.kind = 'campaign'
        where next.id is null
      )
      select l.id as message, c.name as campaign, l.recipient, l.step_key as step, l.next_step
      from lost l
      join goniec.campaign c on c.id = l.campaign_id
      join goniec.enrollment e on e.id = l.enrollment_id and e.removed_at is null
      join goniec.lead p on p.id = l.lead_id and p.blocked_at is null and p.replied_at is null and p.unsubscribed_at is null and p.bounced_at is null
      where not goniec.is_suppressed(l.recipient)
        and not exists (select from goniec.event e where e.lead_id = l.lead_id and e.message_id is null and e.type like 'lead_%')
        and not exists (select from goniec.event e where e.type = 'unsuppressed' and e.data ->> 'value' = any (p.suppression_values))`,
  },
  {
    name: 'a-lead-is-on-one-way',
    proves: ['RF-008', 'RF-016/017'],
    says: 'Of a campaign a lead has one open mail at most.',
    todo: 'goniec message cancel ID ends the one that should not be; then report a defect',
    sql: `
      select c.name as campaign, m.lead_id, array_agg(m.id order by m.id) as messages, array_agg(m.step_key order by m.id) as steps
      from goniec.message m
      join goniec.campaign c on c.id = m.campaign_id
      where m.kind = 'campaign' and m.status in ('pending', 'sending', 'in_doubt')
      group by c.name, m.lead_id
      having count(*) > 1`,
  },
  {
    name: 'every-enrollment-has-its-mail',
    proves: ['I-8', 'RF-009/012/013', 'RF-016/017'],
    says: 'Whoever is enrolled in a campaign has a mail of it.',
    todo: 'report a defect: a lead was lost',
    sql: `
      select c.name as campaign, l.email as lead, e.created_at, e.created_by
      from goniec.enrollment e
      join goniec.campaign c on c.id = e.campaign_id
      join goniec.lead l on l.id = e.lead_id
      left join goniec.message m on m.enrollment_id = e.id
      where m.id is null`,
  },
]
