-- The installation, its clock, its locks, and the record of everything that happens.
--
-- Every table of goniec lives in the schema "goniec". Days of mailboxes and salespeople are local dates in the installation's zone.

create function goniec.now() returns timestamptz
language sql volatile parallel safe
as $$ select clock_timestamp() $$;

comment on function goniec.now() is
  'The one clock of goniec. Read it once into a variable: it is volatile, and inside a condition it would turn an index condition into a filter.';

-- Advisory locks. Transaction level:
--   claim    one claimer at a time; a second one is told "busy" at once
--   barrier  shared by every fence; taken exclusively (and given back) by whoever paused, blocked, suppressed or changed settings,
--            after his commit: when he has it, every fence that did not see his change has ended
--   plan     one plan at a time
--   forecast one worker makes the day's forecasts
--   refusals one counts refusals at a time, until he has committed
--   recall   after a restore one tells, places or doubts forgotten mails at a time
-- Session level, namespace 20201 ("worker name"): a worker holds the hash of its name for as long as it lives.
create function goniec.lock_key(name text) returns bigint
language sql immutable strict parallel safe
as $$
  select case name when 'claim' then 4702394921427289921 when 'barrier' then 4702394921427289922 when 'plan' then 4702394921427289923
                   when 'forecast' then 4702394921427289924 when 'refusals' then 4702394921427289925
                   when 'recall' then 4702394921427289926 end
$$;

-- Who did it: a command sets goniec.actor for its transaction; without it the database's user is named.
create function goniec.actor() returns text
language sql stable
as $$ select coalesce(nullif(current_setting('goniec.actor', true), ''), session_user::text) $$;

create table goniec.installation (
  only_row boolean primary key default true constraint installation_has_one_row check (only_row),
  id uuid not null default gen_random_uuid(),
  timezone text not null default 'Europe/Warsaw'
    constraint installation_timezone_is_known check ((timestamptz 'epoch' at time zone timezone) is not null),
  paused_at timestamptz,
  refusal_share numeric(5, 4) default 0.05 constraint installation_refusal_share_is_a_fraction check (refusal_share >= 0 and refusal_share < 1),
  refusal_least integer not null default 50 constraint installation_refusal_least_is_positive check (refusal_least >= 1),
  refusal_last integer not null default 200,
  created_at timestamptz not null default goniec.now(),
  constraint installation_refusal_last_holds_the_least check (refusal_last between refusal_least and 10000)
);

comment on table goniec.installation is 'One row: this installation.';
comment on column goniec.installation.id is 'Part of every Message-ID, so that they stay the same on every attempt and after a restore.';
comment on column goniec.installation.timezone is 'The zone whose local dates are the days of mailboxes and salespeople.';
comment on column goniec.installation.paused_at is 'The emergency brake (goniec pause --all): nothing is claimed, nothing passes its fence, responses and slots too. A flag of its own, so that lifting it revives no campaign that was paused by name.';

comment on column goniec.installation.refusal_share is 'The brake: a campaign or mailbox of whose last refusal_last mails (at least refusal_least) more than this share was refused for good is paused. Null: off.';

insert into goniec.installation default values;

-- Where this database lives. A backup that is restored, a standby that is promoted and a copy are other places, and may have forgotten mails that
-- went out: then all sending waits until somebody has said that it may go on (000025_restore.sql; docs/decisions/restore-detection.md).

create table goniec.home (
  only_row boolean primary key default true constraint home_has_one_row check (only_row),
  system_identifier text,
  database_oid bigint,
  timeline bigint,
  recorded_at timestamptz not null default goniec.now()
);

comment on table goniec.home is 'One row: the place in which this database may send. No row: the first worker that looks records it.';
comment on column goniec.home.system_identifier is 'Of the cluster, given to it by initdb. Null, here and below: this server does not tell, and it is not compared.';
comment on column goniec.home.database_oid is 'Of the database in its cluster: a dump that is restored beside its original has another one.';
comment on column goniec.home.timeline is 'One higher after each promotion of a standby, and after each recovery to a point in time.';

create table goniec.restoration (
  id bigint generated always as identity primary key,
  noticed_at timestamptz not null default goniec.now(),
  noticed_by text not null default goniec.actor(),
  reason text not null constraint restoration_reason_is_known check (reason in ('promoted', 'elsewhere', 'forgotten')),
  explanation text not null,
  last_known_at timestamptz,
  wal_position pg_lsn,
  ended_at timestamptz,
  ended_by text,
  constraint restoration_is_ended_by_somebody check ((ended_at is null) = (ended_by is null))
);

comment on table goniec.restoration is 'Each time that this database was found to be another than it had been. While one has not ended nothing is claimed, and nothing passes its fence.';
comment on column goniec.restoration.reason is 'promoted: a higher timeline, which may have forgotten nothing; elsewhere: another cluster or database, a restored dump or a copy; forgotten: a worker knows of what is not there any more.';
comment on column goniec.restoration.last_known_at is 'The last thing that the database knew of when that was noticed. What happened between the two may be forgotten.';
comment on column goniec.restoration.ended_by is 'Who said that sending may go on; "workers": all of them had reported, and nothing was missing.';

create unique index one_restoration_at_a_time on goniec.restoration ((true)) where ended_at is null;

-- Where the server is now. What it does not tell is null. As its owner, since a server may let nobody else read the first part.
create function goniec.here(out system_identifier text, out database_oid bigint, out timeline bigint, out wal_position pg_lsn)
language plpgsql stable security definer
set search_path = pg_catalog
as $$
begin
  database_oid := (select d.oid::bigint from pg_database d where d.datname = current_database());
  begin
    system_identifier := (select c.system_identifier::text from pg_control_system() c);
  exception when insufficient_privilege or undefined_function or feature_not_supported or object_not_in_prerequisite_state then
    null; -- A server that hides it is compared by the rest.
  end;
  begin
    wal_position := pg_current_wal_insert_lsn();
    timeline := ('x' || left(pg_walfile_name(wal_position), 8))::bit(32)::bigint;
  exception when insufficient_privilege or undefined_function or feature_not_supported or object_not_in_prerequisite_state then
    null; -- So does one whose storage is not Postgres' own.
  end;
end $$;

-- Whether all sending waits for a person, or for the workers' reports: asked by every claim and every fence, so that a worker which has noticed
-- nothing is stopped as well. "moved" is what is different here from where the database may send; null: nothing.
create function goniec.standing(out is_restored boolean, out moved text, out wal_position pg_lsn)
language plpgsql stable
as $$
declare
  v_home goniec.home;
  v_here record;
begin
  v_here := goniec.here();
  select h.* into v_home from goniec.home h;
  wal_position := v_here.wal_position;
  moved := case
    when v_here.system_identifier <> v_home.system_identifier or v_here.database_oid <> v_home.database_oid then 'elsewhere'
    when v_here.timeline < v_home.timeline then 'forgotten'
    when v_here.timeline > v_home.timeline then 'promoted'
  end;
  is_restored := moved is not null or exists (select from goniec.restoration r where r.ended_at is null);
end $$;

create function goniec.is_restored() returns boolean
language sql stable
as $$ select s.is_restored from goniec.standing() s $$;

create table goniec.warmup_stage (
  from_day integer primary key constraint warmup_stage_day_counts_from_one check (from_day >= 1),
  warmup_limit integer constraint warmup_stage_warmup_limit_is_not_negative check (warmup_limit >= 0),
  campaign_limit integer constraint warmup_stage_campaign_limit_is_not_negative check (campaign_limit >= 0)
);

comment on table goniec.warmup_stage is 'The warm-up ramp by day of warm-up (the day it started is day 1). A limit left out is no limit; after the last stage without limits the mailbox is warm.';

insert into goniec.warmup_stage (from_day, warmup_limit, campaign_limit)
values (1, 10, 5), (8, 20, 10), (15, 30, 20), (22, 30, 30), (29, null, null);

create table goniec.domain_limit (
  domain text primary key
    constraint domain_limit_is_of_a_domain check (domain = '*' or (domain = lower(domain) and domain ~ '^[^[:space:]@,<>"]+$')),
  daily_limit integer constraint domain_limit_a_day_is_not_negative check (daily_limit >= 0),
  hourly_limit integer constraint domain_limit_an_hour_is_not_negative check (hourly_limit >= 0)
);

comment on table goniec.domain_limit is 'Most campaign mails to one recipient domain, over all campaigns and mailboxes. Empty: no domain is limited, and nothing is counted.';
comment on column goniec.domain_limit.domain is 'What stands behind the @, and nothing above or below it; "*" is every domain without a row of its own, each for itself.';
comment on column goniec.domain_limit.hourly_limit is 'An hour begins on the full hour. A limit left out is no limit.';

create table goniec.event (
  id bigint generated always as identity primary key,
  at timestamptz not null default goniec.now(),
  type text not null,
  message_id bigint,
  attempt_id bigint,
  campaign_id bigint,
  lead_id bigint,
  mailbox_id bigint,
  actor text not null default goniec.actor(),
  data jsonb not null default '{}'
);

comment on table goniec.event is 'Append-only: every operation on a mail, and every act of an operator. Never updated, never deleted.';
comment on column goniec.event.type is 'Of a mail: requested, planned, moved, withdrawn, claimed, fenced, settled, returned, sent, in_doubt, failed, cancelled, retried, held, released, resolved, contradicted, recalled. Of all else: campaign_*, mailbox_*, lead_*, suppressed, unsuppressed, paused_*, resumed_*, restoration_*, applied, imported, slot_taken, slot_released, external_send. src/reports/event-words.ts has words for each.';
comment on column goniec.event.mailbox_id is 'Where it leaves from; where it moved, data.from_mailbox is the mailbox it had before.';

create index event_by_message on goniec.event (message_id, id) where message_id is not null;
-- What happened to a lead's mails is found by its mails: each mail has half a dozen events, a slot that is laid has one, and another index over them was
-- a quarter of what an event costs.
create index event_by_lead on goniec.event (lead_id, id) where lead_id is not null and message_id is null;
create index event_by_suppression on goniec.event ((data ->> 'value'), id) where type in ('suppressed', 'unsuppressed');
create index event_by_campaign on goniec.event (campaign_id, id) where campaign_id is not null and message_id is null;
