/** The record: every operation is in it, and it tells the same as the rows. */
import { LOOK, OF_OURS, type Check } from './check.ts'

export const recordChecks: readonly Check[] = [
  {
    name: 'every-attempt-is-on-record',
    proves: ['RF-018'],
    says: 'Every attempt has its events in order: claimed, fenced if its content went out, settled or resolved.',
    todo: LOOK,
    sql: `
      with
      told as (
        select e.attempt_id, min(e.id) filter (where e.type in ('claimed', 'slot_taken', 'imported', 'recalled')) as claimed, min(e.id) filter (where e.type = 'fenced') as fenced,
               max(e.id) filter (where e.type in ('settled', 'resolved', 'slot_released')) as ended
        from goniec.event e
        where e.attempt_id is not null
        group by e.attempt_id
      )
      select a.id as attempt, a.message_id as message, a.state, t.claimed as claimed_event, t.fenced as fenced_event, t.ended as ended_event
      from goniec.attempt a
      left join told t on t.attempt_id = a.id
      where t.claimed is null
         or (${OF_OURS} and a.transmitting_at is not null and coalesce(t.fenced < t.claimed, true))
         or (${OF_OURS} and a.state not in ('claimed', 'transmitting') and coalesce(t.ended < greatest(t.claimed, t.fenced), true))`,
  },
  {
    name: 'the-record-tells-the-state',
    proves: ['RF-018', 'RF-020'],
    says: 'What the record tells last of a mail is the state it is in.',
    todo: LOOK,
    sql: `
      select m.id as message, m.status, told.type as last_event
      from goniec.message m
      left join (
        select distinct on (e.message_id) e.message_id, e.type
        from goniec.event e
        where e.message_id is not null and e.type in ('claimed', 'returned', 'retried', 'sent', 'in_doubt', 'failed', 'cancelled')
        order by e.message_id, e.id desc
      ) as told on told.message_id = m.id
      where case told.type when 'claimed' then 'sending' when 'returned' then 'pending' when 'retried' then 'pending' else coalesce(told.type, 'pending') end <> m.status`,
  },
  {
    name: 'the-record-is-of-things-that-are',
    proves: ['RF-018'],
    says: 'Every event is about a mail, attempt, campaign, lead and mailbox that exist, and an attempt of its mail.',
    todo: LOOK,
    sql: `
      select e.id as event, e.type, e.at, e.message_id, e.attempt_id, e.campaign_id, e.lead_id, e.mailbox_id
      from goniec.event e
      left join goniec.message m on m.id = e.message_id
      left join goniec.attempt a on a.id = e.attempt_id
      left join goniec.campaign c on c.id = e.campaign_id
      left join goniec.lead l on l.id = e.lead_id
      left join goniec.mailbox b on b.id = e.mailbox_id
      where (e.message_id is not null and m.id is null) or (e.attempt_id is not null and a.id is null) or (e.campaign_id is not null and c.id is null)
         or (e.lead_id is not null and l.id is null) or (e.mailbox_id is not null and b.id is null)
         or (e.message_id is not null and a.message_id <> e.message_id)`,
  },
  {
    name: 'a-doubt-is-resolved-by-a-person',
    proves: ['RF-009/012/013', 'RF-017a'],
    says: 'Nobody but a person presumed a mail unsent, and nobody resolved a doubt while its attempt could still be alive.',
    todo: LOOK,
    sql: `
      select a.id as attempt, a.message_id as message, a.state, a.ended_by, a.finished_at, a.deadline_at
      from goniec.attempt a
      where (a.state = 'presumed_unsent' and (a.ended_by is null or a.ended_by in ('recovery', 'import', 'restore')))
         or (a.ended_by not in ('recovery', 'import', 'restore') and a.finished_at < a.deadline_at)`,
  },
  {
    name: 'what-a-late-answer-contradicts-is-held',
    proves: ['RF-008', 'RF-017a'],
    says: 'A mail of which a late answer says otherwise than a person did waits for a person, and was not sent again.',
    todo: 'goniec doubt list shows the answer; goniec message cancel ID ends the mail',
    sql: `
      select m.id as message, m.status, k.at as contradicted_at, k.reported ->> 'outcome' as reported, later.id as later_attempt, later.transmitting_at
      from goniec.contradiction k
      join goniec.attempt a on a.id = k.attempt_id
      join goniec.message m on m.id = a.message_id
      left join goniec.attempt later on later.message_id = m.id and later.id <> a.id and later.transmitting_at > k.at + interval '1 minute'
      where (m.status = 'pending' and m.held_reason is null) or later.id is not null`,
  },
]
