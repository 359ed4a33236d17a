-- The brake: a campaign or a mailbox whose mails are refused for good too often is paused, with the reason.
--
-- Owns       the pause of its own accord of campaigns and mailboxes. What ends it is a person's resume, from which counting begins anew.
-- Promises   once the share is passed, the settle that writes the refusal (or, at the latest, recovery within the minute) pauses; several settles
--            at once cannot each see too little: whoever counts holds a lock until he has committed, and counts on a snapshot behind it. Whoever
--            waits for that lock in vain leaves the counting to recovery: an outcome is never lost to the brake.
-- Leaves     mails that were on the wire to their servers. The fence refuses whatever comes after the commit, as after a pause by hand.
--
-- What counts: of the mails that a server has given a final answer to, the last so many (200), since the last resume, and none older than 30
-- days. Recent ones, since that is what providers judge a sender by: ten thousand good mails of last month must not hide that of this list every
-- fifth is refused. So many at least (50), since of ten mails one is nothing. Every refusal for good counts, of the address as of the sender: the
-- first says that the list is bad, the second that the sender is. What was deferred, or is in doubt, has no final answer; imported history is not ours.
--
-- Asked only when a refusal is written, and then of that campaign and mailbox: a mail that is accepted costs nothing. So one case is left
-- to recovery, which asks each minute: where the refusals came first, and the fiftieth mail is one that was accepted.

create index attempt_rejected_by_campaign on goniec.attempt (campaign_id, finished_at) where state = 'rejected';
create index attempt_rejected_by_mailbox on goniec.attempt (mailbox_id, finished_at) where state = 'rejected';

-- Of a campaign's last mails with a final answer: how many, and how many of them refused.
create function goniec.refusals_of_campaign(p_campaign bigint, p_since timestamptz, p_last integer)
returns table (mails bigint, refused bigint)
language sql stable rows 1
as $$
  select count(*), count(*) filter (where answer.refused)
  from (
    select known.refused
    from (
      (select m.sent_at as at, false as refused
       from goniec.message m
       where m.campaign_id = p_campaign and m.status = 'sent' and m.sent_at > p_since and m.kind = 'campaign' and m.slot_reason is distinct from 'history'
       order by m.sent_at desc limit p_last)
      union all
      (select a.finished_at, true
       from goniec.attempt a
       where a.campaign_id = p_campaign and a.state = 'rejected' and a.finished_at > p_since
       order by a.finished_at desc limit p_last)
    ) as known
    order by known.at desc
    limit p_last
  ) as answer
$$;

-- Of its last attempts, ten times as many at most: one that was resumed just now, or has rested, has years of them before.
create function goniec.refusals_of_mailbox(p_mailbox bigint, p_since timestamptz, p_last integer)
returns table (mails bigint, refused bigint)
language sql stable rows 1
as $$
  select count(*), count(*) filter (where answer.refused)
  from (
    select a.state = 'rejected' as refused
    from (select * from goniec.attempt a where a.mailbox_id = p_mailbox order by a.id desc limit 10 * p_last) as a
    where a.state in ('accepted', 'rejected') and a.message_id is not null and a.finished_at > p_since and a.ended_by is distinct from 'import'
    order by a.id desc
    limit p_last
  ) as answer
$$;

create function goniec.refusal_text(p_mails bigint, p_refused bigint, p_share numeric) returns text
language sql immutable
as $$ select format('%s of its last %s mails were refused for good, more than %s %%', p_refused, p_mails, trim_scale(p_share * 100)) $$;

-- Pauses those of these campaigns and mailboxes whose share is passed; null: of all. What somebody else holds is left to the next call, and so is
-- what a person resumes while this counts.
create function goniec.brake_refused(p_campaigns bigint[] default null, p_mailboxes bigint[] default null) returns void
language plpgsql
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set jit = off
set plan_cache_mode = force_custom_plan
set lock_timeout = '2s'
as $$
declare
  v_share numeric;
  v_least integer;
  v_last integer;
  v_now timestamptz;
  v_paused text;
begin
  select i.refusal_share, i.refusal_least, i.refusal_last into v_share, v_least, v_last from goniec.installation i;
  if v_share is null then return; end if;
  begin
    perform pg_advisory_xact_lock(goniec.lock_key('refusals'));
  exception when lock_not_available or deadlock_detected then
    return; -- Whoever holds it keeps it for long. Recovery counts again within the minute.
  end;
  v_now := goniec.now();

  with
  refused as materialized (
    select c.id, c.refusals_since, r.mails, r.refused
    from (select distinct a.campaign_id as id from goniec.attempt a
          where a.state = 'rejected' and a.campaign_id is not null and a.finished_at > v_now - interval '30 days' and p_campaigns is null
          union select unnest(p_campaigns)) as asked
    join goniec.campaign c on c.id = asked.id and c.status = 'running'
    cross join lateral goniec.refusals_of_campaign(c.id, greatest(c.refusals_since, v_now - interval '30 days'), v_last) r
    where r.mails >= v_least and r.refused > v_share * r.mails
  ),
  braking as (
    select c.id from goniec.campaign c join refused r on r.id = c.id
    where c.status = 'running' and c.refusals_since is not distinct from r.refusals_since
    order by c.id for no key update of c skip locked
  ),
  braked as (
    update goniec.campaign c
    set status = 'paused', status_reason = goniec.refusal_text(r.mails, r.refused, v_share)
    from refused r
    where c.id = r.id and c.id in (select id from braking)
    returning c.id, c.name, c.status_reason, r.mails, r.refused
  ),
  noted as (
    insert into goniec.event (type, campaign_id, data)
    select 'campaign_paused', b.id, jsonb_build_object('from', 'running', 'to', 'paused', 'reason', b.status_reason, 'by', 'refusals', 'mails', b.mails, 'refused', b.refused)
    from braked b
    order by b.id
  )
  select string_agg(format('campaign %s: %s', b.name, b.status_reason), '; ' order by b.id) into v_paused from braked b;

  with
  refused as materialized (
    select b.id, b.refusals_since, r.mails, r.refused
    from (select distinct a.mailbox_id as id from goniec.attempt a
          where a.state = 'rejected' and a.finished_at > v_now - interval '30 days' and p_mailboxes is null
          union select unnest(p_mailboxes)) as asked
    join goniec.mailbox b on b.id = asked.id and b.status = 'active'
    cross join lateral goniec.refusals_of_mailbox(b.id, greatest(b.refusals_since, v_now - interval '30 days'), v_last) r
    where r.mails >= v_least and r.refused > v_share * r.mails
  ),
  braking as (
    select b.id from goniec.mailbox b join refused r on r.id = b.id
    where b.status = 'active' and b.refusals_since is not distinct from r.refusals_since
    order by b.id for no key update of b skip locked
  ),
  braked as (
    update goniec.mailbox b
    set status = 'paused', status_reason = goniec.refusal_text(r.mails, r.refused, v_share), version = b.version + 1
    from refused r
    where b.id = r.id and b.id in (select id from braking)
    returning b.id, b.address, b.status_reason, r.mails, r.refused
  ),
  noted as (
    insert into goniec.event (type, mailbox_id, data)
    select 'mailbox_paused', b.id, jsonb_build_object('reason', b.status_reason, 'by', 'refusals', 'mails', b.mails, 'refused', b.refused)
    from braked b
    order by b.id
  )
  select concat_ws('; ', v_paused, string_agg(format('mailbox %s: %s', b.address, b.status_reason), '; ' order by b.id)) into v_paused from braked b;

  -- A notification holds 8000 bytes, and a letter of a name is up to four.
  if v_paused <> '' then perform pg_notify('goniec', left('refusals ' || v_paused, 1900)); end if;
end $$;

comment on function goniec.brake_refused(bigint[], bigint[]) is
  'Pauses campaigns and mailboxes whose refusals for good have passed the share of the installation (refusal_share; null: off).';
