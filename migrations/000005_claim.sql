-- Claim: takes due mails, and the capacity that each of them uses, in one transaction.
--
-- Owns       the step from pending to sending, the counters of the day and the hour, the campaign's gate.
-- Promises   no mail is claimed by two, over a limit, outside its window, or against a pause, block, suppression or contact gap that was
--            there when the call began (the fence looks again); a message that can be claimed alone is claimed: if there is any, a call
--            claims at least one; it waits for nobody, and one bad row stops nobody.
-- Refuses    everything while the database is one that was restored (000025_restore.sql), which it notices itself.
-- Leaves     composing and the dialogue to the worker; what has changed meanwhile to the fence; missed slots to the plan.
--
-- Its shape, and why:
--   1  A try-lock first: one claimer at a time, a second one is told "busy" at once. What follows is a statement of its own, so that its
--      snapshot is younger than the lock and holds everything that the claimer before it has done.
--   2  Per free mailbox the first message against which nothing stands. Every check that a message can fail by itself comes before the
--      "limit 1": were it after, blocked mails in front would starve those behind. Starting from the mailboxes (hundreds) instead of the
--      queue (millions) keeps it flat: a slot older than the grace is missed and never looked at.
--   3  All rows that the batch will change are locked "skip locked", and "for no key update", since "for update" collides with foreign keys.
--      What another transaction holds (a program with a slot in an open transaction, a cancellation that is being written) is left out, and
--      the choice is made anew without it: only that mailbox, campaign or message waits. Whoever is left out so is looked for again within a
--      second. Rows that are only read (leads, settings) are not locked: the fence reads them again.
--   4  On the locked rows, in a statement with a new snapshot, every check again; then one per lead, what fits the recipient's domain, what fits
--      the campaign (one, if it has a delay), what fits the salesperson, what fits the batch. Cutting in this order always leaves the first.
--   5  Should that fail nevertheless, it runs again for one message at a time, and the one that fails is set aside with the error as its reason.
--      An error that is the server's (a full disk, a missing right) ends the call instead: no row is to blame.
--   Settings of the functions keep the planner from scans, hashes and merges, whatever the statistics say: every step is a look-up by index.
--   A plan that was made while a table was empty stays until the table is analyzed, and to go through a whole index of it looked as good as to look one
--   row up. So each row is asked for by its key in a subquery of its own ("offset 0"), and changed at the place where that found it: it is locked, and stays there.
--   A loop over candidates in PL/pgSQL instead of sets carried half as many mails, and deadlocked as soon as two callers met. Locking messages
--   inside the choice would lock one per mailbox and kind, hundreds of rows, to take a few.

create type goniec.candidate as (
  message_id bigint, kind text, scheduled_at timestamptz, mailbox_id bigint, campaign_id bigint, salesperson_id bigint, lead_id bigint, campaign_day date, domain text);

create function goniec.kind_rank(kind text) returns integer
language sql immutable parallel safe
as $$ select case kind when 'response' then 1 when 'campaign' then 2 else 3 end $$;

-- Those of the candidates (end of 000003_queue.sql) that may go now: DESIGN's seven conditions.
create function goniec.claimable(at timestamptz, today date, grace interval)
returns table (
  message_id bigint, kind_rank integer, kind text, mailbox_id bigint, campaign_id bigint, salesperson_id bigint, lead_id bigint,
  scheduled_at timestamptz, campaign_delay_ms bigint, campaign_day date, campaign_room integer, salesperson_room integer,
  domain text, domain_room integer)
language sql stable
as $$
  select c.message_id, goniec.kind_rank(c.kind), c.kind, c.mailbox_id, c.campaign_id, c.salesperson_id, c.lead_id,
         c.scheduled_at, c.campaign_delay_ms, c.campaign_day, c.campaign_room, c.salesperson_room,
         c.limited_domain, least(c.domain_room_today, c.domain_room_this_hour)
  from goniec.candidates(at, today) c
  where c.scheduled_at <= at and c.scheduled_at >= at - grace and at < c.window_closes_at and not c.held
    and c.settings_current
    and c.campaign_running and (c.campaign_opens_at is null or c.campaign_opens_at <= at)
    and c.mailbox_active and not c.mailbox_busy and (c.mailbox_opens_at is null or c.mailbox_opens_at <= at) and not c.salesperson_braked
    and c.lead_open and not c.suppressed and not c.in_contact_gap
    and c.mailbox_room > 0 and (c.campaign_room is null or c.campaign_room > 0) and c.salesperson_room > 0
    and (c.limited_domain is null or (c.domain_room_today > 0 and c.domain_room_this_hour > 0))
    and not c.already_tried
$$;

-- Step 2: of each of these mailboxes the first claimable message, responses before campaign mail before warm-up; the first of these. Which mailboxes have
-- due mail that is not campaign mail is known: hardly one of them, and otherwise two thirds of the looks would find nothing.
create function goniec.first_claimable(
  p_mailboxes bigint[], p_not_campaign bigint[], p_now timestamptz, p_today date, p_most integer, p_grace interval,
  p_not_messages bigint[], p_not_campaigns bigint[], p_not_salespeople bigint[], p_not_domains text[])
returns goniec.candidate[]
language plpgsql
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
set jit = off
as $$
begin
  return (
    select array_agg(row(c.message_id, c.kind, c.scheduled_at, c.mailbox_id, c.campaign_id, c.salesperson_id, c.lead_id, c.campaign_day, c.domain)::goniec.candidate)
    from (
      select first.*
      from unnest(p_mailboxes) as b (id)
      cross join lateral (
        select c.*
        from (values ('response'), ('campaign'), ('warmup')) as k (kind)
        cross join lateral (
          select c.*
          from goniec.claimable(p_now, p_today, p_grace) c
          where c.mailbox_id = b.id and c.kind = k.kind
            and c.message_id <> all (p_not_messages)
            and (c.campaign_id is null or c.campaign_id <> all (p_not_campaigns))
            and (c.kind = 'warmup' or c.salesperson_id <> all (p_not_salespeople))
            and (c.domain is null or c.domain <> all (p_not_domains))
          order by c.scheduled_at, c.message_id
          limit 1
        ) c
        where k.kind = 'campaign' or b.id = any (p_not_campaign)
        order by c.kind_rank
        limit 1
      ) as first
      order by first.kind_rank, first.scheduled_at, first.message_id
      limit p_most
    ) c);
end $$;

-- Those of these mailboxes that have something due, in the order of the first of it: nothing that they have is before that, whatever else holds it.
create function goniec.by_first_due(
  p_mailboxes bigint[], p_not_campaign bigint[], p_now timestamptz, p_grace interval,
  out mailboxes bigint[], out ranks integer[], out times timestamptz[], out messages bigint[])
language plpgsql
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
set jit = off
as $$
begin
  select array_agg(d.id), array_agg(d.kind_rank), array_agg(d.scheduled_at), array_agg(d.message_id)
  into mailboxes, ranks, times, messages
  from (
    select first.id, first.kind_rank, first.scheduled_at, first.message_id
    from (
      select b.id, 2 as kind_rank, m.scheduled_at, m.message_id
      from unnest(p_mailboxes) as b (id)
      cross join lateral (
        select m.scheduled_at, m.id as message_id
        from goniec.message m
        where m.mailbox_id = b.id and m.kind = 'campaign' and m.status = 'pending' and m.scheduled_at between p_now - p_grace and p_now
        order by m.scheduled_at, m.id
        limit 1
      ) m
      where b.id <> all (p_not_campaign)
      union all
      select b.id, first.kind_rank, first.scheduled_at, first.message_id
      from unnest(p_not_campaign) as b (id)
      cross join lateral (
        select k.kind_rank, m.scheduled_at, m.message_id
        from (values (1, 'response'), (2, 'campaign'), (3, 'warmup')) as k (kind_rank, kind)
        cross join lateral (
          select m.scheduled_at, m.id as message_id
          from goniec.message m
          where m.mailbox_id = b.id and m.kind = k.kind and m.status = 'pending' and m.scheduled_at between p_now - p_grace and p_now
          order by m.scheduled_at, m.id
          limit 1
        ) m
        order by k.kind_rank
        limit 1
      ) as first
      where b.id = any (p_mailboxes)
    ) as first
    order by first.kind_rank, first.scheduled_at, first.message_id
  ) as d;
end $$;

create function goniec.first_of(p_candidates goniec.candidate[], p_most integer) returns goniec.candidate[]
language sql immutable
as $$
  select array_agg(c.one order by goniec.kind_rank(c.kind), c.scheduled_at, c.message_id)
  from (
    select c as one, c.* from unnest(p_candidates) as c
    order by goniec.kind_rank(c.kind), c.scheduled_at, c.message_id
    limit p_most
  ) as c
$$;

-- All facts of a mail are twenty look-ups. Where many mailboxes are free they are looked at in as many as mails are wanted, and in twice as many more only
-- as long as what they have may stand before what was found (measured: a third of a claim of 50 mails among 500 free mailboxes).
create function goniec.choose(
  p_now timestamptz, p_today date, p_most integer, p_grace interval,
  p_not_messages bigint[], p_not_mailboxes bigint[], p_not_campaigns bigint[], p_not_salespeople bigint[], p_not_domains text[])
returns goniec.candidate[]
language plpgsql
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
set jit = off
as $$
declare
  v_mailboxes bigint[];
  v_not_campaign bigint[];
  v_due record;
  v_behind bigint := 0;
  v_looks bigint := p_most;
  v_chosen goniec.candidate[];
  v_last goniec.candidate;
begin
  -- Two lists, since a look into the second one for each mailbox was a tenth of a claim among 500.
  v_mailboxes := array(
    select b.id from goniec.mailbox b where b.status = 'active' and b.id <> all (p_not_mailboxes)
    except
    select live.mailbox_id from goniec.attempt live where live.state in ('claimed', 'transmitting'));
  v_not_campaign := array(
    select distinct m.mailbox_id from goniec.message m
    where m.kind <> 'campaign' and m.status = 'pending' and m.scheduled_at between p_now - p_grace and p_now);
  if cardinality(v_mailboxes) <= 2 * p_most::bigint then
    return goniec.first_claimable(v_mailboxes, v_not_campaign, p_now, p_today, p_most, p_grace, p_not_messages, p_not_campaigns, p_not_salespeople, p_not_domains);
  end if;

  v_due := goniec.by_first_due(v_mailboxes, v_not_campaign, p_now, p_grace);
  while v_behind < cardinality(v_due.mailboxes) loop
    v_chosen := goniec.first_of(
      v_chosen || goniec.first_claimable(
        v_due.mailboxes[v_behind + 1:v_behind + v_looks], v_not_campaign, p_now, p_today, p_most, p_grace, p_not_messages, p_not_campaigns, p_not_salespeople, p_not_domains),
      p_most);
    v_behind := v_behind + v_looks;
    v_looks := v_looks * 2;
    v_last := v_chosen[p_most];
    exit when (goniec.kind_rank(v_last.kind), v_last.scheduled_at, v_last.message_id) <= (v_due.ranks[v_behind + 1], v_due.times[v_behind + 1], v_due.messages[v_behind + 1]);
  end loop;
  return v_chosen;
end $$;

-- Step 3: what could be locked of all that these candidates need, and the candidates of which all could be. By lists of keys: a join with what was chosen
-- is one of each with each, as long as the planner knows of few rows.
create function goniec.lock_chosen(
  p_chosen goniec.candidate[], p_today date, p_hour timestamptz, out messages bigint[], out mailboxes bigint[], out campaigns bigint[], out salespeople bigint[],
  out domains text[], out candidates goniec.candidate[])
language plpgsql
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
set jit = off
as $$
declare
  v record;
begin
  select array_agg(c.message_id) as messages, array_agg(c.mailbox_id) as mailboxes, array_agg(distinct c.campaign_id) as campaigns,
         array_agg(distinct c.campaign_day) as days, array_agg(distinct c.salesperson_id) filter (where c.kind <> 'warmup') as salespeople,
         array_agg(distinct c.domain) as domains
  into v
  from unnest(p_chosen) c;

  with
  message_rows as (
    select m.id from goniec.message m
    -- Whether it is pending is asked behind the locks: here that would make the index of a campaign's open mails look as good as the key.
    where m.id = any (v.messages)
    for no key update skip locked
  ),
  mailbox_rows as (
    select g.mailbox_id from goniec.mailbox_gate g
    where g.mailbox_id = any (v.mailboxes)
    for no key update skip locked
  ),
  mailbox_day_rows as (
    select d.mailbox_id from goniec.mailbox_day d
    where d.mailbox_id = any (v.mailboxes) and d.day = p_today
    for no key update skip locked
  ),
  campaign_rows as (
    select g.campaign_id from goniec.campaign_gate g
    where g.campaign_id = any (v.campaigns)
    for no key update skip locked
  ),
  campaign_day_rows as (
    select d.campaign_id from goniec.campaign_day d
    where d.campaign_id = any (v.campaigns) and d.day = any (v.days)
      and (cardinality(v.days) = 1 or (d.campaign_id, d.day) in (select c.campaign_id, c.campaign_day from unnest(p_chosen) c where c.campaign_id is not null))
    for no key update skip locked
  ),
  salesperson_day_rows as (
    select d.salesperson_id from goniec.salesperson_day d
    where d.salesperson_id = any (v.salespeople) and d.day = p_today
    for no key update skip locked
  ),
  domain_day_rows as (
    select d.domain from goniec.domain_day d
    where d.domain = any (v.domains) and d.day = p_today
    for no key update skip locked
  ),
  domain_hour_rows as (
    select d.domain from goniec.domain_hour d
    where d.domain = any (v.domains) and d.hour = p_hour
    for no key update skip locked
  )
  select array(select id from message_rows),
         array(select mailbox_id from mailbox_rows intersect select mailbox_id from mailbox_day_rows),
         array(select campaign_id from campaign_rows intersect select campaign_id from campaign_day_rows),
         array(select salesperson_id from salesperson_day_rows),
         array(select domain from domain_day_rows intersect select domain from domain_hour_rows)
  into messages, mailboxes, campaigns, salespeople, domains;
  candidates := array(
    select c from unnest(p_chosen) c
    where c.message_id = any (messages) and c.mailbox_id = any (mailboxes)
      and (c.campaign_id is null or c.campaign_id = any (campaigns))
      and (c.kind = 'warmup' or c.salesperson_id = any (salespeople))
      and (c.domain is null or c.domain = any (domains)));
end $$;

-- Which due messages of these mailboxes others hold: hundreds of them may stand before one that is free.
create function goniec.locked_messages(p_now timestamptz, p_grace interval, p_mailboxes bigint[], p_not_messages bigint[]) returns bigint[]
language sql
set enable_seqscan = off
set jit = off
as $$
  with
  due as materialized (
    select m.id from goniec.message m
    where m.mailbox_id = any (p_mailboxes) and m.kind in ('response', 'campaign', 'warmup') and m.status = 'pending'
      and m.scheduled_at between p_now - p_grace and p_now and m.id <> all (p_not_messages)
    order by m.scheduled_at, m.id
    limit 1000
  ),
  free as (
    select m.id from goniec.message m where m.id in (select id from due) for no key update skip locked
  )
  select array(select id from due except select id from free)
$$;

-- Step 4: the last look, on rows that nobody else can change now, and the taking itself.
create function goniec.take(
  p_chosen goniec.candidate[], p_incarnation bigint, p_most integer, p_lease interval, p_total interval,
  p_now timestamptz, p_today date, p_grace interval)
returns jsonb
language plpgsql
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
set jit = off
as $$
declare
  v_attempts jsonb;
begin
  with
  still_claimable as materialized (
    select c.*
    from unnest(p_chosen) as chosen
    cross join lateral (
      -- All columns of claim's index, so that whichever index is taken leads to one row.
      select c.* from goniec.claimable(p_now, p_today, p_grace) c
      where c.message_id = chosen.message_id and c.mailbox_id = chosen.mailbox_id and c.kind = chosen.kind and c.scheduled_at = chosen.scheduled_at
      offset 0
    ) c
  ),
  one_per_lead as (
    select c.*, row_number() over (partition by coalesce(c.lead_id, -c.message_id) order by c.kind_rank, c.scheduled_at, c.message_id) as of_lead
    from still_claimable c
  ),
  within_domain as (
    select c.*, row_number() over (partition by c.domain order by c.scheduled_at, c.message_id) as of_domain
    from one_per_lead c
    where c.of_lead = 1
  ),
  within_campaign as (
    select c.*, row_number() over (partition by c.campaign_id order by c.scheduled_at, c.message_id) as of_campaign
    from within_domain c
    where c.domain is null or c.of_domain <= c.domain_room
  ),
  within_salesperson as (
    select c.*, row_number() over (partition by c.salesperson_id order by c.kind_rank, c.scheduled_at, c.message_id) as of_salesperson
    from within_campaign c
    where c.campaign_id is null or c.of_campaign <= case when c.campaign_delay_ms > 0 then 1 else c.campaign_room end
  ),
  taken as materialized (
    select c.* from within_salesperson c
    where c.of_salesperson <= c.salesperson_room
    order by c.kind_rank, c.scheduled_at, c.message_id
    limit p_most
  ),
  counted_on_mailbox as (
    update goniec.mailbox_day d
    set campaign_taken = d.campaign_taken + (t.kind = 'campaign')::integer,
        warmup_taken = d.warmup_taken + (t.kind = 'warmup')::integer,
        response_taken = d.response_taken + (t.kind = 'response')::integer
    from (
      select t.kind, (select its.ctid from goniec.mailbox_day its where its.mailbox_id = t.mailbox_id and its.day = p_today) as place from taken t offset 0
    ) as t
    where d.ctid = t.place
  ),
  counted_on_campaign as (
    update goniec.campaign_day d
    set taken = d.taken + t.mails
    from (
      select t.mails, (select its.ctid from goniec.campaign_day its where its.campaign_id = t.campaign_id and its.day = t.campaign_day) as place
      from (select campaign_id, campaign_day, count(*) as mails from taken where campaign_id is not null group by 1, 2) as t
      offset 0
    ) as t
    where d.ctid = t.place
  ),
  counted_on_salesperson as (
    update goniec.salesperson_day d
    set taken = d.taken + t.mails
    from (select salesperson_id, count(*) as mails from taken where kind <> 'warmup' group by 1) t
    where d.salesperson_id = t.salesperson_id and d.day = p_today
  ),
  counted_on_domain_day as (
    update goniec.domain_day d
    set taken = d.taken + t.mails
    from (select domain, count(*) as mails from taken where domain is not null group by 1) t
    where d.domain = t.domain and d.day = p_today
  ),
  counted_on_domain_hour as (
    update goniec.domain_hour d
    set taken = d.taken + t.mails
    from (select domain, count(*) as mails from taken where domain is not null group by 1) t
    where d.domain = t.domain and d.hour = goniec.hour_of(p_now)
  ),
  gates_set as (
    update goniec.campaign_gate g
    set last_claim_at = p_now
    from (
      select (select its.ctid from goniec.campaign_gate its where its.campaign_id = t.campaign_id) as place
      from taken t where t.campaign_delay_ms > 0 offset 0
    ) as t
    where g.ctid = t.place
  ),
  leads_taken as (
    insert into goniec.lead_day (lead_id, day, campaign_id)
    select t.lead_id, p_today, t.campaign_id
    from taken t
    where t.kind = 'campaign'
    on conflict do nothing
  ),
  messages_sending as (
    update goniec.message m
    set status = 'sending'
    from (select t.*, (select its.ctid from goniec.message its where its.id = t.message_id) as place from taken t offset 0) as t
    where m.ctid = t.place
    returning m.planned_campaign_version, m.planned_mailbox_version, t.*
  ),
  attempts as (
    insert into goniec.attempt (
      message_id, mailbox_id, kind, campaign_id, salesperson_id, lead_id, incarnation_id, lease_until, deadline_at,
      mailbox_day, campaign_day, domain_hour, campaign_version, mailbox_version, claimed_at)
    select t.message_id, t.mailbox_id, t.kind, t.campaign_id, t.salesperson_id, t.lead_id, p_incarnation, p_now + p_lease, p_now + p_total,
           p_today, case when t.campaign_id is not null then t.campaign_day end,
           case when t.domain is not null then goniec.hour_of(p_now) end, t.planned_campaign_version, t.planned_mailbox_version, p_now
    from messages_sending t
    order by t.kind_rank, t.scheduled_at, t.message_id
    returning id, message_id, mailbox_id
  )
  -- The message as it was before this statement.
  select coalesce(jsonb_agg(jsonb_build_object('attempt_id', a.id, 'message_id', a.message_id, 'mailbox_id', a.mailbox_id, 'scheduled_at', m.scheduled_at)
                            order by a.id), '[]')
  into v_attempts
  from attempts a
  cross join lateral (select its.scheduled_at from goniec.message its where its.id = a.message_id offset 0) as m;
  return v_attempts;
end $$;

-- The same, candidate by candidate (5). What would have to wait is left alone.
create function goniec.take_singly(
  p_chosen goniec.candidate[], p_incarnation bigint, p_most integer, p_lease interval, p_total interval,
  p_now timestamptz, p_today date, p_grace interval)
returns jsonb
language plpgsql
set lock_timeout = '10ms'
as $$
declare
  v_one goniec.candidate;
  v_taken jsonb;
  v_attempts jsonb := '[]';
  v_leads bigint[] := '{}';
begin
  foreach v_one in array p_chosen loop
    exit when jsonb_array_length(v_attempts) >= p_most;
    continue when v_one.lead_id = any (v_leads);
    begin
      v_taken := goniec.take(array[v_one], p_incarnation, 1, p_lease, p_total, p_now, p_today, p_grace);
      v_attempts := v_attempts || v_taken;
      if v_taken <> '[]' then v_leads := v_leads || v_one.lead_id; end if;
    exception
      when integrity_constraint_violation or raise_exception or data_exception then 
        update goniec.message set held_reason = 'claim failed: ' || sqlerrm where id = v_one.message_id;
      when lock_not_available or deadlock_detected then null; -- Somebody works on it without the locks of this house; it is looked at again by the next call.
    end;
  end loop;
  return v_attempts;
end $$;

-- The next instant at which anything could open: a planned time, or the end of a gap, delay or back-off that a due mail waits for. What
-- waits for a mail under way, or for a person, is not a matter of time, and whoever changes it says so. Only of mailboxes and campaigns that wait
-- it is asked whether anything of theirs is due: "offset 0" keeps the planner from joining all that is due to the few that wait (measured: two
-- thirds of a claim among 5,000 due mails).
create function goniec.next_opening(p_now timestamptz, p_grace interval)
returns timestamptz
language plpgsql stable
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
set jit = off
as $$
begin
  return (select min(opens_at) from (
    (select m.scheduled_at as opens_at
     from goniec.message m
     where m.status = 'pending' and m.scheduled_at > p_now and m.scheduled_at > '-infinity'
     order by m.scheduled_at
     limit 1)
    union all
    select resting.opens_at
    from (
      select g.mailbox_id, greatest(g.free_from, g.last_fence_at + b.min_gap_ms * interval '1 millisecond') as opens_at
      from goniec.mailbox_gate g
      cross join lateral (select its.min_gap_ms from goniec.mailbox its where its.id = g.mailbox_id offset 0) as b
      where greatest(g.free_from, g.last_fence_at + b.min_gap_ms * interval '1 millisecond') > p_now
      offset 0
    ) as resting
    where exists (select from goniec.message m
                  where m.mailbox_id = resting.mailbox_id and m.kind in ('response', 'campaign', 'warmup') and m.status = 'pending'
                    and m.scheduled_at between p_now - p_grace and p_now offset 0)
    union all
    select greatest(g.last_claim_at, g.last_fence_at) + c.shortest_delay_ms * interval '1 millisecond'
    from (
      -- No delay is longer than the longest one: by index the few of ten thousand campaigns that were mailed for so recently.
      select used.* from goniec.campaign_gate used
      where greatest(used.last_claim_at, used.last_fence_at)
            > p_now - (select max(longest.shortest_delay_ms) from goniec.campaign longest) * interval '1 millisecond'
      offset 0
    ) g
    cross join lateral (select its.shortest_delay_ms from goniec.campaign its where its.id = g.campaign_id offset 0) as c
    where greatest(g.last_claim_at, g.last_fence_at) + c.shortest_delay_ms * interval '1 millisecond' > p_now
      and exists (select from goniec.message m
                  where m.campaign_id = g.campaign_id and m.status in ('pending', 'sending', 'in_doubt') and m.status = 'pending'
                    and m.scheduled_at between p_now - p_grace and p_now offset 0)
    union all
    select goniec.hour_of(p_now) + interval '1 hour'
    where exists (select from goniec.domain_limit where hourly_limit is not null)
      and exists (select from goniec.message m where m.status = 'pending' and m.scheduled_at > '-infinity' and m.scheduled_at between p_now - p_grace and p_now)
  ) as openings);
end $$;

create function goniec.claim(p_incarnation bigint, p_batch integer, p_lease interval, p_total interval, p_grace interval default interval '5 minutes')
returns jsonb
language plpgsql
set lock_timeout = '100ms'
as $$
declare
  v_now timestamptz;
  v_today date;
  v_paused timestamptz;
  v_most integer := p_batch;
  v_chosen goniec.candidate[];
  v_rows record;
  v_not_messages bigint[] := '{}';
  v_not_mailboxes bigint[] := '{}';
  v_not_campaigns bigint[] := '{}';
  v_not_salespeople bigint[] := '{}';
  v_not_domains text[] := '{}';
  v_left_out boolean := false;
  v_attempts jsonb := '[]';
begin
  perform goniec.require_fresh_snapshots();
  if not pg_try_advisory_xact_lock(goniec.lock_key('claim')) then
    return jsonb_build_object('status', 'busy', 'now', goniec.now(), 'attempts', v_attempts);
  end if;

  v_now := goniec.now();
  if goniec.is_restored() then
    perform goniec.notice_restoration();
    return jsonb_build_object('status', 'nothing', 'now', v_now, 'attempts', v_attempts);
  end if;
  select (v_now at time zone i.timezone)::date, i.paused_at into v_today, v_paused from goniec.installation i;
  if v_paused is not null or not exists (select from goniec.incarnation i where i.id = p_incarnation and i.ended_at is null) then
    return jsonb_build_object('status', 'nothing', 'now', v_now, 'attempts', v_attempts);
  end if;

  -- Each round leaves out what the one before found held by others, and looks at more, so that there are few rounds.
  loop
    v_chosen := goniec.choose(v_now, v_today, v_most, p_grace, v_not_messages, v_not_mailboxes, v_not_campaigns, v_not_salespeople, v_not_domains);
    exit when v_chosen is null;

    -- The locks are taken in the same subtransaction as what is changed: a row that one locks and another changes gets a multixact, and whoever meets
    -- one of its versions afterwards takes it apart (measured: a sixth of a claim). Where the taking fails they are given back, and taken again.
    begin
      v_rows := goniec.lock_chosen(v_chosen, v_today, goniec.hour_of(v_now));
      if cardinality(v_rows.candidates) > 0 then
        v_attempts := goniec.take(v_rows.candidates, p_incarnation, p_batch, p_lease, p_total, v_now, v_today, p_grace);
      end if;
    exception when integrity_constraint_violation or raise_exception or data_exception or lock_not_available or deadlock_detected then
      v_rows := goniec.lock_chosen(v_chosen, v_today, goniec.hour_of(v_now));
      v_attempts := goniec.take_singly(v_rows.candidates, p_incarnation, p_batch, p_lease, p_total, v_now, v_today, p_grace);
    end;
    v_left_out := v_left_out or cardinality(v_rows.candidates) < cardinality(v_chosen);
    exit when v_attempts <> '[]';

    select v_not_messages || array_agg(c.message_id)
             || goniec.locked_messages(v_now, p_grace, array_agg(c.mailbox_id) filter (where c.message_id <> all (v_rows.messages)), v_not_messages),
           v_not_mailboxes || array_agg(c.mailbox_id) filter (where c.mailbox_id <> all (v_rows.mailboxes)),
           v_not_campaigns || array_agg(c.campaign_id) filter (where c.campaign_id <> all (v_rows.campaigns)),
           v_not_salespeople || array_agg(c.salesperson_id) filter (where c.kind <> 'warmup' and c.salesperson_id <> all (v_rows.salespeople)),
           v_not_domains || array_agg(c.domain) filter (where c.domain <> all (v_rows.domains))
    into v_not_messages, v_not_mailboxes, v_not_campaigns, v_not_salespeople, v_not_domains
    from unnest(v_chosen) c;
    v_most := least(v_most::bigint * 4, 100000);
  end loop;

  return jsonb_build_object(
    'status', case when v_attempts = '[]' then 'nothing' else 'claimed' end,
    'now', v_now, 'attempts', v_attempts,
    'next_at', least(goniec.next_opening(v_now, p_grace), case when v_left_out then v_now + interval '1 second' end));
end $$;

comment on function goniec.claim(bigint, integer, interval, interval, interval) is
  'Claims up to p_batch due mails for an incarnation. Returns {status: claimed|nothing|busy, now, attempts: [{attempt_id, message_id, mailbox_id, scheduled_at}], next_at}.';
