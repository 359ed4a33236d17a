-- Fence: the commit just before a mail's content goes on the wire.
--
-- Owns       the step from claimed to transmitting, the instants from which delay and gap count, and the record of the content.
-- Promises   whoever passed may send, once, from now to its deadline; after a pause, cancel, block, suppression or change of settings has
--            returned to the one who asked for it, nothing passes any more; two mails of a campaign pass no closer than its shortest delay.
-- Leaves     what is refused to the worker: it closes the connection without content, and settles the attempt as aborted.
--
-- Its shape, and why:
--   A fence in one statement can commit on a snapshot that is older than a pause which has already returned. So there are two statements under a
--   shared advisory lock (the barrier): the first locks the attempts in id order, the second decides on a snapshot taken after that. Pause commits,
--   then takes the barrier exclusively and gives it back: when it has had it, every fence that could not see the pause has ended.
--   It repeats every check of claim that can have changed. Capacity is not among them: it was taken, and stays taken.
--   Fences in flight together are one call: many mails, one statement, one commit (measured: twice the mails a second of one call each).
--   A gate that a person holds in a forgotten transaction is not waited for longer than two seconds: the call fails, and its attempts are asked
--   one by one. Without that bound it would hold up every fence behind it, and the pause that waits for them.

create function goniec.fence(p_incarnation bigint, p_attempts bigint[], p_total interval, p_contents jsonb default '[]')
returns table (attempt_id bigint, verdict text, opens_at timestamptz, passed_at timestamptz, wal_position text)
language plpgsql
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
set jit = off
set lock_timeout = '10s'
as $$
declare
  v_now timestamptz;
  v_today date;
  v_paused timestamptz;
  v_restored boolean;
  v_position pg_lsn;
  v_recalled boolean;
begin
  perform goniec.require_fresh_snapshots();
  perform pg_advisory_xact_lock_shared(goniec.lock_key('barrier'));
  perform set_config('lock_timeout', '2s', true);
  perform a.id from goniec.attempt a where a.id = any (p_attempts) order by a.id for no key update;
  perform g.campaign_id
  from goniec.campaign_gate g
  where g.campaign_id = any (array(
    select a.campaign_id from goniec.attempt a
    where a.id = any (p_attempts) and exists (select from goniec.campaign c where c.id = a.campaign_id and c.delay_ms > 0 offset 0)))
  order by g.campaign_id for no key update;
  perform g.mailbox_id
  from goniec.mailbox_gate g
  where g.mailbox_id = any (array(
    select a.mailbox_id from goniec.attempt a
    where a.id = any (p_attempts) and exists (select from goniec.mailbox b where b.id = a.mailbox_id and b.min_gap_ms > 0 offset 0)))
  order by g.mailbox_id for no key update;

  v_now := goniec.now();
  select (v_now at time zone i.timezone)::date, i.paused_at into v_today, v_paused from goniec.installation i;
  select s.is_restored, s.wal_position into v_restored, v_position from goniec.standing() s;
  v_recalled := exists (select from goniec.recalled_mail r where r.message_id is null);

  return query
  with
  looked_at as materialized (
    select a.id, a.mailbox_id, a.campaign_id, a.message_id, b.min_gap_ms, c.delay_ms, c.shortest_delay_ms,
           cg.last_fence_at + c.shortest_delay_ms * interval '1 millisecond' as delay_over_at,
           row_number() over (partition by a.campaign_id order by a.claimed_at, a.id) as of_campaign,
           case
             when a.state <> 'claimed' or a.incarnation_id is distinct from p_incarnation then 'not_claimed'
             when v_restored then 'restored'
             when a.lease_until <= v_now then 'lease_over'
             when m.status <> 'sending' or m.held_reason is not null then 'message_held'
             when v_paused is not null or s.paused_at is not null then 'braked'
             when a.mailbox_day <> v_today or a.campaign_day <> coalesce(goniec.local_day(v_now, c.timezone), '-infinity') then 'day_changed'
             when a.domain_hour <> goniec.hour_of(v_now)
                  and exists (select from goniec.domain_hour h where h.domain = goniec.domain_of(m.recipient) and h.hour = a.domain_hour and h.hourly_limit is not null)
               then 'hour_changed'
             when m.window_closes_at <= v_now then 'window_closed'
             when b.status <> 'active' then 'mailbox_not_active'
             when a.kind = 'campaign' and c.status <> 'running' then 'campaign_not_running'
             when b.version <> a.mailbox_version or (a.kind = 'campaign' and c.version <> a.campaign_version) then 'settings_changed'
             when e.removed_at is not null then 'lead_removed'
             when l.blocked_at is not null or l.unsubscribed_at is not null or l.bounced_at is not null
                  or (a.kind = 'campaign' and l.replied_at is not null) then 'lead_not_mailable'
             when exists (select from goniec.suppression x where x.value = any (case when l.email = m.recipient then l.suppression_values else goniec.suppression_values(m.recipient) end) offset 0)
               then 'suppressed'
             when v_recalled and goniec.is_recalled(a.id, p_contents) then 'sent_before_restore'
           end as objection
    from goniec.attempt a
    cross join lateral (
      select its.status, its.held_reason, its.recipient, its.window_closes_at, its.enrollment_id, its.lead_id
      from goniec.message its where its.id = a.message_id offset 0
    ) as m
    cross join lateral (select its.version, its.status, its.min_gap_ms from goniec.mailbox its where its.id = a.mailbox_id offset 0) as b
    cross join lateral (select its.paused_at from goniec.salesperson its where its.id = a.salesperson_id offset 0) as s
    left join lateral (
      select its.version, its.status, its.timezone, its.delay_ms, its.shortest_delay_ms from goniec.campaign its where its.id = a.campaign_id offset 0
    ) as c on true
    left join lateral (select its.last_fence_at from goniec.campaign_gate its where its.campaign_id = a.campaign_id offset 0) as cg on true
    left join lateral (select its.removed_at from goniec.enrollment its where its.id = m.enrollment_id offset 0) as e on true
    left join lateral (
      select its.email, its.suppression_values, its.blocked_at, its.replied_at, its.unsubscribed_at, its.bounced_at
      from goniec.lead its where its.id = m.lead_id offset 0
    ) as l on true
    where a.id = any (p_attempts)
  ),
  judged as materialized (
    select l.*,
           case when l.objection is null and l.delay_ms > 0
                     and (l.delay_over_at > v_now or 1 <> row_number() over (partition by l.campaign_id, l.objection is null order by l.of_campaign))
                then 'too_early' else l.objection end as refusal
    from looked_at l
  ),
  passed as (
    update goniec.attempt a
    set state = 'transmitting', transmitting_at = v_now, deadline_at = v_now + p_total
    from (select (select its.ctid from goniec.attempt its where its.id = j.id) as place from judged j where j.refusal is null offset 0) as j
    where a.ctid = j.place
  ),
  campaign_gates as (
    update goniec.campaign_gate g
    set last_fence_at = v_now
    from (
      select (select its.ctid from goniec.campaign_gate its where its.campaign_id = j.campaign_id) as place
      from judged j where j.refusal is null and j.delay_ms > 0 offset 0
    ) as j
    where g.ctid = j.place
  ),
  mailbox_gates as (
    update goniec.mailbox_gate g
    set last_fence_at = v_now
    from (
      select (select its.ctid from goniec.mailbox_gate its where its.mailbox_id = j.mailbox_id) as place
      from judged j where j.refusal is null and j.min_gap_ms > 0 offset 0
    ) as j
    where g.ctid = j.place
  ),
  contents as (
    insert into goniec.message_content as kept (message_id, attempt_id, subject, text, html, headers)
    select j.message_id, j.id, given.subject, given.text, given.html, coalesce(given.headers, '{}')
    from judged j
    join jsonb_to_recordset(p_contents) as given (attempt_id bigint, subject text, text text, html text, headers jsonb) on given.attempt_id = j.id
    where j.refusal is null
    on conflict (message_id) do update
    set attempt_id = excluded.attempt_id, subject = excluded.subject, text = excluded.text, html = excluded.html, headers = excluded.headers
  )
  select j.id, coalesce(j.refusal, 'passed'),
         case when j.refusal = 'too_early'
              then case when j.delay_over_at > v_now then j.delay_over_at else v_now + j.shortest_delay_ms * interval '1 millisecond' end end,
         case when j.refusal is null then v_now end, v_position::text
  from judged j
  union all
  select asked.id, 'not_claimed', null, null, v_position::text
  from unnest(p_attempts) as asked (id)
  where asked.id <> all (array(select j.id from judged j));
end $$;

comment on function goniec.fence(bigint, bigint[], interval, jsonb) is
  'Lets attempts pass to transmitting. p_contents: [{attempt_id, subject, text, html, headers}]. Verdict passed, too_early (opens_at: ask again then), or the reason of the refusal.';

-- Takes the barrier and gives it back: when this returns, every fence that began before has ended. Called after the commit of whatever should hold
-- from now on, in a transaction of its own. Says how many mails of the campaign, lead or mailbox asked about had already passed.
create function goniec.pass_barrier(p_campaign bigint default null, p_lead bigint default null, p_mailbox bigint default null)
returns bigint
language plpgsql
as $$
begin
  perform pg_advisory_xact_lock(goniec.lock_key('barrier'));
  return (
    select count(*) from goniec.attempt a
    where a.state = 'transmitting'
      and (p_campaign is null or a.campaign_id = p_campaign)
      and (p_lead is null or a.lead_id = p_lead)
      and (p_mailbox is null or a.mailbox_id = p_mailbox));
end $$;
