-- The minute: what is done once a minute in the whole cluster, whichever worker does it; and what is mended where the clock has been set back.
--
-- Owns       the turn of the minute. Promises that of several workers one has it, that a clock which jumps puts it off by no more than a minute, and
--            that whoever asks waits for nobody.
-- Leaves     what is done with it to the worker.
--
-- Its shape, and why:
--   Workers ask by their own monotonic clocks, which no clock step moves; the database's clock only tells whether somebody has had the turn just
--   now. A turn that lies in the future was had under a clock that was ahead, and counts as long ago. The engine's cron does not do: it goes by the
--   worker's wall clock and remembers the last minute in the database, so that a host which was a day ahead for a moment stops it for a day, for
--   every worker, restarts or not.

create table goniec.minute (
  only_row boolean primary key default true constraint minute_is_one check (only_row),
  taken_at timestamptz
);
comment on table goniec.minute is 'When a worker last had the turn to do what is done once a minute: plan, recover. One row.';
comment on column goniec.minute.only_row is 'Always true: there is one row.';
comment on column goniec.minute.taken_at is 'The last turn, by the database''s clock.';
insert into goniec.minute default values;

create function goniec.take_minute(p_every interval) returns boolean
language plpgsql
as $$
declare
  v_now timestamptz := goniec.now();
begin
  perform from goniec.minute where taken_at is null or taken_at > v_now or taken_at <= v_now - p_every for no key update skip locked;
  if not found then return false; end if;
  update goniec.minute set taken_at = v_now;
  return true;
end $$;
comment on function goniec.take_minute(interval) is 'True for one caller in this time, over all workers: he does what is done once a minute.';

-- Instants that the database wrote while its clock was ahead, once it has been set back. They would hold a mailbox and a campaign up until the clock
-- is there again, a day maybe. They count as now: gaps and delays hold from here, so nothing is burst out; a lease begins anew, which is longer than
-- it was meant and never shorter. A second is left to clocks that are being slewed, and to whoever commits while this runs.
create function goniec.mend_instants() returns integer
language plpgsql
set enable_seqscan = off
set plan_cache_mode = force_custom_plan
set jit = off
as $$
declare
  v_now timestamptz := goniec.now();
  v_ahead timestamptz := v_now + interval '1 second';
  v_longest_backoff interval := interval '72 minutes';
  v_rows integer;
  v_mended integer := 0;
begin
  with ahead as (
    select a.id from goniec.attempt a
    where a.state in ('claimed', 'transmitting')
      and ((a.claimed_at > v_ahead and a.lease_until > a.claimed_at) or (a.transmitting_at > v_ahead and a.deadline_at > a.transmitting_at))
    order by a.id
    for no key update skip locked
  )
  update goniec.attempt a
  set lease_until = case when a.claimed_at > v_ahead and a.lease_until > a.claimed_at then v_now + (a.lease_until - a.claimed_at) else a.lease_until end,
      deadline_at = case when coalesce(a.transmitting_at, a.claimed_at) > v_ahead and a.deadline_at > coalesce(a.transmitting_at, a.claimed_at)
                         then v_now + (a.deadline_at - coalesce(a.transmitting_at, a.claimed_at)) else a.deadline_at end
  from ahead
  where a.id = ahead.id;
  get diagnostics v_rows = row_count;
  v_mended := v_mended + v_rows;

  with ahead as (
    select g.mailbox_id from goniec.mailbox_gate g
    where g.last_fence_at > v_ahead or g.free_from > v_now + v_longest_backoff
    order by g.mailbox_id
    for no key update skip locked
  )
  update goniec.mailbox_gate g
  set last_fence_at = case when g.last_fence_at > v_ahead then v_now else g.last_fence_at end,
      -- A doubtful attempt's worker may be on the wire for as long as its attempt was given.
      free_from = case when g.free_from is not null then least(g.free_from, v_now + greatest(v_longest_backoff, (
        select max(a.deadline_at - a.transmitting_at) from goniec.attempt a where a.mailbox_id = g.mailbox_id and a.state = 'in_doubt'))) end,
      set_back_at = v_now
  from ahead
  where g.mailbox_id = ahead.mailbox_id;
  get diagnostics v_rows = row_count;
  v_mended := v_mended + v_rows;

  with ahead as (
    select g.campaign_id from goniec.campaign_gate g
    where g.last_claim_at > v_ahead or g.last_fence_at > v_ahead
    order by g.campaign_id
    for no key update skip locked
  )
  update goniec.campaign_gate g
  set last_claim_at = least(g.last_claim_at, v_now), last_fence_at = least(g.last_fence_at, v_now), set_back_at = v_now
  from ahead
  where g.campaign_id = ahead.campaign_id;
  get diagnostics v_rows = row_count;
  v_mended := v_mended + v_rows;
  return v_mended;
end $$;
comment on function goniec.mend_instants() is 'Sets instants that lie in the future, written by a clock that has been set back since, to now: gates, leases and deadlines. Returns how many rows.';

do $$
begin
  if exists (select from pg_roles where rolname = 'goniec_reporter') then
    grant select on goniec.minute to goniec_reporter;
  end if;
  if exists (select from pg_roles where rolname = 'goniec_worker') then
    grant select, update on goniec.minute to goniec_worker;
    grant execute on function goniec.take_minute(interval), goniec.mend_instants() to goniec_worker;
  end if;
end $$;
