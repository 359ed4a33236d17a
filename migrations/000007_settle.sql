-- Settle: writes what became of attempts, and everything that follows from it, in one transaction.
--
-- Owns       the end of an attempt, the message's state after it, the next step's message, what is given back, faults of mailboxes.
-- Promises   "already so, by me" is success, so that it can be called again after a lost reply; a late outcome settles a doubt; an outcome
--            that contradicts a person's resolution is recorded, and refuses whatever was tried since and has not passed its fence.
-- Leaves     reading the server's reply to the outcome table; placing what is pending again to the plan; finishing a campaign to complete().
--
-- Its shape, and why:
--   Attempts are locked in id order, then messages in id order, here as in fence and resolve: in any other order two of them deadlock.
--   It waits for nobody else's work: what it gives back, and leads it marks as bounced, lie in rows that other programs and imports may hold for
--   long. finish_business() takes what it can have now, and recovery calls it again every minute. So it is with the faults of a mailbox.
--   What a person holds in a forgotten transaction (the mail itself, or by "for update" the lead that the next step's mail refers to) is waited for
--   two seconds: then the call fails, and its outcomes are written one by one, so that only that one is kept and tried again.

-- How long until the n-th try of a mail (n counted attempts behind it), or the n-th try of a mailbox; each is spread by +-20 %.
create function goniec.backoff(attempts integer, spread_by bigint) returns interval
language sql immutable
as $$
  select (array[5, 15, 60, 240])[least(greatest(attempts, 1), 4)] * interval '1 minute'
       * (0.8 + 0.4 * (('x' || substr(md5(spread_by || ':' || attempts), 1, 8))::bit(32)::bigint / 4294967295.0))
$$;

create function goniec.mailbox_backoff(faults integer, spread_by bigint) returns interval
language sql immutable
as $$
  select (array[1, 5, 15, 60])[least(greatest(faults, 1), 4)] * interval '1 minute'
       * (0.8 + 0.4 * (('x' || substr(md5('mailbox:' || spread_by || ':' || faults), 1, 8))::bit(32)::bigint / 4294967295.0))
$$;

-- The variant that an enrollment gets of a step: by weight, the same on every call; null where the step has none. Written to be inlined into what asks.
create function goniec.variant_for(p_step bigint, p_enrollment bigint) returns table (letter text)
language sql stable rows 1
as $$
  select coalesce(
    (select w.letter
     from (select v.letter, sum(v.weight) over (order by v.letter) as upto, sum(v.weight) over () as total
           from goniec.variant v
           where v.step_id = p_step and v.weight > 0) as w
     where w.upto > ('x' || substr(md5(p_enrollment || ':' || p_step), 1, 8))::bit(32)::bigint % w.total
     order by w.letter limit 1),
    (select min(v.letter) from goniec.variant v where v.step_id = p_step))
$$;

create function goniec.pick_variant(p_step bigint, p_enrollment bigint) returns text
language sql stable
as $$ select v.letter from goniec.variant_for(p_step, p_enrollment) v $$;

-- The next step's message of each of these sent messages, where there is a next step and the lead may still be mailed. It is the first one behind
-- everything that the lead has had, and counts from the last of these mails: where steps were put in another order, or history names a later
-- step, nobody goes back to an earlier one, and nobody is on two ways at once. A next mail that a person or the lead has ended ends the sequence; one
-- that went with its step, when that was out of the definition file for a while, is passed over. A step that was removed while its mail was under way
-- has no place any more: its lead goes on behind the others that it has had, and with the first one where it has had no other.
--
-- Each mail is found by its number, and the lead's others by the lead ("offset 0" keeps the status out of both looks): the planner, as long as it
-- believes that nothing was sent, prefers the index over what a campaign has sent, and then each mail reads all that went out before it (measured:
-- 450 µs a mail behind the first two thousand of a campaign, instead of 90).
create function goniec.follow_up(p_messages bigint[]) returns bigint
language plpgsql
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
set jit = off
as $$
declare
  v_made bigint;
begin
  insert into goniec.message (kind, campaign_id, enrollment_id, lead_id, recipient, step_id, step_key, variant, bound_mailbox_id, follows_at)
  select distinct on (m.campaign_id, m.lead_id)
         'campaign', m.campaign_id, m.enrollment_id, m.lead_id, m.recipient, next_step.id, next_step.key,
         picked.letter, m.mailbox_id, m.sent_at
  from unnest(p_messages) as asked (id)
  cross join lateral (select sent.* from goniec.message sent where sent.id = asked.id offset 0) as m
  cross join lateral (select from goniec.campaign its where its.id = m.campaign_id and its.status <> 'cancelled' offset 0) as c
  cross join lateral (select from goniec.enrollment its where its.id = m.enrollment_id and its.removed_at is null offset 0) as e
  cross join lateral (
    select its.email, its.suppression_values from goniec.lead its
    where its.id = m.lead_id and its.blocked_at is null and its.replied_at is null and its.unsubscribed_at is null and its.bounced_at is null offset 0
  ) as l
  cross join lateral (select its.position, its.retired_at from goniec.step its where its.id = m.step_id offset 0) as step
  join lateral (
    select max(had.position) as position
    from (
      select p.step_id, p.status from goniec.message p
      where p.campaign_id = m.campaign_id and p.lead_id = m.lead_id and p.kind = 'campaign' offset 0
    ) as p
    cross join lateral (select its.position from goniec.step its where its.id = p.step_id and its.retired_at is null offset 0) as had
    where p.status = 'sent'
  ) as furthest on true
  join lateral (
    select s.id, s.key from goniec.step s
    where s.campaign_id = m.campaign_id and s.retired_at is null
      and s.position > case when step.retired_at is null then greatest(step.position, furthest.position) else coalesce(furthest.position, 0) end
      and not exists (select from goniec.message p
                      where p.campaign_id = m.campaign_id and p.lead_id = m.lead_id and p.step_key = s.key and p.kind = 'campaign'
                        and p.status = 'cancelled' and p.slot_reason = 'step removed')
    order by s.position limit 1
  ) as next_step on true
  cross join lateral goniec.variant_for(next_step.id, m.enrollment_id) as picked
  where m.kind = 'campaign' and m.status = 'sent'
    and not exists (select from goniec.suppression x
                    where x.value = any (case when l.email = m.recipient then l.suppression_values else goniec.suppression_values(m.recipient) end) offset 0)
  order by m.campaign_id, m.lead_id, m.sent_at desc, m.id desc
  on conflict do nothing;
  get diagnostics v_made = row_count;
  return v_made;
end $$;

-- Whether a message that would be pending again is out for good: its campaign was cancelled, or its lead may no longer be mailed.
create function goniec.is_out(m goniec.message) returns boolean
language sql stable
as $$
  select exists (select from goniec.campaign c where c.id = m.campaign_id and c.status = 'cancelled' and m.kind = 'campaign')
      or exists (select from goniec.enrollment e where e.id = m.enrollment_id and e.removed_at is not null)
      or exists (select from goniec.lead l where l.id = m.lead_id
                 and (l.blocked_at is not null or l.unsubscribed_at is not null or l.bounced_at is not null or (m.kind = 'campaign' and l.replied_at is not null)))
      or goniec.is_suppressed(m.recipient)
$$;

-- What a report says, and what it means for its attempt as it stands now.
create type goniec.judged_report as (
  attempt_id bigint, outcome text, stage text, code integer, response text, give_back boolean, lead_bounced boolean, permanent boolean,
  reason text, hold text, not_before timestamptz, rfc_message_id text, server_message_id text, claimed_at timestamptz,
  message_id bigint, mailbox_id bigint, campaign_day date, mailbox_day date, transmitting_at timestamptz, state_before text, state_after text, verdict text);

create function goniec.settle(p_incarnation bigint, p_results jsonb)
returns table (attempt_id bigint, verdict text, message_status text)
language plpgsql
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
set jit = off
set lock_timeout = '2s'
as $$
declare
  v_now timestamptz;
  v_asked bigint[] := (select array_agg((r ->> 'attempt_id')::bigint) from jsonb_array_elements(p_results) r);
  v_settled goniec.judged_report[];
  v_sent bigint[];
  v_unfinished bigint[];
  v_refused_of bigint[];
  v_refused_by bigint[];
begin
  perform goniec.require_fresh_snapshots();
  perform set_config('goniec.incarnation', p_incarnation::text, true);
  perform a.id from goniec.attempt a where a.id = any (v_asked) order by a.id for no key update;
  perform m.id from goniec.message m
  where m.id = any (array(select a.message_id from goniec.attempt a where a.id = any (v_asked))) order by m.id for no key update;
  v_now := goniec.now();

  -- What each report means for its attempt, as it stands now.
  with
  reported as (
    select r.*,
           case r.outcome
             when 'accepted' then 'accepted' when 'rejected' then 'rejected' when 'deferred' then 'deferred' when 'aborted' then 'aborted'
             when 'unknown' then 'in_doubt' when 'mailbox_fault' then case when r.code is null then 'aborted' else 'deferred' end
           end as target
    from jsonb_to_recordset(p_results) as r (
      attempt_id bigint, outcome text, stage text, code integer, response text, give_back boolean, lead_bounced boolean, permanent boolean,
      reason text, hold text, not_before timestamptz, rfc_message_id text, server_message_id text, claimed_at timestamptz)
  ),
  judged as (
    select r.*, a.message_id, a.mailbox_id, a.campaign_day, a.mailbox_day, a.transmitting_at, a.state as state_before,
           -- Late knowledge that nothing was sent: the doubt ends as a refusal.
           case when a.state = 'in_doubt' and r.target = 'aborted' then 'deferred' else r.target end as state_after,
           case
             when a.id is null then 'unknown_attempt'
             when a.incarnation_id is distinct from p_incarnation then 'not_yours'
             -- A failover forgot that claim, and its number was given to another one of the same worker.
             when r.claimed_at <> a.claimed_at then 'not_yours'
             when a.state = r.target then 'already'
             when a.state = 'in_doubt' and r.target = 'aborted' then 'settled'
             when exists (select from goniec.transition t where t.entity = 'attempt' and t.from_state = a.state and t.to_state = r.target) then 'settled'
             when r.target = 'accepted' or (a.state = 'accepted' and r.target in ('deferred', 'rejected', 'aborted')) then 'contradiction'
             else 'already'
           end as verdict
    from reported r
    left join lateral (
      select its.id, its.message_id, its.mailbox_id, its.incarnation_id, its.state, its.mailbox_day, its.campaign_day, its.claimed_at, its.transmitting_at
      from goniec.attempt its where its.id = r.attempt_id offset 0
    ) as a on true
  )
  -- Kept as an array of rows: taken apart five times, which as JSON cost a tenth of the call.
  select array_agg(row(
           j.attempt_id, j.outcome, j.stage, j.code, j.response, j.give_back, j.lead_bounced, j.permanent, j.reason, j.hold, j.not_before, j.rfc_message_id,
           j.server_message_id, j.claimed_at, j.message_id, j.mailbox_id, j.campaign_day, j.mailbox_day, j.transmitting_at, j.state_before, j.state_after,
           j.verdict)::goniec.judged_report)
  into v_settled
  from judged j;

  update goniec.attempt a
  set state = j.state_after, outcome = j.outcome, stage = j.stage, code = j.code, response = j.response, finished_at = v_now,
      server_message_id = j.server_message_id, give_back = coalesce(j.give_back, false) and j.state_after not in ('accepted', 'in_doubt'),
      bounce_due = coalesce(j.lead_bounced, false) and j.state_after = 'rejected' and a.lead_id is not null
  from (
    select j.*, (select its.ctid from goniec.attempt its where its.id = j.attempt_id) as place from unnest(v_settled) as j where j.verdict = 'settled' offset 0
  ) as j
  where a.ctid = j.place;

  with
  settled as (
    select j.* from unnest(v_settled) as j where j.verdict = 'settled' and j.message_id is not null
  ),
  decided as (
    select s.*, m.place, m.counted_attempts + (s.outcome = 'deferred')::integer as counted, m.uncounted_attempts + (s.outcome in ('mailbox_fault', 'aborted'))::integer as uncounted,
           case
             when s.state_after = 'accepted' then 'sent'
             when s.state_after = 'in_doubt' then 'in_doubt'
             when s.outcome = 'rejected' then 'failed'
             when goniec.is_out((select its from goniec.message its where its.id = s.message_id)) then 'cancelled'
             when s.outcome = 'deferred' and m.counted_attempts + 1 >= 5 then 'failed'
             else 'pending'
           end as status_after
    from settled s
    cross join lateral (select its.ctid as place, its.counted_attempts, its.uncounted_attempts from goniec.message its where its.id = s.message_id offset 0) as m
  )
  update goniec.message m
  set status = d.status_after,
      sent_at = case when d.status_after = 'sent' then d.transmitting_at else m.sent_at end,
      rfc_message_id = coalesce(m.rfc_message_id, d.rfc_message_id),
      counted_attempts = d.counted,
      uncounted_attempts = d.uncounted,
      tried_days = case when d.outcome = 'deferred' and coalesce(d.campaign_day, d.mailbox_day) <> all (m.tried_days)
                        then m.tried_days || coalesce(d.campaign_day, d.mailbox_day) else m.tried_days end,
      held_reason = case when d.status_after = 'pending' and d.hold is not null then d.hold
                         when d.status_after = 'pending' and d.uncounted >= 10 and d.outcome in ('mailbox_fault', 'aborted')
                         then 'ten attempts ended through no fault of the mail; the last: ' || coalesce(d.response, d.reason, d.outcome) else m.held_reason end,
      failed_reason = case when d.status_after = 'failed' then coalesce(d.response, d.outcome) else m.failed_reason end,
      not_before = case when d.status_after = 'pending'
                        then coalesce(d.not_before, case when d.outcome = 'deferred' then v_now + goniec.backoff(d.counted, m.id)
                                                        when d.outcome = 'aborted' and d.reason is null then v_now + goniec.mailbox_backoff(d.uncounted, m.id)
                                                        else m.not_before end)
                        else m.not_before end,
      slot_reason = case when d.status_after = 'pending' then coalesce(d.reason, case d.outcome when 'mailbox_fault' then 'mailbox' else 'retry' end)
                         when d.status_after = 'cancelled' then 'out' else m.slot_reason end,
      scheduled_at = case when d.status_after in ('pending', 'cancelled') then null else m.scheduled_at end,
      mailbox_id = case when d.status_after in ('pending', 'cancelled') then null else m.mailbox_id end,
      window_closes_at = case when d.status_after in ('pending', 'cancelled') then null else m.window_closes_at end
  from decided d
  where m.ctid = d.place;

  select array_agg(a.message_id) filter (where a.state = 'accepted'),
         array_agg(a.id) filter (where a.give_back or a.bounce_due),
         array_agg(a.campaign_id) filter (where a.state = 'rejected' and a.campaign_id is not null),
         array_agg(a.mailbox_id) filter (where a.state = 'rejected')
  into v_sent, v_unfinished, v_refused_of, v_refused_by
  from goniec.attempt a
  where a.id = any (array(select j.attempt_id from unnest(v_settled) as j where j.verdict = 'settled'));
  if v_sent is not null then perform goniec.follow_up(v_sent); end if;

  -- Faults in a row break a mailbox, and most make it back off; so do refusals of mails for good where the lead is not at fault ("relay not
  -- permitted"), without backing off. Any other answer about a mail ends the row. What another program holds is left as it is.
  with
  reports as (
    select j.mailbox_id, bool_or(j.outcome = 'mailbox_fault') as backs_off, bool_or(coalesce(j.permanent, false)) as permanent, max(j.response) as response,
           bool_or(j.outcome = 'mailbox_fault' or (j.outcome = 'rejected' and j.code is not null and not coalesce(j.lead_bounced, false))) as is_fault
    from unnest(v_settled) as j
    where j.verdict = 'settled' and j.outcome in ('mailbox_fault', 'accepted', 'deferred', 'rejected')
    group by j.mailbox_id
  ),
  gates as (
    select g.mailbox_id from goniec.mailbox_gate g
    where g.mailbox_id = any (array(select r.mailbox_id from reports r))
      and (g.faults > 0 or g.mailbox_id = any (array(select r.mailbox_id from reports r where r.is_fault)))
    order by g.mailbox_id for no key update skip locked
  ),
  counted as (
    update goniec.mailbox_gate g
    set faults = case when r.is_fault then g.faults + 1 else 0 end,
        fault_reason = case when r.is_fault then r.response end,
        free_from = case when r.backs_off then greatest(g.free_from, v_now + goniec.mailbox_backoff(g.faults + 1, g.mailbox_id)) else g.free_from end
    from reports r
    where g.mailbox_id = r.mailbox_id and g.mailbox_id = any (array(select mailbox_id from gates))
    returning g.mailbox_id, g.faults, g.fault_reason, r.permanent
  ),
  breaking as (
    select b.id, c.fault_reason from goniec.mailbox b join counted c on c.mailbox_id = b.id
    where b.id = any (array(select mailbox_id from counted)) and b.status = 'active' and c.faults >= case when c.permanent then 5 else 10 end
    order by b.id for no key update of b skip locked
  ),
  broken as (
    update goniec.mailbox b
    set status = 'broken', status_reason = coalesce(breaking.fault_reason, 'no answer'), version = b.version + 1
    from breaking
    where b.id = any (array(select id from breaking)) and b.id = breaking.id
    returning b.id, b.status_reason
  )
  insert into goniec.event (type, mailbox_id, data)
  select 'mailbox_broken', b.id, jsonb_build_object('reason', b.status_reason) from broken b;

  if v_unfinished is not null then perform goniec.finish_business(v_unfinished); end if;

  if v_refused_by is not null then perform goniec.brake_refused(coalesce(v_refused_of, '{}'), v_refused_by); end if;

  insert into goniec.contradiction (attempt_id, reported)
  select j.attempt_id, to_jsonb(j) from unnest(v_settled) as j
  where j.verdict = 'contradiction'
    and not exists (select from goniec.contradiction known where known.attempt_id = j.attempt_id and known.reported ->> 'outcome' = j.outcome);
  if found then
    update goniec.message m
    set held_reason = 'a late answer of the server contradicts how its doubt was resolved'
    -- In doubt too: were the attempt made since resolved as not sent, or refused late, the mail would be sent once more.
    where m.status in ('pending', 'sending', 'in_doubt')
      and m.id in (select j.message_id from unnest(v_settled) as j where j.verdict = 'contradiction');
    insert into goniec.event (type, message_id, attempt_id, data)
    select 'contradicted', j.message_id, j.attempt_id, to_jsonb(j) from unnest(v_settled) as j where j.verdict = 'contradiction';
  end if;

  return query
  select j.attempt_id, j.verdict, (select m.status from goniec.message m where m.id = j.message_id)
  from unnest(v_settled) as j;
end $$;

comment on function goniec.settle(bigint, jsonb) is
  'Writes outcomes: [{attempt_id, claimed_at, outcome, stage, code, response, give_back, lead_bounced, permanent, reason, hold, not_before, rfc_message_id, server_message_id}]; hold: the mail itself is at fault, and is set aside. Verdict settled, already, contradiction, not_yours.';

-- A person's word on a doubt. Refused while the attempt could still be alive.
create function goniec.resolve_doubt(p_message bigint, p_as text) returns text
language plpgsql
as $$
declare
  v_attempt goniec.attempt;
  v_message goniec.message;
  v_now timestamptz;
  v_status text;
begin
  select a.* into v_attempt from goniec.attempt a where a.message_id = p_message and a.state = 'in_doubt' for no key update;
  if not found then
    raise exception 'message % is not in doubt', p_message
      using errcode = 'no_data_found', hint = 'goniec doubt list';
  end if;
  select m.* into v_message from goniec.message m where m.id = p_message for no key update;
  v_now := goniec.now();
  if v_now < v_attempt.deadline_at then
    raise exception 'the attempt at message % could still be alive until %', p_message, v_attempt.deadline_at
      using errcode = 'object_not_in_prerequisite_state', hint = 'wait until then; an answer of the server may still settle it';
  end if;
  if p_as = 'sent' then
    update goniec.attempt set state = 'accepted', ended_by = goniec.actor(), finished_at = v_now where id = v_attempt.id;
    update goniec.message set status = 'sent', sent_at = v_attempt.transmitting_at where id = p_message;
    perform goniec.follow_up(array[p_message]);
    return 'sent';
  elsif p_as = 'not-sent' then
    update goniec.attempt set state = 'presumed_unsent', ended_by = goniec.actor(), finished_at = v_now where id = v_attempt.id;
    v_status := case when goniec.is_out(v_message) then 'cancelled' else 'pending' end;
    update goniec.message
    set status = v_status, scheduled_at = null, mailbox_id = null, window_closes_at = null, slot_reason = 'retry'
    where id = p_message;
    return v_status;
  end if;
  raise exception 'a doubt is resolved as "sent" or "not-sent", not "%"', p_as using errcode = 'invalid_parameter_value';
end $$;

-- Ends running campaigns of which nothing is open, and says which. What is open only because its lead may not be mailed is cancelled with it.
-- The campaign is locked first ("for update" waits for an import, which holds it "for key share"), and looked at again in a second statement.
create function goniec.complete_campaigns() returns setof text
language plpgsql
set enable_seqscan = off
set jit = off
as $$
declare
  v_campaign bigint;
  v_name text;
begin
  for v_campaign in
    select c.id from goniec.campaign c
    where c.status = 'running' and not exists (
      select from goniec.message m
      where m.campaign_id = c.id and m.kind = 'campaign' and m.status in ('pending', 'sending', 'in_doubt') and not (m.status = 'pending' and goniec.is_out(m))
      offset 0)
    order by c.id
  loop
    perform from goniec.campaign c where c.id = v_campaign and c.status = 'running' for update skip locked;
    continue when not found;
    continue when exists (
      select from goniec.message m
      where m.campaign_id = v_campaign and m.kind = 'campaign' and m.status in ('pending', 'sending', 'in_doubt') and not (m.status = 'pending' and goniec.is_out(m)));
    update goniec.message
    set status = 'cancelled', slot_reason = 'out', scheduled_at = null, mailbox_id = null, window_closes_at = null
    where id in (
      -- Once more: a lead may have been unblocked since.
      select m.id from goniec.message m where m.campaign_id = v_campaign and m.kind = 'campaign' and m.status = 'pending' and goniec.is_out(m)
      order by m.id for no key update skip locked);
    continue when exists (
      select from goniec.message m where m.campaign_id = v_campaign and m.kind = 'campaign' and m.status in ('pending', 'sending', 'in_doubt'));
    update goniec.campaign set status = 'completed', completed_at = goniec.now() where id = v_campaign returning name into v_name;
    insert into goniec.event (type, campaign_id) values ('campaign_completed', v_campaign);
    return next v_name;
  end loop;
end $$;
