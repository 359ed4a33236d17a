-- Recover: ends what a vanished worker has left, by what was durably recorded and nothing else.
--
-- Owns       claimed -> aborted, and transmitting -> in_doubt, of attempts whose worker is gone or whose time is over.
-- Promises   an attempt that had not passed its fence surely sent nothing: its mail is pending again, with its slot as it was; an attempt that
--            had may have been accepted: its mail is in doubt, and nothing sends it again on its own. A worker's own attempts are spared,
--            but for claims that it does not hold: their answer was lost.
-- Leaves     who is gone to the caller, who holds the lock on the worker's name: p_gone are incarnations whose session is gone, p_seen_gone those
--            of them whose process was seen gone as well.
--
-- Its shape, and why:
--   The lock on a name proves a session gone, not a process. A doubtful attempt's mailbox therefore waits until the attempt's deadline, unless
--   the process was seen gone: then its sockets are closed.
--   Attempts are locked first, skipping locked ones (somebody is just settling them). One whose message another session holds, or, where its mailbox
--   is to wait, the mailbox's gate, is left for the next call: a worker begins with this, and would wait for a transaction that a person has
--   forgotten. One bad row stops nobody: should the set fail, its attempts are ended one by one.
--   What is looked up here is planned anew each time: a worker does this before there is any mail, and its plans of then would go through all mails for
--   each attempt later on (docs/decisions/claim-by-index.md).
--   A claim whose answer was lost may also commit late, behind the call that looks for it: its server was slow to write, or waited for a standby.
--   So it is looked for a second time, when its lease is over.
--   What an aborted attempt took stays taken (its worker may have offered the mail to the server), but for one that its own worker never held.

create function goniec.recover(
  p_incarnation bigint,
  p_gone bigint[] default '{}',
  p_seen_gone bigint[] default '{}',
  p_held bigint[] default null,
  p_unheld_at_once boolean default true)
returns table (attempt_id bigint, message_id bigint, state text)
language plpgsql
set enable_seqscan = off
set jit = off
set plan_cache_mode = force_custom_plan
as $$
declare
  v_now timestamptz := goniec.now();
  v_lost bigint[];
  v_gates bigint[];
  v_messages bigint[];
  v_one bigint;
begin
  perform goniec.require_fresh_snapshots();
  -- What was claimed, as a restored database has it, may have passed its fence since: that it was, is written down before anything is ended.
  perform goniec.notice_restoration();
  v_lost := array(
    select a.id from goniec.attempt a
    where a.state in ('claimed', 'transmitting')
      and case
            when a.incarnation_id is not null and a.incarnation_id is not distinct from p_incarnation 
              then a.state = 'claimed' and p_held is not null and a.id <> all (p_held) and (p_unheld_at_once or a.lease_until <= v_now)
            else coalesce(a.incarnation_id = any (p_gone), false)
                 or (a.state = 'claimed' and a.lease_until <= v_now)
                 or (a.state = 'transmitting' and a.deadline_at <= v_now)
          end
    order by a.id
    for no key update skip locked);
  v_gates := array(
    select g.mailbox_id from goniec.mailbox_gate g
    where g.mailbox_id in (select a.mailbox_id from goniec.attempt a where a.id = any (v_lost) and goniec.needs_quarantine(a, v_now, p_seen_gone))
    order by g.mailbox_id
    for no key update skip locked);
  v_messages := array(
    select m.id from goniec.message m
    where m.id in (select a.message_id from goniec.attempt a where a.id = any (v_lost))
    for no key update skip locked);
  v_lost := array(
    select a.id from goniec.attempt a
    where a.id = any (v_lost) and (a.mailbox_id = any (v_gates) or not goniec.needs_quarantine(a, v_now, p_seen_gone))
      and (a.message_id is null or a.message_id = any (v_messages))
    order by a.id);

  begin
    perform goniec.end_attempts(v_lost, v_now, p_incarnation, p_seen_gone);
  exception when integrity_constraint_violation or raise_exception or data_exception then
    foreach v_one in array v_lost loop
      begin
        perform goniec.end_attempts(array[v_one], v_now, p_incarnation, p_seen_gone);
      exception when integrity_constraint_violation or raise_exception or data_exception then
        raise warning 'attempt % cannot be ended, and stays as it is: %', v_one, sqlerrm;
      end;
    end loop;
  end;
  perform goniec.finish_business();

  return query
  select a.id, a.message_id, a.state from goniec.attempt a
  where a.id = any (v_lost) and a.state in ('aborted', 'in_doubt')
  order by a.id;
end $$;

comment on function goniec.recover(bigint, bigint[], bigint[], bigint[], boolean) is
  'Ends attempts of vanished workers, and of time that ran out. p_held: what the calling worker holds in memory; its other claimed attempts are aborted (a claim whose reply was lost), at once or, with p_unheld_at_once false, when their lease is over.';

-- Whether a worker that nobody saw die could still be on the mailbox's wire with this attempt.
create function goniec.needs_quarantine(a goniec.attempt, p_now timestamptz, p_seen_gone bigint[]) returns boolean
language sql immutable
as $$ select a.state = 'transmitting' and a.deadline_at > p_now and coalesce(a.incarnation_id <> all (p_seen_gone), true) $$;

-- Its triggers fire for each row, so it keeps their plans, and finds its rows by key and place as settle does: recover has locked them.
create function goniec.end_attempts(p_attempts bigint[], p_now timestamptz, p_incarnation bigint, p_seen_gone bigint[]) returns void
language sql
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
set jit = off
as $$
  with
  lost as materialized (
    select a.place, a.message_id, a.mailbox_id, a.state, a.deadline_at, a.incarnation_id, a.quarantine
    from unnest(p_attempts) as asked (id)
    cross join lateral (
      select its.ctid as place, its.message_id, its.mailbox_id, its.state, its.deadline_at, its.incarnation_id,
             goniec.needs_quarantine(its, p_now, p_seen_gone) as quarantine
      from goniec.attempt its where its.id = asked.id offset 0
    ) as a
  ),
  ended as (
    update goniec.attempt a
    set state = case l.state when 'claimed' then 'aborted' else 'in_doubt' end,
        outcome = case l.state when 'claimed' then 'aborted' else 'unknown' end,
        response = case l.state when 'claimed' then 'its worker was gone before any content went out' else 'its worker was gone before the server''s answer was known' end,
        finished_at = p_now, ended_by = 'recovery',
        give_back = l.state = 'claimed' and l.incarnation_id is not distinct from p_incarnation and p_incarnation is not null
    from lost l
    where a.ctid = l.place
    returning l.message_id, l.mailbox_id, a.state, l.deadline_at, l.quarantine
  ),
  quarantined as (
    update goniec.mailbox_gate g
    set free_from = greatest(g.free_from, waits.deadline_at)
    from (
      select e.deadline_at, gate.place from ended e
      cross join lateral (select its.ctid as place from goniec.mailbox_gate its where its.mailbox_id = e.mailbox_id offset 0) as gate
      where e.quarantine
    ) as waits
    where g.ctid = waits.place
  ),
  decided as (
    select m.place, case when e.state = 'in_doubt' then 'in_doubt' when m.is_out then 'cancelled' else 'pending' end as status_after
    from ended e
    cross join lateral (select its.ctid as place, goniec.is_out(its) as is_out from goniec.message its where its.id = e.message_id offset 0) as m
  )
  update goniec.message m
  set status = d.status_after,
      uncounted_attempts = m.uncounted_attempts + (d.status_after <> 'in_doubt')::integer,
      held_reason = case when d.status_after = 'pending' and m.uncounted_attempts >= 9 then 'ten attempts ended through no fault of the mail' else m.held_reason end,
      rfc_message_id = coalesce(m.rfc_message_id, (select c.headers ->> 'message-id' from goniec.message_content c where c.message_id = m.id and d.status_after = 'in_doubt')),
      slot_reason = case when d.status_after = 'cancelled' then 'out' else m.slot_reason end,
      scheduled_at = case when d.status_after <> 'cancelled' then m.scheduled_at end,
      mailbox_id = case when d.status_after <> 'cancelled' then m.mailbox_id end,
      window_closes_at = case when d.status_after <> 'cancelled' then m.window_closes_at end
  from decided d
  where m.ctid = d.place
$$;

-- Unfinished business: what settle and recovery decided, and what lies in rows that others may hold for long. Each attempt carries it until it is
-- done: give_back (while holds_capacity) and bounce_due. Nothing here waits for long, and what fails is left as it is: it is tried again every
-- minute, and the audit counts it. Neither is begun where there is nothing of its kind: to plan it costs more than to look. What is set here holds in
-- both of them.
create function goniec.finish_business(p_attempts bigint[] default null) returns void
language plpgsql
set lock_timeout = '100ms'
set enable_seqscan = off
set plan_cache_mode = force_custom_plan
set jit = off
as $$
declare
  v_one bigint;
begin
  if exists (select from goniec.attempt a where a.give_back and a.holds_capacity and (p_attempts is null or a.id = any (p_attempts))) then
    begin
      perform goniec.give_back(p_attempts);
    exception when integrity_constraint_violation or raise_exception or data_exception or lock_not_available or deadlock_detected then
      for v_one in
        select a.id from goniec.attempt a where a.give_back and a.holds_capacity and (p_attempts is null or a.id = any (p_attempts)) order by a.id
      loop
        begin
          perform goniec.give_back(array[v_one]);
        exception when integrity_constraint_violation or raise_exception or data_exception or lock_not_available or deadlock_detected then
          raise warning 'attempt % cannot give back what it took: %', v_one, sqlerrm;
        end;
      end loop;
    end;
  end if;
  if not exists (select from goniec.attempt a where a.bounce_due and (p_attempts is null or a.id = any (p_attempts))) then return; end if;
  begin
    perform goniec.mark_bounced(p_attempts);
  exception when integrity_constraint_violation or raise_exception or data_exception or lock_not_available or deadlock_detected then
    perform set_config('lock_timeout', '10ms', true);
    for v_one in
      select a.id from goniec.attempt a where a.bounce_due and (p_attempts is null or a.id = any (p_attempts)) order by a.id
    loop
      begin
        perform goniec.mark_bounced(array[v_one]);
      exception
        when lock_not_available or deadlock_detected then null; -- Somebody is just suppressing the same address.
        when integrity_constraint_violation or raise_exception or data_exception then
          raise warning 'the lead of attempt % cannot be marked as bounced: %', v_one, sqlerrm;
      end;
    end loop;
  end;
end $$;

-- Gives capacity back to the days it was taken from, as far as their rows can be had. A limit that was stored higher, because more was taken than the
-- settings allow, comes down with it: room that is given back under a lowered limit is no room.
create function goniec.give_back(p_attempts bigint[]) returns void
language plpgsql
set enable_seqscan = off
set jit = off
as $$
declare
  v_given bigint[];
begin
  with
  due as materialized (
    select a.*, case when a.domain_hour is not null then (select goniec.domain_of(m.recipient) from goniec.message m where m.id = a.message_id) end as domain
    from goniec.attempt a
    where a.give_back and a.holds_capacity and (p_attempts is null or a.id = any (p_attempts))
    order by a.id
    for no key update skip locked
  ),
  mailbox_rows as materialized (
    select d.mailbox_id, d.day from goniec.mailbox_day d
    where (d.mailbox_id, d.day) in (select mailbox_id, mailbox_day from due)
    for no key update skip locked
  ),
  campaign_rows as materialized (
    select d.campaign_id, d.day from goniec.campaign_day d
    where (d.campaign_id, d.day) in (select campaign_id, campaign_day from due)
    for no key update skip locked
  ),
  salesperson_rows as materialized (
    select d.salesperson_id, d.day from goniec.salesperson_day d
    where (d.salesperson_id, d.day) in (select salesperson_id, mailbox_day from due where message_id is not null and kind <> 'warmup')
    for no key update skip locked
  ),
  domain_day_rows as materialized (
    select d.domain, d.day from goniec.domain_day d
    where (d.domain, d.day) in (select domain, mailbox_day from due)
    for no key update skip locked
  ),
  domain_hour_rows as materialized (
    select d.domain, d.hour from goniec.domain_hour d
    where (d.domain, d.hour) in (select domain, domain_hour from due)
    for no key update skip locked
  )
  select array_agg(due.id) into v_given
  from due
  where (due.mailbox_id, due.mailbox_day) in (select mailbox_id, day from mailbox_rows)
    and (due.campaign_id is null or (due.campaign_id, due.campaign_day) in (select campaign_id, day from campaign_rows))
    and (due.message_id is null or due.kind = 'warmup' or (due.salesperson_id, due.mailbox_day) in (select salesperson_id, day from salesperson_rows))
    -- Counters of past hours are swept away after some days: then there is nothing to give back to.
    and (due.domain is null
         or ((due.domain, due.mailbox_day) in (select domain, day from domain_day_rows) and (due.domain, due.domain_hour) in (select domain, hour from domain_hour_rows))
         or not exists (select from goniec.domain_hour h where h.domain = due.domain and h.hour = due.domain_hour));
  if v_given is null then return; end if;

  with
  given as materialized (
    update goniec.attempt a set holds_capacity = false
    where a.id = any (v_given) and a.holds_capacity
    returning a.*
  ),
  of_mailbox as (
    update goniec.mailbox_day d
    set campaign_taken = d.campaign_taken - g.campaign, warmup_taken = d.warmup_taken - g.warmup, response_taken = d.response_taken - g.response,
        daily_limit = least(d.daily_limit, goniec.limit_for_day(l.daily_limit, d.campaign_taken + d.warmup_taken + d.response_taken - g.mails)),
        campaign_limit = least(d.campaign_limit, goniec.limit_for_day(l.campaign_limit, d.campaign_taken - g.campaign)),
        warmup_limit = least(d.warmup_limit, goniec.limit_for_day(l.warmup_limit, d.warmup_taken - g.warmup))
    from (select mailbox_id, mailbox_day, count(*)::integer as mails, count(*) filter (where kind = 'campaign')::integer as campaign,
                 count(*) filter (where kind = 'warmup')::integer as warmup, count(*) filter (where kind = 'response')::integer as response
          from given group by 1, 2) g
    join goniec.mailbox b on b.id = g.mailbox_id
    cross join lateral goniec.mailbox_limits(b, g.mailbox_day) l
    where d.mailbox_id = g.mailbox_id and d.day = g.mailbox_day
  ),
  of_campaign as (
    update goniec.campaign_day d
    set taken = d.taken - g.mails, daily_limit = least(d.daily_limit, goniec.limit_for_day(c.daily_limit, d.taken - g.mails))
    from (select campaign_id, campaign_day, count(*)::integer as mails from given where campaign_id is not null group by 1, 2) g
    join goniec.campaign c on c.id = g.campaign_id
    where d.campaign_id = g.campaign_id and d.day = g.campaign_day
  ),
  of_salesperson as (
    update goniec.salesperson_day d
    set taken = d.taken - g.mails, daily_limit = least(d.daily_limit, goniec.limit_for_day(s.daily_limit, d.taken - g.mails))
    from (select salesperson_id, mailbox_day, count(*)::integer as mails from given where message_id is not null and kind <> 'warmup' group by 1, 2) g
    join goniec.salesperson s on s.id = g.salesperson_id
    where d.salesperson_id = g.salesperson_id and d.day = g.mailbox_day
  ),
  of_domain as materialized (
    select goniec.domain_of(m.recipient) as domain, g.mailbox_day, g.domain_hour, count(*)::integer as mails
    from given g join goniec.message m on m.id = g.message_id
    where g.domain_hour is not null
    group by 1, 2, 3
  ),
  of_domain_day as (
    update goniec.domain_day d
    set taken = d.taken - o.mails, daily_limit = least(d.daily_limit, goniec.limit_for_day(l.daily_limit, d.taken - o.mails))
    from (select domain, mailbox_day, sum(mails)::integer as mails from of_domain group by 1, 2) o
    left join lateral goniec.domain_limits(o.domain) l on true
    where d.domain = o.domain and d.day = o.mailbox_day
  ),
  of_domain_hour as (
    update goniec.domain_hour d
    set taken = d.taken - o.mails, hourly_limit = least(d.hourly_limit, goniec.limit_for_day(l.hourly_limit, d.taken - o.mails))
    from (select domain, domain_hour, sum(mails)::integer as mails from of_domain group by 1, 2) o
    left join lateral goniec.domain_limits(o.domain) l on true
    where d.domain = o.domain and d.hour = o.domain_hour
  )
  delete from goniec.lead_day ld
  using given g
  where g.kind = 'campaign' and ld.lead_id = g.lead_id and ld.day = g.mailbox_day and ld.campaign_id = g.campaign_id
    and not exists (select from goniec.message om
                    join goniec.attempt other on other.message_id = om.id
                    where om.lead_id = g.lead_id and other.campaign_id = g.campaign_id and other.mailbox_day = g.mailbox_day
                      and other.holds_capacity and other.id <> all (v_given));
end $$;

-- The server said that these leads' addresses do not exist: they are marked and suppressed, and their open mails cancelled.
create function goniec.mark_bounced(p_attempts bigint[]) returns void
language plpgsql
set enable_seqscan = off
set jit = off
as $$
declare
  v_now timestamptz := goniec.now();
begin
  with
  due as materialized (
    select a.id, a.lead_id from goniec.attempt a
    where a.bounce_due and (p_attempts is null or a.id = any (p_attempts))
    order by a.id
    for no key update skip locked
  ),
  leads as materialized (
    select l.id, l.email from goniec.lead l where l.id in (select lead_id from due) order by l.id for no key update skip locked
  ),
  bounced as (
    update goniec.lead l set bounced_at = coalesce(l.bounced_at, v_now) from leads where l.id = leads.id
  ),
  suppressed as (
    insert into goniec.suppression (value, reason) select leads.email, 'bounced' from leads order by leads.email on conflict do nothing
  ),
  noted as (
    insert into goniec.event (type, lead_id, attempt_id) select 'lead_bounced', due.lead_id, due.id from due join leads on leads.id = due.lead_id
  ),
  done as (
    update goniec.attempt a set bounce_due = false from due join leads on leads.id = due.lead_id where a.id = due.id
  )
  update goniec.message m
  set status = 'cancelled', slot_reason = 'lead_bounced', scheduled_at = null, mailbox_id = null, window_closes_at = null
  where m.id in (
    select open_mail.id from goniec.message open_mail
    where open_mail.lead_id in (select id from leads) and open_mail.status = 'pending'
    order by open_mail.id
    for no key update skip locked);
end $$;
