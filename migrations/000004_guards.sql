-- The guards: which change of state is allowed, what can never change, what is never deleted, and that a message and its attempts agree.
--
-- They are triggers, so that an update typed by hand is refused as well, by a sentence that says why. They are not the protocol: claim,
-- fence, settle and recover never run into them.

create table goniec.transition (
  entity text not null,
  from_state text not null,
  to_state text not null,
  meaning text not null,
  primary key (entity, from_state, to_state)
);

comment on table goniec.transition is 'Every allowed change of state. All others are refused.';

insert into goniec.transition (entity, from_state, to_state, meaning) values
  ('message', 'pending', 'sending', 'claimed'),
  ('message', 'pending', 'cancelled', 'cancelled by an operator, a campaign''s end, or the lead'),
  ('message', 'pending', 'failed', 'given up'),
  ('message', 'sending', 'sent', 'accepted'),
  ('message', 'sending', 'pending', 'deferred, mailbox fault, or aborted'),
  ('message', 'sending', 'failed', 'rejected, or deferred once too often'),
  ('message', 'sending', 'in_doubt', 'no reply after the final dot'),
  ('message', 'sending', 'cancelled', 'it would be pending again, but its campaign or lead is out'),
  ('message', 'in_doubt', 'sent', 'evidence, late outcome, or resolved as sent'),
  ('message', 'in_doubt', 'pending', 'late refusal, or resolved as not sent'),
  ('message', 'in_doubt', 'failed', 'late refusal, or resolved as not sent'),
  ('message', 'in_doubt', 'cancelled', 'it would be pending again, but its campaign or lead is out'),
  ('message', 'failed', 'pending', 'an operator retries it'),
  ('attempt', 'claimed', 'transmitting', 'passed the fence'),
  ('attempt', 'claimed', 'aborted', 'ended before any content'),
  ('attempt', 'claimed', 'deferred', 'refused for now before any content'),
  ('attempt', 'claimed', 'rejected', 'refused for good before any content'),
  ('attempt', 'transmitting', 'accepted', 'a complete 2xx after the final dot'),
  ('attempt', 'transmitting', 'deferred', 'a complete 4xx'),
  ('attempt', 'transmitting', 'rejected', 'a complete 5xx'),
  ('attempt', 'transmitting', 'in_doubt', 'no complete reply after the end was released'),
  ('attempt', 'transmitting', 'aborted', 'its own worker knows that the end of the stream was not released'),
  ('attempt', 'in_doubt', 'accepted', 'evidence, late outcome, or resolved as sent'),
  ('attempt', 'in_doubt', 'deferred', 'late outcome'),
  ('attempt', 'in_doubt', 'rejected', 'late outcome'),
  ('attempt', 'in_doubt', 'presumed_unsent', 'resolved by a person as not sent');

create function goniec.refuse_transition(entity text, id bigint, from_state text, to_state text) returns void
language plpgsql
as $$
begin
  raise exception '% % is %, and cannot become %', entity, id, from_state, to_state
    using errcode = 'check_violation',
          constraint = entity || '_transition_is_allowed',
          detail = case
            when from_state in ('sent', 'accepted') then 'The server has accepted this mail. Sending it again would mail a person twice.'
            when from_state = 'in_doubt' then 'Nobody knows whether the server has accepted this mail. Sending it again could mail a person twice.'
            when from_state = 'cancelled' then 'A cancelled message stays cancelled.'
            else 'The allowed changes stand in the table goniec.transition.'
          end,
          hint = case
            when from_state = 'in_doubt' then format('goniec doubt resolve %s --as sent|not-sent', id)
            when from_state = 'failed' then format('goniec message retry %s', id)
            else format('goniec message show %s', id)
          end;
end $$;

create function goniec.guard_message() returns trigger
language plpgsql
as $$
begin
  if tg_op = 'INSERT' then
    if new.status <> 'pending' then
      raise exception 'a new message is pending, not %', new.status
        using errcode = 'check_violation', constraint = 'message_starts_pending',
              detail = 'A message becomes sent only by an attempt that a server accepted.',
              hint = 'goniec lead import CSV --history takes what was sent elsewhere before';
    end if;
    return new;
  end if;
  if (new.kind, new.campaign_id, new.lead_id, new.step_key, new.recipient, new.enrollment_id, new.idempotency_key, new.is_test)
     is distinct from
     (old.kind, old.campaign_id, old.lead_id, old.step_key, old.recipient, old.enrollment_id, old.idempotency_key, old.is_test) then
    raise exception 'message % is for another (campaign, lead, step); that never changes', old.id
      using errcode = 'check_violation', constraint = 'message_identity_is_permanent';
  end if;
  if new.status <> old.status then
    if not exists (select from goniec.transition t where t.entity = 'message' and t.from_state = old.status and t.to_state = new.status) then
      perform goniec.refuse_transition('message', old.id, old.status, new.status);
    end if;
  end if;
  if old.status = 'failed' and new.status = 'pending' then
    if not pg_has_role(current_user, (select c.relowner from pg_class c where c.oid = tg_relid), 'usage') then
      raise exception 'message % has failed; only an operator may have it tried again', old.id
        using errcode = 'insufficient_privilege', constraint = 'message_is_retried_by_an_operator', hint = format('goniec message retry %s', old.id);
    end if;
  end if;
  if old.first_planned_at is not null and new.first_planned_at is distinct from old.first_planned_at then
    raise exception 'message % was first planned at %; that never changes', old.id, old.first_planned_at
      using errcode = 'check_violation', constraint = 'message_first_planned_at_is_permanent';
  end if;
  if old.status = 'sent' and new.sent_at is distinct from old.sent_at then
    raise exception 'message % was sent at %; that never changes', old.id, old.sent_at
      using errcode = 'check_violation', constraint = 'message_sent_at_is_permanent';
  end if;
  return new;
end $$;

-- What happens to every mail that goes out, pending to sending to sent, is allowed without a look at the table: the look was 6 µs each time.
create trigger guard_message_insert before insert on goniec.message
  for each row when (new.status <> 'pending') execute function goniec.guard_message();
create trigger guard_message_update before update of status, kind, campaign_id, lead_id, step_key, recipient, enrollment_id, idempotency_key, is_test, sent_at
  on goniec.message for each row
  when ((new.status <> old.status and (old.status, new.status) not in (('pending', 'sending'), ('sending', 'sent')))
        or (new.kind, new.campaign_id, new.lead_id, new.step_key, new.recipient, new.enrollment_id, new.idempotency_key, new.is_test)
           is distinct from
           (old.kind, old.campaign_id, old.lead_id, old.step_key, old.recipient, old.enrollment_id, old.idempotency_key, old.is_test)
        or (old.status = 'sent' and new.sent_at is distinct from old.sent_at))
  execute function goniec.guard_message();
-- Apart from the others: a slot that is laid writes it for the first time, a hundred thousand times in a plan, and nothing of that is guarded.
create trigger guard_message_first_plan before update of first_planned_at on goniec.message
  for each row when (old.first_planned_at is not null and new.first_planned_at is distinct from old.first_planned_at)
  execute function goniec.guard_message();

create function goniec.guard_attempt() returns trigger
language plpgsql
as $$
begin
  if tg_op = 'INSERT' then
    -- History, what was sent before goniec, is accepted from the start: nobody of ours ever held it. So is, or in doubt, what went out and the database
    -- has forgotten. Both make a mail sent or doubtful, never one sent again.
    if new.state <> 'claimed' and not (
      new.message_id is not null and new.incarnation_id is null
      and ((new.state = 'accepted' and new.ended_by is not distinct from 'import')
           or (new.state in ('accepted', 'in_doubt') and new.ended_by is not distinct from 'restore'))) then
      raise exception 'a new attempt is claimed, not %', new.state
        using errcode = 'check_violation', constraint = 'attempt_starts_claimed',
              hint = 'goniec lead import CSV --history takes what was sent elsewhere before';
    end if;
    return new;
  end if;
  if (new.message_id, new.mailbox_id, new.kind, new.campaign_id, new.salesperson_id, new.lead_id, new.incarnation_id, new.mailbox_day, new.campaign_day, new.domain_hour)
     is distinct from
     (old.message_id, old.mailbox_id, old.kind, old.campaign_id, old.salesperson_id, old.lead_id, old.incarnation_id, old.mailbox_day, old.campaign_day, old.domain_hour) then
    raise exception 'attempt % belongs to another message, mailbox, worker or day; that never changes', old.id
      using errcode = 'check_violation', constraint = 'attempt_identity_is_permanent';
  end if;
  if new.state = old.state then
    return new;
  end if;
  if not exists (
    select from goniec.transition t where t.entity = 'attempt' and t.from_state = old.state and t.to_state = new.state) then
    perform goniec.refuse_transition('attempt', old.id, old.state, new.state);
  end if;
  if old.state = 'transmitting' and new.state = 'aborted'
     and (nullif(current_setting('goniec.incarnation', true), '')::bigint = old.incarnation_id) is not true then
    raise exception 'attempt % is transmitting: only its own worker can know that nothing was sent', old.id
      using errcode = 'check_violation', constraint = 'attempt_is_aborted_by_its_own_worker',
            hint = 'recovery makes it in_doubt; then goniec doubt resolve';
  end if;
  if new.state = 'presumed_unsent' and new.ended_by is null then
    raise exception 'attempt % can be presumed unsent only by a person, who is named in ended_by', old.id
      using errcode = 'check_violation', constraint = 'attempt_is_presumed_unsent_by_a_person',
            hint = format('goniec doubt resolve %s --as not-sent', old.message_id);
  end if;
  return new;
end $$;

create trigger guard_attempt_insert before insert on goniec.attempt
  for each row when (new.state <> 'claimed') execute function goniec.guard_attempt();
-- So is what happens to its attempt: claimed to transmitting to accepted.
create trigger guard_attempt_update before update of state, message_id, mailbox_id, kind, campaign_id, salesperson_id, lead_id, incarnation_id, mailbox_day, campaign_day, domain_hour
  on goniec.attempt for each row
  when ((new.state <> old.state and (old.state, new.state) not in (('claimed', 'transmitting'), ('transmitting', 'accepted')))
        or (new.message_id, new.mailbox_id, new.kind, new.campaign_id, new.salesperson_id, new.lead_id, new.incarnation_id, new.mailbox_day, new.campaign_day, new.domain_hour)
           is distinct from
           (old.message_id, old.mailbox_id, old.kind, old.campaign_id, old.salesperson_id, old.lead_id, old.incarnation_id, old.mailbox_day, old.campaign_day, old.domain_hour))
  execute function goniec.guard_attempt();

-- A message and its attempts agree when the transaction ends:
--   sending   exactly one attempt is claimed or transmitting
--   sent      one is accepted
--   in_doubt  one is in doubt
--   pending, failed, cancelled   none of these
--
-- Asked for each of four changes of a mail that goes out, as one look-up by index: a session that makes the plan while there are few attempts
-- would read all of them each time from then on, which was two thirds of what a mail cost the database.
--
-- What fired it is half of the answer: a change after it fires again, so that the last change of either side is compared with the other one as it is
-- now. Only where they seem to disagree both sides are read. (A join of both would be twice the price: beneath it a look-up hands on all forty columns.)
create function goniec.check_agreement() returns trigger
language plpgsql
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
set jit = off
as $$
declare
  subject bigint;
  status_now text;
  attempt_now text;
  expected text;
begin
  if tg_table_name = 'message' then
    subject := new.id;
    attempt_now := (select a.state from goniec.attempt a where a.message_id = subject and a.state in ('claimed', 'transmitting', 'accepted', 'in_doubt') limit 1);
    if (new.status = 'sending' and attempt_now in ('claimed', 'transmitting')) or (new.status = 'sent' and attempt_now = 'accepted') then
      return null;
    end if;
    status_now := (select m.status from goniec.message m where m.id = subject);
  else
    subject := new.message_id;
    status_now := (select m.status from goniec.message m where m.id = subject);
    if (new.state = 'claimed' and status_now = 'sending') or (new.state = 'accepted' and status_now = 'sent') then
      return null;
    end if;
    attempt_now := (select a.state from goniec.attempt a where a.message_id = subject and a.state in ('claimed', 'transmitting', 'accepted', 'in_doubt') limit 1);
  end if;
  expected := case
    when attempt_now in ('claimed', 'transmitting') then 'sending'
    when attempt_now = 'accepted' then 'sent'
    when attempt_now = 'in_doubt' then 'in_doubt'
  end;
  if expected is distinct from status_now and not (expected is null and status_now in ('pending', 'failed', 'cancelled')) then
    raise exception 'message % cannot be % while %', subject, status_now,
        coalesce('an attempt of it is ' || attempt_now, 'no attempt of it is under way, accepted or in doubt')
      using errcode = 'check_violation', constraint = 'message_agrees_with_its_attempts',
            detail = case when attempt_now = 'accepted' then 'The server has accepted this mail. Sending it again would mail a person twice.'
                          when attempt_now = 'in_doubt' then 'Nobody knows whether the server has accepted this mail.'
                          else 'A message and its attempts change together, in one transaction.' end,
            hint = format('goniec message show %s', subject);
  end if;
  return null;
end $$;

create constraint trigger message_agrees_with_its_attempts after update of status on goniec.message
  deferrable initially deferred for each row when (old.status is distinct from new.status)
  execute function goniec.check_agreement();
create constraint trigger attempt_agrees_with_its_message after insert on goniec.attempt
  deferrable initially deferred for each row when (new.message_id is not null)
  execute function goniec.check_agreement();
create constraint trigger attempt_still_agrees_with_its_message after update of state on goniec.attempt
  deferrable initially deferred for each row
  when (new.message_id is not null and old.state is distinct from new.state and new.state <> 'transmitting')
  execute function goniec.check_agreement();

create function goniec.guard_campaign() returns trigger
language plpgsql
as $$
declare
  open_mails bigint;
begin
  if new.status = old.status then
    return new;
  end if;
  if old.status = 'cancelled' or (old.status, new.status) not in (
    ('draft', 'scheduled'), ('draft', 'running'), ('scheduled', 'running'), ('scheduled', 'paused'), ('paused', 'scheduled'), ('running', 'paused'),
    ('paused', 'running'), ('running', 'completed'), ('completed', 'running'),
    ('draft', 'cancelled'), ('scheduled', 'cancelled'), ('running', 'cancelled'), ('paused', 'cancelled')) then
    raise exception 'campaign "%" is %, and cannot become %', old.name, old.status, new.status
      using errcode = 'check_violation', constraint = 'campaign_transition_is_allowed',
            hint = format('goniec campaign show %s', old.name);
  end if;
  if new.status = 'completed' then
    -- A mail that is just being added refers to its campaign: this lock waits for whoever adds it, and the statement after it sees what he added.
    perform from goniec.campaign c where c.id = old.id for update;
    select count(*) into open_mails from goniec.message m where m.campaign_id = old.id and m.kind = 'campaign' and m.status in ('pending', 'sending', 'in_doubt');
    if open_mails > 0 then
      raise exception 'campaign "%" has % open mails, and cannot be completed', old.name, open_mails
        using errcode = 'check_violation', constraint = 'campaign_with_open_mails_is_not_completed';
    end if;
  end if;
  return new;
end $$;

create trigger guard_campaign_update before update of status on goniec.campaign
  for each row execute function goniec.guard_campaign();

create function goniec.refuse_removal() returns trigger
language plpgsql
as $$
begin
  raise exception 'rows of goniec.% are kept for ever', tg_table_name
    using errcode = 'restrict_violation', constraint = tg_table_name || '_is_kept',
          detail = 'They are the record of who was mailed; without it a person could be mailed twice.';
end $$;

create trigger message_is_kept before delete or truncate on goniec.message for each statement execute function goniec.refuse_removal();
create trigger attempt_is_kept before delete or truncate on goniec.attempt for each statement execute function goniec.refuse_removal();
create trigger mailbox_is_kept before delete or truncate on goniec.mailbox for each statement execute function goniec.refuse_removal();
create trigger event_is_kept before delete or truncate on goniec.event for each statement execute function goniec.refuse_removal();
create trigger transition_is_kept before delete or truncate on goniec.transition for each statement execute function goniec.refuse_removal();
create trigger contradiction_is_kept before delete or truncate on goniec.contradiction for each statement execute function goniec.refuse_removal();

create function goniec.refuse_update() returns trigger
language plpgsql
as $$
begin
  raise exception 'goniec.% is append-only', tg_table_name
    using errcode = 'restrict_violation', constraint = tg_table_name || '_is_append_only';
end $$;

create trigger event_is_append_only before update on goniec.event for each statement execute function goniec.refuse_update();
create trigger contradiction_is_append_only before update on goniec.contradiction for each statement execute function goniec.refuse_update();

-- The record writes itself: whatever changes a message or an attempt, typed by hand or not, leaves an event in the same transaction.
-- The old rows are joined by a hash, whatever the planner makes of them: it plans for the number of rows of a session's first statement, and what was
-- right for one row compares each with each when a plan writes two thousand. Hashes are switched on by name, since those who write switch them off.
-- What is the same for all of them is asked once, and a first slot, of which there is nothing to tell but its time, is put into words by itself.
create function goniec.record_message_events() returns trigger
language plpgsql
set enable_hashjoin = on
set enable_nestloop = off
set enable_mergejoin = off
set jit = off
as $$
declare
  v_now timestamptz := goniec.now();
  v_actor text := goniec.actor();
begin
  insert into goniec.event (at, type, message_id, campaign_id, lead_id, mailbox_id, actor, data)
  select v_now, change.type, new_row.id, new_row.campaign_id, new_row.lead_id, coalesce(new_row.mailbox_id, old_row.mailbox_id), v_actor, change.data
  from new_rows new_row
  join old_rows old_row using (id)
  cross join lateral (
    select case when old_row.scheduled_at is null then 'planned' when new_row.scheduled_at is null then 'withdrawn' else 'moved' end as type,
           case when old_row.scheduled_at is null and old_row.mailbox_id is null and new_row.slot_reason is null
                then jsonb_build_object('to', new_row.scheduled_at)
                else jsonb_strip_nulls(jsonb_build_object('from', old_row.scheduled_at, 'to', new_row.scheduled_at, 'reason', new_row.slot_reason,
                       'from_mailbox', case when new_row.mailbox_id <> old_row.mailbox_id then old_row.mailbox_id end)) end as data
    where new_row.status = 'pending' and old_row.status = 'pending'
      and (new_row.scheduled_at, new_row.mailbox_id) is distinct from (old_row.scheduled_at, old_row.mailbox_id)
    union all
    select case when new_row.status = 'pending' then case old_row.status when 'failed' then 'retried' else 'returned' end else new_row.status end,
           jsonb_strip_nulls(jsonb_build_object('from', old_row.status, 'reason', coalesce(new_row.failed_reason, new_row.slot_reason)))
    where new_row.status <> old_row.status and new_row.status <> 'sending'
    union all
    select case when new_row.held_reason is null then 'released' else 'held' end, jsonb_strip_nulls(jsonb_build_object('reason', new_row.held_reason))
    where new_row.held_reason is distinct from old_row.held_reason
  ) as change;
  return null;
end $$;

create trigger message_records_its_changes after update on goniec.message
  referencing old table as old_rows new table as new_rows
  for each statement execute function goniec.record_message_events();

-- Who asked for a single mail. Of campaign mail the enrollment says it, or the mail before: an event for each of a million would double an import.
create function goniec.record_request() returns trigger
language plpgsql
as $$
begin
  insert into goniec.event (type, message_id, campaign_id, lead_id, mailbox_id, data)
  values ('requested', new.id, new.campaign_id, new.lead_id, new.bound_mailbox_id, jsonb_strip_nulls(jsonb_build_object('kind', new.kind, 'not_before', new.not_before)));
  return null;
end $$;

create trigger message_records_its_request after insert on goniec.message
  for each row when (new.kind <> 'campaign' and not new.is_test) execute function goniec.record_request();

create function goniec.record_attempt_claims() returns trigger
language plpgsql
as $$
begin
  insert into goniec.event (type, message_id, attempt_id, campaign_id, lead_id, mailbox_id, data)
  select case when a.message_id is null then 'slot_taken' when a.ended_by = 'import' then 'imported' when a.ended_by = 'restore' then 'recalled' else 'claimed' end, a.message_id, a.id, a.campaign_id, a.lead_id, a.mailbox_id,
         jsonb_strip_nulls(jsonb_build_object('incarnation', a.incarnation_id, 'kind', a.kind, 'state', nullif(a.state, 'claimed'), 'response', a.response))
  from new_rows a;
  return null;
end $$;

create trigger attempt_records_its_claim after insert on goniec.attempt
  referencing new table as new_rows
  for each statement execute function goniec.record_attempt_claims();

create function goniec.record_attempt_changes() returns trigger
language plpgsql
set enable_hashjoin = on
set enable_nestloop = off
set enable_mergejoin = off
set jit = off
as $$
begin
  insert into goniec.event (type, message_id, attempt_id, campaign_id, lead_id, mailbox_id, data)
  select case when n.state = 'transmitting' then 'fenced' when n.message_id is null then 'slot_released'
              when o.state = 'in_doubt' then 'resolved' else 'settled' end,
         n.message_id, n.id, n.campaign_id, n.lead_id, n.mailbox_id,
         case when n.state = 'transmitting' then '{}'::jsonb
              else jsonb_strip_nulls(jsonb_build_object('state', n.state, 'outcome', n.outcome, 'stage', n.stage, 'response', n.response, 'by', n.ended_by)) end
  from new_rows n
  join old_rows o using (id)
  where n.state <> o.state;
  return null;
end $$;

create trigger attempt_records_its_changes after update on goniec.attempt
  referencing old table as old_rows new table as new_rows
  for each statement execute function goniec.record_attempt_changes();

-- Claim and fence decide on a snapshot that is younger than the locks they have just taken. Under "repeatable read" (a setting of the database
-- or the user is enough) it would be older, and a fence could pass after a pause had returned.
create function goniec.require_fresh_snapshots() returns void
language plpgsql
as $$
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'goniec works at isolation level "read committed", and this transaction is "%"', current_setting('transaction_isolation')
      using errcode = 'invalid_transaction_state', hint = 'alter database … reset default_transaction_isolation (or alter role …)';
  end if;
end $$;
