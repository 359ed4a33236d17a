-- The day rows that claim takes capacity from. They are made ahead, by plan and apply, so that claim only ever updates rows.

-- What a mailbox may send on a day: all kinds together; campaign mail (null: no limit of its own); warm-up mail.
-- While it is warming, campaign mail is allowed up to the least of its daily limit, its warm-up daily limit, and its stage's campaign limit.
-- Day 1 is the day its warm-up started; a stage without any limit means that it is warm. src/schedule reckons the same for the days ahead.
create function goniec.mailbox_limits(p_mailbox goniec.mailbox, p_day date, out daily_limit integer, out campaign_limit integer, out warmup_limit integer)
language sql stable
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
           and (stage.from_day is null or stage.campaign_limit is not null or stage.warmup_limit is not null) as warming
  ) as state
$$;

-- Makes the rows of so many days from today on, and brings the limits of rows that are there up to date. What another transaction holds is left as
-- it is until the next call. A limit below what was taken becomes what was taken: no more today.
create function goniec.make_day_rows(p_days integer default 21, p_mailbox bigint default null) returns void
language plpgsql
set lock_timeout = '300ms'
as $$
declare
  v_now timestamptz := goniec.now();
  v_today date := (select (v_now at time zone i.timezone)::date from goniec.installation i);
  v_mailbox goniec.mailbox;
begin
  for v_mailbox in select b.* from goniec.mailbox b where p_mailbox is null or b.id = p_mailbox order by b.id loop
    begin
      insert into goniec.mailbox_day (mailbox_id, day, daily_limit, campaign_limit, warmup_limit)
      select v_mailbox.id, v_today + n, l.daily_limit, l.campaign_limit, l.warmup_limit
      from generate_series(0, p_days - 1) n
      cross join lateral goniec.mailbox_limits(v_mailbox, v_today + n) l
      where not exists (select from goniec.mailbox_day d where d.mailbox_id = v_mailbox.id and d.day = v_today + n)
      on conflict do nothing;
    exception when lock_not_available then
      null; -- Another program is just making this mailbox's rows; they are there once it commits.
    end;
  end loop;

  with
  present as (
    select d.mailbox_id, d.day, l.*
    from goniec.mailbox_day d
    join goniec.mailbox b on b.id = d.mailbox_id
    cross join lateral goniec.mailbox_limits(b, d.day) l
    where d.day >= v_today and (p_mailbox is null or d.mailbox_id = p_mailbox)
      and (d.daily_limit <> l.daily_limit or d.campaign_limit is distinct from l.campaign_limit or d.warmup_limit is distinct from l.warmup_limit)
    for no key update of d skip locked
  )
  update goniec.mailbox_day d
  set daily_limit = greatest(p.daily_limit, d.campaign_taken + d.warmup_taken + d.response_taken),
      campaign_limit = greatest(p.campaign_limit, case when p.campaign_limit is not null then d.campaign_taken end),
      warmup_limit = greatest(p.warmup_limit, case when p.warmup_limit is not null then d.warmup_taken end)
  from present p
  where d.mailbox_id = p.mailbox_id and d.day = p.day;
  if p_mailbox is not null then return; end if;

  insert into goniec.salesperson_day (salesperson_id, day, daily_limit)
  select s.id, v_today + n, s.daily_limit
  from goniec.salesperson s cross join generate_series(0, p_days - 1) n
  where not exists (select from goniec.salesperson_day d where d.salesperson_id = s.id and d.day = v_today + n)
  on conflict do nothing;
  with
  present as (
    select d.salesperson_id, d.day, s.daily_limit
    from goniec.salesperson_day d join goniec.salesperson s on s.id = d.salesperson_id
    where d.day >= v_today and d.daily_limit is distinct from s.daily_limit
    for no key update of d skip locked
  )
  update goniec.salesperson_day d
  set daily_limit = greatest(p.daily_limit, case when p.daily_limit is not null then d.taken end)
  from present p
  where d.salesperson_id = p.salesperson_id and d.day = p.day;

  insert into goniec.campaign_day (campaign_id, day, daily_limit)
  select c.id, (v_now at time zone c.timezone)::date + n, c.daily_limit
  from goniec.campaign c cross join generate_series(0, p_days - 1) n
  where c.status in ('scheduled', 'running', 'paused')
    and not exists (select from goniec.campaign_day d where d.campaign_id = c.id and d.day = (v_now at time zone c.timezone)::date + n)
  on conflict do nothing;
  with
  present as (
    select d.campaign_id, d.day, c.daily_limit
    from goniec.campaign_day d join goniec.campaign c on c.id = d.campaign_id
    where d.day >= (v_now at time zone c.timezone)::date and d.daily_limit is distinct from c.daily_limit
    for no key update of d skip locked
  )
  update goniec.campaign_day d
  set daily_limit = greatest(p.daily_limit, case when p.daily_limit is not null then d.taken end)
  from present p
  where d.campaign_id = p.campaign_id and d.day = p.day;
end $$;

-- Whatever changes what should be planned wakes the workers.
create function goniec.wake_plan() returns trigger
language plpgsql
as $$
begin
  perform pg_notify('goniec', 'plan');
  return null;
end $$;

create trigger installation_wakes_plan after update on goniec.installation for each statement execute function goniec.wake_plan();
create trigger salesperson_wakes_plan after update on goniec.salesperson for each statement execute function goniec.wake_plan();
create trigger mailbox_wakes_plan after update on goniec.mailbox for each statement execute function goniec.wake_plan();
create trigger campaign_wakes_plan after update on goniec.campaign for each statement execute function goniec.wake_plan();
