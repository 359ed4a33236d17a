-- Restored: a backup was restored, a standby promoted that lacked the last commits, or the database was copied elsewhere. Then it may have forgotten
-- mails that went out, and would send them again.
--
-- Owns       the notice of it (goniec.restoration, 000001), what is known of workers, what they report, and the way back to sending.
-- Promises   from the notice on nothing is claimed and nothing passes its fence, until a person has said so; or, after a promotion only, until every
--            worker that was known has reported from its logbook and nothing of any of them is missing. What a logbook knows and the database has
--            forgotten becomes sent or in_doubt, and is never sent again: by its row where there is one, by its Message-ID at the fence where there is none.
--            Who tells of mails, places them or doubts them does so one after the other (the lock "recall", taken first of all): none fails by the other.
-- Leaves     the logbook itself, outside the database, to the worker (src/worker/logbook); the decision to a person (goniec resume --after-restore).
--
-- Noticed by three things, each of which is enough:
--   1  Another system identifier, database or timeline than in goniec.home. Claim and fence compare them, every time.
--   2  A worker's logbook names an attempt that the ledger does not have: a disk or a machine was set back in place.
--   3  A logbook has seen a later position of the write-ahead log than the server is at now.
-- docs/decisions/restore-detection.md has the reasons, and what cannot be noticed.

create table goniec.known_worker (
  worker text primary key,
  seen_at timestamptz not null
);

comment on table goniec.known_worker is 'Every name that a worker has worked under, and when it was last seen, to the minute. After a restore each that was seen in the week before has to report.';

create table goniec.restoration_report (
  restoration_id bigint not null references goniec.restoration,
  worker text not null,
  reported_at timestamptz not null default goniec.now(),
  covers_from timestamptz,
  is_complete boolean not null,
  is_ahead boolean not null,
  mails integer not null,
  primary key (restoration_id, worker)
);

comment on table goniec.restoration_report is 'Which workers have told what they had sent.';
comment on column goniec.restoration_report.covers_from is 'From when on its logbook knows; null: from its first mail on.';
comment on column goniec.restoration_report.is_complete is 'Its logbook knows all that the database may have forgotten.';
comment on column goniec.restoration_report.is_ahead is 'It has seen a later position of the write-ahead log than the database had when it was noticed: something was forgotten, if no mail.';
comment on column goniec.restoration_report.mails is 'How many of its mails the database had forgotten.';

create table goniec.recalled_mail (
  id bigint generated always as identity primary key,
  restoration_id bigint not null references goniec.restoration,
  worker text not null,
  attempt_id bigint not null,
  passed_at timestamptz not null,
  outcome text not null constraint recalled_mail_outcome_is_known check (outcome in ('accepted', 'unknown')),
  response text,
  kind text not null constraint recalled_mail_kind_is_known check (kind in ('campaign', 'own')),
  recipient text not null,
  campaign text,
  step_key text,
  idempotency_key text,
  mailbox text,
  rfc_message_id text,
  message_id bigint references goniec.message,
  became text
);

comment on table goniec.recalled_mail is 'Mails that went out and the database had forgotten, as the logbooks of workers tell.';
comment on column goniec.recalled_mail.attempt_id is 'The number it had; the ledger may have given it to another attempt since. With passed_at it names the mail.';
comment on column goniec.recalled_mail.kind is 'campaign: a step for a lead; own: a response, a test or a warm-up mail, with the key it was asked for by.';
comment on column goniec.recalled_mail.message_id is 'Its row in this database; null: there is none (leads that were imported after the backup). One with the same Message-ID passes no fence.';
comment on column goniec.recalled_mail.became is 'What its row became: sent, in_doubt; or what it was already.';

-- What stands in front of the @ of a Message-ID: the domain is the mailbox's, and a mail may leave from another one the second time.
create function goniec.local_part_of(p_rfc_message_id text) returns text
language sql immutable strict parallel safe
as $$ select split_part(ltrim(p_rfc_message_id, '<'), '@', 1) $$;

create unique index one_recall_per_attempt on goniec.recalled_mail (attempt_id, passed_at);
create index recalled_mail_without_row on goniec.recalled_mail (goniec.local_part_of(rfc_message_id)) where message_id is null;

create table goniec.restoration_due (
  restoration_id bigint not null references goniec.restoration,
  message_id bigint not null references goniec.message,
  due_at timestamptz not null,
  mailbox_id bigint,
  primary key (restoration_id, message_id)
);

comment on column goniec.restoration_due.mailbox_id is 'Null: it had no slot yet.';
comment on table goniec.restoration_due is 'What was to go out in the time that the database may have forgotten, written down before any plan moves it: a worker that cannot report may have sent it.';

-- Writes down that this database was restored, unless it was not. p_reason: what a worker knows by its logbook. Returns the restoration that has not
-- ended. A promotion that turns out to have forgotten something, or to be a copy, is told so.
create function goniec.notice_restoration(p_reason text default null, p_explanation text default null) returns bigint
language plpgsql
as $$
declare
  v_id bigint;
  v_was text;
  v_standing record;
  v_reason text;
  v_now timestamptz;
  v_last timestamptz;
begin
  select r.id, r.reason into v_id, v_was from goniec.restoration r where r.ended_at is null;
  v_standing := goniec.standing();
  v_reason := coalesce(p_reason, v_standing.moved);
  if v_id is not null then
    if v_was = 'promoted' and v_reason in ('forgotten', 'elsewhere') then
      update goniec.restoration r
      set reason = v_reason, explanation = coalesce(p_explanation, goniec.explain_restoration(v_reason))
      where r.id = v_id and r.ended_at is null;
    end if;
    return v_id;
  end if;
  if v_reason is null then
    insert into goniec.home (system_identifier, database_oid, timeline)
    select h.system_identifier, h.database_oid, h.timeline from goniec.here() h
    where not exists (select from goniec.home)
    on conflict do nothing;
    return null;
  end if;

  v_now := goniec.now();
  -- Only what workers have done: an operator may have looked, and imported, since the restore.
  v_last := coalesce(
    greatest((select max(k.seen_at) from goniec.known_worker k), (select a.claimed_at from goniec.attempt a order by a.id desc limit 1)),
    (select e.at from goniec.event e order by e.id desc limit 1));
  v_last := least(v_last, v_now);
  insert into goniec.restoration (noticed_at, reason, explanation, last_known_at, wal_position)
  values (v_now, v_reason, coalesce(p_explanation, goniec.explain_restoration(v_reason)), v_last, v_standing.wal_position)
  on conflict do nothing
  returning id into v_id;
  if v_id is null then
    -- Somebody else has just noticed it.
    return (select r.id from goniec.restoration r where r.ended_at is null);
  end if;
  perform pg_notify('goniec', 'restored');
  insert into goniec.event (type, data)
  values ('restoration_noticed', jsonb_strip_nulls(jsonb_build_object('reason', v_reason, 'explanation', p_explanation, 'last_known_at', v_last)));
  insert into goniec.restoration_due (restoration_id, message_id, due_at, mailbox_id)
  select v_id, m.id, m.scheduled_at, m.mailbox_id
  from goniec.message m
  where m.status in ('pending', 'sending', 'in_doubt') and m.status <> 'in_doubt' and m.scheduled_at > '-infinity'
    and m.scheduled_at between coalesce(v_last, '-infinity') - interval '5 minutes' and v_now
    and not exists (select from goniec.attempt a where a.message_id = m.id and a.state = 'transmitting' offset 0);
  -- A mail that no plan had looked at yet had no slot, and may have got one and gone out a moment later.
  insert into goniec.restoration_due (restoration_id, message_id, due_at)
  select v_id, m.id, greatest(m.created_at, m.follows_at, m.not_before)
  from goniec.message m
  where m.status = 'pending' and m.scheduled_at is null and m.held_reason is null and coalesce(goniec.why_no_slot(m), 'retry') = 'retry'
    and greatest(m.created_at, m.follows_at, m.not_before) between coalesce(v_last, '-infinity') - interval '5 minutes' and v_now;
  return v_id;
end $$;

create function goniec.explain_restoration(p_reason text) returns text
language sql immutable
as $$
  select case p_reason
    when 'promoted' then 'the server was promoted, or recovered to a point in time'
    when 'elsewhere' then 'the database is in another place than it was: restored from a dump, copied, or upgraded with pg_upgrade'
    else 'the server knows less than it did'
  end
$$;

-- Which of these attempts ({attempt_id, passed_at}, from a logbook) the database has forgotten: it has no such attempt that passed at that instant,
-- and nobody has reported it.
create function goniec.forgotten_of(p_entries jsonb) returns table (attempt_id bigint, passed_at timestamptz)
language sql stable
set enable_seqscan = off
set jit = off
as $$
  select e.attempt_id, e.passed_at
  from jsonb_to_recordset(p_entries) as e (attempt_id bigint, passed_at timestamptz)
  where not exists (select from goniec.attempt a where a.id = e.attempt_id and a.transmitting_at = e.passed_at offset 0)
    and not exists (select from goniec.recalled_mail r where r.attempt_id = e.attempt_id and r.passed_at = e.passed_at offset 0)
$$;

-- A worker is there, or was a minute ago. It does not wait for a synchronous standby: the session that says it holds the worker's name, and one that
-- waits in vain is given up by its worker, but holds the name for as long as the standby is away.
create function goniec.mark_worker(p_worker text) returns text
language plpgsql
as $$
begin
  perform set_config('synchronous_commit', 'local', true);
  insert into goniec.known_worker (worker, seen_at) values (p_worker, goniec.now())
  on conflict (worker) do update set seen_at = excluded.seen_at;
  return (goniec.here()).wal_position::text;
end $$;

-- Whether the mail of this attempt went out before the restore, by its Message-ID: then it does not pass.
create function goniec.is_recalled(p_attempt bigint, p_contents jsonb) returns boolean
language sql stable
as $$
  select exists (
    select from jsonb_to_recordset(p_contents) as given (attempt_id bigint, headers jsonb)
    join goniec.recalled_mail r on goniec.local_part_of(r.rfc_message_id) = goniec.local_part_of(given.headers ->> 'message-id') and r.message_id is null
    where given.attempt_id = p_attempt and (r.kind = 'campaign' or r.idempotency_key is not null))
$$;

-- A worker reports: its mails that passed their fence and were not surely refused ({attempt_id, passed_at, outcome, response, kind, recipient,
-- campaign, step_key, idempotency_key, mailbox, rfc_message_id}), as many calls as it takes. Those that the ledger has are left alone, but for a
-- server's yes that it lacks. Returns how many it had forgotten.
create function goniec.recall_mails(p_restoration bigint, p_worker text, p_entries jsonb) returns integer
language plpgsql
set enable_seqscan = off
set jit = off
as $$
declare
  v_entry record;
  v_mail record;
  v_recalled integer := 0;
begin
  perform pg_advisory_xact_lock(goniec.lock_key('recall'));
  for v_entry in
    select e.*, known.message_id as known_message, known.id is not null as is_known, known.state
    from jsonb_to_recordset(p_entries) as e (
      attempt_id bigint, passed_at timestamptz, outcome text, response text, kind text, recipient text, campaign text, step_key text,
      idempotency_key text, mailbox text, rfc_message_id text)
    left join goniec.attempt known on known.id = e.attempt_id and known.transmitting_at = e.passed_at
    order by e.attempt_id, e.passed_at
  loop
    if v_entry.is_known then
      if v_entry.outcome = 'accepted' and v_entry.state in ('transmitting', 'in_doubt') and v_entry.known_message is not null then
        perform goniec.put_on_record(v_entry.known_message, v_entry.mailbox, v_entry.passed_at, 'accepted', v_entry.response, v_entry.rfc_message_id);
      end if;
      continue;
    end if;
    insert into goniec.recalled_mail as r (restoration_id, worker, attempt_id, passed_at, outcome, response, kind, recipient, campaign, step_key,
                                      idempotency_key, mailbox, rfc_message_id)
    values (p_restoration, p_worker, v_entry.attempt_id, v_entry.passed_at, v_entry.outcome, v_entry.response, v_entry.kind, v_entry.recipient,
            v_entry.campaign, v_entry.step_key, v_entry.idempotency_key, v_entry.mailbox, v_entry.rfc_message_id)
    -- It was on the wire when it was told first, and the server's yes came behind that.
    on conflict (attempt_id, passed_at) do update set outcome = excluded.outcome, response = excluded.response
    where r.outcome = 'unknown' and excluded.outcome = 'accepted'
    returning r.id, r.message_id, r.xmax = 0 as is_new into v_mail;
    continue when not found;
    v_recalled := v_recalled + v_mail.is_new::integer;
    if v_mail.message_id is not null then
      update goniec.recalled_mail r
      set became = coalesce(
        goniec.put_on_record(v_mail.message_id, v_entry.mailbox, v_entry.passed_at, 'accepted', v_entry.response, v_entry.rfc_message_id), r.became)
      where r.id = v_mail.id;
    end if;
  end loop;
  perform goniec.place_recalled();
  return v_recalled;
end $$;

-- Finds the rows of recalled mails: at once, and again every minute for those whose lead or campaign comes back by an import. A mail that is found
-- makes the row of its follow-up, which may have been told of as well: so it looks until nothing is found any more, or the last of them would be made
-- when sending may go on already, and nobody would ask whether it had gone out. Where somebody else is at it, he does it. Returns how many were found.
create function goniec.place_recalled() returns integer
language plpgsql
set enable_seqscan = off
set jit = off
as $$
declare
  v_mail record;
  v_became text;
  v_placed integer := 0;
  v_before integer;
begin
  if not pg_try_advisory_xact_lock(goniec.lock_key('recall')) then return 0; end if;
  loop
    v_before := v_placed;
    for v_mail in
      select r.*, m.id as found
      from goniec.recalled_mail r
      cross join lateral (
        select m.id
        from goniec.campaign c
        join goniec.lead l on l.email = r.recipient
        join goniec.message m on m.campaign_id = c.id and m.lead_id = l.id and m.step_key = r.step_key and m.kind = 'campaign'
        where r.kind = 'campaign' and c.name = r.campaign
        union all
        select m.id from goniec.message m
        where r.kind = 'own' and m.kind = 'response' and m.idempotency_key = r.idempotency_key and m.recipient = r.recipient
        union all
        select m.id from goniec.message m
        where r.kind = 'own' and m.kind = 'warmup' and m.idempotency_key = r.idempotency_key and m.recipient = r.recipient
      ) as m
      where r.message_id is null
      order by m.id
    loop
      -- Claimed anew since: its fence refuses it by its Message-ID, and in a minute it is free.
      continue when exists (
        select from goniec.attempt a where a.message_id = v_mail.found and a.state in ('claimed', 'transmitting') and a.claimed_at > v_mail.passed_at);
      v_became := goniec.put_on_record(
        v_mail.found, v_mail.mailbox, v_mail.passed_at, case v_mail.outcome when 'accepted' then 'accepted' else 'in_doubt' end,
        coalesce(v_mail.response, 'it went out before the restore, and the server''s answer is not known'), v_mail.rfc_message_id);
      continue when v_became is null;
      update goniec.recalled_mail r set message_id = v_mail.found, became = v_became where r.id = v_mail.id;
      v_placed := v_placed + 1;
    end loop;
    exit when v_placed = v_before;
  end loop;
  return v_placed;
end $$;

-- Makes a message sent (p_state accepted) or in_doubt, by an attempt that passed at that instant, whatever the database believed. Returns what it is
-- now: also what it was already (sent, in_doubt), or cancelled, which nothing sends. Null: it was claimed at this very instant, and stays as it is.
create function goniec.put_on_record(
  p_message bigint, p_mailbox text, p_at timestamptz, p_state text, p_response text, p_rfc_message_id text)
returns text
language plpgsql security definer
set search_path = pg_catalog
set jit = off
as $$
declare
  v_attempt goniec.attempt;
  v_message goniec.message;
  v_mailbox goniec.mailbox;
  v_campaign goniec.campaign;
  v_zone text := (select i.timezone from goniec.installation i);
  v_id bigint;
begin
  select a.* into v_attempt from goniec.attempt a
  where a.message_id = p_message and a.state in ('claimed', 'transmitting', 'accepted', 'in_doubt') for no key update;
  select m.* into v_message from goniec.message m where m.id = p_message for no key update;
  if v_message.status in ('sent', 'cancelled') or (v_message.status = 'in_doubt' and p_state = 'in_doubt') then
    return v_message.status;
  end if;
  -- A claim that committed while its message was waited for. To lock its attempt now, behind the message, would be the wrong order.
  if v_attempt.id is null and exists (
    select from goniec.attempt a where a.message_id = p_message and a.state in ('claimed', 'transmitting', 'accepted', 'in_doubt') offset 0) then
    return null;
  end if;

  if v_attempt.id is not null then
    if v_attempt.state = 'claimed' then
      update goniec.attempt a set state = 'transmitting', transmitting_at = greatest(p_at, a.claimed_at) where a.id = v_attempt.id;
    end if;
    update goniec.attempt a
    set state = p_state, outcome = case p_state when 'accepted' then 'accepted' else 'unknown' end, response = p_response, finished_at = goniec.now(),
        ended_by = 'restore'
    where a.id = v_attempt.id;
    v_id := v_attempt.id;
  else
    select b.* into v_mailbox from goniec.mailbox b
    where b.id = coalesce((select named.id from goniec.mailbox named where named.address = p_mailbox), v_message.mailbox_id, v_message.bound_mailbox_id);
    select c.* into v_campaign from goniec.campaign c where c.id = v_message.campaign_id;
    if v_mailbox.id is null then
      select b.* into v_mailbox from goniec.mailbox b join goniec.campaign_mailbox cm on cm.mailbox_id = b.id
      where cm.campaign_id = v_campaign.id order by b.id limit 1;
    end if;
    update goniec.message m set status = 'pending', failed_reason = null where m.id = p_message and m.status = 'failed';
    update goniec.message m
    set status = 'sending', held_reason = null, mailbox_id = v_mailbox.id, scheduled_at = p_at, window_closes_at = p_at + interval '1 minute'
    where m.id = p_message;
    insert into goniec.attempt (
      message_id, mailbox_id, kind, campaign_id, salesperson_id, lead_id, state, lease_until, deadline_at, mailbox_day, campaign_day,
      claimed_at, transmitting_at, finished_at, outcome, response, ended_by)
    values (
      p_message, v_mailbox.id, v_message.kind, case when v_message.kind = 'campaign' then v_campaign.id end,
      case when v_message.kind = 'campaign' then v_campaign.salesperson_id else v_mailbox.salesperson_id end, v_message.lead_id, p_state, p_at,
      p_at + interval '15 minutes', (p_at at time zone v_zone)::date,
      case when v_message.kind = 'campaign' then (p_at at time zone v_campaign.timezone)::date end,
      p_at, p_at, p_at, case p_state when 'accepted' then 'accepted' else 'unknown' end, p_response, 'restore')
    returning id into v_id;
    perform goniec.count_recalled(v_id);
  end if;

  update goniec.message m
  set status = case p_state when 'accepted' then 'sent' else 'in_doubt' end,
      sent_at = case p_state when 'accepted' then coalesce((select a.transmitting_at from goniec.attempt a where a.id = v_id), p_at) else m.sent_at end,
      rfc_message_id = coalesce(m.rfc_message_id, p_rfc_message_id)
  where m.id = p_message;
  if p_state = 'accepted' then
    perform goniec.follow_up(array[p_message]);
    perform goniec.note_follow_up_due(p_message);
  end if;
  return case p_state when 'accepted' then 'sent' else 'in_doubt' end;
end $$;

-- The mail that follows one which had been forgotten has been made only now. Where its wait was over in that time, it may have gone out as well, by a
-- worker that does not report.
create function goniec.note_follow_up_due(p_message bigint) returns void
language sql
as $$
  insert into goniec.restoration_due (restoration_id, message_id, due_at)
  select r.id, next.id, due.at
  from goniec.restoration r
  join goniec.message m on m.id = p_message
  join goniec.message next on next.campaign_id = m.campaign_id and next.lead_id = m.lead_id and next.kind = 'campaign'
    and next.status = 'pending' and next.follows_at = m.sent_at
  join goniec.step s on s.id = next.step_id
  join goniec.campaign c on c.id = m.campaign_id
  cross join lateral (
    select case when s.wait_days is null then m.sent_at + coalesce(s.wait_ms, 0) * interval '1 millisecond'
                else ((m.sent_at at time zone c.timezone)::date + s.wait_days)::timestamp at time zone c.timezone end as at
  ) as due
  where r.ended_at is null and due.at <= r.noticed_at
  on conflict do nothing
$$;

-- What went out counts, on its day, whatever the limit: it is raised to what was taken. So do its gap, its delay and its contact.
create function goniec.count_recalled(p_attempt bigint) returns void
language plpgsql
as $$
declare
  a goniec.attempt;
begin
  select t.* into a from goniec.attempt t where t.id = p_attempt;
  insert into goniec.mailbox_day (mailbox_id, day, daily_limit, campaign_limit, warmup_limit)
  select b.id, a.mailbox_day, l.daily_limit, l.campaign_limit, l.warmup_limit
  from goniec.mailbox b cross join lateral goniec.mailbox_limits(b, a.mailbox_day) l
  where b.id = a.mailbox_id
  on conflict do nothing;
  update goniec.mailbox_day d
  set campaign_taken = d.campaign_taken + (a.kind = 'campaign')::integer, warmup_taken = d.warmup_taken + (a.kind = 'warmup')::integer,
      response_taken = d.response_taken + (a.kind = 'response')::integer,
      daily_limit = goniec.limit_for_day(d.daily_limit, d.campaign_taken + d.warmup_taken + d.response_taken + 1),
      campaign_limit = goniec.limit_for_day(d.campaign_limit, d.campaign_taken + (a.kind = 'campaign')::integer),
      warmup_limit = goniec.limit_for_day(d.warmup_limit, d.warmup_taken + (a.kind = 'warmup')::integer)
  where d.mailbox_id = a.mailbox_id and d.day = a.mailbox_day;
  if a.kind <> 'warmup' then
    insert into goniec.salesperson_day as d (salesperson_id, day, daily_limit, taken)
    select s.id, a.mailbox_day, goniec.limit_for_day(s.daily_limit, 1), 1 from goniec.salesperson s where s.id = a.salesperson_id
    on conflict (salesperson_id, day) do update set taken = d.taken + 1, daily_limit = goniec.limit_for_day(d.daily_limit, d.taken + 1);
  end if;
  if a.kind = 'campaign' then
    insert into goniec.campaign_day as d (campaign_id, day, daily_limit, taken)
    select c.id, a.campaign_day, goniec.limit_for_day(c.daily_limit, 1), 1 from goniec.campaign c where c.id = a.campaign_id
    on conflict (campaign_id, day) do update set taken = d.taken + 1, daily_limit = goniec.limit_for_day(d.daily_limit, d.taken + 1);
    insert into goniec.lead_day (lead_id, day, campaign_id) values (a.lead_id, a.mailbox_day, a.campaign_id) on conflict do nothing;
    update goniec.campaign_gate g set last_fence_at = greatest(g.last_fence_at, a.transmitting_at) where g.campaign_id = a.campaign_id;
  end if;
  update goniec.mailbox_gate g set last_fence_at = greatest(g.last_fence_at, a.transmitting_at) where g.mailbox_id = a.mailbox_id;
end $$;

-- A worker has told all that its logbook knows. p_covers_from: from when on it does; null: from its first mail on.
create function goniec.finish_report(p_restoration bigint, p_worker text, p_covers_from timestamptz, p_wal_position pg_lsn) returns void
language plpgsql
as $$
begin
  insert into goniec.restoration_report as t (restoration_id, worker, covers_from, is_complete, is_ahead, mails)
  select r.id, p_worker, p_covers_from,
         p_covers_from is null or coalesce(p_covers_from <= r.last_known_at, false),
         coalesce(p_wal_position > r.wal_position, false),
         (select count(*) from goniec.recalled_mail m where m.restoration_id = r.id and m.worker = p_worker)
  from goniec.restoration r
  where r.id = p_restoration
  on conflict (restoration_id, worker) do update
  set reported_at = excluded.reported_at, covers_from = excluded.covers_from, is_complete = excluded.is_complete, is_ahead = t.is_ahead or excluded.is_ahead,
      mails = excluded.mails;
end $$;

-- Every worker that has to report, and those that have: seen within the week before the last thing that the database knows.
create function goniec.workers_to_report(p_restoration bigint)
returns table (worker text, seen_at timestamptz, reported_at timestamptz, covers_from timestamptz, is_complete boolean, is_ahead boolean, mails integer)
language sql stable
as $$
  select coalesce(k.worker, t.worker), k.seen_at, t.reported_at, t.covers_from, coalesce(t.is_complete, false), coalesce(t.is_ahead, false), t.mails
  from goniec.restoration r
  left join lateral (
    select k.worker, k.seen_at from goniec.known_worker k where k.seen_at > r.last_known_at - interval '7 days'
  ) as k on true
  full join (select * from goniec.restoration_report t where t.restoration_id = p_restoration) as t on t.worker = k.worker
  where coalesce(r.id, t.restoration_id) = p_restoration and coalesce(k.worker, t.worker) is not null
  order by 1
$$;

-- Ends a promotion that forgot nothing: every worker that was known has reported, none is missing anything. As its owner: a worker may hold all
-- sending, and lets go of it by this rule only. Where no worker had been seen for long and mails were due meanwhile, a person is asked: one that was
-- first started in that time may have sent them, and its name was forgotten with it.
create function goniec.end_harmless_restoration() returns boolean
language plpgsql security definer
set search_path = pg_catalog
as $$
declare
  v_id bigint;
begin
  select r.id into v_id from goniec.restoration r where r.ended_at is null and r.reason = 'promoted' for no key update;
  if v_id is null
     or exists (select from goniec.workers_to_report(v_id) w where not w.is_complete or w.is_ahead or w.mails > 0)
     or exists (select from goniec.restoration r
                where r.id = v_id and coalesce(r.noticed_at > r.last_known_at + interval '10 minutes', true)
                  and exists (select from goniec.restoration_due d where d.restoration_id = r.id))
     or (goniec.standing()).moved is distinct from 'promoted' then
    return false;
  end if;
  perform goniec.end_restoration(v_id, 'workers');
  return true;
end $$;

create function goniec.end_restoration(p_restoration bigint, p_by text) returns void
language plpgsql
as $$
begin
  update goniec.restoration r set ended_at = goniec.now(), ended_by = p_by where r.id = p_restoration and r.ended_at is null;
  if not found then return; end if;
  insert into goniec.home (system_identifier, database_oid, timeline)
  select h.system_identifier, h.database_oid, h.timeline from goniec.here() h
  on conflict (only_row) do update
  set system_identifier = excluded.system_identifier, database_oid = excluded.database_oid, timeline = excluded.timeline, recorded_at = goniec.now();
  insert into goniec.event (type, data) values ('restoration_ended', jsonb_build_object('by', p_by));
  perform pg_notify('goniec', 'plan');
end $$;

-- Puts in doubt what was due in the time that may be forgotten: a worker that cannot report may have sent it. Returns how many.
create function goniec.doubt_due(p_restoration bigint) returns integer
language plpgsql
as $$
declare
  v_due record;
  v_doubted integer := 0;
begin
  perform pg_advisory_xact_lock(goniec.lock_key('recall'));
  -- What leads bring back that were imported since has been told of, and is followed by what may not have been.
  perform goniec.place_recalled();
  for v_due in
    select d.message_id, d.due_at, b.address
    from goniec.restoration_due d
    join goniec.message m on m.id = d.message_id and m.status in ('pending', 'sending', 'failed')
    left join goniec.mailbox b on b.id = d.mailbox_id
    where d.restoration_id = p_restoration
    order by d.message_id
  loop
    if goniec.put_on_record(v_due.message_id, v_due.address, v_due.due_at, 'in_doubt',
                            'it was due in the time that the database has forgotten, and a worker has not reported', null) = 'in_doubt' then
      v_doubted := v_doubted + 1;
    end if;
  end loop;
  return v_doubted;
end $$;

insert into goniec.home (system_identifier, database_oid, timeline)
select h.system_identifier, h.database_oid, h.timeline from goniec.here() h;

insert into goniec.known_worker (worker, seen_at) select i.worker, max(i.seen_at) from goniec.incarnation i group by i.worker;

-- Only what a worker needs. What ends a restoration, or puts a mail on record, is nobody's but the owner's, and the rules' above.
revoke execute on function goniec.end_harmless_restoration(), goniec.put_on_record(bigint, text, timestamptz, text, text, text) from public;

do $$
begin
  if exists (select from pg_roles where rolname = 'goniec_reporter') then
    grant select on goniec.known_worker, goniec.restoration_report, goniec.recalled_mail, goniec.restoration_due to goniec_reporter;
  end if;
  if exists (select from pg_roles where rolname = 'goniec_worker') then
    grant select on goniec.known_worker, goniec.restoration_report, goniec.recalled_mail, goniec.restoration_due to goniec_worker;
    grant insert, update on goniec.known_worker, goniec.restoration_report to goniec_worker;
    grant insert on goniec.home, goniec.restoration, goniec.restoration_due, goniec.recalled_mail to goniec_worker;
    grant update (reason, explanation) on goniec.restoration to goniec_worker;
    grant update (outcome, response, message_id, became) on goniec.recalled_mail to goniec_worker;
    grant execute on function goniec.end_harmless_restoration(), goniec.put_on_record(bigint, text, timestamptz, text, text, text) to goniec_worker;
  end if;
end $$;
