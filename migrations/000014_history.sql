-- History: what was sent before goniec, or elsewhere, becomes sent mails, so that it is never mailed again and follow-ups count from it.
--
-- Owns       messages that become sent by it, with an accepted attempt each, whose end is named "import".
-- Promises   a step that history names is never mailed again, whether its mail was waiting here or not; nothing that a worker has in its hands, or
--            that is in doubt, is touched; the same history twice changes nothing.
-- Leaves     names to the caller: it is given ids. Counting mails of other programs that no step belongs to: record_external_send.
--
-- Its shape, and why:
--   Sets, and an attempt that is accepted from the start: walked through claimed and transmitting, each would occupy its mailbox, and claim would wait
--   for an import, or the import for a worker.
--   One batch of history at a time (an advisory lock): what it locks is then in one order. That is leads and enrollments as they are made, messages by
--   id (of a lead in a campaign all that wait: claim skips them, and so never waits for the contact of that day), the days' counters. A counter
--   that another program holds in an open transaction is not waited for long; the caller tries the batch again.
--   A mail of an earlier step that is still waiting is cancelled: whoever has had the reminder gets no introduction. A step that was removed
--   is no step's successor, wherever its row stands.

-- The mails of a lead in a campaign. "offset 0" has them looked up by these two, and their state regarded afterwards: an index over what is
-- pending would look better to the planner, and be read from end to end for each row.
create function goniec.mails_of_lead(p_campaign bigint, p_lead bigint)
returns table (id bigint, status text, step_key text, place integer, slot_reason text)
language sql stable
as $$
  select m.id, m.status, m.step_key, s.position, m.slot_reason
  from (select * from goniec.message m where m.campaign_id = p_campaign and m.lead_id = p_lead and m.kind = 'campaign' offset 0) m
  join goniec.step s on s.id = m.step_id
$$;

create function goniec.import_history(p_rows jsonb) returns jsonb
language plpgsql
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set jit = off
set lock_timeout = '2s'
as $$
declare
  v_now timestamptz;
  v_zone text := (select i.timezone from goniec.installation i);
  v_today date;
  v_rows jsonb;
  v_rejects jsonb;
  v_early jsonb;
  v_known integer;
  v_enrolled integer;
  v_sent bigint[];
  v_taken_over bigint[];
  v_attempts bigint[];
begin
  perform pg_advisory_xact_lock(hashtextextended('goniec history', 20201));

  -- Whose mail of an earlier step may still be sent, or have been, would have two open at once: such a line waits until that is known.
  select coalesce(jsonb_agg(jsonb_build_object('line', r.line, 'reason', 'earlier_' || earlier.status, 'id', earlier.id) order by r.line), '[]')
  into v_early
  from jsonb_to_recordset(p_rows) as r (line bigint, email text, campaign_id bigint, step_id bigint)
  join goniec.lead l on l.email = r.email
  join goniec.step s on s.id = r.step_id and s.retired_at is null
  cross join lateral (
    select m.id, m.status from goniec.mails_of_lead(r.campaign_id, l.id) m
    where m.status in ('sending', 'in_doubt') and m.place < s.position limit 1) as earlier;
  p_rows := (
    select jsonb_agg(given.line) from jsonb_array_elements(p_rows) as given (line)
    where not v_early @> jsonb_build_array(jsonb_build_object('line', given.line -> 'line')));

  insert into goniec.lead (email, email_given)
  select distinct on (r.email) r.email, nullif(r.given, r.email)
  from jsonb_to_recordset(p_rows) as r (email text, given text)
  where not exists (select from goniec.lead l where l.email = r.email offset 0)
  order by r.email
  on conflict (email) do nothing;

  insert into goniec.enrollment (campaign_id, lead_id)
  select distinct r.campaign_id, l.id
  from jsonb_to_recordset(p_rows) as r (email text, campaign_id bigint)
  join goniec.lead l on l.email = r.email
  where not exists (select from goniec.enrollment e where e.campaign_id = r.campaign_id and e.lead_id = l.id offset 0)
  order by r.campaign_id, l.id
  on conflict (campaign_id, lead_id) do nothing;
  get diagnostics v_enrolled = row_count;

  -- Every row with its place; of several for one step the first.
  select jsonb_agg(to_jsonb(placed))
  into v_rows
  from (
    select distinct on (r.campaign_id, l.id, s.key)
           r.line, r.campaign_id, l.id as lead_id, e.id as enrollment_id, l.email, s.id as step_id, s.key as step_key, case when s.retired_at is null then s.position else 0 end as position,
           r.mailbox_id, coalesce(r.mailbox_id, (select min(cm.mailbox_id) from goniec.campaign_mailbox cm where cm.campaign_id = r.campaign_id)) as ledger_mailbox_id,
           r.sent_at, r.message_id as rfc_message_id, r.subject
    from jsonb_to_recordset(p_rows) as r (
      line bigint, email text, campaign_id bigint, step_id bigint, sent_at timestamptz, message_id text, mailbox_id bigint, subject text)
    join goniec.lead l on l.email = r.email
    join goniec.step s on s.id = r.step_id
    join goniec.enrollment e on e.campaign_id = r.campaign_id and e.lead_id = l.id
    order by r.campaign_id, l.id, s.key, r.line
  ) as placed;
  if v_rows is null then
    return jsonb_build_object('new', 0, 'known', 0, 'updated', 0, 'enrolled', 0, 'rejects', v_early);
  end if;

  insert into goniec.message (kind, campaign_id, enrollment_id, lead_id, recipient, step_id, step_key, slot_reason)
  select 'campaign', r.campaign_id, r.enrollment_id, r.lead_id, r.email, r.step_id, r.step_key, 'history'
  from jsonb_to_recordset(v_rows) as r (campaign_id bigint, enrollment_id bigint, lead_id bigint, email text, step_id bigint, step_key text)
  where not exists (
    select from goniec.message m where m.campaign_id = r.campaign_id and m.lead_id = r.lead_id and m.step_key = r.step_key and m.kind = 'campaign' offset 0)
  order by r.campaign_id, r.lead_id, r.step_key
  on conflict do nothing;

  perform m.id
  from goniec.message m
  where m.id in (
    select of_lead.id
    from jsonb_to_recordset(v_rows) as r (campaign_id bigint, lead_id bigint, step_key text)
    cross join lateral goniec.mails_of_lead(r.campaign_id, r.lead_id) as of_lead
    where of_lead.step_key = r.step_key or of_lead.status = 'pending')
  order by m.id
  for no key update of m;

  -- What is waiting, or had failed, becomes sent; by the rows as they are now that they are locked.
  select jsonb_agg(to_jsonb(r) || jsonb_build_object('id', of_lead.id)) filter (where of_lead.status in ('pending', 'failed')),
         coalesce(array_agg(of_lead.id order by of_lead.id) filter (where of_lead.status in ('pending', 'failed')), '{}'),
         coalesce(array_agg(of_lead.id) filter (where of_lead.status in ('pending', 'failed') and of_lead.slot_reason is distinct from 'history'), '{}'),
         coalesce(jsonb_agg(jsonb_build_object('line', r.line, 'reason', of_lead.status, 'id', of_lead.id) order by r.line)
           filter (where of_lead.status in ('sending', 'in_doubt', 'cancelled')), '[]')
  into v_rows, v_sent, v_taken_over, v_rejects
  from jsonb_to_recordset(v_rows) as r (
    line bigint, campaign_id bigint, lead_id bigint, email text, step_key text, position integer, mailbox_id bigint, ledger_mailbox_id bigint,
    sent_at timestamptz, rfc_message_id text, subject text)
  cross join lateral goniec.mails_of_lead(r.campaign_id, r.lead_id) as of_lead
  where of_lead.step_key = r.step_key;
  v_known := jsonb_array_length(p_rows) - cardinality(v_sent) - jsonb_array_length(v_rejects);
  v_now := goniec.now();
  v_today := (v_now at time zone v_zone)::date;

  update goniec.message m set status = 'pending', failed_reason = null where m.id = any (v_sent) and m.status = 'failed';
  update goniec.message m
  set status = 'sending', held_reason = null, not_before = null, variant = null,
      mailbox_id = r.mailbox_id,
      scheduled_at = case when r.mailbox_id is not null then r.sent_at end,
      window_closes_at = case when r.mailbox_id is not null then r.sent_at + interval '1 minute' end
  from jsonb_to_recordset(v_rows) as r (id bigint, mailbox_id bigint, sent_at timestamptz)
  where m.id = r.id;

  with
  accepted as (
    insert into goniec.attempt (
      message_id, mailbox_id, kind, campaign_id, salesperson_id, lead_id, state, lease_until, deadline_at, mailbox_day, campaign_day, domain_hour,
      holds_capacity, claimed_at, transmitting_at, finished_at, outcome, ended_by)
    select r.id, r.ledger_mailbox_id, 'campaign', r.campaign_id, c.salesperson_id, r.lead_id, 'accepted', r.sent_at, r.sent_at,
           (r.sent_at at time zone v_zone)::date, (r.sent_at at time zone c.timezone)::date,
           case when r.mailbox_id is not null and (r.sent_at at time zone v_zone)::date >= v_today
                     and exists (select from goniec.domain_limits(goniec.domain_of(r.email)))
                then goniec.hour_of(r.sent_at) end,
           r.mailbox_id is not null and (r.sent_at at time zone v_zone)::date >= v_today, r.sent_at, r.sent_at, r.sent_at, 'accepted', 'import'
    from jsonb_to_recordset(v_rows) as r (
      id bigint, campaign_id bigint, lead_id bigint, email text, mailbox_id bigint, ledger_mailbox_id bigint, sent_at timestamptz)
    join goniec.campaign c on c.id = r.campaign_id
    order by r.id
    returning id, message_id
  )
  select array_agg(a.id order by a.message_id) into v_attempts from accepted a;

  update goniec.message m
  set status = 'sent', sent_at = r.sent_at, rfc_message_id = coalesce(r.rfc_message_id, m.rfc_message_id), slot_reason = 'history'
  from jsonb_to_recordset(v_rows) as r (id bigint, sent_at timestamptz, rfc_message_id text)
  where m.id = r.id;

  insert into goniec.message_content (message_id, attempt_id, subject)
  select r.id, sent.attempt_id, r.subject
  from jsonb_to_recordset(v_rows) as r (id bigint, subject text)
  join (select unnest(v_sent) as message_id, unnest(v_attempts) as attempt_id) as sent on sent.message_id = r.id
  where r.subject is not null
  on conflict (message_id) do update set attempt_id = excluded.attempt_id, subject = excluded.subject, text = null, html = null, headers = '{}';

  update goniec.message m
  set status = 'cancelled', slot_reason = 'history', scheduled_at = null, mailbox_id = null, window_closes_at = null
  where m.status = 'pending' and m.id in (
    select of_lead.id
    from jsonb_to_recordset(v_rows) as r (campaign_id bigint, lead_id bigint, position integer)
    cross join lateral goniec.mails_of_lead(r.campaign_id, r.lead_id) as of_lead
    where of_lead.status = 'pending' and of_lead.place < r.position);

  perform goniec.follow_up(v_sent);

  insert into goniec.lead_day (lead_id, day, campaign_id)
  select distinct a.lead_id, a.mailbox_day, a.campaign_id
  from goniec.attempt a
  where a.id = any (v_attempts) and a.mailbox_day > v_today - 366
  order by a.lead_id, a.mailbox_day, a.campaign_id
  on conflict do nothing;

  perform goniec.count_history(v_attempts);
  return jsonb_build_object('new', cardinality(v_sent), 'known', v_known, 'updated', cardinality(v_taken_over), 'enrolled', v_enrolled, 'rejects', v_rejects || v_early);
end $$;

comment on function goniec.import_history(jsonb) is
  'Records what was sent: [{line, email, given, campaign_id, step_id, sent_at, message_id, mailbox_id, subject}]; the last three may be null. Returns {new, known, updated: mails that were waiting here, enrolled, rejects: [{line, reason, id}]}; reason is sending, in_doubt or cancelled.';

-- What history sent today counts today. Nothing is refused: a limit is raised to what was taken.
create function goniec.count_history(p_attempts bigint[]) returns void
language plpgsql
set enable_seqscan = off
set jit = off
as $$
begin
  insert into goniec.mailbox_day as d (mailbox_id, day, daily_limit, campaign_limit, warmup_limit, campaign_taken)
  select b.id, s.day, goniec.limit_for_day(l.daily_limit, s.mails), goniec.limit_for_day(l.campaign_limit, s.mails), l.warmup_limit, s.mails
  from (
    select a.mailbox_id, a.mailbox_day as day, count(*)::integer as mails
    from goniec.attempt a
    where a.id = any (p_attempts) and a.holds_capacity
    group by 1, 2
  ) as s
  join goniec.mailbox b on b.id = s.mailbox_id
  cross join lateral goniec.mailbox_limits(b, s.day) l
  order by b.id, s.day
  on conflict (mailbox_id, day) do update
  set campaign_taken = d.campaign_taken + excluded.campaign_taken,
      daily_limit = goniec.limit_for_day(d.daily_limit, d.campaign_taken + d.warmup_taken + d.response_taken + excluded.campaign_taken),
      campaign_limit = goniec.limit_for_day(d.campaign_limit, d.campaign_taken + excluded.campaign_taken);

  insert into goniec.campaign_day as d (campaign_id, day, daily_limit, taken)
  select a.campaign_id, a.campaign_day, goniec.limit_for_day(c.daily_limit, count(*)::integer), count(*)
  from goniec.attempt a
  join goniec.campaign c on c.id = a.campaign_id
  where a.id = any (p_attempts) and a.holds_capacity
  group by a.campaign_id, a.campaign_day, c.daily_limit
  order by 1, 2
  on conflict (campaign_id, day) do update
  set taken = d.taken + excluded.taken, daily_limit = goniec.limit_for_day(d.daily_limit, d.taken + excluded.taken);

  insert into goniec.salesperson_day as d (salesperson_id, day, daily_limit, taken)
  select a.salesperson_id, a.mailbox_day, goniec.limit_for_day(s.daily_limit, count(*)::integer), count(*)
  from goniec.attempt a
  join goniec.salesperson s on s.id = a.salesperson_id
  where a.id = any (p_attempts) and a.holds_capacity
  group by a.salesperson_id, a.mailbox_day, s.daily_limit
  order by 1, 2
  on conflict (salesperson_id, day) do update
  set taken = d.taken + excluded.taken, daily_limit = goniec.limit_for_day(d.daily_limit, d.taken + excluded.taken);

  insert into goniec.domain_day as d (domain, day, daily_limit, taken)
  select s.domain, s.day, goniec.limit_for_day(l.daily_limit, s.mails), s.mails
  from (
    select goniec.domain_of(m.recipient) as domain, a.mailbox_day as day, count(*)::integer as mails
    from goniec.attempt a join goniec.message m on m.id = a.message_id
    where a.id = any (p_attempts) and a.holds_capacity and a.domain_hour is not null
    group by 1, 2
  ) as s
  cross join lateral goniec.domain_limits(s.domain) l
  order by 1, 2
  on conflict (domain, day) do update
  set taken = d.taken + excluded.taken, daily_limit = goniec.limit_for_day(d.daily_limit, d.taken + excluded.taken);

  insert into goniec.domain_hour as d (domain, hour, hourly_limit, taken)
  select s.domain, s.hour, goniec.limit_for_day(l.hourly_limit, s.mails), s.mails
  from (
    select goniec.domain_of(m.recipient) as domain, a.domain_hour as hour, count(*)::integer as mails
    from goniec.attempt a join goniec.message m on m.id = a.message_id
    where a.id = any (p_attempts) and a.holds_capacity and a.domain_hour is not null
    group by 1, 2
  ) as s
  cross join lateral goniec.domain_limits(s.domain) l
  order by 1, 2
  on conflict (domain, hour) do update
  set taken = d.taken + excluded.taken, hourly_limit = goniec.limit_for_day(d.hourly_limit, d.taken + excluded.taken);
end $$;
