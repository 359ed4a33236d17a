/**
 * How each check is broken on purpose: as a superuser with triggers off, in a transaction that is taken back. `also` are checks that cannot but break
 * with it; all others must stay as they were.
 */
export interface Breach {
  break: readonly string[]
  also?: readonly string[]
}

/** A copy of a row with another id and other columns. */
function copy(table: string, where: string, columns: string): string {
  return `insert into goniec.${table} overriding system value
          select (jsonb_populate_record(r, jsonb_build_object('id', 1000000) || ${columns})).*
          from goniec.${table} r where r.id = (select min(id) from goniec.${table} where ${where})`
}

const GUARDS = 'the-guards-are-on'
const LIMITS = 'the-limits-of-coming-days-are-the-settings'
/** Mails that wait for tomorrow were planned just now; what the plan could still mend is not looked at. */
const LONG_AGO = `update goniec.event set at = at - interval '1 day' where type in ('planned', 'moved') and message_id in (select id from goniec.message where status = 'pending')`
const WAITING = `status = 'pending' and kind = 'campaign' and scheduled_at is not null and campaign_id in (2, 3)`
const NO_SLOT = `'{"scheduled_at": null, "window_closes_at": null, "mailbox_id": null, "first_planned_at": null, "rfc_message_id": null, "sent_at": null}'::jsonb`

export const BREACHES: Record<string, Breach> = {
  'nobody-is-mailed-a-step-twice': {
    break: [
      `update goniec.message m set recipient = (select o.recipient from goniec.message o where o.campaign_id = m.campaign_id and o.step_key = m.step_key and o.status = 'sent' and o.id <> m.id limit 1)
       where m.id = (select min(id) from goniec.message where kind = 'campaign' and status = 'sent' and campaign_id = 1 and step_key = 'reminder')`,
    ],
  },
  'a-lead-has-one-mail-of-a-step': {
    break: [
      'drop index goniec.one_message_per_campaign_lead_and_step',
      copy(
        'message',
        `kind = 'campaign' and status = 'sent' and campaign_id = 1 and step_key = 'reminder'`,
        `'{"status": "pending"}' || ${NO_SLOT}`,
      ),
    ],
    also: [GUARDS],
  },
  'a-mail-has-one-attempt-that-counts': {
    break: [
      'drop index goniec.one_live_or_accepted_attempt_per_message',
      copy(
        'attempt',
        `kind = 'response' and state = 'accepted' and message_id is not null`,
        `'{"ended_by": "import", "holds_capacity": false}'::jsonb`,
      ),
    ],
    also: [GUARDS, 'every-attempt-is-on-record'],
  },
  'a-response-is-made-once-a-key': {
    break: [
      'drop index goniec.one_response_per_idempotency_key',
      `update goniec.message set idempotency_key = 'key-9' where idempotency_key = 'key-10'`,
    ],
    also: [GUARDS],
  },
  'a-lead-has-one-response-a-day': {
    break: [
      'drop index goniec.one_response_per_lead_campaign_and_day',
      `update goniec.message m set lead_id = o.lead_id, campaign_id = o.campaign_id, response_day = o.response_day from goniec.message o where m.idempotency_key = 'key-22' and o.idempotency_key = 'key-21'`,
    ],
    also: [GUARDS],
  },
  'a-mailbox-has-one-mail-under-way': {
    break: [
      'drop index goniec.one_live_attempt_per_mailbox',
      copy('attempt', `message_id is null and state = 'claimed'`, `'{}'::jsonb`),
    ],
    also: [GUARDS, 'a-mailbox-day-counts-what-was-taken', 'every-attempt-is-on-record'],
  },
  'mails-of-a-mailbox-do-not-overlap': {
    break: [
      `update goniec.attempt set finished_at = finished_at + interval '1 hour' where id = (select min(id) from goniec.attempt where state = 'accepted' and ended_by is null and message_id is not null)`,
    ],
  },
  'message-ids-are-unique': {
    break: [
      `update goniec.message set rfc_message_id = (select rfc_message_id from goniec.message where idempotency_key = 'key-9') where idempotency_key = 'key-10'`,
    ],
  },
  'a-mail-is-of-one-enrollment': {
    break: [
      `update goniec.message set enrollment_id = (select max(id) from goniec.enrollment) where id = (select min(id) from goniec.message where ${WAITING})`,
    ],
  },
  'a-mail-agrees-with-its-attempts': {
    break: [
      `update goniec.attempt set state = 'rejected' where message_id = (select id from goniec.message where idempotency_key = 'key-9')`,
    ],
  },
  'a-mail-was-sent-at-its-fence': {
    break: [`update goniec.message set sent_at = sent_at + interval '1 second' where idempotency_key = 'key-9'`],
  },
  'an-attempt-has-the-times-of-its-state': {
    break: [`update goniec.attempt set finished_at = null where state = 'rejected'`],
  },
  'an-attempt-is-of-its-mail': {
    break: [
      `update goniec.attempt set lead_id = 1 where message_id = (select id from goniec.message where idempotency_key = 'key-9')`,
    ],
  },
  'only-its-own-worker-sends-a-mail': {
    break: [
      `update goniec.attempt set lease_until = transmitting_at - interval '1 second' where id = (select min(id) from goniec.attempt where state = 'accepted' and ended_by is null and message_id is not null)`,
    ],
  },
  'a-mail-is-tried-so-often-and-no-more': {
    break: [
      `update goniec.message set counted_attempts = 5 where id = (select min(id) from goniec.message where ${WAITING})`,
    ],
  },
  'nothing-is-left-unfinished': {
    break: [
      `update goniec.attempt set bounce_due = true, claimed_at = claimed_at - interval '3 hours', finished_at = finished_at - interval '2 hours' where state = 'rejected'`,
    ],
  },
  'the-content-that-is-kept-went-on-the-wire': {
    break: [
      `update goniec.message_content set attempt_id = (select min(id) from goniec.attempt where state = 'rejected') where message_id = (select id from goniec.message where idempotency_key = 'key-9')`,
    ],
  },
  'a-mailbox-day-counts-what-was-taken': {
    break: ['update goniec.mailbox_day set response_taken = response_taken + 1 where mailbox_id = 2'],
  },
  'a-campaign-day-counts-what-was-taken': {
    break: ['update goniec.campaign_day set taken = taken + 1 where campaign_id = 2'],
  },
  'a-salesperson-day-counts-what-was-taken': { break: ['update goniec.salesperson_day set taken = taken + 1'] },
  'a-recipient-domain-counts-what-was-taken': {
    break: ['update goniec.domain_hour set taken = taken - 1 where taken > 0'],
  },
  'a-recipient-domain-is-within-its-limits': {
    break: [
      'alter table goniec.domain_day drop constraint domain_day_within_limit',
      'update goniec.domain_day set daily_limit = taken - 1 where taken > 0',
    ],
    also: [GUARDS, LIMITS],
  },
  'the-limits-of-coming-days-are-the-settings': {
    break: ['update goniec.mailbox set warmup_started = current_date where id = 1'],
  },
  'a-contact-is-held-by-an-attempt': { break: [`insert into goniec.lead_day values (1, '2026-01-01', 1)`] },
  'slots-are-given-back-only-where-nothing-was-offered': {
    break: [
      'alter table goniec.attempt drop constraint attempt_gives_back_what_it_holds',
      `update goniec.attempt set give_back = true where message_id = (select id from goniec.message where idempotency_key = 'key-9')`,
    ],
    also: [GUARDS],
  },
  'a-mailbox-day-is-within-its-limits': {
    break: [
      'alter table goniec.mailbox_day drop constraint mailbox_day_within_limits',
      'update goniec.mailbox_day set campaign_limit = campaign_taken - 1 where campaign_taken > 1',
    ],
    also: [GUARDS, LIMITS],
  },
  'a-campaign-day-is-within-its-limit': {
    break: [
      'alter table goniec.campaign_day drop constraint campaign_day_within_limit',
      'update goniec.campaign_day set daily_limit = taken - 1 where taken > 1',
    ],
    also: [GUARDS, LIMITS],
  },
  'a-salesperson-day-is-within-its-limit': {
    break: [
      'alter table goniec.salesperson_day drop constraint salesperson_day_within_limit',
      'update goniec.salesperson_day set daily_limit = taken - 1 where taken > 1',
    ],
    also: [GUARDS, LIMITS],
  },
  'the-gap-of-a-mailbox-was-kept': { break: ['update goniec.mailbox set min_gap_ms = 36000000 where id = 1'] },
  'the-delay-of-a-campaign-was-kept': { break: ['update goniec.campaign set delay_ms = 36000000 where id = 2'] },
  'mails-left-within-their-windows': {
    break: [
      'update goniec.campaign c set skip_dates = array(select d.day from goniec.campaign_day d where d.campaign_id = c.id and d.taken > 0)',
    ],
    // What waits for today.
    also: ['slots-lie-within-their-windows'],
  },
  'mails-left-from-their-slots': {
    break: [
      `update goniec.message set scheduled_at = scheduled_at - interval '1 hour' where idempotency_key = 'key-9'`,
    ],
  },
  'mails-count-on-the-day-they-left': {
    break: [
      `update goniec.attempt set campaign_day = campaign_day - 1 where id = (select min(id) from goniec.attempt where state = 'accepted' and campaign_version is not null)`,
    ],
    also: ['a-campaign-day-counts-what-was-taken'],
  },
  'the-contact-gap-was-kept': { break: ['update goniec.campaign set contact_gap_days = 1'] },
  'the-gates-know-the-last-mail': {
    break: [`update goniec.campaign_gate set last_fence_at = '2020-01-01' where campaign_id = 2`],
  },
  'slots-are-whole': { break: [`update goniec.message set planned_mailbox_version = 1000 where ${WAITING}`] },
  'slots-lie-within-their-windows': {
    break: [`update goniec.message set window_closes_at = window_closes_at + interval '1 second' where ${WAITING}`],
  },
  'slots-are-at-mailboxes-of-their-own': {
    break: [`update goniec.message set bound_mailbox_id = case mailbox_id when 1 then 2 else 1 end where ${WAITING}`],
  },
  'slots-keep-the-gap-of-their-mailbox': {
    break: [
      LONG_AGO,
      `update goniec.message m set scheduled_at = o.scheduled_at
       from goniec.message o
       where o.id = (select min(id) from goniec.message where ${WAITING} and campaign_id = 3)
         and m.id = (select min(id) from goniec.message where ${WAITING} and campaign_id = 3 and mailbox_id = o.mailbox_id and id > o.id)`,
    ],
  },
  'slots-keep-the-delay-of-their-campaign': {
    break: [
      LONG_AGO,
      `update goniec.message m set scheduled_at = o.scheduled_at
       from goniec.message o
       where o.id = (select min(id) from goniec.message where ${WAITING} and campaign_id = 2)
         and m.id = (select min(id) from goniec.message where ${WAITING} and campaign_id = 2 and mailbox_id <> o.mailbox_id)`,
    ],
    // Another campaign may have a slot there at that very instant.
    also: ['slots-keep-the-gap-of-their-mailbox'],
  },
  'no-coming-day-is-planned-beyond-its-limits': {
    break: [LONG_AGO, 'update goniec.campaign_day set daily_limit = 0 where taken = 0'],
    also: [LIMITS],
  },
  'first-plans-are-kept': {
    break: [`update goniec.message set first_planned_at = first_planned_at - interval '1 second' where ${WAITING}`],
  },
  'every-move-has-its-reason': {
    break: [
      `insert into goniec.event (type, message_id) select 'moved', id from goniec.message where idempotency_key = 'key-9'`,
    ],
  },
  'nothing-of-today-gives-way-to-others': {
    break: [
      `insert into goniec.event (type, message_id, campaign_id, data) select 'moved', id, campaign_id, jsonb_build_object('from', goniec.now(), 'reason', 'share') from goniec.message where ${WAITING}`,
    ],
  },
  'no-mail-before-its-time': {
    break: [`update goniec.message set not_before = scheduled_at + interval '1 hour' where ${WAITING}`],
  },
  'a-follow-up-follows-a-sent-mail': {
    break: [`update goniec.message set follows_at = follows_at - interval '1 second' where ${WAITING}`],
  },
  'the-wait-of-a-step-was-kept': { break: ['update goniec.step set wait_ms = 36000000 where wait_ms is not null'] },
  'a-bound-mail-leaves-from-its-mailbox': {
    break: [
      `update goniec.message set bound_mailbox_id = case bound_mailbox_id when 1 then 2 else 1 end where idempotency_key = 'key-9'`,
    ],
  },
  'the-next-step-was-made': {
    break: [
      `delete from goniec.event where message_id = (select min(id) from goniec.message where ${WAITING})`,
      `delete from goniec.message where id = (select min(id) from goniec.message where ${WAITING})`,
    ],
  },
  'a-lead-is-on-one-way': {
    break: [
      `insert into goniec.step (campaign_id, position, key, keyed, retired_at) values (2, 9, 'extra', true, goniec.now())`,
      copy(
        'message',
        `${WAITING} and campaign_id = 2`,
        `jsonb_build_object('step_key', 'extra', 'step_id', (select id from goniec.step where key = 'extra')) || ${NO_SLOT}`,
      ),
    ],
  },
  'every-enrollment-has-its-mail': { break: ['insert into goniec.enrollment (campaign_id, lead_id) values (2, 3)'] },
  'a-completed-campaign-has-no-open-mail': {
    break: [`update goniec.campaign set status = 'completed', completed_at = goniec.now() where id = 2`],
  },
  'nothing-leaves-a-paused-campaign': {
    break: [
      `update goniec.campaign set status = 'paused' where id = 2`,
      `insert into goniec.event (type, campaign_id, at) values ('campaign_paused', 2, goniec.now() - interval '1 day')`,
    ],
  },
  'nothing-passes-a-brake': { break: [`update goniec.installation set paused_at = goniec.now() - interval '1 day'`] },
  'nobody-who-is-out-was-mailed': {
    break: [
      `update goniec.lead set unsubscribed_at = goniec.now() - interval '1 day' where email = 'lead9@people.example'`,
    ],
  },
  'nobody-suppressed-was-mailed': {
    break: [
      `insert into goniec.suppression (value, created_at) values ('people.example', goniec.now() - interval '1 day')`,
    ],
  },
  'every-attempt-is-on-record': {
    break: [
      `delete from goniec.event where type = 'fenced' and message_id = (select id from goniec.message where idempotency_key = 'key-9')`,
    ],
  },
  'the-record-tells-the-state': {
    break: [
      `delete from goniec.event where type = 'sent' and message_id = (select id from goniec.message where idempotency_key = 'key-9')`,
    ],
  },
  'the-record-is-of-things-that-are': {
    break: [`insert into goniec.event (type, lead_id) values ('lead_replied', 999999999)`],
  },
  'a-doubt-is-resolved-by-a-person': {
    break: [`update goniec.attempt set ended_by = null where state = 'presumed_unsent'`],
  },
  'what-a-late-answer-contradicts-is-held': {
    break: [`update goniec.message set held_reason = null where idempotency_key = 'doubt-2'`],
  },
  'the-guards-are-on': { break: ['alter table goniec.attempt disable trigger guard_attempt_update'] },
  'only-allowed-changes-of-state': {
    break: [`insert into goniec.transition values ('message', 'sent', 'pending', 'again')`],
  },
}
