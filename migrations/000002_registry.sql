-- The registry that operators keep: salespeople, mailboxes, campaigns with their steps, leads, suppressions, enrollments.
--
-- A "version" counts the settings of a thing. A slot carries the versions it was planned with, and is void once they have moved on.

create table goniec.salesperson (
  id bigint generated always as identity primary key,
  email text not null constraint salesperson_email_is_unique unique,
  name text,
  daily_limit integer constraint salesperson_daily_limit_is_not_negative check (daily_limit >= 0),
  paused_at timestamptz,
  created_at timestamptz not null default goniec.now()
);

comment on table goniec.salesperson is 'A person who sends: owns mailboxes and campaigns.';
comment on column goniec.salesperson.daily_limit is 'Most mails a day over all campaigns and responses; null: no limit.';
comment on column goniec.salesperson.paused_at is 'goniec pause --salesperson: nothing of this person is claimed or passes its fence.';

create table goniec.mailbox (
  id bigint generated always as identity primary key,
  address text not null constraint mailbox_address_is_unique unique,
  name text,
  salesperson_id bigint not null references goniec.salesperson,
  daily_limit integer not null default 50 constraint mailbox_daily_limit_is_not_negative check (daily_limit >= 0),
  min_gap_ms bigint not null default 60000 constraint mailbox_min_gap_is_not_negative check (min_gap_ms >= 0),
  signature_text text,
  signature_html text,
  unsubscribe_address text,
  smtp_host text not null,
  smtp_port integer not null constraint mailbox_smtp_port_is_a_port check (smtp_port between 1 and 65535),
  smtp_security text not null constraint mailbox_smtp_security_is_known check (smtp_security in ('tls', 'starttls', 'none')),
  smtp_user text,
  smtp_password_ref text constraint mailbox_smtp_password_is_a_reference check (smtp_password_ref ~ '^(env|file|credential):.+'),
  smtp_oauth2 jsonb constraint mailbox_smtp_oauth2_holds_references check (
    smtp_oauth2 is null
    or (smtp_oauth2 ?& '{tokenUrl,clientId,clientSecret,refreshToken,scope}' and smtp_oauth2 ->> 'tokenUrl' ~ '^https?://' and smtp_oauth2 ->> 'clientId' <> ''
        and coalesce(smtp_oauth2 ->> 'clientSecret', 'env:none') ~ '^(env|file|credential):.+'
        and coalesce(smtp_oauth2 ->> 'refreshToken', 'env:none') ~ '^(env|file|credential):.+') is true),
  imap jsonb,
  warmup_started date,
  warmup_daily_limit integer constraint mailbox_warmup_daily_limit_is_not_negative check (warmup_daily_limit >= 0),
  status text not null default 'active' constraint mailbox_status_is_known check (status in ('active', 'paused', 'broken')),
  status_reason text,
  refusals_since timestamptz,
  version bigint not null default 1,
  created_at timestamptz not null default goniec.now(),
  constraint mailbox_login_is_whole check (num_nonnulls(smtp_password_ref, smtp_oauth2) = (smtp_user is not null)::integer),
  constraint mailbox_is_broken_for_a_reason check (status <> 'broken' or status_reason is not null)
);

comment on table goniec.mailbox is 'An address with its SMTP account.';
comment on column goniec.mailbox.smtp_password_ref is 'env:NAME, file:PATH or credential:NAME, read by the worker. A password never stands in the database.';
comment on column goniec.mailbox.smtp_oauth2 is 'Instead of a password: {tokenUrl, clientId, clientSecret, refreshToken, scope}; the secrets are references, as the password is. The worker asks for access tokens.';
comment on column goniec.mailbox.warmup_started is 'Day 1 of its warm-up; null: not warming.';
comment on column goniec.mailbox.refusals_since is 'Its last resume: refusals before it do not count for the brake any more.';
comment on column goniec.mailbox.status is 'broken: repeated faults of its account or server; goniec mailbox resume puts it back.';

create table goniec.mailbox_gate (
  mailbox_id bigint primary key references goniec.mailbox,
  last_fence_at timestamptz,
  free_from timestamptz,
  faults integer not null default 0,
  fault_reason text,
  set_back_at timestamptz
);

comment on table goniec.mailbox_gate is 'What sending changes about a mailbox, apart from its settings, so that claim and fence lock this row and never the settings.';
comment on column goniec.mailbox_gate.last_fence_at is 'Its last mail passed the fence then; the minimum gap counts from here.';
comment on column goniec.mailbox_gate.free_from is 'Not claimed before: it backs off after a fault, or a vanished worker may still be on its wire.';
comment on column goniec.mailbox_gate.set_back_at is 'Its instants lay in the future then, since the database''s clock had been ahead, and were set to it.';
comment on column goniec.mailbox_gate.faults is 'Faults in a row; an answer about a mail sets it to 0.';

create table goniec.campaign (
  id bigint generated always as identity primary key,
  name text not null constraint campaign_name_is_unique unique,
  salesperson_id bigint not null references goniec.salesperson,
  status text not null default 'draft'
    constraint campaign_status_is_known check (status in ('draft', 'scheduled', 'running', 'paused', 'completed', 'cancelled')),
  status_reason text,
  refusals_since timestamptz,
  timezone text not null default 'Europe/Warsaw'
    constraint campaign_timezone_is_known check ((timestamptz 'epoch' at time zone timezone) is not null),
  starts_on date,
  window_from time not null default '09:00',
  window_to time not null default '17:00',
  window_days text[] not null default '{mon,tue,wed,thu,fri}'
    constraint campaign_window_days_are_known check (window_days <@ '{mon,tue,wed,thu,fri,sat,sun}' and cardinality(window_days) > 0),
  holidays text default 'PL',
  skip_dates date[] not null default '{}',
  delay_ms bigint not null default 90000 constraint campaign_delay_is_not_negative check (delay_ms >= 0),
  jitter numeric(5, 4) not null default 0.2 constraint campaign_jitter_is_a_fraction check (jitter >= 0 and jitter < 1),
  shortest_delay_ms bigint not null generated always as (floor(delay_ms * (1 - jitter))::bigint) stored,
  daily_limit integer constraint campaign_daily_limit_is_not_negative check (daily_limit >= 0),
  contact_gap_days integer not null default 1 constraint campaign_contact_gap_is_not_negative check (contact_gap_days >= 0),
  weight integer not null default 1 constraint campaign_weight_is_positive check (weight >= 1),
  version bigint not null default 1,
  started_at timestamptz,
  completed_at timestamptz,
  created_at timestamptz not null default goniec.now(),
  constraint campaign_window_is_within_a_day check (window_from < window_to)
);

comment on table goniec.campaign is 'Who is mailed, what, when, from which mailboxes. Times are meant in its own zone.';
comment on column goniec.campaign.status_reason is 'Why it is paused, where no person did it: the brake.';
comment on column goniec.campaign.refusals_since is 'Its last resume: refusals before it do not count for the brake any more.';
comment on column goniec.campaign.window_to is 'End of the daily window, not included; 24:00 is allowed.';
comment on column goniec.campaign.holidays is 'Country (and region) whose public holidays are skipped, as date-holidays names them; null: none.';
comment on column goniec.campaign.delay_ms is 'Between two of its mails; each is spread by +-jitter in the plan. Claim and fence enforce shortest_delay_ms.';
comment on column goniec.campaign.contact_gap_days is 'A lead taken by another campaign within so many days (today included) waits; 0: off.';

create table goniec.campaign_gate (
  campaign_id bigint primary key references goniec.campaign,
  last_claim_at timestamptz,
  last_fence_at timestamptz,
  set_back_at timestamptz
);

comment on table goniec.campaign_gate is 'What sending changes about a campaign, apart from its settings. Its next mail is claimed, and fenced, no sooner than the shortest delay after both times.';
comment on column goniec.campaign_gate.set_back_at is 'Its instants lay in the future then, since the database''s clock had been ahead, and were set to it.';

-- What a claim asks each time: who of ten thousand campaigns still waits for his delay. The longest delay bounds the look.
create index campaign_gate_by_last_use on goniec.campaign_gate (greatest(last_claim_at, last_fence_at));
create index campaign_by_shortest_delay on goniec.campaign (shortest_delay_ms);

create table goniec.campaign_mailbox (
  campaign_id bigint not null references goniec.campaign,
  mailbox_id bigint not null references goniec.mailbox,
  primary key (campaign_id, mailbox_id)
);

comment on table goniec.campaign_mailbox is 'From which mailboxes a campaign is sent.';

create table goniec.step (
  id bigint generated always as identity primary key,
  campaign_id bigint not null references goniec.campaign,
  position integer not null constraint step_position_counts_from_one check (position >= 1),
  key text not null,
  keyed boolean not null,
  wait_days integer constraint step_wait_days_are_not_negative check (wait_days >= 0),
  wait_ms bigint constraint step_wait_is_not_negative check (wait_ms >= 0),
  retired_at timestamptz,
  constraint step_key_is_unique_in_its_campaign unique (campaign_id, key),
  constraint step_position_is_unique_in_its_campaign unique (campaign_id, position) deferrable initially deferred,
  constraint step_waits_one_way check (wait_days is null or wait_ms is null)
);

comment on table goniec.step is 'The n-th mail of a sequence. Its key is permanent: a message belongs to (campaign, lead, step key).';
comment on column goniec.step.keyed is 'The definition file gave the key. Without one it is step-N, and number and order are frozen once messages exist.';
comment on column goniec.step.wait_days is 'Calendar days after the previous mail, in the campaign''s zone; or wait_ms, exactly.';
comment on column goniec.step.retired_at is 'Taken out of the definition file after messages existed: no new message is made for it. Its position is kept beyond the live ones.';

create table goniec.variant (
  step_id bigint not null references goniec.step on delete cascade,
  letter text not null constraint variant_letter_is_a_letter check (letter ~ '^[A-Z]$'),
  weight integer not null default 1 constraint variant_weight_is_not_negative check (weight >= 0),
  subject text,
  text text,
  html text,
  primary key (step_id, letter),
  constraint variant_has_a_text check (text is not null or html is not null)
);

comment on table goniec.variant is 'One of a step''s texts, a Liquid template. Without a subject it is a reply in the thread of the step before.';

create function goniec.suppression_values(email text) returns text[]
language plpgsql immutable strict parallel safe
as $$
declare
  -- A loop: as a query over the labels it took a third of an import's time.
  v_values text[] := array[email];
  v_domain text := split_part(email, '@', 2);
begin
  while position('.' in v_domain) > 0 loop
    v_values := v_values || v_domain;
    v_domain := substr(v_domain, position('.' in v_domain) + 1);
  end loop;
  return v_values;
end $$;

comment on function goniec.suppression_values(text) is 'What could suppress this address: itself, its domain, and the domains above that, but for the top-level one.';

create table goniec.lead (
  id bigint generated always as identity primary key,
  email text not null constraint lead_email_is_unique unique,
  email_given text,
  suppression_values text[] not null generated always as (goniec.suppression_values(email)) stored,
  blocked_at timestamptz,
  replied_at timestamptz,
  unsubscribed_at timestamptz,
  bounced_at timestamptz,
  created_at timestamptz not null default goniec.now(),
  constraint lead_email_is_normalised check (email = lower(email) and email like '_%@_%' and email !~ '[[:space:],<>"]')
);

comment on table goniec.lead is 'A person with an address; unique by the normalised address (lower case, no spaces, IDN as ASCII).';
comment on column goniec.lead.suppression_values is 'What could suppress it, reckoned once: claim and fence ask for every mail.';
comment on column goniec.lead.blocked_at is 'Held: no mail at all until unblocked.';
comment on column goniec.lead.replied_at is 'No more campaign mail; responses stay.';
comment on column goniec.lead.unsubscribed_at is 'No mail at all.';
comment on column goniec.lead.bounced_at is 'The server said that there is no such mailbox: no mail at all.';

create table goniec.suppression (
  value text primary key
    constraint suppression_is_an_address_or_domain check (value = lower(value) and value !~ '[[:space:],<>"]' and value ~ '^([^@]+@)?[^@]+\.[^@.]+$'),
  reason text,
  created_at timestamptz not null default goniec.now(),
  created_by text not null default goniec.actor()
);

comment on table goniec.suppression is 'Addresses and domains that must not be mailed. A domain covers its subdomains.';

create function goniec.is_suppressed(email text) returns boolean
language sql stable strict parallel safe
as $$ select exists (select from goniec.suppression where value = any (goniec.suppression_values(email))) $$;

create table goniec.enrollment (
  id bigint generated always as identity primary key,
  campaign_id bigint not null references goniec.campaign,
  lead_id bigint not null references goniec.lead,
  fields jsonb not null default '{}' constraint enrollment_fields_are_an_object check (jsonb_typeof(fields) = 'object'),
  removed_at timestamptz,
  created_at timestamptz not null default goniec.now(),
  created_by text not null default goniec.actor(),
  constraint enrollment_is_unique unique (campaign_id, lead_id)
);

comment on table goniec.enrollment is 'A lead in a campaign, with the template fields that this campaign''s import gave.';
comment on column goniec.enrollment.created_by is 'Who imported it.';

create index enrollment_by_lead on goniec.enrollment (lead_id);

create table goniec.login_check (
  id bigint generated always as identity primary key,
  mailbox_id bigint not null references goniec.mailbox,
  requested_at timestamptz not null default goniec.now(),
  requested_by text not null default goniec.actor(),
  worker text,
  answered_at timestamptz,
  ok boolean,
  response text
);

comment on table goniec.login_check is 'A command asks whether a mailbox can be logged in to; a worker answers, since only workers hold the passwords.';
