-- The day rows that claim takes capacity from. They are made ahead, by plan and apply, so that claim only ever updates rows.

-- What a mailbox may send on a day: all kinds together; campaign mail (null: no limit of its own); warm-up mail.
-- While it is warming, campaign mail is allowed up to the least of its daily limit, its warm-up daily limit, and its stage's campaign limit.
-- Day 1 is the day its warm-up started; a last stage without any limit means that it is warm (one in the middle has the limit of the warm-up itself).
-- src/schedule reckons the same for the days ahead.
create function goniec.mailbox_limits(p_mailbox goniec.mailbox, p_day date)
returns table (daily_limit integer, campaign_limit integer, warmup_limit integer)
language sql stable rows 1
as $$
  select p_mailbox.daily_limit,
         case when warming then least(p_mailbox.daily_limit, p_mailbox.warmup_daily_limit, stage.campaign_limit) end,
         case when warming then least(p_mailbox.warmup_daily_limit, stage.warmup_limit) end
  from (select 1) as one
  left join lateral (
    select s.* from goniec.warmup_stage s
    where s.from_day <= p_day - p_mailbox.warmup_started + 1
    order by s.from_day desc
    limit 1
  ) as stage on true
  cross join lateral (
    select p_mailbox.warmup_started is not null and p_day >= p_mailbox.warmup_started
           and (stage.from_day is null or stage.campaign_limit is not null or stage.warmup_limit is not null
                or exists (select from goniec.warmup_stage later where later.from_day > stage.from_day)) as warming
  ) as state
$$;

-- A limit as a day's row holds it: a limit below what was taken is "no more today", never an error.
create function goniec.limit_for_day(p_limit integer, p_taken integer) returns integer
language sql immutable parallel safe
as $$ select case when p_limit is not null then greatest(p_limit, p_taken) end $$;

-- Makes the rows of so many days from today on, and brings the limits of rows that are there up to date. It waits for nobody for long: what
-- another transaction holds is left as it is until the next call, and so is a campaign whose time zone the server does not know.
create function goniec.make_day_rows(p_days integer default 21, p_mailbox bigint default null) returns void
language plpgsql
set lock_timeout = '300ms'
set enable_seqscan = off
set jit = off
as $$
declare
  v_now timestamptz := goniec.now();
  v_today date := (select (v_now at time zone i.timezone)::date from goniec.installation i);
  v_owner bigint;
  v_campaigns bigint[];
  v_days date[];
begin
  for v_owner in
    select b.id from goniec.mailbox b
    where (p_mailbox is null or b.id = p_mailbox)
      and exists (
        select from generate_series(0, p_days - 1) n
        where not exists (select from goniec.mailbox_day d where d.mailbox_id = b.id and d.day = v_today + n offset 0))
    order by b.id
  loop
    begin
      insert into goniec.mailbox_day (mailbox_id, day, daily_limit, campaign_limit, warmup_limit)
      select b.id, v_today + n, l.daily_limit, l.campaign_limit, l.warmup_limit
      from goniec.mailbox b cross join generate_series(0, p_days - 1) n cross join lateral goniec.mailbox_limits(b, v_today + n) l
      where b.id = v_owner and not exists (select from goniec.mailbox_day d where d.mailbox_id = b.id and d.day = v_today + n offset 0)
      on conflict do nothing;
    exception when lock_not_available or deadlock_detected then
      null; -- Another program is just making this mailbox's rows; they are there once it commits.
    end;
  end loop;

  with
  outdated as (
    select d.mailbox_id, d.day, l.*
    from goniec.mailbox_day d
    cross join lateral (select its as mailbox from goniec.mailbox its where its.id = d.mailbox_id offset 0) as b
    cross join lateral goniec.mailbox_limits(b.mailbox, d.day) l
    where d.day >= v_today and d.day > '-infinity' and (p_mailbox is null or d.mailbox_id = p_mailbox)
      and (d.daily_limit, d.campaign_limit, d.warmup_limit) is distinct from (
        goniec.limit_for_day(l.daily_limit, d.campaign_taken + d.warmup_taken + d.response_taken),
        goniec.limit_for_day(l.campaign_limit, d.campaign_taken), goniec.limit_for_day(l.warmup_limit, d.warmup_taken))
    for no key update of d skip locked
  )
  update goniec.mailbox_day d
  set daily_limit = goniec.limit_for_day(o.daily_limit, d.campaign_taken + d.warmup_taken + d.response_taken),
      campaign_limit = goniec.limit_for_day(o.campaign_limit, d.campaign_taken),
      warmup_limit = goniec.limit_for_day(o.warmup_limit, d.warmup_taken)
  from outdated o
  where d.mailbox_id = o.mailbox_id and d.day = o.day;
  if p_mailbox is not null then return; end if;

  for v_owner in select s.id from goniec.salesperson s order by s.id loop
    begin
      perform goniec.make_salesperson_days(v_owner, v_today, p_days);
    exception when lock_not_available or deadlock_detected then
      null;
    end;
  end loop;
  -- Only those that miss one, or whose limit has changed: with ten thousand campaigns to look at each by itself took longer than a plan.
  select array_agg(c.id order by c.id), array_agg(l.day order by c.id)
  into v_campaigns, v_days
  from goniec.campaign c cross join lateral goniec.local_day(v_now, c.timezone) as l (day)
  where c.status in ('scheduled', 'running', 'paused') and l.day is not null
    and (p_days > (select count(*) from goniec.campaign_day d where d.campaign_id = c.id and d.day between l.day and l.day + p_days - 1)
         or exists (select from goniec.campaign_day d
                    where d.campaign_id = c.id and d.day >= l.day and d.daily_limit is distinct from goniec.limit_for_day(c.daily_limit, d.taken)));
  if v_campaigns is not null then
    -- Together: one by one, each of ten thousand read what had been made for those before it, where statistics are from when the table was empty (measured: a minute).
    begin
      perform goniec.make_campaign_days(v_campaigns, v_days, p_days);
    exception when lock_not_available or deadlock_detected then
      for i in 1..cardinality(v_campaigns) loop
        begin
          perform goniec.make_campaign_days(v_campaigns[i:i], v_days[i:i], p_days);
        exception when lock_not_available or deadlock_detected then
          null;
        end;
      end loop;
    end;
  end if;
  perform goniec.refresh_domain_rows(v_today, goniec.hour_of(v_now));
end $$;

create function goniec.make_salesperson_days(p_salesperson bigint, p_today date, p_days integer) returns void
language sql
as $$
  insert into goniec.salesperson_day (salesperson_id, day, daily_limit)
  select s.id, p_today + n, s.daily_limit
  from goniec.salesperson s cross join generate_series(0, p_days - 1) n
  where s.id = p_salesperson and not exists (select from goniec.salesperson_day d where d.salesperson_id = s.id and d.day = p_today + n offset 0)
  on conflict do nothing;
  with
  outdated as (
    select d.salesperson_id, d.day, s.daily_limit
    from goniec.salesperson_day d join goniec.salesperson s on s.id = d.salesperson_id
    where s.id = p_salesperson and d.day >= p_today and d.daily_limit is distinct from goniec.limit_for_day(s.daily_limit, d.taken)
    for no key update of d skip locked
  )
  update goniec.salesperson_day d
  set daily_limit = goniec.limit_for_day(o.daily_limit, d.taken)
  from outdated o
  where d.salesperson_id = o.salesperson_id and d.day = o.day;
$$;

-- Of these campaigns, each from its own day on.
create function goniec.make_campaign_days(p_campaigns bigint[], p_from date[], p_days integer) returns void
language sql
as $$
  insert into goniec.campaign_day (campaign_id, day, daily_limit)
  select c.id, o.from_day + n, c.daily_limit
  from unnest(p_campaigns, p_from) as o (id, from_day)
  join goniec.campaign c on c.id = o.id
  cross join generate_series(0, p_days - 1) n
  where not exists (select from goniec.campaign_day d where d.campaign_id = c.id and d.day = o.from_day + n offset 0)
  order by c.id, n
  on conflict do nothing;
  with
  outdated as (
    select d.campaign_id, d.day, c.daily_limit
    from unnest(p_campaigns, p_from) as o (id, from_day)
    join goniec.campaign c on c.id = o.id
    join goniec.campaign_day d on d.campaign_id = c.id
    where d.day >= o.from_day and d.daily_limit is distinct from goniec.limit_for_day(c.daily_limit, d.taken)
    for no key update of d skip locked
  )
  update goniec.campaign_day d
  set daily_limit = goniec.limit_for_day(o.daily_limit, d.taken)
  from outdated o
  where d.campaign_id = o.campaign_id and d.day = o.day;
$$;

-- The counters of the domains that slots at these instants go to, where a limit holds. A mail is claimed up to five minutes after its slot (the
-- grace), which may be in the next hour, or on the next day. It waits for nobody for long: returned are the domains whose counters another program
-- is just making (an import of history that does not end), and which are left to the next call.
create function goniec.make_domain_rows(p_domains text[], p_at timestamptz[]) returns text[]
language plpgsql
set lock_timeout = '300ms'
as $$
declare
  v_domain text;
  v_left text[] := '{}';
begin
  if not exists (select from goniec.domain_limit) then return v_left; end if;
  begin
    perform goniec.insert_domain_rows(p_domains, p_at);
    return v_left;
  exception when lock_not_available or deadlock_detected then
    perform set_config('lock_timeout', '10ms', true);
  end;
  for v_domain in select distinct s.domain from unnest(p_domains) as s (domain) where s.domain is not null order by 1 loop
    begin
      perform goniec.insert_domain_rows(array_agg(s.domain), array_agg(s.at)) from unnest(p_domains, p_at) as s (domain, at) where s.domain = v_domain;
    exception when lock_not_available or deadlock_detected then
      v_left := v_left || v_domain;
    end;
  end loop;
  return v_left;
end $$;

-- Days before hours, each in order, as an import of history makes them: in another order the two deadlock.
create function goniec.insert_domain_rows(p_domains text[], p_at timestamptz[]) returns void
language plpgsql
as $$
declare
  v_now timestamptz := goniec.now();
  v_zone text := (select i.timezone from goniec.installation i);
begin
  insert into goniec.domain_day (domain, day, daily_limit)
  select w.domain, w.day, l.daily_limit
  from (
    select distinct s.domain, (late.at at time zone v_zone)::date as day
    from unnest(p_domains, p_at) as s (domain, at)
    cross join lateral (values (greatest(s.at, v_now)), (greatest(s.at, v_now) + interval '5 minutes')) as late (at)
    where s.domain is not null
  ) as w
  cross join lateral goniec.domain_limits(w.domain) l
  order by 1, 2
  on conflict do nothing;

  insert into goniec.domain_hour (domain, hour, hourly_limit)
  select w.domain, w.hour, l.hourly_limit
  from (
    select distinct s.domain, goniec.hour_of(late.at) as hour
    from unnest(p_domains, p_at) as s (domain, at)
    cross join lateral (values (greatest(s.at, v_now)), (greatest(s.at, v_now) + interval '5 minutes')) as late (at)
    where s.domain is not null
  ) as w
  cross join lateral goniec.domain_limits(w.domain) l
  order by 1, 2
  on conflict do nothing;
end $$;

-- Brings the limits of counters that are there up to date; what another transaction holds waits for the next call.
create function goniec.refresh_domain_rows(p_today date, p_hour timestamptz) returns void
language sql
as $$
  with
  outdated as (
    select d.domain, d.day, l.daily_limit
    from goniec.domain_day d left join lateral goniec.domain_limits(d.domain) l on true
    where d.day >= p_today and d.daily_limit is distinct from goniec.limit_for_day(l.daily_limit, d.taken)
    for no key update of d skip locked
  )
  update goniec.domain_day d
  set daily_limit = goniec.limit_for_day(o.daily_limit, d.taken)
  from outdated o
  where d.domain = o.domain and d.day = o.day;
  with
  outdated as (
    select d.domain, d.hour, l.hourly_limit
    from goniec.domain_hour d left join lateral goniec.domain_limits(d.domain) l on true
    where d.hour >= p_hour and d.hourly_limit is distinct from goniec.limit_for_day(l.hourly_limit, d.taken)
    for no key update of d skip locked
  )
  update goniec.domain_hour d
  set hourly_limit = goniec.limit_for_day(o.hourly_limit, d.taken)
  from outdated o
  where d.domain = o.domain and d.hour = o.hour;
$$;

-- Whatever changes what should be planned wakes the workers. For each row, since a statement that changes none fires a trigger of its own too: the
-- plan itself looks for campaigns to start with such statements, and would wake itself for ever.
create function goniec.wake_plan() returns trigger
language plpgsql
as $$
begin
  perform pg_notify('goniec', 'plan');
  return null;
end $$;

create trigger installation_wakes_plan after update on goniec.installation for each row execute function goniec.wake_plan();
create trigger salesperson_wakes_plan after update on goniec.salesperson for each row execute function goniec.wake_plan();
create trigger mailbox_wakes_plan after update on goniec.mailbox for each row execute function goniec.wake_plan();
create trigger campaign_wakes_plan after update on goniec.campaign for each row execute function goniec.wake_plan();
