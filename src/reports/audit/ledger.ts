/** The queue and the ledger: a message and its attempts say the same. */
import { AFTER_COMMIT, HOLDING, LOOK, OF_OURS, type Check } from './check.ts'

export const ledgerChecks: readonly Check[] = [
  {
    name: 'a-mail-agrees-with-its-attempts',
    proves: ['I-6', 'I-8', 'RF-016/017', 'RF-017a'],
    says: 'A mail is sending exactly while an attempt is under way, sent where one is accepted, in doubt where one is in doubt.',
    todo: LOOK,
    sql: `
      select m.id as message, m.status, a.id as attempt, a.state
      from goniec.message m
      full join (select * from goniec.attempt where state in ${HOLDING} and message_id is not null) a on a.message_id = m.id
      where m.id is null
         or case when a.state in ('claimed', 'transmitting') then 'sending' when a.state = 'accepted' then 'sent' else a.state end
            is distinct from case when m.status in ('sending', 'sent', 'in_doubt') then m.status end`,
  },
  {
    name: 'a-mail-was-sent-at-its-fence',
    proves: ['I-2', 'RF-020'],
    says: 'The time and the mailbox of a sent mail are those of the attempt that was accepted.',
    todo: LOOK,
    sql: `
      select m.id as message, m.sent_at, a.transmitting_at, m.mailbox_id, a.mailbox_id as mailbox_of_attempt
      from goniec.message m
      join goniec.attempt a on a.message_id = m.id and a.state = 'accepted'
      where m.status = 'sent'
        and (m.sent_at is distinct from a.transmitting_at or (m.mailbox_id is distinct from a.mailbox_id and not (m.mailbox_id is null and a.ended_by = 'import')))`,
  },
  {
    name: 'an-attempt-has-the-times-of-its-state',
    proves: ['RF-016/017', 'RF-018', 'RF-020'],
    says: 'An attempt was claimed, passed its fence and ended in this order, and has the times that its state needs.',
    todo: LOOK,
    // Recovery reads the clock before it locks: a fence that passed in between is a moment younger than its end.
    sql: `
      select a.id as attempt, a.message_id as message, a.state, a.claimed_at, a.transmitting_at, a.finished_at
      from goniec.attempt a
      where (a.state in ('transmitting', 'accepted', 'in_doubt', 'presumed_unsent') and a.transmitting_at is null)
         or (a.state = 'claimed' and a.transmitting_at is not null)
         or (a.state in ('claimed', 'transmitting')) <> (a.finished_at is null)
         or a.transmitting_at < a.claimed_at
         or (a.finished_at < a.claimed_at and a.message_id is not null)
         or (a.finished_at < a.transmitting_at and a.ended_by is distinct from 'recovery')`,
  },
  {
    name: 'an-attempt-is-of-its-mail',
    proves: ['RF-011', 'RF-016/017'],
    says: 'An attempt has the kind, the campaign and the lead of its mail.',
    todo: LOOK,
    sql: `
      select a.id as attempt, a.message_id as message, a.kind, m.kind as kind_of_mail, a.campaign_id, m.campaign_id as campaign_of_mail, a.lead_id, m.lead_id as lead_of_mail
      from goniec.attempt a
      left join goniec.message m on m.id = a.message_id
      where a.message_id is not null
        and (m.id is null or (a.kind, a.lead_id, a.campaign_id) is distinct from (m.kind, m.lead_id, case when m.kind = 'campaign' then m.campaign_id end))`,
  },
  {
    name: 'only-its-own-worker-sends-a-mail',
    proves: ['I-6', 'RF-009/012/013', 'RF-011'],
    says: 'A mail was claimed while its worker lived, and passed its fence while its lease held.',
    todo: LOOK,
    sql: `
      select a.id as attempt, a.message_id as message, w.worker, w.started_at, w.ended_at, a.lease_until, a.transmitting_at
      from goniec.attempt a
      left join goniec.incarnation w on w.id = a.incarnation_id
      where a.message_id is not null and a.transmitting_at is not null and ${OF_OURS}
        and (w.id is null or a.transmitting_at >= a.lease_until or a.transmitting_at < w.started_at or a.claimed_at > w.ended_at + ${AFTER_COMMIT})`,
  },
  {
    name: 'a-mail-is-tried-so-often-and-no-more',
    proves: ['RF-010'],
    says: 'No mail waits with five counted attempts behind it, nor, unless it is set aside, with ten that did not count.',
    todo: 'goniec message retry ID lets one begin anew, goniec message cancel ID ends it',
    sql: `
      select m.id as message, m.recipient, m.counted_attempts, m.uncounted_attempts
      from goniec.message m
      where m.status = 'pending' and (m.counted_attempts >= 5 or (m.uncounted_attempts >= 10 and m.held_reason is null))`,
  },
  {
    name: 'nothing-is-left-unfinished',
    proves: ['RF-007a', 'RF-025'],
    says: 'Slots that are to be given back were given back, and leads whose address does not exist were marked, within an hour.',
    todo: 'run a worker: it does so within a minute; if one is running, its log says what stands in the way',
    sql: `
      select a.id as attempt, a.message_id as message, a.finished_at, a.give_back and a.holds_capacity as slots_to_give_back, a.bounce_due
      from goniec.attempt a
      cross join (select goniec.now() as at) clock
      where ((a.give_back and a.holds_capacity) or a.bounce_due) and a.finished_at < clock.at - interval '1 hour'`,
  },
  {
    name: 'the-content-that-is-kept-went-on-the-wire',
    proves: ['I-2', 'RF-018'],
    says: 'What is kept as the content of a mail is of an attempt at it that passed its fence.',
    todo: LOOK,
    sql: `
      select k.message_id as message, k.attempt_id as attempt, a.message_id as message_of_attempt, a.state
      from goniec.message_content k
      left join goniec.attempt a on a.id = k.attempt_id
      where a.id is null or a.message_id <> k.message_id or a.transmitting_at is null`,
  },
]
