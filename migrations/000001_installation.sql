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
-- Session level, namespace 20201 ("worker name"): a worker holds the hash of its name for as long as it lives.
create function goniec.lock_key(name text) returns bigint
language sql immutable strict parallel safe
as $$
  select case name when 'claim' then 4702394921427289921 when 'barrier' then 4702394921427289922 when 'plan' then 4702394921427289923
                   when 'forecast' then 4702394921427289924 when 'refusals' then 4702394921427289925 end
$$;

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

-- Who did it: a command sets goniec.actor for its transaction; without it the database's user is named.
create function goniec.actor() returns text
language sql stable
as $$ select coalesce(nullif(current_setting('goniec.actor', true), ''), session_user::text) $$;

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
comment on column goniec.event.type is 'Of a mail: requested, planned, moved, withdrawn, claimed, fenced, settled, returned, sent, in_doubt, failed, cancelled, retried, held, released, resolved, contradicted. Of all else: campaign_*, mailbox_*, lead_*, suppressed, unsuppressed, paused_*, resumed_*, applied, imported, slot_taken, slot_released, external_send. src/reports/event-words.ts has words for each.';
comment on column goniec.event.mailbox_id is 'Where it leaves from; where it moved, data.from_mailbox is the mailbox it had before.';

create index event_by_message on goniec.event (message_id, id) where message_id is not null;
create index event_by_lead on goniec.event (lead_id, id) where lead_id is not null;
create index event_by_suppression on goniec.event ((data ->> 'value'), id) where type in ('suppressed', 'unsuppressed');
create index event_by_campaign on goniec.event (campaign_id, id) where campaign_id is not null and message_id is null;
