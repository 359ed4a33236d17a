/** Campaigns, brakes and leads: what is over, paused or out gets nothing more. */
import { AFTER_COMMIT, LOOK, OF_OURS, type Check } from './check.ts'

export const lifecycleChecks: readonly Check[] = [
  {
    name: 'a-completed-campaign-has-no-open-mail',
    proves: ['I-8', 'RF-024'],
    says: 'When a campaign was completed, none of its mails was open.',
    todo: 'goniec campaign show NAME; a running worker revives a completed campaign with open mails',
    // Leads imported, or mails retried, since then make it run again within a minute.
    sql: `
      select c.name as campaign, c.completed_at, m.id as message, m.recipient, m.status
      from goniec.campaign c
      join goniec.message m on m.campaign_id = c.id and m.kind = 'campaign' and m.status in ('pending', 'sending', 'in_doubt')
      where c.status = 'completed' and coalesce(m.created_at < c.completed_at, true)
        and not exists (select from goniec.event e where e.message_id = m.id and e.type = 'retried' and e.at > c.completed_at)`,
  },
  {
    name: 'nothing-leaves-a-paused-campaign',
    proves: ['RF-024'],
    says: 'No mail of a campaign passed its fence after it was paused, cancelled or completed.',
    todo: LOOK,
    sql: `
      select c.name as campaign, c.status, last.at as since, a.id as attempt, a.message_id as message, a.transmitting_at
      from goniec.campaign c
      cross join lateral (
        select e.at, e.type
        from goniec.event e
        where e.campaign_id = c.id and e.message_id is null
          and e.type in ('campaign_started', 'campaign_paused', 'campaign_resumed', 'campaign_cancelled', 'campaign_completed', 'campaign_revived')
        order by e.id desc
        limit 1
      ) as last
      join goniec.attempt a on a.campaign_id = c.id and a.transmitting_at > last.at + ${AFTER_COMMIT} and ${OF_OURS}
      where 'campaign_' || c.status = last.type and c.status in ('paused', 'cancelled', 'completed')`,
  },
  {
    name: 'nothing-passes-a-brake',
    proves: ['RF-006', 'RF-024'],
    says: 'Nothing was sent while everything, its salesperson or its mailbox was paused, or its mailbox broken, and no slot taken.',
    todo: LOOK,
    // A slot that was taken before may be used up after.
    sql: `
      with
      stopped as (
        select b.id as mailbox_id, null::bigint as salesperson_id, b.status as why, last.at as since
        from goniec.mailbox b
        join (
          select distinct on (e.mailbox_id) e.mailbox_id, e.at, e.type
          from goniec.event e
          where e.type in ('mailbox_paused', 'mailbox_resumed', 'mailbox_broken')
          order by e.mailbox_id, e.id desc
        ) as last on last.mailbox_id = b.id and last.type = 'mailbox_' || b.status
        where b.status in ('paused', 'broken')
        union all
        select null, s.id, 'salesperson paused', s.paused_at from goniec.salesperson s where s.paused_at is not null
        union all
        select null, null, 'all paused', i.paused_at from goniec.installation i where i.paused_at is not null
      )
      select a.id as attempt, a.message_id as message, stopped.why, stopped.since, a.claimed_at, a.transmitting_at
      from stopped
      join goniec.attempt a on coalesce(a.mailbox_id = stopped.mailbox_id, true) and coalesce(a.salesperson_id = stopped.salesperson_id, true)
        and case when a.message_id is null then a.claimed_at else a.transmitting_at end > stopped.since + ${AFTER_COMMIT} and ${OF_OURS}`,
  },
  {
    name: 'nobody-who-is-out-was-mailed',
    proves: ['RF-025'],
    says: 'Nobody was mailed after he was blocked, unsubscribed or bounced; nobody got campaign mail after his reply, or of a campaign that he was removed from.',
    todo: LOOK,
    sql: `
      select a.id as attempt, a.message_id as message, l.email as lead, l.blocked_at, l.unsubscribed_at, l.bounced_at, l.replied_at, e.removed_at, a.transmitting_at
      from goniec.attempt a
      join goniec.message m on m.id = a.message_id
      join goniec.lead l on l.id = m.lead_id
      left join goniec.enrollment e on e.id = m.enrollment_id
      where ${OF_OURS}
        and a.transmitting_at > least(l.blocked_at, l.unsubscribed_at, l.bounced_at, case when a.kind = 'campaign' then l.replied_at end, e.removed_at) + ${AFTER_COMMIT}`,
  },
  {
    name: 'nobody-suppressed-was-mailed',
    proves: ['RF-025'],
    says: 'No mail to a suppressed address or domain passed its fence after it was suppressed.',
    todo: LOOK,
    sql: `
      select a.id as attempt, a.message_id as message, m.recipient, s.value as suppressed, s.created_at as since, a.transmitting_at
      from goniec.attempt a
      join goniec.message m on m.id = a.message_id
      left join goniec.lead l on l.id = m.lead_id and l.email = m.recipient
      cross join lateral unnest(coalesce(l.suppression_values, goniec.suppression_values(m.recipient))) as could (value)
      join goniec.suppression s on s.value = could.value
      where a.transmitting_at > s.created_at + ${AFTER_COMMIT} and ${OF_OURS}`,
  },
]
