-- SQL as a face, continued: what a monitor reads each minute. One row for each number; names, units and labels stay.
--
-- It is read often, so nothing here grows with what was sent: today's mails by index, times of the last hour (and of no more than 5,000 mails),
-- the rest from the counters. What is pending is counted, which takes a fraction of a second for a million.

create view goniec_report.metrics as
with
clock as materialized (
  select n.now, (n.now at time zone i.timezone)::date as today
  from (select goniec.now() as now) as n cross join goniec.installation i
),
-- A campaign's day is the installation's, or one next to it.
today as materialized (
  select a.state, a.outcome
  from clock
  join goniec.attempt a on coalesce(a.campaign_day, a.mailbox_day) between clock.today - 1 and clock.today + 1
    and a.state in ('accepted', 'deferred', 'rejected', 'in_doubt', 'aborted', 'presumed_unsent') and a.mailbox_day = clock.today
  where a.message_id is not null and a.ended_by is distinct from 'import'
),
lately as materialized (
  select extract(epoch from a.transmitting_at - m.scheduled_at) * 1000 as lateness, extract(epoch from a.transmitting_at - m.first_planned_at) * 1000 as displacement,
         extract(epoch from a.claimed_at - m.scheduled_at) * 1000 as claim, extract(epoch from a.transmitting_at - a.claimed_at) * 1000 as before_content,
         extract(epoch from a.finished_at - a.transmitting_at) * 1000 as answer
  from clock
  cross join lateral (
    select * from goniec.attempt a where a.message_id is not null and a.ended_by is distinct from 'import' order by a.id desc limit 5000
  ) as a
  join goniec.message m on m.id = a.message_id
  where a.state = 'accepted' and m.status = 'sent' and a.transmitting_at > clock.now - interval '1 hour'
),
due as materialized (
  select count(*) filter (where m.scheduled_at >= clock.now - interval '5 minutes') as due, count(*) filter (where m.scheduled_at < clock.now - interval '5 minutes') as late,
         extract(epoch from max(clock.now - m.scheduled_at)) as oldest
  from clock
  join goniec.message m on m.status = 'pending' and m.scheduled_at > '-infinity' and m.scheduled_at <= clock.now
),
doubts as materialized (
  select count(*) as mails, extract(epoch from max(clock.now - a.transmitting_at)) as oldest
  from clock
  join goniec.message m on m.status = 'in_doubt'
  join goniec.attempt a on a.message_id = m.id and a.state = 'in_doubt'
),
health as materialized (
  select b.address, b.status, coalesce(g.faults, 0) as faults, g.free_from > clock.now as backs_off,
         greatest(0, least(d.daily_limit - d.campaign_taken - d.warmup_taken - d.response_taken, d.campaign_limit - d.campaign_taken)) as campaign_room
  from clock
  cross join goniec.mailbox b
  left join goniec.mailbox_gate g on g.mailbox_id = b.id
  left join goniec.mailbox_day d on d.mailbox_id = b.id and d.day = clock.today
)
select v.metric, v.labels, v.value::double precision as value, v.unit
from (
  select 'mails_pending' as metric, '{}'::jsonb as labels, (select count(*) from goniec.message m where m.status = 'pending')::numeric as value, 'mails' as unit
  union all select 'mails_held', '{}', (select count(*) from goniec.message m where m.status = 'pending' and m.held_reason is not null), 'mails'
  union all select 'mails_due', '{}', due, 'mails' from due
  union all select 'mails_late', '{}', late, 'mails' from due
  union all select 'oldest_due_age', '{}', oldest, 'seconds' from due
  union all select 'mails_under_way', '{}', (select count(*) from goniec.attempt a where a.state in ('claimed', 'transmitting') and a.message_id is not null), 'mails'
  union all select 'mails_in_doubt', '{}', mails, 'mails' from doubts
  union all select 'oldest_doubt_age', '{}', oldest, 'seconds' from doubts
  union all select 'mails_sent_today', '{}', (select count(*) from today where state = 'accepted'), 'mails'
  union all select 'mails_refused_today', '{}', (select count(*) from today where state = 'rejected'), 'mails'
  union all select 'attempts_put_off_today', '{}', (select count(*) from today where outcome = 'deferred'), 'attempts'
  union all select 'mailbox_faults_today', '{}', (select count(*) from today where outcome = 'mailbox_fault'), 'attempts'
  union all
  select t.metric, jsonb_build_object('quantile', q.name), q.value, 'ms'
  from (
    select 'lateness' as metric, percentile_disc(array[0.5, 0.99, 1]) within group (order by lateness) as at from lately
    union all select 'displacement', percentile_disc(array[0.5, 0.99, 1]) within group (order by displacement) from lately
    union all select 'claim_latency', percentile_disc(array[0.5, 0.99, 1]) within group (order by claim) from lately
    union all select 'smtp_latency_before_content', percentile_disc(array[0.5, 0.99, 1]) within group (order by before_content) from lately
    union all select 'smtp_latency_of_answer', percentile_disc(array[0.5, 0.99, 1]) within group (order by answer) from lately
  ) as t
  cross join lateral (values ('0.5', t.at[1]), ('0.99', t.at[2]), ('1', t.at[3])) as q (name, value)
  union all select 'capacity_left_today', jsonb_build_object('mailbox', address), case when status = 'active' then campaign_room else 0 end, 'mails' from health
  union all select 'mailbox_up', jsonb_build_object('mailbox', address), (status = 'active' and backs_off is not true)::integer, 'yes or no' from health
  union all select 'mailbox_faults_in_a_row', jsonb_build_object('mailbox', address), faults, 'faults' from health
  union all
  select 'mailboxes', jsonb_build_object('status', s.status), (select count(*) from health where health.status = s.status), 'mailboxes'
  from (values ('active'), ('paused'), ('broken')) as s (status)
  union all
  select 'campaigns', jsonb_build_object('status', s.status), (select count(*) from goniec.campaign c where c.status = s.status), 'campaigns'
  from (values ('draft'), ('scheduled'), ('running'), ('paused'), ('completed'), ('cancelled')) as s (status)
  union all
  -- A worker holds the lock on its name for as long as it lives.
  select 'workers', '{}', (
    select count(distinct w.worker)
    from pg_locks l
    join goniec.incarnation w on w.ended_at is null and hashtext(w.worker)::bigint & 4294967295 = l.objid::bigint
    where l.locktype = 'advisory' and l.classid = 20201 and l.objsubid = 2 and l.granted
      and l.database = (select d.oid from pg_database d where d.datname = current_database())), 'workers'
  union all select 'paused', '{}', (select (i.paused_at is not null)::integer from goniec.installation i), 'yes or no'
) as v;

comment on view goniec_report.metrics is 'Numbers worth watching, one a row, for a monitor to read each minute; docs/sql.md says which call for action.';
comment on column goniec_report.metrics.metric is 'What is measured.';
comment on column goniec_report.metrics.labels is 'Of what: {} for the whole, else {"mailbox": …}, {"status": …} or {"quantile": …} (0.5, 0.99, 1: the greatest).';
comment on column goniec_report.metrics.value is 'The number; null: there is none, since nothing was sent lately, or nothing is due.';
comment on column goniec_report.metrics.unit is 'mails, attempts, mailboxes, campaigns, workers, faults, ms, seconds, or yes or no (1 or 0).';

do $$
begin
  if exists (select from pg_roles where rolname = 'goniec_reporter') then
    grant usage on schema goniec_report to goniec_reporter;
    grant select on all tables in schema goniec_report to goniec_reporter;
  end if;
end $$;
