/** Who is mailed what, once: identities, and what may exist one time only. */
import { HOLDING, LOOK, OF_OURS, type Check } from './check.ts'

export const identityChecks: readonly Check[] = [
  {
    name: 'nobody-is-mailed-a-step-twice',
    proves: ['I-1', 'I-2', 'RF-008'],
    says: 'No server has accepted two mails of the same campaign and step to the same address.',
    todo: LOOK,
    sql: `
      select c.name as campaign, m.recipient, m.step_key as step, count(*) as accepted, array_agg(m.id order by m.id) as messages
      from goniec.attempt a
      join goniec.message m on m.id = a.message_id
      join goniec.campaign c on c.id = m.campaign_id
      where a.state = 'accepted' and m.kind = 'campaign'
      group by c.name, m.recipient, m.step_key
      having count(*) > 1`,
  },
  {
    name: 'a-lead-has-one-mail-of-a-step',
    proves: ['I-1', 'RF-008'],
    says: 'There is one message for a campaign, lead and step, whichever variant.',
    todo: LOOK,
    sql: `
      select m.campaign_id, m.lead_id, m.step_key as step, array_agg(m.id order by m.id) as messages
      from goniec.message m
      where m.kind = 'campaign'
      group by m.campaign_id, m.lead_id, m.step_key
      having count(*) > 1`,
  },
  {
    name: 'a-mail-has-one-attempt-that-counts',
    proves: ['I-1', 'RF-008', 'RF-011'],
    says: 'Of the attempts at a mail one at most is under way, accepted or in doubt.',
    todo: LOOK,
    sql: `
      select a.message_id as message, array_agg(a.id order by a.id) as attempts, array_agg(a.state order by a.id) as states
      from goniec.attempt a
      where a.state in ${HOLDING} and a.message_id is not null
      group by a.message_id
      having count(*) > 1`,
  },
  {
    name: 'a-response-is-made-once-a-key',
    proves: ['RF-008', 'RF-026', 'RF-027'],
    says: 'There is one response, and one warm-up mail, for an idempotency key.',
    todo: LOOK,
    sql: `
      select m.kind, m.idempotency_key as key, array_agg(m.id order by m.id) as messages
      from goniec.message m
      where m.kind in ('response', 'warmup') and m.idempotency_key is not null
      group by m.kind, m.idempotency_key
      having count(*) > 1`,
  },
  {
    name: 'a-lead-has-one-response-a-day',
    proves: ['RF-008', 'RF-026'],
    says: 'A lead gets one response a day for a campaign, but for those that were asked for again.',
    todo: LOOK,
    sql: `
      select m.lead_id, m.campaign_id, m.response_day as day, array_agg(m.id order by m.id) as messages
      from goniec.message m
      where m.kind = 'response' and not m.is_test and not m.again and m.status <> 'cancelled' and m.lead_id is not null
      group by m.lead_id, m.campaign_id, m.response_day
      having count(*) > 1`,
  },
  {
    name: 'a-mailbox-has-one-mail-under-way',
    proves: ['RF-004', 'RF-006'],
    says: 'A mailbox has one live attempt at most.',
    todo: LOOK,
    sql: `
      select b.address as mailbox, array_agg(a.id order by a.id) as attempts
      from goniec.attempt a
      join goniec.mailbox b on b.id = a.mailbox_id
      where a.state in ('claimed', 'transmitting')
      group by b.address
      having count(*) > 1`,
  },
  {
    name: 'mails-of-a-mailbox-do-not-overlap',
    proves: ['RF-004'],
    says: 'No mail of a mailbox passed its fence before the one before had ended.',
    todo: LOOK,
    // A doubt's end is when it was resolved, long after its dialogue.
    sql: `
      select b.address as mailbox, f.before as attempt, f.before_ended_at as ended_at, f.id as next_attempt, f.transmitting_at as next_fence_at
      from (
        select a.id, a.mailbox_id, a.transmitting_at,
               lag(a.id) over by_time as before, lag(a.finished_at) over by_time as before_ended_at
        from goniec.attempt a
        where a.transmitting_at is not null and ${OF_OURS}
        window by_time as (partition by a.mailbox_id order by a.transmitting_at, a.id)
      ) as f
      join goniec.mailbox b on b.id = f.mailbox_id
      join goniec.attempt ended on ended.id = f.before
      where f.before_ended_at > f.transmitting_at and ended.state <> 'in_doubt'
        and not exists (select from goniec.event e where e.message_id = ended.message_id and e.attempt_id = ended.id and e.type = 'resolved')`,
  },
  {
    name: 'message-ids-are-unique',
    proves: ['I-2'],
    says: 'No two mails that goniec has sent carry the same Message-ID.',
    todo: LOOK,
    sql: `
      select m.rfc_message_id, array_agg(m.id order by m.id) as messages
      from goniec.message m
      where m.rfc_message_id is not null and m.slot_reason is distinct from 'history'
      group by m.rfc_message_id
      having count(*) > 1`,
  },
  {
    name: 'a-mail-is-of-one-enrollment',
    proves: ['RF-008', 'RF-016/017'],
    says: 'A campaign mail’s enrollment, lead, campaign and step are of each other.',
    todo: LOOK,
    sql: `
      select m.id as message, m.campaign_id, e.campaign_id as enrolled_in, m.lead_id, e.lead_id as enrolled_lead, m.step_key as step, s.key as key_of_step, s.campaign_id as step_of
      from goniec.message m
      left join goniec.enrollment e on e.id = m.enrollment_id
      left join goniec.step s on s.id = m.step_id
      where m.kind = 'campaign'
        and (e.id is null or s.id is null or (e.campaign_id, e.lead_id, s.campaign_id, s.key) is distinct from (m.campaign_id, m.lead_id, m.campaign_id, m.step_key))`,
  },
]
