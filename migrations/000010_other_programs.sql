-- For other programs that use the same mailboxes (a warm-up tool, an inbox tool, the predecessor during the move). Each function is safe inside
-- the caller's own transaction; while that is open it holds up its mailbox, and nothing else.
--
-- A mailbox's day is asked for as (select …): a day that the planner knows lets it take the index of days, and read those of all mailboxes.

create function goniec.require_mailbox(p_address text) returns goniec.mailbox
language plpgsql stable
as $$
declare
  v_mailbox goniec.mailbox;
begin
  select b.* into v_mailbox from goniec.mailbox b where b.address = lower(trim(p_address));
  if not found then
    raise exception 'there is no mailbox "%"', p_address using errcode = 'no_data_found', hint = 'goniec mailbox list';
  end if;
  return v_mailbox;
end $$;

create function goniec.require_kind(p_kind text) returns void
language plpgsql immutable
as $$
begin
  if p_kind is null or p_kind not in ('response', 'campaign', 'warmup') then
    raise exception 'a kind is response, campaign or warmup, not "%"', p_kind using errcode = 'invalid_parameter_value';
  end if;
end $$;

-- Postgres holds times that no calendar of four digits does, 'infinity' among them. One of them on a mail would end whatever reads the queue.
create function goniec.require_time(p_what text, p_at timestamptz) returns void
language plpgsql stable
as $$
begin
  if p_at < '0001-01-02 00:00Z' or p_at >= '9999-12-31 00:00Z' then
    raise exception '% between the years 1 and 9999, not at %', p_what, p_at using errcode = 'invalid_parameter_value';
  end if;
end $$;

create function goniec.take_slot(mailbox text, kind text, lease interval default interval '5 minutes') returns bigint
language plpgsql
set enable_seqscan = off
set plan_cache_mode = force_custom_plan
set jit = off
set lock_timeout = '200ms'
as $$
#variable_conflict use_column
declare
  v_mailbox goniec.mailbox := goniec.require_mailbox(mailbox);
  v_kind text := kind;
  v_lease interval := lease;
  v_now timestamptz;
  v_today date;
  v_slot bigint;
begin
  perform goniec.require_kind(v_kind);
  if v_lease is null or v_lease <= interval '0' then
    raise exception 'a slot needs a lease longer than nothing, not %', v_lease using errcode = 'invalid_parameter_value';
  end if;
  v_now := goniec.now();
  v_today := (select (v_now at time zone i.timezone)::date from goniec.installation i);
  if not exists (select from goniec.mailbox_day d where d.mailbox_id = v_mailbox.id and d.day = (select v_today)) then
    perform goniec.make_day_rows(1, v_mailbox.id);
  end if;

  -- A slot whose lease is over frees its mailbox here too: there may be no worker whose recovery would do it.
  update goniec.attempt a
  set state = 'aborted', outcome = 'aborted', finished_at = v_now, ended_by = 'recovery'
  where a.mailbox_id = v_mailbox.id and a.message_id is null and a.state = 'claimed' and a.lease_until <= v_now;

  -- The same locks that claim takes, in its order, so that the two exclude each other; and never waited for long, so that no two can deadlock.
  perform from goniec.mailbox_gate g where g.mailbox_id = v_mailbox.id for no key update;
  perform from goniec.mailbox_day d where d.mailbox_id = v_mailbox.id and d.day = (select v_today) for no key update;

  update goniec.mailbox_day d
  set campaign_taken = d.campaign_taken + (v_kind = 'campaign')::integer,
      warmup_taken = d.warmup_taken + (v_kind = 'warmup')::integer,
      response_taken = d.response_taken + (v_kind = 'response')::integer
  from goniec.mailbox_gate g, goniec.mailbox b, goniec.salesperson s, goniec.installation i
  where d.mailbox_id = v_mailbox.id and d.day = (select v_today) and g.mailbox_id = d.mailbox_id and b.id = d.mailbox_id and s.id = b.salesperson_id
    and b.status = 'active' and s.paused_at is null and i.paused_at is null and not goniec.is_restored()
    and coalesce(greatest(g.free_from, g.last_fence_at + b.min_gap_ms * interval '1 millisecond') <= v_now, true)
    and d.campaign_taken + d.warmup_taken + d.response_taken < d.daily_limit
    and (v_kind <> 'campaign' or d.campaign_limit is null or d.campaign_taken < d.campaign_limit)
    and (v_kind <> 'warmup' or d.warmup_limit is null or d.warmup_taken < d.warmup_limit)
    and not exists (select from goniec.attempt live where live.mailbox_id = d.mailbox_id and live.state in ('claimed', 'transmitting'));
  if not found then
    raise exception 'no room, or busy' using errcode = 'GN001';
  end if;

  update goniec.mailbox_gate g set last_fence_at = v_now where g.mailbox_id = v_mailbox.id;
  insert into goniec.attempt (mailbox_id, kind, salesperson_id, lease_until, deadline_at, mailbox_day, claimed_at)
  values (v_mailbox.id, v_kind, v_mailbox.salesperson_id, v_now + v_lease, v_now + v_lease, v_today, v_now)
  returning id into v_slot;
  return v_slot;
-- Null comes by way of an error, because that gives the locked rows back: who asks for a slot in a long transaction and gets none must not
-- hold up the mailbox, and the fence of the mail that occupies it.
exception when sqlstate 'GN001' or lock_not_available or deadlock_detected or unique_violation then
  return null;
end $$;

comment on function goniec.take_slot(text, text, interval) is
  'Reserves one mail of this kind and occupies the mailbox; null: no room, or busy. Give it back with release_slot before the lease is over; after it the mailbox is free again, and the mail counts as used.';

create function goniec.release_slot(id bigint, used boolean default true) returns void
language plpgsql
set enable_seqscan = off
set plan_cache_mode = force_custom_plan
set jit = off
as $$
#variable_conflict use_column
declare
  v_attempt goniec.attempt;
  v_slot bigint := release_slot.id;
  v_used boolean := coalesce(release_slot.used, true);
  v_now timestamptz := goniec.now();
begin
  select a.* into v_attempt from goniec.attempt a where a.id = v_slot and a.message_id is null for no key update;
  if not found then
    raise exception 'there is no slot %', v_slot using errcode = 'no_data_found', hint = 'it is the number that goniec.take_slot returned';
  end if;
  if v_attempt.state = 'claimed' and v_used then
    update goniec.attempt a set state = 'transmitting', transmitting_at = v_now where a.id = v_slot;
    update goniec.attempt a set state = 'accepted', finished_at = v_now, outcome = 'accepted' where a.id = v_slot;
    update goniec.mailbox_gate g set last_fence_at = v_now where g.mailbox_id = v_attempt.mailbox_id;
  elsif v_attempt.state = 'claimed' then
    update goniec.attempt a set state = 'aborted', finished_at = v_now, outcome = 'aborted', give_back = true where a.id = v_slot;
  elsif v_attempt.state = 'aborted' and not v_used then
    update goniec.attempt a set give_back = true where a.id = v_slot;
  end if;
  if not v_used then
    perform goniec.finish_business(array[v_slot]);
  end if;
  perform pg_notify('goniec', 'dispatch');
end $$;

comment on function goniec.release_slot(bigint, boolean) is 'Frees the mailbox; gives the capacity back only if it was not used. Calling it twice is harmless.';

create function goniec.record_external_send(mailbox text, kind text, sent_at timestamptz) returns void
language plpgsql
set enable_seqscan = off
set plan_cache_mode = force_custom_plan
set jit = off
as $$
#variable_conflict use_column
declare
  v_mailbox goniec.mailbox := goniec.require_mailbox(mailbox);
  v_kind text := kind;
  v_day date := (select (record_external_send.sent_at at time zone i.timezone)::date from goniec.installation i);
begin
  perform goniec.require_kind(v_kind);
  perform goniec.require_time('a send is', record_external_send.sent_at);
  if v_day is null then
    raise exception 'a send needs the time it was sent at' using errcode = 'invalid_parameter_value';
  end if;
  insert into goniec.mailbox_day (mailbox_id, day, daily_limit, campaign_limit, warmup_limit)
  select v_mailbox.id, v_day, l.daily_limit, l.campaign_limit, l.warmup_limit
  from goniec.mailbox_limits(v_mailbox, v_day) l
  on conflict do nothing;
  update goniec.mailbox_day d
  set campaign_taken = d.campaign_taken + (v_kind = 'campaign')::integer,
      warmup_taken = d.warmup_taken + (v_kind = 'warmup')::integer,
      response_taken = d.response_taken + (v_kind = 'response')::integer,
      daily_limit = greatest(d.daily_limit, d.campaign_taken + d.warmup_taken + d.response_taken + 1),
      campaign_limit = case when v_kind = 'campaign' and d.campaign_limit is not null then greatest(d.campaign_limit, d.campaign_taken + 1) else d.campaign_limit end,
      warmup_limit = case when v_kind = 'warmup' and d.warmup_limit is not null then greatest(d.warmup_limit, d.warmup_taken + 1) else d.warmup_limit end
  where d.mailbox_id = v_mailbox.id and d.day = (select v_day);
  insert into goniec.event (type, mailbox_id, data)
  values ('external_send', v_mailbox.id, jsonb_build_object('kind', v_kind, 'sent_at', record_external_send.sent_at, 'day', v_day));
  perform pg_notify('goniec', 'plan');
end $$;

comment on function goniec.record_external_send(text, text, timestamptz) is
  'Counts a mail that another program has sent already. Never refused: the day''s limit is raised to what was taken.';

-- What is not base64 would be taken for it, and a file go out that nobody can open.
create function goniec.require_attachments(p_attachments jsonb) returns void
language plpgsql immutable
as $$
declare
  v_one jsonb;
begin
  if jsonb_typeof(p_attachments) <> 'array' or jsonb_path_exists(
    p_attachments, '$[*] ? (!(@.filename.type() == "string" && @.filename != "" && @.content.type() == "string"))') then
    raise exception 'attachments are a list of {filename, contentType, content}, content in base64' using errcode = 'invalid_parameter_value';
  end if;
  for v_one in select * from jsonb_array_elements(p_attachments) loop
    begin
      perform decode(v_one ->> 'content', 'base64');
    exception when invalid_parameter_value then
      raise exception 'the content of attachment "%" is not base64: %', v_one ->> 'filename', sqlerrm
        using errcode = 'invalid_parameter_value', hint = 'content: the base64 alone, padded, without "data:…;base64,"';
    end;
  end loop;
end $$;

create function goniec.enqueue_response(
  "to" text,
  key text,
  text text default null,
  subject text default null,
  html text default null,
  "from" text default null,
  at timestamptz default null,
  campaign text default null,
  attachments jsonb default '[]',
  again boolean default false)
returns bigint
language plpgsql
set enable_seqscan = off
set plan_cache_mode = force_custom_plan
set jit = off
as $$
#variable_conflict use_column
declare
  v_now timestamptz := goniec.now();
  v_lead goniec.lead;
  v_last goniec.message;
  v_mailbox goniec.mailbox;
  v_campaign bigint;
  v_day date;
  v_digest text;
  v_message goniec.message;
  v_id bigint;
  v_subject text := enqueue_response.subject;
  v_reply_to text;
  v_references text[] := '{}';
begin
  if coalesce(trim(enqueue_response.key), '') = '' then
    raise exception 'a response needs an idempotency key' using errcode = 'invalid_parameter_value', hint = 'key: whatever names the request, so that it is answered once';
  end if;
  if concat(enqueue_response.text, enqueue_response.html) !~ '\S' then
    raise exception 'a response needs a text or an html part' using errcode = 'invalid_parameter_value';
  end if;
  perform goniec.require_attachments(enqueue_response.attachments);
  perform goniec.require_time('a response is sent', enqueue_response.at);
  -- The time in UTC: as text it would depend on the zone of the session, and the same request would seem another one.
  v_digest := encode(sha256(convert_to(jsonb_build_array(lower(trim(enqueue_response."to")), enqueue_response.subject, enqueue_response.text, enqueue_response.html,
                                                 lower(trim(enqueue_response."from")), enqueue_response.at at time zone 'UTC', enqueue_response.campaign, enqueue_response.attachments)::text, 'UTF8')), 'hex');

  -- One caller at a time for each key, so that the second one finds the first one's message instead of a violated constraint.
  perform pg_advisory_xact_lock(hashtextextended('response:' || enqueue_response.key, 20201));
  select m.* into v_message from goniec.message m where m.kind = 'response' and m.idempotency_key = enqueue_response.key;
  if found then
    if (select mm.digest from goniec.message_material mm where mm.message_id = v_message.id) is distinct from v_digest then
      raise exception 'response "%" was already asked for, with other content (message %)', enqueue_response.key, v_message.id
        using errcode = 'unique_violation', constraint = 'one_response_per_idempotency_key', hint = format('goniec message show %s; another response needs another key', v_message.id);
    end if;
    return v_message.id;
  end if;

  select l.* into v_lead from goniec.lead l where l.email = lower(trim(enqueue_response."to"));
  if not found then
    raise exception 'there is no lead "%"', enqueue_response."to" using errcode = 'no_data_found', hint = 'goniec lead import CSV --campaign NAME';
  end if;
  select m.* into v_last from goniec.message m
  where m.lead_id = v_lead.id and m.status = 'sent' and not m.is_test
    and (enqueue_response.campaign is null or m.campaign_id = (select c.id from goniec.campaign c where c.name = enqueue_response.campaign))
  order by m.sent_at desc, m.id desc limit 1;
  if enqueue_response.campaign is not null then
    select c.id into v_campaign from goniec.campaign c where c.name = enqueue_response.campaign;
    if not found then
      raise exception 'there is no campaign "%"', enqueue_response.campaign using errcode = 'no_data_found', hint = 'goniec campaign list';
    end if;
  else
    v_campaign := v_last.campaign_id;
  end if;
  if enqueue_response."from" is not null then
    v_mailbox := goniec.require_mailbox(enqueue_response."from");
  elsif v_last.mailbox_id is null then
    raise exception 'no mailbox has mailed "%" yet, so the response needs one to leave from', v_lead.email
      using errcode = 'invalid_parameter_value', hint = 'from: the mailbox that the lead wrote to';
  else
    select b.* into v_mailbox from goniec.mailbox b where b.id = v_last.mailbox_id;
  end if;
  if v_subject is null then
    -- A reply in the thread of the last mail. A server that replaces Message-IDs told which one the lead has seen.
    select regexp_replace(c.subject, '^(Re: )?', 'Re: '), coalesce(a.server_message_id, v_last.rfc_message_id),
           array_remove(regexp_split_to_array(coalesce(c.headers ->> 'references', ''), '\s+'), '')
    into v_subject, v_reply_to, v_references
    from (select v_last.id) as last
    left join goniec.message_content c on c.message_id = last.id
    left join goniec.attempt a on a.message_id = last.id and a.state = 'accepted';
    if v_subject is null then
      raise exception 'there is no mail to "%" with a subject on record that the response could be a reply to, so it needs a subject', v_lead.email using errcode = 'invalid_parameter_value';
    end if;
  end if;

  v_day := (select (greatest(enqueue_response.at, v_now) at time zone i.timezone)::date from goniec.installation i);
  begin
    -- The index does not see those that were asked for again; the first of a day may be one of them.
    if not coalesce(enqueue_response.again, false) and exists (
      select from goniec.message m
      where m.lead_id = v_lead.id and m.kind = 'response' and m.response_day = v_day and m.campaign_id is not distinct from v_campaign
        and m.status <> 'cancelled' and not m.is_test) then
      raise unique_violation;
    end if;
    insert into goniec.message (kind, campaign_id, lead_id, recipient, bound_mailbox_id, idempotency_key, response_day, again, not_before)
    values ('response', v_campaign, v_lead.id, v_lead.email, v_mailbox.id, enqueue_response.key, v_day, coalesce(enqueue_response.again, false), enqueue_response.at)
    returning id into v_id;
  exception when unique_violation then
    raise exception 'lead "%" already has a response of this campaign on %', v_lead.email, v_day
      using errcode = 'unique_violation', constraint = 'one_response_per_lead_campaign_and_day', hint = 'again: true (--again) asks for another one on the same day';
  end;
  insert into goniec.message_material (message_id, subject, text, html, in_reply_to, mail_references, attachments, digest)
  values (v_id, v_subject, enqueue_response.text, enqueue_response.html, v_reply_to, array_remove(v_references || v_reply_to, null),
          coalesce(enqueue_response.attachments, '[]'), v_digest);
  perform pg_notify('goniec', 'plan');
  return v_id;
end $$;

comment on function goniec.enqueue_response(text, text, text, text, text, text, timestamptz, text, jsonb, boolean) is
  'Queues one response to a lead, once per key; returns the message''s id. The same key and content: the same id; the same key with other content is an error. attachments: [{filename, contentType, content: base64}].';
