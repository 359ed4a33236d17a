-- The schema that all migrations together make, for reading and for comparing; nothing runs this file.
-- Written by "npm run schema".

create type goniec.candidate as (
  message_id bigint,
  kind text,
  scheduled_at timestamp with time zone,
  mailbox_id bigint,
  campaign_id bigint,
  salesperson_id bigint,
  lead_id bigint,
  campaign_day date,
  domain text
);

create type goniec.judged_report as (
  attempt_id bigint,
  outcome text,
  stage text,
  code integer,
  response text,
  give_back boolean,
  lead_bounced boolean,
  permanent boolean,
  reason text,
  hold text,
  not_before timestamp with time zone,
  rfc_message_id text,
  server_message_id text,
  claimed_at timestamp with time zone,
  message_id bigint,
  mailbox_id bigint,
  campaign_day date,
  mailbox_day date,
  transmitting_at timestamp with time zone,
  state_before text,
  state_after text,
  verdict text
);

create table goniec.attempt (
  id bigint not null generated always as identity,
  message_id bigint,
  mailbox_id bigint not null,
  kind text not null,
  campaign_id bigint,
  salesperson_id bigint not null,
  lead_id bigint,
  state text not null default 'claimed'::text,
  incarnation_id bigint,
  lease_until timestamp with time zone not null,
  deadline_at timestamp with time zone not null,
  mailbox_day date not null,
  campaign_day date,
  domain_hour timestamp with time zone,
  campaign_version bigint,
  mailbox_version bigint,
  holds_capacity boolean not null default true,
  give_back boolean not null default false,
  claimed_at timestamp with time zone not null,
  transmitting_at timestamp with time zone,
  finished_at timestamp with time zone,
  outcome text,
  stage text,
  code integer,
  response text,
  server_message_id text,
  bounce_due boolean not null default false,
  ended_by text,
  constraint attempt_gives_back_what_it_holds CHECK ((NOT (give_back AND (state = ANY (ARRAY['claimed'::text, 'transmitting'::text, 'accepted'::text, 'in_doubt'::text]))))),
  constraint attempt_kind_is_known CHECK ((kind = ANY (ARRAY['response'::text, 'campaign'::text, 'warmup'::text]))),
  constraint attempt_of_no_message_is_a_slot CHECK (((message_id IS NOT NULL) OR (incarnation_id IS NULL))),
  constraint attempt_state_is_known CHECK ((state = ANY (ARRAY['claimed'::text, 'transmitting'::text, 'accepted'::text, 'deferred'::text, 'rejected'::text, 'in_doubt'::text, 'aborted'::text, 'presumed_unsent'::text]))),
  constraint attempt_incarnation_id_fkey FOREIGN KEY (incarnation_id) REFERENCES goniec.incarnation(id),
  constraint attempt_mailbox_id_fkey FOREIGN KEY (mailbox_id) REFERENCES goniec.mailbox_gate(mailbox_id),
  constraint attempt_message_id_fkey FOREIGN KEY (message_id) REFERENCES goniec.message(id),
  constraint attempt_pkey PRIMARY KEY (id)
);

create table goniec.campaign (
  id bigint not null generated always as identity,
  name text not null,
  salesperson_id bigint not null,
  status text not null default 'draft'::text,
  status_reason text,
  refusals_since timestamp with time zone,
  timezone text not null default 'Europe/Warsaw'::text,
  starts_on date,
  window_from time without time zone not null default '09:00:00'::time without time zone,
  window_to time without time zone not null default '17:00:00'::time without time zone,
  window_days text[] not null default '{mon,tue,wed,thu,fri}'::text[],
  holidays text default 'PL'::text,
  skip_dates date[] not null default '{}'::date[],
  delay_ms bigint not null default 90000,
  jitter numeric(5,4) not null default 0.2,
  shortest_delay_ms bigint not null generated always as ((floor(((delay_ms)::numeric * ((1)::numeric - jitter))))::bigint) stored,
  daily_limit integer,
  contact_gap_days integer not null default 1,
  weight integer not null default 1,
  version bigint not null default 1,
  started_at timestamp with time zone,
  completed_at timestamp with time zone,
  created_at timestamp with time zone not null default goniec.now(),
  constraint campaign_contact_gap_is_not_negative CHECK ((contact_gap_days >= 0)),
  constraint campaign_daily_limit_is_not_negative CHECK ((daily_limit >= 0)),
  constraint campaign_delay_is_not_negative CHECK ((delay_ms >= 0)),
  constraint campaign_jitter_is_a_fraction CHECK (((jitter >= (0)::numeric) AND (jitter < (1)::numeric))),
  constraint campaign_status_is_known CHECK ((status = ANY (ARRAY['draft'::text, 'scheduled'::text, 'running'::text, 'paused'::text, 'completed'::text, 'cancelled'::text]))),
  constraint campaign_timezone_is_known CHECK ((('1970-01-01 00:00:00+00'::timestamp with time zone AT TIME ZONE timezone) IS NOT NULL)),
  constraint campaign_weight_is_positive CHECK ((weight >= 1)),
  constraint campaign_window_days_are_known CHECK (((window_days <@ '{mon,tue,wed,thu,fri,sat,sun}'::text[]) AND (cardinality(window_days) > 0))),
  constraint campaign_window_is_within_a_day CHECK ((window_from < window_to)),
  constraint campaign_salesperson_id_fkey FOREIGN KEY (salesperson_id) REFERENCES goniec.salesperson(id),
  constraint campaign_pkey PRIMARY KEY (id),
  constraint campaign_name_is_unique UNIQUE (name)
);

create table goniec.campaign_binding (
  campaign_id bigint not null,
  day date not null,
  code text not null,
  said_at timestamp with time zone not null default goniec.now(),
  constraint campaign_binding_pkey PRIMARY KEY (campaign_id, day)
);

create table goniec.campaign_day (
  campaign_id bigint not null,
  day date not null,
  daily_limit integer,
  taken integer not null default 0,
  constraint campaign_day_count_is_not_negative CHECK ((taken >= 0)),
  constraint campaign_day_within_limit CHECK ((taken <= daily_limit)),
  constraint campaign_day_campaign_id_fkey FOREIGN KEY (campaign_id) REFERENCES goniec.campaign(id),
  constraint campaign_day_pkey PRIMARY KEY (campaign_id, day)
);

create table goniec.campaign_gate (
  campaign_id bigint not null,
  last_claim_at timestamp with time zone,
  last_fence_at timestamp with time zone,
  set_back_at timestamp with time zone,
  constraint campaign_gate_campaign_id_fkey FOREIGN KEY (campaign_id) REFERENCES goniec.campaign(id),
  constraint campaign_gate_pkey PRIMARY KEY (campaign_id)
);

create table goniec.campaign_mailbox (
  campaign_id bigint not null,
  mailbox_id bigint not null,
  constraint campaign_mailbox_campaign_id_fkey FOREIGN KEY (campaign_id) REFERENCES goniec.campaign(id),
  constraint campaign_mailbox_mailbox_id_fkey FOREIGN KEY (mailbox_id) REFERENCES goniec.mailbox(id),
  constraint campaign_mailbox_pkey PRIMARY KEY (campaign_id, mailbox_id)
);

create table goniec.contradiction (
  id bigint not null generated always as identity,
  attempt_id bigint not null,
  reported jsonb not null,
  at timestamp with time zone not null default goniec.now(),
  constraint contradiction_attempt_id_fkey FOREIGN KEY (attempt_id) REFERENCES goniec.attempt(id),
  constraint contradiction_pkey PRIMARY KEY (id)
);

create table goniec.domain_day (
  domain text not null,
  day date not null,
  daily_limit integer,
  taken integer not null default 0,
  constraint domain_day_count_is_not_negative CHECK ((taken >= 0)),
  constraint domain_day_within_limit CHECK ((taken <= daily_limit)),
  constraint domain_day_pkey PRIMARY KEY (domain, day)
);

create table goniec.domain_hour (
  domain text not null,
  hour timestamp with time zone not null,
  hourly_limit integer,
  taken integer not null default 0,
  constraint domain_hour_begins_on_the_hour CHECK ((hour = goniec.hour_of(hour))),
  constraint domain_hour_count_is_not_negative CHECK ((taken >= 0)),
  constraint domain_hour_within_limit CHECK ((taken <= hourly_limit)),
  constraint domain_hour_pkey PRIMARY KEY (domain, hour)
);

create table goniec.domain_limit (
  domain text not null,
  daily_limit integer,
  hourly_limit integer,
  constraint domain_limit_a_day_is_not_negative CHECK ((daily_limit >= 0)),
  constraint domain_limit_an_hour_is_not_negative CHECK ((hourly_limit >= 0)),
  constraint domain_limit_is_of_a_domain CHECK (((domain = '*'::text) OR ((domain = lower(domain)) AND (domain ~ '^[^[:space:]@,<>"]+$'::text)))),
  constraint domain_limit_pkey PRIMARY KEY (domain)
);

create table goniec.enrollment (
  id bigint not null generated always as identity,
  campaign_id bigint not null,
  lead_id bigint not null,
  fields jsonb not null default '{}'::jsonb,
  removed_at timestamp with time zone,
  created_at timestamp with time zone not null default goniec.now(),
  created_by text not null default goniec.actor(),
  constraint enrollment_fields_are_an_object CHECK ((jsonb_typeof(fields) = 'object'::text)),
  constraint enrollment_campaign_id_fkey FOREIGN KEY (campaign_id) REFERENCES goniec.campaign(id),
  constraint enrollment_lead_id_fkey FOREIGN KEY (lead_id) REFERENCES goniec.lead(id),
  constraint enrollment_pkey PRIMARY KEY (id),
  constraint enrollment_is_unique UNIQUE (campaign_id, lead_id)
);

create table goniec.event (
  id bigint not null generated always as identity,
  at timestamp with time zone not null default goniec.now(),
  type text not null,
  message_id bigint,
  attempt_id bigint,
  campaign_id bigint,
  lead_id bigint,
  mailbox_id bigint,
  actor text not null default goniec.actor(),
  data jsonb not null default '{}'::jsonb,
  constraint event_pkey PRIMARY KEY (id)
);

create table goniec.forecast (
  campaign_id bigint not null,
  made_on date not null,
  made_at timestamp with time zone not null default goniec.now(),
  status text not null,
  sent integer not null,
  mails integer not null,
  first_mails_end date,
  follow_ups_end date,
  earliest date,
  likely date,
  latest date,
  extrapolated boolean not null default false,
  days jsonb not null,
  never jsonb not null default '[]'::jsonb,
  ended_on date,
  slip real,
  constraint forecast_range_holds_what_is_likely CHECK (((earliest <= likely) AND (likely <= latest))),
  constraint forecast_range_is_whole CHECK ((((earliest IS NULL) = (likely IS NULL)) AND ((latest IS NULL) = (likely IS NULL)))),
  constraint forecast_pkey PRIMARY KEY (campaign_id, made_on)
);

create table goniec.home (
  only_row boolean not null default true,
  system_identifier text,
  database_oid bigint,
  timeline bigint,
  recorded_at timestamp with time zone not null default goniec.now(),
  constraint home_has_one_row CHECK (only_row),
  constraint home_pkey PRIMARY KEY (only_row)
);

create table goniec.incarnation (
  id bigint not null generated always as identity,
  worker text not null,
  host text not null,
  boot_id text,
  pid_namespace text,
  pid integer not null,
  pid_started text,
  version text not null,
  started_at timestamp with time zone not null default goniec.now(),
  seen_at timestamp with time zone not null default goniec.now(),
  ended_at timestamp with time zone,
  constraint incarnation_pkey PRIMARY KEY (id)
);

create table goniec.installation (
  only_row boolean not null default true,
  id uuid not null default gen_random_uuid(),
  timezone text not null default 'Europe/Warsaw'::text,
  paused_at timestamp with time zone,
  refusal_share numeric(5,4) default 0.05,
  refusal_least integer not null default 50,
  refusal_last integer not null default 200,
  created_at timestamp with time zone not null default goniec.now(),
  constraint installation_has_one_row CHECK (only_row),
  constraint installation_refusal_last_holds_the_least CHECK (((refusal_last >= refusal_least) AND (refusal_last <= 10000))),
  constraint installation_refusal_least_is_positive CHECK ((refusal_least >= 1)),
  constraint installation_refusal_share_is_a_fraction CHECK (((refusal_share >= (0)::numeric) AND (refusal_share < (1)::numeric))),
  constraint installation_timezone_is_known CHECK ((('1970-01-01 00:00:00+00'::timestamp with time zone AT TIME ZONE timezone) IS NOT NULL)),
  constraint installation_pkey PRIMARY KEY (only_row)
);

create table goniec.known_worker (
  worker text not null,
  seen_at timestamp with time zone not null,
  constraint known_worker_pkey PRIMARY KEY (worker)
);

create table goniec.lead (
  id bigint not null generated always as identity,
  email text not null,
  email_given text,
  suppression_values text[] not null generated always as (goniec.suppression_values(email)) stored,
  blocked_at timestamp with time zone,
  replied_at timestamp with time zone,
  unsubscribed_at timestamp with time zone,
  bounced_at timestamp with time zone,
  created_at timestamp with time zone not null default goniec.now(),
  constraint lead_email_is_normalised CHECK (((email = lower(email)) AND (email ~~ '_%@_%'::text) AND (email !~ '[[:space:],<>"]'::text))),
  constraint lead_pkey PRIMARY KEY (id),
  constraint lead_email_is_unique UNIQUE (email)
);

create table goniec.lead_day (
  lead_id bigint not null,
  day date not null,
  campaign_id bigint not null,
  constraint lead_day_pkey PRIMARY KEY (lead_id, day, campaign_id)
);

create table goniec.login_check (
  id bigint not null generated always as identity,
  mailbox_id bigint not null,
  requested_at timestamp with time zone not null default goniec.now(),
  requested_by text not null default goniec.actor(),
  worker text,
  answered_at timestamp with time zone,
  ok boolean,
  response text,
  constraint login_check_mailbox_id_fkey FOREIGN KEY (mailbox_id) REFERENCES goniec.mailbox(id),
  constraint login_check_pkey PRIMARY KEY (id)
);

create table goniec.mailbox (
  id bigint not null generated always as identity,
  address text not null,
  name text,
  salesperson_id bigint not null,
  daily_limit integer not null default 50,
  min_gap_ms bigint not null default 60000,
  signature_text text,
  signature_html text,
  unsubscribe_address text,
  smtp_host text not null,
  smtp_port integer not null,
  smtp_security text not null,
  smtp_user text,
  smtp_password_ref text,
  smtp_oauth2 jsonb,
  imap jsonb,
  warmup_started date,
  warmup_daily_limit integer,
  status text not null default 'active'::text,
  status_reason text,
  refusals_since timestamp with time zone,
  version bigint not null default 1,
  created_at timestamp with time zone not null default goniec.now(),
  constraint mailbox_daily_limit_is_not_negative CHECK ((daily_limit >= 0)),
  constraint mailbox_is_broken_for_a_reason CHECK (((status <> 'broken'::text) OR (status_reason IS NOT NULL))),
  constraint mailbox_login_is_whole CHECK ((num_nonnulls(smtp_password_ref, smtp_oauth2) = ((smtp_user IS NOT NULL))::integer)),
  constraint mailbox_min_gap_is_not_negative CHECK ((min_gap_ms >= 0)),
  constraint mailbox_smtp_oauth2_holds_references CHECK (((smtp_oauth2 IS NULL) OR (((smtp_oauth2 ?& '{tokenUrl,clientId,clientSecret,refreshToken,scope}'::text[]) AND ((smtp_oauth2 ->> 'tokenUrl'::text) ~ '^https?://'::text) AND ((smtp_oauth2 ->> 'clientId'::text) <> ''::text) AND (COALESCE((smtp_oauth2 ->> 'clientSecret'::text), 'env:none'::text) ~ '^(env|file|credential):.+'::text) AND (COALESCE((smtp_oauth2 ->> 'refreshToken'::text), 'env:none'::text) ~ '^(env|file|credential):.+'::text)) IS TRUE))),
  constraint mailbox_smtp_password_is_a_reference CHECK ((smtp_password_ref ~ '^(env|file|credential):.+'::text)),
  constraint mailbox_smtp_port_is_a_port CHECK (((smtp_port >= 1) AND (smtp_port <= 65535))),
  constraint mailbox_smtp_security_is_known CHECK ((smtp_security = ANY (ARRAY['tls'::text, 'starttls'::text, 'none'::text]))),
  constraint mailbox_status_is_known CHECK ((status = ANY (ARRAY['active'::text, 'paused'::text, 'broken'::text]))),
  constraint mailbox_warmup_daily_limit_is_not_negative CHECK ((warmup_daily_limit >= 0)),
  constraint mailbox_salesperson_id_fkey FOREIGN KEY (salesperson_id) REFERENCES goniec.salesperson(id),
  constraint mailbox_pkey PRIMARY KEY (id),
  constraint mailbox_address_is_unique UNIQUE (address)
);

create table goniec.mailbox_day (
  mailbox_id bigint not null,
  day date not null,
  daily_limit integer not null,
  campaign_limit integer,
  warmup_limit integer,
  campaign_taken integer not null default 0,
  warmup_taken integer not null default 0,
  response_taken integer not null default 0,
  constraint mailbox_day_counts_are_not_negative CHECK (((campaign_taken >= 0) AND (warmup_taken >= 0) AND (response_taken >= 0))),
  constraint mailbox_day_within_limits CHECK (((((campaign_taken + warmup_taken) + response_taken) <= daily_limit) AND ((campaign_limit IS NULL) OR (campaign_taken <= campaign_limit)) AND ((warmup_limit IS NULL) OR (warmup_taken <= warmup_limit)))),
  constraint mailbox_day_mailbox_id_fkey FOREIGN KEY (mailbox_id) REFERENCES goniec.mailbox(id),
  constraint mailbox_day_pkey PRIMARY KEY (mailbox_id, day)
);

create table goniec.mailbox_gate (
  mailbox_id bigint not null,
  last_fence_at timestamp with time zone,
  free_from timestamp with time zone,
  faults integer not null default 0,
  fault_reason text,
  set_back_at timestamp with time zone,
  constraint mailbox_gate_mailbox_id_fkey FOREIGN KEY (mailbox_id) REFERENCES goniec.mailbox(id),
  constraint mailbox_gate_pkey PRIMARY KEY (mailbox_id)
);

create table goniec.message (
  id bigint not null generated always as identity,
  kind text not null,
  status text not null default 'pending'::text,
  campaign_id bigint,
  enrollment_id bigint,
  lead_id bigint,
  recipient text not null,
  step_id bigint,
  step_key text,
  variant text,
  bound_mailbox_id bigint,
  is_test boolean not null default false,
  idempotency_key text,
  response_day date,
  again boolean not null default false,
  not_before timestamp with time zone,
  follows_at timestamp with time zone,
  mailbox_id bigint,
  scheduled_at timestamp with time zone,
  window_closes_at timestamp with time zone,
  planned_campaign_version bigint,
  planned_mailbox_version bigint,
  first_planned_at timestamp with time zone,
  slot_reason text,
  missed_from timestamp with time zone,
  counted_attempts integer not null default 0,
  uncounted_attempts integer not null default 0,
  tried_days date[] not null default '{}'::date[],
  held_reason text,
  failed_reason text,
  rfc_message_id text,
  sent_at timestamp with time zone,
  created_at timestamp with time zone not null default goniec.now(),
  constraint message_campaign_mail_has_its_place CHECK (((kind <> 'campaign'::text) OR ((campaign_id IS NOT NULL) AND (enrollment_id IS NOT NULL) AND (lead_id IS NOT NULL) AND (step_id IS NOT NULL) AND (step_key IS NOT NULL)))),
  constraint message_kind_is_known CHECK ((kind = ANY (ARRAY['response'::text, 'campaign'::text, 'warmup'::text]))),
  constraint message_other_mail_has_a_mailbox CHECK (((kind = 'campaign'::text) OR (bound_mailbox_id IS NOT NULL))),
  constraint message_response_has_a_key CHECK (((kind <> 'response'::text) OR (idempotency_key IS NOT NULL))),
  constraint message_sent_has_a_time CHECK (((status <> 'sent'::text) OR (sent_at IS NOT NULL))),
  constraint message_slot_is_whole CHECK ((((scheduled_at IS NULL) = (window_closes_at IS NULL)) AND ((scheduled_at IS NULL) = (mailbox_id IS NULL)) AND ((scheduled_at IS NULL) OR (scheduled_at < window_closes_at)))),
  constraint message_status_is_known CHECK ((status = ANY (ARRAY['pending'::text, 'sending'::text, 'sent'::text, 'failed'::text, 'cancelled'::text, 'in_doubt'::text]))),
  constraint message_bound_mailbox_id_fkey FOREIGN KEY (bound_mailbox_id) REFERENCES goniec.mailbox(id),
  constraint message_campaign_id_fkey FOREIGN KEY (campaign_id) REFERENCES goniec.campaign(id),
  constraint message_enrollment_id_fkey FOREIGN KEY (enrollment_id) REFERENCES goniec.enrollment(id),
  constraint message_lead_id_fkey FOREIGN KEY (lead_id) REFERENCES goniec.lead(id),
  constraint message_step_id_fkey FOREIGN KEY (step_id) REFERENCES goniec.step(id),
  constraint message_pkey PRIMARY KEY (id)
);

create table goniec.message_content (
  message_id bigint not null,
  attempt_id bigint not null,
  subject text,
  text text,
  html text,
  headers jsonb not null default '{}'::jsonb,
  constraint message_content_message_id_fkey FOREIGN KEY (message_id) REFERENCES goniec.message(id),
  constraint message_content_pkey PRIMARY KEY (message_id)
);

create table goniec.message_material (
  message_id bigint not null,
  subject text,
  text text,
  html text,
  in_reply_to text,
  mail_references text[] not null default '{}'::text[],
  attachments jsonb not null default '[]'::jsonb,
  digest text not null,
  constraint message_material_message_id_fkey FOREIGN KEY (message_id) REFERENCES goniec.message(id),
  constraint message_material_pkey PRIMARY KEY (message_id)
);

create table goniec.migration (
  number integer not null,
  name text not null,
  checksum text not null,
  applied_at timestamp with time zone not null default clock_timestamp(),
  goniec_version text not null,
  constraint migration_pkey PRIMARY KEY (number)
);

create table goniec.minute (
  only_row boolean not null default true,
  taken_at timestamp with time zone,
  constraint minute_is_one CHECK (only_row),
  constraint minute_pkey PRIMARY KEY (only_row)
);

create table goniec.recalled_mail (
  id bigint not null generated always as identity,
  restoration_id bigint not null,
  worker text not null,
  attempt_id bigint not null,
  passed_at timestamp with time zone not null,
  outcome text not null,
  response text,
  kind text not null,
  recipient text not null,
  campaign text,
  step_key text,
  idempotency_key text,
  mailbox text,
  rfc_message_id text,
  message_id bigint,
  became text,
  constraint recalled_mail_kind_is_known CHECK ((kind = ANY (ARRAY['campaign'::text, 'own'::text]))),
  constraint recalled_mail_outcome_is_known CHECK ((outcome = ANY (ARRAY['accepted'::text, 'unknown'::text]))),
  constraint recalled_mail_message_id_fkey FOREIGN KEY (message_id) REFERENCES goniec.message(id),
  constraint recalled_mail_restoration_id_fkey FOREIGN KEY (restoration_id) REFERENCES goniec.restoration(id),
  constraint recalled_mail_pkey PRIMARY KEY (id)
);

create table goniec.restoration (
  id bigint not null generated always as identity,
  noticed_at timestamp with time zone not null default goniec.now(),
  noticed_by text not null default goniec.actor(),
  reason text not null,
  explanation text not null,
  last_known_at timestamp with time zone,
  wal_position pg_lsn,
  ended_at timestamp with time zone,
  ended_by text,
  constraint restoration_is_ended_by_somebody CHECK (((ended_at IS NULL) = (ended_by IS NULL))),
  constraint restoration_reason_is_known CHECK ((reason = ANY (ARRAY['promoted'::text, 'elsewhere'::text, 'forgotten'::text]))),
  constraint restoration_pkey PRIMARY KEY (id)
);

create table goniec.restoration_due (
  restoration_id bigint not null,
  message_id bigint not null,
  due_at timestamp with time zone not null,
  mailbox_id bigint,
  constraint restoration_due_message_id_fkey FOREIGN KEY (message_id) REFERENCES goniec.message(id),
  constraint restoration_due_restoration_id_fkey FOREIGN KEY (restoration_id) REFERENCES goniec.restoration(id),
  constraint restoration_due_pkey PRIMARY KEY (restoration_id, message_id)
);

create table goniec.restoration_report (
  restoration_id bigint not null,
  worker text not null,
  reported_at timestamp with time zone not null default goniec.now(),
  covers_from timestamp with time zone,
  is_complete boolean not null,
  is_ahead boolean not null,
  mails integer not null,
  constraint restoration_report_restoration_id_fkey FOREIGN KEY (restoration_id) REFERENCES goniec.restoration(id),
  constraint restoration_report_pkey PRIMARY KEY (restoration_id, worker)
);

create table goniec.salesperson (
  id bigint not null generated always as identity,
  email text not null,
  name text,
  daily_limit integer,
  paused_at timestamp with time zone,
  created_at timestamp with time zone not null default goniec.now(),
  constraint salesperson_daily_limit_is_not_negative CHECK ((daily_limit >= 0)),
  constraint salesperson_pkey PRIMARY KEY (id),
  constraint salesperson_email_is_unique UNIQUE (email)
);

create table goniec.salesperson_day (
  salesperson_id bigint not null,
  day date not null,
  daily_limit integer,
  taken integer not null default 0,
  constraint salesperson_day_count_is_not_negative CHECK ((taken >= 0)),
  constraint salesperson_day_within_limit CHECK ((taken <= daily_limit)),
  constraint salesperson_day_salesperson_id_fkey FOREIGN KEY (salesperson_id) REFERENCES goniec.salesperson(id),
  constraint salesperson_day_pkey PRIMARY KEY (salesperson_id, day)
);

create table goniec.step (
  id bigint not null generated always as identity,
  campaign_id bigint not null,
  "position" integer not null,
  key text not null,
  keyed boolean not null,
  wait_days integer,
  wait_ms bigint,
  retired_at timestamp with time zone,
  constraint step_position_counts_from_one CHECK (("position" >= 1)),
  constraint step_wait_days_are_not_negative CHECK ((wait_days >= 0)),
  constraint step_wait_is_not_negative CHECK ((wait_ms >= 0)),
  constraint step_waits_one_way CHECK (((wait_days IS NULL) OR (wait_ms IS NULL))),
  constraint step_campaign_id_fkey FOREIGN KEY (campaign_id) REFERENCES goniec.campaign(id),
  constraint step_pkey PRIMARY KEY (id),
  constraint step_key_is_unique_in_its_campaign UNIQUE (campaign_id, key),
  constraint step_position_is_unique_in_its_campaign UNIQUE (campaign_id, "position") DEFERRABLE INITIALLY DEFERRED
);

create table goniec.suppression (
  value text not null,
  reason text,
  created_at timestamp with time zone not null default goniec.now(),
  created_by text not null default goniec.actor(),
  constraint suppression_is_an_address_or_domain CHECK (((value = lower(value)) AND (value !~ '[[:space:],<>"]'::text) AND (value ~ '^([^@]+@)?[^@]+\.[^@.]+$'::text))),
  constraint suppression_pkey PRIMARY KEY (value)
);

create table goniec.transition (
  entity text not null,
  from_state text not null,
  to_state text not null,
  meaning text not null,
  constraint transition_pkey PRIMARY KEY (entity, from_state, to_state)
);

create table goniec.variant (
  step_id bigint not null,
  letter text not null,
  weight integer not null default 1,
  subject text,
  text text,
  html text,
  constraint variant_has_a_text CHECK (((text IS NOT NULL) OR (html IS NOT NULL))),
  constraint variant_letter_is_a_letter CHECK ((letter ~ '^[A-Z]$'::text)),
  constraint variant_weight_is_not_negative CHECK ((weight >= 0)),
  constraint variant_step_id_fkey FOREIGN KEY (step_id) REFERENCES goniec.step(id) ON DELETE CASCADE,
  constraint variant_pkey PRIMARY KEY (step_id, letter)
);

create table goniec.warmup_stage (
  from_day integer not null,
  warmup_limit integer,
  campaign_limit integer,
  constraint warmup_stage_campaign_limit_is_not_negative CHECK ((campaign_limit >= 0)),
  constraint warmup_stage_day_counts_from_one CHECK ((from_day >= 1)),
  constraint warmup_stage_warmup_limit_is_not_negative CHECK ((warmup_limit >= 0)),
  constraint warmup_stage_pkey PRIMARY KEY (from_day)
);

CREATE INDEX attempt_by_mailbox ON goniec.attempt USING btree (mailbox_id, id DESC) WHERE (mailbox_id IS NOT NULL);

CREATE INDEX attempt_by_message ON goniec.attempt USING btree (message_id, id) WHERE (message_id IS NOT NULL);

CREATE INDEX attempt_ended_by_day ON goniec.attempt USING btree (COALESCE(campaign_day, mailbox_day), campaign_id) WHERE (state = ANY (ARRAY['accepted'::text, 'deferred'::text, 'rejected'::text, 'in_doubt'::text, 'aborted'::text, 'presumed_unsent'::text]));

CREATE INDEX attempt_live ON goniec.attempt USING btree (incarnation_id, id) WHERE ((state = ANY (ARRAY['claimed'::text, 'transmitting'::text])) AND (incarnation_id IS NOT NULL));

CREATE INDEX attempt_rejected_by_campaign ON goniec.attempt USING btree (campaign_id, finished_at) WHERE (state = 'rejected'::text);

CREATE INDEX attempt_rejected_by_mailbox ON goniec.attempt USING btree (mailbox_id, finished_at) WHERE (state = 'rejected'::text);

CREATE INDEX attempt_unfinished_business ON goniec.attempt USING btree (id) WHERE ((give_back AND holds_capacity) OR bounce_due);

CREATE INDEX campaign_binding_by_day ON goniec.campaign_binding USING btree (day);

CREATE INDEX campaign_by_shortest_delay ON goniec.campaign USING btree (shortest_delay_ms);

CREATE INDEX campaign_day_by_day ON goniec.campaign_day USING btree (day) WHERE (day > '-infinity'::date);

CREATE INDEX campaign_gate_by_last_use ON goniec.campaign_gate USING btree (GREATEST(last_claim_at, last_fence_at));

CREATE INDEX enrollment_by_lead ON goniec.enrollment USING btree (lead_id);

CREATE INDEX event_by_campaign ON goniec.event USING btree (campaign_id, id) WHERE ((campaign_id IS NOT NULL) AND (message_id IS NULL));

CREATE INDEX event_by_lead ON goniec.event USING btree (lead_id, id) WHERE ((lead_id IS NOT NULL) AND (message_id IS NULL));

CREATE INDEX event_by_message ON goniec.event USING btree (message_id, id) WHERE (message_id IS NOT NULL);

CREATE INDEX event_by_suppression ON goniec.event USING btree (((data ->> 'value'::text)), id) WHERE (type = ANY (ARRAY['suppressed'::text, 'unsuppressed'::text]));

CREATE INDEX forecast_made_on ON goniec.forecast USING btree (made_on);

CREATE INDEX incarnation_by_worker ON goniec.incarnation USING btree (worker, id);

CREATE INDEX lead_day_by_day ON goniec.lead_day USING btree (day) WHERE (day > '-infinity'::date);

CREATE INDEX mailbox_day_by_day ON goniec.mailbox_day USING btree (day) WHERE (day > '-infinity'::date);

CREATE INDEX message_by_lead ON goniec.message USING btree (lead_id, id) WITH (fillfactor='50') WHERE (lead_id IS NOT NULL);

CREATE INDEX message_due ON goniec.message USING btree (scheduled_at, id) WHERE ((status = ANY (ARRAY['pending'::text, 'sending'::text, 'in_doubt'::text])) AND (scheduled_at > '-infinity'::timestamp with time zone));

CREATE INDEX message_due_by_mailbox ON goniec.message USING btree (mailbox_id, kind, scheduled_at, id) WHERE ((status = 'pending'::text) AND (scheduled_at IS NOT NULL) AND (mailbox_id IS NOT NULL));

CREATE INDEX message_due_not_campaign ON goniec.message USING btree (scheduled_at, mailbox_id) WHERE ((kind <> 'campaign'::text) AND (status = 'pending'::text) AND (scheduled_at IS NOT NULL));

CREATE INDEX message_held ON goniec.message USING btree (id) WHERE ((status = 'pending'::text) AND (held_reason IS NOT NULL));

CREATE INDEX message_in_doubt ON goniec.message USING btree (id) WHERE (status = 'in_doubt'::text);

CREATE INDEX message_in_line ON goniec.message USING btree (campaign_id, id) WHERE ((kind = 'campaign'::text) AND (status = 'pending'::text) AND (scheduled_at IS NULL) AND (follows_at IS NULL) AND (first_planned_at IS NULL) AND (not_before IS NULL) AND (slot_reason = ANY (ARRAY['no_room'::text, 'domain_limit'::text, 'no_usable_mailbox'::text, 'no_sending_day'::text, 'campaign_not_running'::text])));

CREATE INDEX message_open_by_campaign ON goniec.message USING btree (campaign_id, scheduled_at, id) WHERE (status = ANY (ARRAY['pending'::text, 'sending'::text, 'in_doubt'::text]));

CREATE INDEX message_sent_by_campaign ON goniec.message USING btree (campaign_id, sent_at) WHERE (status = 'sent'::text);

CREATE INDEX message_tried_by_step ON goniec.message USING btree (step_id) WHERE ((kind = 'campaign'::text) AND (status = 'pending'::text) AND ((counted_attempts + uncounted_attempts) > 0));

CREATE INDEX message_unplanned_by_campaign ON goniec.message USING btree (campaign_id, id) WHERE ((status = 'pending'::text) AND (scheduled_at IS NULL));

CREATE INDEX message_unplanned_not_campaign ON goniec.message USING btree (bound_mailbox_id) WHERE ((kind <> 'campaign'::text) AND (status = 'pending'::text) AND (scheduled_at IS NULL));

CREATE UNIQUE INDEX one_live_attempt_per_mailbox ON goniec.attempt USING btree (mailbox_id) WHERE (state = ANY (ARRAY['claimed'::text, 'transmitting'::text]));

CREATE UNIQUE INDEX one_live_or_accepted_attempt_per_message ON goniec.attempt USING btree (message_id) WHERE (state = ANY (ARRAY['claimed'::text, 'transmitting'::text, 'accepted'::text, 'in_doubt'::text]));

CREATE UNIQUE INDEX one_message_per_campaign_lead_and_step ON goniec.message USING btree (campaign_id, lead_id, step_key) WITH (fillfactor='50') WHERE (kind = 'campaign'::text);

CREATE UNIQUE INDEX one_recall_per_attempt ON goniec.recalled_mail USING btree (attempt_id, passed_at);

CREATE UNIQUE INDEX one_response_per_idempotency_key ON goniec.message USING btree (idempotency_key) WHERE (kind = 'response'::text);

CREATE UNIQUE INDEX one_response_per_lead_campaign_and_day ON goniec.message USING btree (lead_id, COALESCE(campaign_id, (0)::bigint), response_day) WHERE ((kind = 'response'::text) AND (NOT is_test) AND (NOT again) AND (status <> 'cancelled'::text));

CREATE UNIQUE INDEX one_restoration_at_a_time ON goniec.restoration USING btree ((true)) WHERE (ended_at IS NULL);

CREATE UNIQUE INDEX one_warmup_mail_per_idempotency_key ON goniec.message USING btree (idempotency_key) WHERE ((kind = 'warmup'::text) AND (idempotency_key IS NOT NULL));

CREATE INDEX recalled_mail_without_row ON goniec.recalled_mail USING btree (goniec.local_part_of(rfc_message_id)) WHERE (message_id IS NULL);

CREATE OR REPLACE FUNCTION goniec.actor()
 RETURNS text
 LANGUAGE sql
 STABLE
AS $function$ select coalesce(nullif(current_setting('goniec.actor', true), ''), session_user::text) $function$;

CREATE OR REPLACE FUNCTION goniec.backoff(attempts integer, spread_by bigint)
 RETURNS interval
 LANGUAGE sql
 IMMUTABLE
AS $function$
  select (array[5, 15, 60, 240])[least(greatest(attempts, 1), 4)] * interval '1 minute'
       * (0.8 + 0.4 * (('x' || substr(md5(spread_by || ':' || attempts), 1, 8))::bit(32)::bigint / 4294967295.0))
$function$;

CREATE OR REPLACE FUNCTION goniec.brake_refused(p_campaigns bigint[] DEFAULT NULL::bigint[], p_mailboxes bigint[] DEFAULT NULL::bigint[])
 RETURNS void
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
 SET plan_cache_mode TO 'force_custom_plan'
 SET lock_timeout TO '2s'
AS $function$
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
end $function$;

CREATE OR REPLACE FUNCTION goniec.by_first_due(p_mailboxes bigint[], p_not_campaign bigint[], p_now timestamp with time zone, p_grace interval, OUT mailboxes bigint[], OUT ranks integer[], OUT times timestamp with time zone[], OUT messages bigint[])
 RETURNS record
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET plan_cache_mode TO 'force_generic_plan'
 SET jit TO 'off'
AS $function$
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
end $function$;

CREATE OR REPLACE FUNCTION goniec.candidates(at timestamp with time zone, today date)
 RETURNS TABLE(message_id bigint, kind text, mailbox_id bigint, campaign_id bigint, salesperson_id bigint, lead_id bigint, scheduled_at timestamp with time zone, window_closes_at timestamp with time zone, held boolean, settings_current boolean, campaign_running boolean, campaign_opens_at timestamp with time zone, campaign_delay_ms bigint, campaign_day date, campaign_room integer, mailbox_active boolean, mailbox_busy boolean, mailbox_opens_at timestamp with time zone, mailbox_room integer, salesperson_braked boolean, salesperson_room integer, limited_domain text, domain_room_today integer, domain_room_this_hour integer, lead_open boolean, suppressed boolean, in_contact_gap boolean, already_tried boolean)
 LANGUAGE sql
 STABLE
AS $function$
  select m.id, m.kind, m.mailbox_id, case when m.kind = 'campaign' then m.campaign_id end, s.id, m.lead_id,
         m.scheduled_at, m.window_closes_at, m.held_reason is not null,
         m.planned_mailbox_version = b.version and (m.kind <> 'campaign' or m.planned_campaign_version = c.version),
         m.kind <> 'campaign' or c.status = 'running',
         case when m.kind = 'campaign' and c.delay_ms > 0
              then greatest(cg.last_claim_at, cg.last_fence_at) + c.shortest_delay_ms * interval '1 millisecond' end,
         c.delay_ms, cd.day,
         case when m.kind <> 'campaign' then null when cd.day is null then 0 else coalesce(cd.daily_limit - cd.taken, 2147483647) end,
         b.status = 'active',
         exists (select from goniec.attempt live where live.mailbox_id = m.mailbox_id and live.state in ('claimed', 'transmitting') offset 0),
         greatest(bg.free_from, bg.last_fence_at + b.min_gap_ms * interval '1 millisecond'),
         case when bd.day is null then 0
              else least(bd.daily_limit - bd.campaign_taken - bd.warmup_taken - bd.response_taken,
                         case m.kind when 'campaign' then bd.campaign_limit - bd.campaign_taken when 'warmup' then bd.warmup_limit - bd.warmup_taken end) end,
         s.paused_at is not null,
         case when m.kind = 'warmup' then 2147483647 when sd.day is null then 0 else coalesce(sd.daily_limit - sd.taken, 2147483647) end,
         dr.domain, dr.room_today, dr.room_this_hour,
         l.id is null or (l.blocked_at is null and l.unsubscribed_at is null and l.bounced_at is null and (m.kind <> 'campaign' or l.replied_at is null)),
         exists (select from goniec.suppression x where x.value = any (case when l.email = m.recipient then l.suppression_values else goniec.suppression_values(m.recipient) end) offset 0),
         m.kind = 'campaign' and c.contact_gap_days > 0 and exists (
           select from goniec.lead_day ld
           where ld.lead_id = m.lead_id and ld.day between today - (c.contact_gap_days - 1) and today and ld.campaign_id <> m.campaign_id offset 0),
         exists (select from goniec.attempt a where a.message_id = m.id and a.state in ('claimed', 'transmitting', 'accepted', 'in_doubt') offset 0)
  from goniec.message m
  cross join lateral (select its.version, its.status, its.salesperson_id, its.min_gap_ms from goniec.mailbox its where its.id = m.mailbox_id offset 0) as b
  cross join lateral (select its.free_from, its.last_fence_at from goniec.mailbox_gate its where its.mailbox_id = m.mailbox_id offset 0) as bg
  left join lateral (
    select its.day, its.daily_limit, its.campaign_limit, its.warmup_limit, its.campaign_taken, its.warmup_taken, its.response_taken
    from goniec.mailbox_day its where its.mailbox_id = m.mailbox_id and its.day = today offset 0
  ) as bd on true
  left join lateral (
    select its.id, its.version, its.status, its.salesperson_id, its.timezone, its.delay_ms, its.shortest_delay_ms, its.contact_gap_days
    from goniec.campaign its where its.id = m.campaign_id offset 0
  ) as c on true
  left join lateral (
    select its.last_claim_at, its.last_fence_at from goniec.campaign_gate its where its.campaign_id = c.id offset 0
  ) as cg on true
  left join lateral (
    select its.day, its.daily_limit, its.taken
    from goniec.campaign_day its where its.campaign_id = c.id and its.day = goniec.local_day(at, c.timezone) offset 0
  ) as cd on true
  cross join lateral (
    select its.id, its.paused_at from goniec.salesperson its
    where its.id = case when m.kind = 'campaign' then c.salesperson_id else b.salesperson_id end offset 0
  ) as s
  left join lateral (
    select its.day, its.daily_limit, its.taken from goniec.salesperson_day its where its.salesperson_id = s.id and its.day = today offset 0
  ) as sd on true
  left join lateral (
    select its.id, its.email, its.suppression_values, its.blocked_at, its.replied_at, its.unsubscribed_at, its.bounced_at
    from goniec.lead its where its.id = m.lead_id offset 0
  ) as l on true
  left join lateral goniec.domain_rooms(m.recipient, at, today) dr on m.kind = 'campaign'
  where m.status = 'pending' and m.scheduled_at is not null
$function$;

CREATE OR REPLACE FUNCTION goniec.check_agreement()
 RETURNS trigger
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET plan_cache_mode TO 'force_generic_plan'
 SET jit TO 'off'
AS $function$
declare
  subject bigint;
  status_now text;
  attempt_now text;
  expected text;
begin
  if tg_table_name = 'message' then
    subject := new.id;
    attempt_now := (select a.state from goniec.attempt a where a.message_id = subject and a.state in ('claimed', 'transmitting', 'accepted', 'in_doubt') limit 1);
    if (new.status = 'sending' and attempt_now in ('claimed', 'transmitting')) or (new.status = 'sent' and attempt_now = 'accepted') then
      return null;
    end if;
    status_now := (select m.status from goniec.message m where m.id = subject);
  else
    subject := new.message_id;
    status_now := (select m.status from goniec.message m where m.id = subject);
    if (new.state = 'claimed' and status_now = 'sending') or (new.state = 'accepted' and status_now = 'sent') then
      return null;
    end if;
    attempt_now := (select a.state from goniec.attempt a where a.message_id = subject and a.state in ('claimed', 'transmitting', 'accepted', 'in_doubt') limit 1);
  end if;
  expected := case
    when attempt_now in ('claimed', 'transmitting') then 'sending'
    when attempt_now = 'accepted' then 'sent'
    when attempt_now = 'in_doubt' then 'in_doubt'
  end;
  if expected is distinct from status_now and not (expected is null and status_now in ('pending', 'failed', 'cancelled')) then
    raise exception 'message % cannot be % while %', subject, status_now,
        coalesce('an attempt of it is ' || attempt_now, 'no attempt of it is under way, accepted or in doubt')
      using errcode = 'check_violation', constraint = 'message_agrees_with_its_attempts',
            detail = case when attempt_now = 'accepted' then 'The server has accepted this mail. Sending it again would mail a person twice.'
                          when attempt_now = 'in_doubt' then 'Nobody knows whether the server has accepted this mail.'
                          else 'A message and its attempts change together, in one transaction.' end,
            hint = format('goniec message show %s', subject);
  end if;
  return null;
end $function$;

CREATE OR REPLACE FUNCTION goniec.choose(p_now timestamp with time zone, p_today date, p_most integer, p_grace interval, p_not_messages bigint[], p_not_mailboxes bigint[], p_not_campaigns bigint[], p_not_salespeople bigint[], p_not_domains text[])
 RETURNS goniec.candidate[]
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET plan_cache_mode TO 'force_generic_plan'
 SET jit TO 'off'
AS $function$
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
end $function$;

CREATE OR REPLACE FUNCTION goniec.claim(p_incarnation bigint, p_batch integer, p_lease interval, p_total interval, p_grace interval DEFAULT '00:05:00'::interval)
 RETURNS jsonb
 LANGUAGE plpgsql
 SET lock_timeout TO '100ms'
AS $function$
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
end $function$;

CREATE OR REPLACE FUNCTION goniec.claimable(at timestamp with time zone, today date, grace interval)
 RETURNS TABLE(message_id bigint, kind_rank integer, kind text, mailbox_id bigint, campaign_id bigint, salesperson_id bigint, lead_id bigint, scheduled_at timestamp with time zone, campaign_delay_ms bigint, campaign_day date, campaign_room integer, salesperson_room integer, domain text, domain_room integer)
 LANGUAGE sql
 STABLE
AS $function$
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
$function$;

CREATE OR REPLACE FUNCTION goniec.complete_campaigns()
 RETURNS SETOF text
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET jit TO 'off'
AS $function$
declare
  v_campaign bigint;
  v_name text;
begin
  for v_campaign in
    select c.id from goniec.campaign c
    where c.status = 'running' and not exists (
      select from goniec.message m
      where m.campaign_id = c.id and m.kind = 'campaign' and m.status in ('pending', 'sending', 'in_doubt') and not (m.status = 'pending' and goniec.is_out(m))
      offset 0)
    order by c.id
  loop
    perform from goniec.campaign c where c.id = v_campaign and c.status = 'running' for update skip locked;
    continue when not found;
    continue when exists (
      select from goniec.message m
      where m.campaign_id = v_campaign and m.kind = 'campaign' and m.status in ('pending', 'sending', 'in_doubt') and not (m.status = 'pending' and goniec.is_out(m)));
    update goniec.message
    set status = 'cancelled', slot_reason = 'out', scheduled_at = null, mailbox_id = null, window_closes_at = null
    where id in (
      -- Once more: a lead may have been unblocked since.
      select m.id from goniec.message m where m.campaign_id = v_campaign and m.kind = 'campaign' and m.status = 'pending' and goniec.is_out(m)
      order by m.id for no key update skip locked);
    continue when exists (
      select from goniec.message m where m.campaign_id = v_campaign and m.kind = 'campaign' and m.status in ('pending', 'sending', 'in_doubt'));
    update goniec.campaign set status = 'completed', completed_at = goniec.now() where id = v_campaign returning name into v_name;
    insert into goniec.event (type, campaign_id) values ('campaign_completed', v_campaign);
    return next v_name;
  end loop;
end $function$;

CREATE OR REPLACE FUNCTION goniec.count_history(p_attempts bigint[])
 RETURNS void
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET jit TO 'off'
AS $function$
begin
  insert into goniec.mailbox_day as d (mailbox_id, day, daily_limit, campaign_limit, warmup_limit, campaign_taken)
  select b.id, s.day, goniec.limit_for_day(l.daily_limit, s.mails), goniec.limit_for_day(l.campaign_limit, s.mails), l.warmup_limit, s.mails
  from (
    select a.mailbox_id, a.mailbox_day as day, count(*)::integer as mails
    from goniec.attempt a
    where a.id = any (p_attempts) and a.holds_capacity
    group by 1, 2
  ) as s
  join goniec.mailbox b on b.id = s.mailbox_id
  cross join lateral goniec.mailbox_limits(b, s.day) l
  order by b.id, s.day
  on conflict (mailbox_id, day) do update
  set campaign_taken = d.campaign_taken + excluded.campaign_taken,
      daily_limit = goniec.limit_for_day(d.daily_limit, d.campaign_taken + d.warmup_taken + d.response_taken + excluded.campaign_taken),
      campaign_limit = goniec.limit_for_day(d.campaign_limit, d.campaign_taken + excluded.campaign_taken);

  insert into goniec.campaign_day as d (campaign_id, day, daily_limit, taken)
  select a.campaign_id, a.campaign_day, goniec.limit_for_day(c.daily_limit, count(*)::integer), count(*)
  from goniec.attempt a
  join goniec.campaign c on c.id = a.campaign_id
  where a.id = any (p_attempts) and a.holds_capacity
  group by a.campaign_id, a.campaign_day, c.daily_limit
  order by 1, 2
  on conflict (campaign_id, day) do update
  set taken = d.taken + excluded.taken, daily_limit = goniec.limit_for_day(d.daily_limit, d.taken + excluded.taken);

  insert into goniec.salesperson_day as d (salesperson_id, day, daily_limit, taken)
  select a.salesperson_id, a.mailbox_day, goniec.limit_for_day(s.daily_limit, count(*)::integer), count(*)
  from goniec.attempt a
  join goniec.salesperson s on s.id = a.salesperson_id
  where a.id = any (p_attempts) and a.holds_capacity
  group by a.salesperson_id, a.mailbox_day, s.daily_limit
  order by 1, 2
  on conflict (salesperson_id, day) do update
  set taken = d.taken + excluded.taken, daily_limit = goniec.limit_for_day(d.daily_limit, d.taken + excluded.taken);

  insert into goniec.domain_day as d (domain, day, daily_limit, taken)
  select s.domain, s.day, goniec.limit_for_day(l.daily_limit, s.mails), s.mails
  from (
    select goniec.domain_of(m.recipient) as domain, a.mailbox_day as day, count(*)::integer as mails
    from goniec.attempt a join goniec.message m on m.id = a.message_id
    where a.id = any (p_attempts) and a.holds_capacity and a.domain_hour is not null
    group by 1, 2
  ) as s
  cross join lateral goniec.domain_limits(s.domain) l
  order by 1, 2
  on conflict (domain, day) do update
  set taken = d.taken + excluded.taken, daily_limit = goniec.limit_for_day(d.daily_limit, d.taken + excluded.taken);

  insert into goniec.domain_hour as d (domain, hour, hourly_limit, taken)
  select s.domain, s.hour, goniec.limit_for_day(l.hourly_limit, s.mails), s.mails
  from (
    select goniec.domain_of(m.recipient) as domain, a.domain_hour as hour, count(*)::integer as mails
    from goniec.attempt a join goniec.message m on m.id = a.message_id
    where a.id = any (p_attempts) and a.holds_capacity and a.domain_hour is not null
    group by 1, 2
  ) as s
  cross join lateral goniec.domain_limits(s.domain) l
  order by 1, 2
  on conflict (domain, hour) do update
  set taken = d.taken + excluded.taken, hourly_limit = goniec.limit_for_day(d.hourly_limit, d.taken + excluded.taken);
end $function$;

CREATE OR REPLACE FUNCTION goniec.count_recalled(p_attempt bigint)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
declare
  a goniec.attempt;
begin
  select t.* into a from goniec.attempt t where t.id = p_attempt;
  insert into goniec.mailbox_day (mailbox_id, day, daily_limit, campaign_limit, warmup_limit)
  select b.id, a.mailbox_day, l.daily_limit, l.campaign_limit, l.warmup_limit
  from goniec.mailbox b cross join lateral goniec.mailbox_limits(b, a.mailbox_day) l
  where b.id = a.mailbox_id
  on conflict do nothing;
  update goniec.mailbox_day d
  set campaign_taken = d.campaign_taken + (a.kind = 'campaign')::integer, warmup_taken = d.warmup_taken + (a.kind = 'warmup')::integer,
      response_taken = d.response_taken + (a.kind = 'response')::integer,
      daily_limit = goniec.limit_for_day(d.daily_limit, d.campaign_taken + d.warmup_taken + d.response_taken + 1),
      campaign_limit = goniec.limit_for_day(d.campaign_limit, d.campaign_taken + (a.kind = 'campaign')::integer),
      warmup_limit = goniec.limit_for_day(d.warmup_limit, d.warmup_taken + (a.kind = 'warmup')::integer)
  where d.mailbox_id = a.mailbox_id and d.day = a.mailbox_day;
  if a.kind <> 'warmup' then
    insert into goniec.salesperson_day as d (salesperson_id, day, daily_limit, taken)
    select s.id, a.mailbox_day, goniec.limit_for_day(s.daily_limit, 1), 1 from goniec.salesperson s where s.id = a.salesperson_id
    on conflict (salesperson_id, day) do update set taken = d.taken + 1, daily_limit = goniec.limit_for_day(d.daily_limit, d.taken + 1);
  end if;
  if a.kind = 'campaign' then
    insert into goniec.campaign_day as d (campaign_id, day, daily_limit, taken)
    select c.id, a.campaign_day, goniec.limit_for_day(c.daily_limit, 1), 1 from goniec.campaign c where c.id = a.campaign_id
    on conflict (campaign_id, day) do update set taken = d.taken + 1, daily_limit = goniec.limit_for_day(d.daily_limit, d.taken + 1);
    insert into goniec.lead_day (lead_id, day, campaign_id) values (a.lead_id, a.mailbox_day, a.campaign_id) on conflict do nothing;
    update goniec.campaign_gate g set last_fence_at = greatest(g.last_fence_at, a.transmitting_at) where g.campaign_id = a.campaign_id;
  end if;
  update goniec.mailbox_gate g set last_fence_at = greatest(g.last_fence_at, a.transmitting_at) where g.mailbox_id = a.mailbox_id;
end $function$;

CREATE OR REPLACE FUNCTION goniec.day_begins(day date, zone text)
 RETURNS timestamp with time zone
 LANGUAGE plpgsql
 STABLE STRICT
AS $function$
begin
  return day::timestamp at time zone zone;
exception when invalid_parameter_value then
  return null;
end $function$;

CREATE OR REPLACE FUNCTION goniec.domain_limits(p_domain text)
 RETURNS TABLE(daily_limit integer, hourly_limit integer)
 LANGUAGE sql
 STABLE ROWS 1
AS $function$
  select l.daily_limit, l.hourly_limit
  from (select r.daily_limit, r.hourly_limit from goniec.domain_limit r where r.domain in (p_domain, '*') order by r.domain = '*' limit 1) l
  where l.daily_limit is not null or l.hourly_limit is not null
$function$;

CREATE OR REPLACE FUNCTION goniec.domain_of(address text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
AS $function$ select split_part(address, '@', 2) $function$;

CREATE OR REPLACE FUNCTION goniec.domain_rooms(p_address text, at timestamp with time zone, today date)
 RETURNS TABLE(domain text, room_today integer, room_this_hour integer)
 LANGUAGE sql
 STABLE ROWS 1
AS $function$
  select a.domain,
         case when d.domain is null then 0 else coalesce(d.daily_limit - d.taken, 2147483647) end,
         case when h.domain is null then 0 else coalesce(h.hourly_limit - h.taken, 2147483647) end
  from (select goniec.domain_of(p_address) as domain) a
  cross join lateral goniec.domain_limits(a.domain) l
  left join goniec.domain_day d on d.domain = a.domain and d.day = today
  left join goniec.domain_hour h on h.domain = a.domain and h.hour = goniec.hour_of(at)
  where exists (select from goniec.domain_limit)
$function$;

CREATE OR REPLACE FUNCTION goniec.doubt_due(p_restoration bigint)
 RETURNS integer
 LANGUAGE plpgsql
AS $function$
declare
  v_due record;
  v_doubted integer := 0;
begin
  perform pg_advisory_xact_lock(goniec.lock_key('recall'));
  -- What leads bring back that were imported since has been told of, and is followed by what may not have been.
  perform goniec.place_recalled();
  for v_due in
    select d.message_id, d.due_at, b.address
    from goniec.restoration_due d
    join goniec.message m on m.id = d.message_id and m.status in ('pending', 'sending', 'failed')
    left join goniec.mailbox b on b.id = d.mailbox_id
    where d.restoration_id = p_restoration
    order by d.message_id
  loop
    if goniec.put_on_record(v_due.message_id, v_due.address, v_due.due_at, 'in_doubt',
                            'it was due in the time that the database has forgotten, and a worker has not reported', null) = 'in_doubt' then
      v_doubted := v_doubted + 1;
    end if;
  end loop;
  return v_doubted;
end $function$;

CREATE OR REPLACE FUNCTION goniec.end_attempts(p_attempts bigint[], p_now timestamp with time zone, p_incarnation bigint, p_seen_gone bigint[])
 RETURNS void
 LANGUAGE sql
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET plan_cache_mode TO 'force_generic_plan'
 SET jit TO 'off'
AS $function$
  with
  lost as materialized (
    select a.place, a.message_id, a.mailbox_id, a.state, a.deadline_at, a.incarnation_id, a.quarantine
    from unnest(p_attempts) as asked (id)
    cross join lateral (
      select its.ctid as place, its.message_id, its.mailbox_id, its.state, its.deadline_at, its.incarnation_id,
             goniec.needs_quarantine(its, p_now, p_seen_gone) as quarantine
      from goniec.attempt its where its.id = asked.id offset 0
    ) as a
  ),
  ended as (
    update goniec.attempt a
    set state = case l.state when 'claimed' then 'aborted' else 'in_doubt' end,
        outcome = case l.state when 'claimed' then 'aborted' else 'unknown' end,
        response = case l.state when 'claimed' then 'its worker was gone before any content went out' else 'its worker was gone before the server''s answer was known' end,
        finished_at = p_now, ended_by = 'recovery',
        give_back = l.state = 'claimed' and l.incarnation_id is not distinct from p_incarnation and p_incarnation is not null
    from lost l
    where a.ctid = l.place
    returning l.message_id, l.mailbox_id, a.state, l.deadline_at, l.quarantine
  ),
  quarantined as (
    update goniec.mailbox_gate g
    set free_from = greatest(g.free_from, waits.deadline_at)
    from (
      select e.deadline_at, gate.place from ended e
      cross join lateral (select its.ctid as place from goniec.mailbox_gate its where its.mailbox_id = e.mailbox_id offset 0) as gate
      where e.quarantine
    ) as waits
    where g.ctid = waits.place
  ),
  decided as (
    select m.place, case when e.state = 'in_doubt' then 'in_doubt' when m.is_out then 'cancelled' else 'pending' end as status_after
    from ended e
    cross join lateral (select its.ctid as place, goniec.is_out(its) as is_out from goniec.message its where its.id = e.message_id offset 0) as m
  )
  update goniec.message m
  set status = d.status_after,
      uncounted_attempts = m.uncounted_attempts + (d.status_after <> 'in_doubt')::integer,
      held_reason = case when d.status_after = 'pending' and m.uncounted_attempts >= 9 then 'ten attempts ended through no fault of the mail' else m.held_reason end,
      rfc_message_id = coalesce(m.rfc_message_id, (select c.headers ->> 'message-id' from goniec.message_content c where c.message_id = m.id and d.status_after = 'in_doubt')),
      slot_reason = case when d.status_after = 'cancelled' then 'out' else m.slot_reason end,
      scheduled_at = case when d.status_after <> 'cancelled' then m.scheduled_at end,
      mailbox_id = case when d.status_after <> 'cancelled' then m.mailbox_id end,
      window_closes_at = case when d.status_after <> 'cancelled' then m.window_closes_at end
  from decided d
  where m.ctid = d.place
$function$;

CREATE OR REPLACE FUNCTION goniec.end_harmless_restoration()
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog'
AS $function$
declare
  v_id bigint;
begin
  select r.id into v_id from goniec.restoration r where r.ended_at is null and r.reason = 'promoted' for no key update;
  if v_id is null
     or exists (select from goniec.workers_to_report(v_id) w where not w.is_complete or w.is_ahead or w.mails > 0)
     or exists (select from goniec.restoration r
                where r.id = v_id and coalesce(r.noticed_at > r.last_known_at + interval '10 minutes', true)
                  and exists (select from goniec.restoration_due d where d.restoration_id = r.id))
     or (goniec.standing()).moved is distinct from 'promoted' then
    return false;
  end if;
  perform goniec.end_restoration(v_id, 'workers');
  return true;
end $function$;

CREATE OR REPLACE FUNCTION goniec.end_restoration(p_restoration bigint, p_by text)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
begin
  update goniec.restoration r set ended_at = goniec.now(), ended_by = p_by where r.id = p_restoration and r.ended_at is null;
  if not found then return; end if;
  insert into goniec.home (system_identifier, database_oid, timeline)
  select h.system_identifier, h.database_oid, h.timeline from goniec.here() h
  on conflict (only_row) do update
  set system_identifier = excluded.system_identifier, database_oid = excluded.database_oid, timeline = excluded.timeline, recorded_at = goniec.now();
  insert into goniec.event (type, data) values ('restoration_ended', jsonb_build_object('by', p_by));
  perform pg_notify('goniec', 'plan');
end $function$;

CREATE OR REPLACE FUNCTION goniec.enqueue_response("to" text, key text, text text DEFAULT NULL::text, subject text DEFAULT NULL::text, html text DEFAULT NULL::text, "from" text DEFAULT NULL::text, at timestamp with time zone DEFAULT NULL::timestamp with time zone, campaign text DEFAULT NULL::text, attachments jsonb DEFAULT '[]'::jsonb, again boolean DEFAULT false)
 RETURNS bigint
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET plan_cache_mode TO 'force_custom_plan'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
declare
  v_now timestamptz := goniec.now();
  v_lead goniec.lead;
  v_last goniec.message;
  v_mailbox goniec.mailbox;
  v_campaign bigint;
  v_day date;
  v_digest text;
  v_message goniec.message;
  v_id bigint;
  v_subject text := enqueue_response.subject;
  v_reply_to text;
  v_references text[] := '{}';
begin
  if coalesce(trim(enqueue_response.key), '') = '' then
    raise exception 'a response needs an idempotency key' using errcode = 'invalid_parameter_value', hint = 'key: whatever names the request, so that it is answered once';
  end if;
  if concat(enqueue_response.text, enqueue_response.html) !~ '\S' then
    raise exception 'a response needs a text or an html part' using errcode = 'invalid_parameter_value';
  end if;
  perform goniec.require_attachments(enqueue_response.attachments);
  perform goniec.require_time('a response is sent', enqueue_response.at);
  -- The time in UTC: as text it would depend on the zone of the session, and the same request would seem another one.
  v_digest := encode(sha256(convert_to(jsonb_build_array(lower(trim(enqueue_response."to")), enqueue_response.subject, enqueue_response.text, enqueue_response.html,
                                                 lower(trim(enqueue_response."from")), enqueue_response.at at time zone 'UTC', enqueue_response.campaign, enqueue_response.attachments)::text, 'UTF8')), 'hex');

  -- One caller at a time for each key, so that the second one finds the first one's message instead of a violated constraint.
  perform pg_advisory_xact_lock(hashtextextended('response:' || enqueue_response.key, 20201));
  select m.* into v_message from goniec.message m where m.kind = 'response' and m.idempotency_key = enqueue_response.key;
  if found then
    if (select mm.digest from goniec.message_material mm where mm.message_id = v_message.id) is distinct from v_digest then
      raise exception 'response "%" was already asked for, with other content (message %)', enqueue_response.key, v_message.id
        using errcode = 'unique_violation', constraint = 'one_response_per_idempotency_key', hint = format('goniec message show %s; another response needs another key', v_message.id);
    end if;
    return v_message.id;
  end if;

  select l.* into v_lead from goniec.lead l where l.email = lower(trim(enqueue_response."to"));
  if not found then
    raise exception 'there is no lead "%"', enqueue_response."to" using errcode = 'no_data_found', hint = 'goniec lead import CSV --campaign NAME';
  end if;
  select m.* into v_last from goniec.message m
  where m.lead_id = v_lead.id and m.status = 'sent' and not m.is_test
    and (enqueue_response.campaign is null or m.campaign_id = (select c.id from goniec.campaign c where c.name = enqueue_response.campaign))
  order by m.sent_at desc, m.id desc limit 1;
  if enqueue_response.campaign is not null then
    select c.id into v_campaign from goniec.campaign c where c.name = enqueue_response.campaign;
    if not found then
      raise exception 'there is no campaign "%"', enqueue_response.campaign using errcode = 'no_data_found', hint = 'goniec campaign list';
    end if;
  else
    v_campaign := v_last.campaign_id;
  end if;
  if enqueue_response."from" is not null then
    v_mailbox := goniec.require_mailbox(enqueue_response."from");
  elsif v_last.mailbox_id is null then
    raise exception 'no mailbox has mailed "%" yet, so the response needs one to leave from', v_lead.email
      using errcode = 'invalid_parameter_value', hint = 'from: the mailbox that the lead wrote to';
  else
    select b.* into v_mailbox from goniec.mailbox b where b.id = v_last.mailbox_id;
  end if;
  if v_subject is null then
    -- A reply in the thread of the last mail. A server that replaces Message-IDs told which one the lead has seen.
    select regexp_replace(c.subject, '^(Re: )?', 'Re: '), coalesce(a.server_message_id, v_last.rfc_message_id),
           array_remove(regexp_split_to_array(coalesce(c.headers ->> 'references', ''), '\s+'), '')
    into v_subject, v_reply_to, v_references
    from (select v_last.id) as last
    left join goniec.message_content c on c.message_id = last.id
    left join goniec.attempt a on a.message_id = last.id and a.state = 'accepted';
    if v_subject is null then
      raise exception 'there is no mail to "%" with a subject on record that the response could be a reply to, so it needs a subject', v_lead.email using errcode = 'invalid_parameter_value';
    end if;
  end if;

  v_day := (select (greatest(enqueue_response.at, v_now) at time zone i.timezone)::date from goniec.installation i);
  begin
    -- The index does not see those that were asked for again; the first of a day may be one of them.
    if not coalesce(enqueue_response.again, false) and exists (
      select from goniec.message m
      where m.lead_id = v_lead.id and m.kind = 'response' and m.response_day = v_day and m.campaign_id is not distinct from v_campaign
        and m.status <> 'cancelled' and not m.is_test) then
      raise unique_violation;
    end if;
    insert into goniec.message (kind, campaign_id, lead_id, recipient, bound_mailbox_id, idempotency_key, response_day, again, not_before)
    values ('response', v_campaign, v_lead.id, v_lead.email, v_mailbox.id, enqueue_response.key, v_day, coalesce(enqueue_response.again, false), enqueue_response.at)
    returning id into v_id;
  exception when unique_violation then
    raise exception 'lead "%" already has a response of this campaign on %', v_lead.email, v_day
      using errcode = 'unique_violation', constraint = 'one_response_per_lead_campaign_and_day', hint = 'again: true (--again) asks for another one on the same day';
  end;
  insert into goniec.message_material (message_id, subject, text, html, in_reply_to, mail_references, attachments, digest)
  values (v_id, v_subject, enqueue_response.text, enqueue_response.html, v_reply_to, array_remove(v_references || v_reply_to, null),
          coalesce(enqueue_response.attachments, '[]'), v_digest);
  perform pg_notify('goniec', 'plan');
  return v_id;
end $function$;

CREATE OR REPLACE FUNCTION goniec.explain_restoration(p_reason text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
AS $function$
  select case p_reason
    when 'promoted' then 'the server was promoted, or recovered to a point in time'
    when 'elsewhere' then 'the database is in another place than it was: restored from a dump, copied, or upgraded with pg_upgrade'
    else 'the server knows less than it did'
  end
$function$;

CREATE OR REPLACE FUNCTION goniec.fence(p_incarnation bigint, p_attempts bigint[], p_total interval, p_contents jsonb DEFAULT '[]'::jsonb)
 RETURNS TABLE(attempt_id bigint, verdict text, opens_at timestamp with time zone, passed_at timestamp with time zone, wal_position text)
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET plan_cache_mode TO 'force_generic_plan'
 SET jit TO 'off'
 SET lock_timeout TO '10s'
AS $function$
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
end $function$;

CREATE OR REPLACE FUNCTION goniec.finish_business(p_attempts bigint[] DEFAULT NULL::bigint[])
 RETURNS void
 LANGUAGE plpgsql
 SET lock_timeout TO '100ms'
 SET enable_seqscan TO 'off'
 SET plan_cache_mode TO 'force_custom_plan'
 SET jit TO 'off'
AS $function$
declare
  v_one bigint;
begin
  if exists (select from goniec.attempt a where a.give_back and a.holds_capacity and (p_attempts is null or a.id = any (p_attempts))) then
    begin
      perform goniec.give_back(p_attempts);
    exception when integrity_constraint_violation or raise_exception or data_exception or lock_not_available or deadlock_detected then
      for v_one in
        select a.id from goniec.attempt a where a.give_back and a.holds_capacity and (p_attempts is null or a.id = any (p_attempts)) order by a.id
      loop
        begin
          perform goniec.give_back(array[v_one]);
        exception when integrity_constraint_violation or raise_exception or data_exception or lock_not_available or deadlock_detected then
          raise warning 'attempt % cannot give back what it took: %', v_one, sqlerrm;
        end;
      end loop;
    end;
  end if;
  if not exists (select from goniec.attempt a where a.bounce_due and (p_attempts is null or a.id = any (p_attempts))) then return; end if;
  begin
    perform goniec.mark_bounced(p_attempts);
  exception when integrity_constraint_violation or raise_exception or data_exception or lock_not_available or deadlock_detected then
    perform set_config('lock_timeout', '10ms', true);
    for v_one in
      select a.id from goniec.attempt a where a.bounce_due and (p_attempts is null or a.id = any (p_attempts)) order by a.id
    loop
      begin
        perform goniec.mark_bounced(array[v_one]);
      exception
        when lock_not_available or deadlock_detected then null; -- Somebody is just suppressing the same address.
        when integrity_constraint_violation or raise_exception or data_exception then
          raise warning 'the lead of attempt % cannot be marked as bounced: %', v_one, sqlerrm;
      end;
    end loop;
  end;
end $function$;

CREATE OR REPLACE FUNCTION goniec.finish_report(p_restoration bigint, p_worker text, p_covers_from timestamp with time zone, p_wal_position pg_lsn)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
begin
  insert into goniec.restoration_report as t (restoration_id, worker, covers_from, is_complete, is_ahead, mails)
  select r.id, p_worker, p_covers_from,
         p_covers_from is null or coalesce(p_covers_from <= r.last_known_at, false),
         coalesce(p_wal_position > r.wal_position, false),
         (select count(*) from goniec.recalled_mail m where m.restoration_id = r.id and m.worker = p_worker)
  from goniec.restoration r
  where r.id = p_restoration
  on conflict (restoration_id, worker) do update
  set reported_at = excluded.reported_at, covers_from = excluded.covers_from, is_complete = excluded.is_complete, is_ahead = t.is_ahead or excluded.is_ahead,
      mails = excluded.mails;
end $function$;

CREATE OR REPLACE FUNCTION goniec.first_claimable(p_mailboxes bigint[], p_not_campaign bigint[], p_now timestamp with time zone, p_today date, p_most integer, p_grace interval, p_not_messages bigint[], p_not_campaigns bigint[], p_not_salespeople bigint[], p_not_domains text[])
 RETURNS goniec.candidate[]
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET plan_cache_mode TO 'force_generic_plan'
 SET jit TO 'off'
AS $function$
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
end $function$;

CREATE OR REPLACE FUNCTION goniec.first_of(p_candidates goniec.candidate[], p_most integer)
 RETURNS goniec.candidate[]
 LANGUAGE sql
 IMMUTABLE
AS $function$
  select array_agg(c.one order by goniec.kind_rank(c.kind), c.scheduled_at, c.message_id)
  from (
    select c as one, c.* from unnest(p_candidates) as c
    order by goniec.kind_rank(c.kind), c.scheduled_at, c.message_id
    limit p_most
  ) as c
$function$;

CREATE OR REPLACE FUNCTION goniec.follow_up(p_messages bigint[])
 RETURNS bigint
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET plan_cache_mode TO 'force_generic_plan'
 SET jit TO 'off'
AS $function$
declare
  v_made bigint;
begin
  insert into goniec.message (kind, campaign_id, enrollment_id, lead_id, recipient, step_id, step_key, variant, bound_mailbox_id, follows_at)
  select distinct on (m.campaign_id, m.lead_id)
         'campaign', m.campaign_id, m.enrollment_id, m.lead_id, m.recipient, next_step.id, next_step.key,
         picked.letter, m.mailbox_id, m.sent_at
  from unnest(p_messages) as asked (id)
  cross join lateral (select sent.* from goniec.message sent where sent.id = asked.id offset 0) as m
  cross join lateral (select from goniec.campaign its where its.id = m.campaign_id and its.status <> 'cancelled' offset 0) as c
  cross join lateral (select from goniec.enrollment its where its.id = m.enrollment_id and its.removed_at is null offset 0) as e
  cross join lateral (
    select its.email, its.suppression_values from goniec.lead its
    where its.id = m.lead_id and its.blocked_at is null and its.replied_at is null and its.unsubscribed_at is null and its.bounced_at is null offset 0
  ) as l
  cross join lateral (select its.position, its.retired_at from goniec.step its where its.id = m.step_id offset 0) as step
  join lateral (
    select max(had.position) as position
    from (
      select p.step_id, p.status from goniec.message p
      where p.campaign_id = m.campaign_id and p.lead_id = m.lead_id and p.kind = 'campaign' offset 0
    ) as p
    cross join lateral (select its.position from goniec.step its where its.id = p.step_id and its.retired_at is null offset 0) as had
    where p.status = 'sent'
  ) as furthest on true
  join lateral (
    select s.id, s.key from goniec.step s
    where s.campaign_id = m.campaign_id and s.retired_at is null
      and s.position > case when step.retired_at is null then greatest(step.position, furthest.position) else coalesce(furthest.position, 0) end
      and not exists (select from goniec.message p
                      where p.campaign_id = m.campaign_id and p.lead_id = m.lead_id and p.step_key = s.key and p.kind = 'campaign'
                        and p.status = 'cancelled' and p.slot_reason = 'step removed')
    order by s.position limit 1
  ) as next_step on true
  cross join lateral goniec.variant_for(next_step.id, m.enrollment_id) as picked
  where m.kind = 'campaign' and m.status = 'sent'
    and not exists (select from goniec.suppression x
                    where x.value = any (case when l.email = m.recipient then l.suppression_values else goniec.suppression_values(m.recipient) end) offset 0)
  order by m.campaign_id, m.lead_id, m.sent_at desc, m.id desc
  on conflict do nothing;
  get diagnostics v_made = row_count;
  return v_made;
end $function$;

CREATE OR REPLACE FUNCTION goniec.forgotten_of(p_entries jsonb)
 RETURNS TABLE(attempt_id bigint, passed_at timestamp with time zone)
 LANGUAGE sql
 STABLE
 SET enable_seqscan TO 'off'
 SET jit TO 'off'
AS $function$
  select e.attempt_id, e.passed_at
  from jsonb_to_recordset(p_entries) as e (attempt_id bigint, passed_at timestamptz)
  where not exists (select from goniec.attempt a where a.id = e.attempt_id and a.transmitting_at = e.passed_at offset 0)
    and not exists (select from goniec.recalled_mail r where r.attempt_id = e.attempt_id and r.passed_at = e.passed_at offset 0)
$function$;

CREATE OR REPLACE FUNCTION goniec.gates(at timestamp with time zone, today date, grace interval)
 RETURNS TABLE(message_id bigint, place integer, gate text, is_open boolean, code text, value jsonb, most jsonb, opened_by text, opens_at timestamp with time zone, binds bigint)
 LANGUAGE sql
 STABLE
AS $function$
  select m.id, g.place, g.gate, not coalesce(g.shut, false), case when g.shut then g.code end, g.value, g.most,
         case when g.shut then g.opened_by end, case when g.shut and g.opened_by in ('campaign', 'time') then g.opens_at end,
         row_number() over (
           partition by m.id
           order by coalesce(g.shut, false) desc, array_position(array['person', 'campaign', 'plan', 'time', 'mail'], g.opened_by),
                    case when g.opened_by = 'time' then g.opens_at end desc nulls last, g.place)
  from goniec.message m
  cross join (
    select i.timezone, i.paused_at,
           case when goniec.is_restored() then coalesce((select r.noticed_at from goniec.restoration r where r.ended_at is null), at) end as restored_at
    from goniec.installation i
  ) as i
  left join goniec.campaign c on c.id = m.campaign_id and m.kind = 'campaign'
  left join goniec.lead l on l.id = m.lead_id
  left join goniec.mailbox b on b.id = coalesce(m.mailbox_id, m.bound_mailbox_id)
  left join goniec.mailbox_gate bg on bg.mailbox_id = m.mailbox_id
  left join goniec.mailbox_day bd on bd.mailbox_id = m.mailbox_id and bd.day = today
  left join goniec.campaign_day cd on cd.campaign_id = c.id and cd.day = goniec.local_day(at, c.timezone)
  left join goniec.salesperson s on s.id = coalesce(c.salesperson_id, b.salesperson_id)
  left join goniec.salesperson_day sd on sd.salesperson_id = s.id and sd.day = today and m.kind <> 'warmup'
  -- "offset 0": one message at a time, by its key. Joined as a whole, the planner reads every slot of the queue.
  left join lateral (select k.* from goniec.candidates(at, today) k where k.message_id = m.id offset 0) as k on true
  left join goniec.domain_day dd on dd.domain = k.limited_domain and dd.day = today
  left join goniec.domain_hour dh on dh.domain = k.limited_domain and dh.hour = goniec.hour_of(at)
  cross join lateral (
    select coalesce(k.scheduled_at <= at, false) as is_due, bd.campaign_taken + bd.warmup_taken + bd.response_taken as box_taken,
           case m.kind when 'campaign' then bd.campaign_limit when 'warmup' then bd.warmup_limit end as box_allowance,
           case m.kind when 'campaign' then bd.campaign_taken else bd.warmup_taken end as box_allowance_taken,
           (today + 1)::timestamp at time zone i.timezone as tomorrow
  ) as f
  cross join lateral (values
    (0, 'restore', i.restored_at is not null, 'after_restore', to_jsonb(i.restored_at), null::jsonb, 'person', null::timestamptz),
    (1, 'brake', i.paused_at is not null, 'all_paused', null::jsonb, null::jsonb, 'person', null::timestamptz),
    (2, 'slot', k.message_id is null, coalesce(goniec.why_no_slot(m), 'not_planned'), null, null, 'plan', null),
    (2, 'slot', k.scheduled_at > at, coalesce(m.slot_reason, 'planned'), null, null, 'time', k.scheduled_at),
    (2, 'slot', k.scheduled_at < at - grace, 'missed', null, null, 'plan', null),
    (3, 'window', f.is_due and k.window_closes_at <= at, 'window_closed', null, null, 'plan', null),
    (4, 'hold', m.held_reason is not null, 'held', to_jsonb(m.held_reason), null, 'person', null),
    (5, 'settings', not k.settings_current, 'settings_changed', null, null, 'plan', null),
    (6, 'campaign', c.status <> 'running', 'campaign_' || c.status, to_jsonb(c.status), null,
     case when c.status in ('scheduled', 'completed', 'cancelled') then 'campaign' else 'person' end,
     case when c.status = 'scheduled' then c.starts_on::timestamp at time zone c.timezone end),
    (7, 'campaign_delay', k.campaign_opens_at > at, 'campaign_delay', null, to_jsonb(c.shortest_delay_ms), 'time', k.campaign_opens_at),
    (8, 'mailbox', b.status <> 'active', 'mailbox_' || b.status, to_jsonb(b.status), null, 'person', null),
    (9, 'mailbox_free', k.mailbox_busy, 'mailbox_busy', null, null, 'mail', null),
    (10, 'mailbox_rest', bg.free_from > at, 'mailbox_backoff', to_jsonb(bg.fault_reason), null, 'time', bg.free_from),
    (11, 'mailbox_gap', bg.last_fence_at + b.min_gap_ms * interval '1 millisecond' > at, 'mailbox_gap', null, to_jsonb(b.min_gap_ms),
     'time', bg.last_fence_at + b.min_gap_ms * interval '1 millisecond'),
    (12, 'salesperson', s.paused_at is not null, 'salesperson_paused', null, null, 'person', null),
    (13, 'lead', l.unsubscribed_at is not null or l.bounced_at is not null or l.blocked_at is not null or (l.replied_at is not null and m.kind = 'campaign'),
     case when l.unsubscribed_at is not null then 'lead_unsubscribed' when l.bounced_at is not null then 'lead_bounced'
          when l.replied_at is not null and m.kind = 'campaign' then 'lead_replied' else 'lead_blocked' end,
     null, null, 'person', null),
    (14, 'suppression', goniec.is_suppressed(m.recipient), 'suppressed',
     (select to_jsonb(x.value) from goniec.suppression x where x.value = any (goniec.suppression_values(m.recipient)) order by x.value limit 1),
     null, 'person', null),
    (15, 'contact_gap', k.in_contact_gap, 'contact_gap',
     (select jsonb_build_object('campaign', o.name, 'day', ld.day)
      from goniec.lead_day ld left join goniec.campaign o on o.id = ld.campaign_id
      where ld.lead_id = m.lead_id and ld.campaign_id <> m.campaign_id and ld.day <= today order by ld.day desc limit 1),
     to_jsonb(c.contact_gap_days), 'time',
     (select (max(ld.day) + c.contact_gap_days)::timestamp at time zone i.timezone
      from goniec.lead_day ld where ld.lead_id = m.lead_id and ld.campaign_id <> m.campaign_id and ld.day <= today)),
    (16, 'mailbox_limit', f.is_due and bd.day is null, 'day_not_prepared', null, null, 'plan', null),
    (16, 'mailbox_limit', f.box_taken >= bd.daily_limit, 'mailbox_limit', to_jsonb(f.box_taken), to_jsonb(bd.daily_limit), 'time', f.tomorrow),
    (17, 'warmup_limit', f.box_allowance_taken >= f.box_allowance, 'warmup_limit', to_jsonb(f.box_allowance_taken), to_jsonb(f.box_allowance), 'time', f.tomorrow),
    (18, 'campaign_limit', f.is_due and c.id is not null and cd.day is null, 'day_not_prepared', null, null, 'plan', null),
    (18, 'campaign_limit', cd.taken >= cd.daily_limit, 'campaign_limit', to_jsonb(cd.taken), to_jsonb(cd.daily_limit), 'time',
     (cd.day + 1)::timestamp at time zone c.timezone),
    (19, 'salesperson_limit', f.is_due and m.kind <> 'warmup' and sd.day is null, 'day_not_prepared', null, null, 'plan', null),
    (19, 'salesperson_limit', sd.taken >= sd.daily_limit, 'salesperson_limit', to_jsonb(sd.taken), to_jsonb(sd.daily_limit), 'time', f.tomorrow),
    (20, 'domain_limit', f.is_due and k.limited_domain is not null and (dd.day is null or dh.hour is null), 'day_not_prepared', null, null, 'plan', null),
    (20, 'domain_limit', dd.taken >= dd.daily_limit, 'domain_limit', to_jsonb(dd.taken), to_jsonb(dd.daily_limit), 'time', f.tomorrow),
    (20, 'domain_limit', dh.taken >= dh.hourly_limit, 'domain_limit', to_jsonb(dh.taken), to_jsonb(dh.hourly_limit), 'time', dh.hour + interval '1 hour'),
    (21, 'attempt', k.already_tried, 'attempt_open', null, null, 'mail', null)
  ) as g (place, gate, shut, code, value, most, opened_by, opens_at)
  where m.status = 'pending'
$function$;

CREATE OR REPLACE FUNCTION goniec.give_back(p_attempts bigint[])
 RETURNS void
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET jit TO 'off'
AS $function$
declare
  v_given bigint[];
begin
  with
  due as materialized (
    select a.*, case when a.domain_hour is not null then (select goniec.domain_of(m.recipient) from goniec.message m where m.id = a.message_id) end as domain
    from goniec.attempt a
    where a.give_back and a.holds_capacity and (p_attempts is null or a.id = any (p_attempts))
    order by a.id
    for no key update skip locked
  ),
  mailbox_rows as materialized (
    select d.mailbox_id, d.day from goniec.mailbox_day d
    where (d.mailbox_id, d.day) in (select mailbox_id, mailbox_day from due)
    for no key update skip locked
  ),
  campaign_rows as materialized (
    select d.campaign_id, d.day from goniec.campaign_day d
    where (d.campaign_id, d.day) in (select campaign_id, campaign_day from due)
    for no key update skip locked
  ),
  salesperson_rows as materialized (
    select d.salesperson_id, d.day from goniec.salesperson_day d
    where (d.salesperson_id, d.day) in (select salesperson_id, mailbox_day from due where message_id is not null and kind <> 'warmup')
    for no key update skip locked
  ),
  domain_day_rows as materialized (
    select d.domain, d.day from goniec.domain_day d
    where (d.domain, d.day) in (select domain, mailbox_day from due)
    for no key update skip locked
  ),
  domain_hour_rows as materialized (
    select d.domain, d.hour from goniec.domain_hour d
    where (d.domain, d.hour) in (select domain, domain_hour from due)
    for no key update skip locked
  )
  select array_agg(due.id) into v_given
  from due
  where (due.mailbox_id, due.mailbox_day) in (select mailbox_id, day from mailbox_rows)
    and (due.campaign_id is null or (due.campaign_id, due.campaign_day) in (select campaign_id, day from campaign_rows))
    and (due.message_id is null or due.kind = 'warmup' or (due.salesperson_id, due.mailbox_day) in (select salesperson_id, day from salesperson_rows))
    -- Counters of past hours are swept away after some days: then there is nothing to give back to.
    and (due.domain is null
         or ((due.domain, due.mailbox_day) in (select domain, day from domain_day_rows) and (due.domain, due.domain_hour) in (select domain, hour from domain_hour_rows))
         or not exists (select from goniec.domain_hour h where h.domain = due.domain and h.hour = due.domain_hour));
  if v_given is null then return; end if;

  with
  given as materialized (
    update goniec.attempt a set holds_capacity = false
    where a.id = any (v_given) and a.holds_capacity
    returning a.*
  ),
  of_mailbox as (
    update goniec.mailbox_day d
    set campaign_taken = d.campaign_taken - g.campaign, warmup_taken = d.warmup_taken - g.warmup, response_taken = d.response_taken - g.response,
        daily_limit = least(d.daily_limit, goniec.limit_for_day(l.daily_limit, d.campaign_taken + d.warmup_taken + d.response_taken - g.mails)),
        campaign_limit = least(d.campaign_limit, goniec.limit_for_day(l.campaign_limit, d.campaign_taken - g.campaign)),
        warmup_limit = least(d.warmup_limit, goniec.limit_for_day(l.warmup_limit, d.warmup_taken - g.warmup))
    from (select mailbox_id, mailbox_day, count(*)::integer as mails, count(*) filter (where kind = 'campaign')::integer as campaign,
                 count(*) filter (where kind = 'warmup')::integer as warmup, count(*) filter (where kind = 'response')::integer as response
          from given group by 1, 2) g
    join goniec.mailbox b on b.id = g.mailbox_id
    cross join lateral goniec.mailbox_limits(b, g.mailbox_day) l
    where d.mailbox_id = g.mailbox_id and d.day = g.mailbox_day
  ),
  of_campaign as (
    update goniec.campaign_day d
    set taken = d.taken - g.mails, daily_limit = least(d.daily_limit, goniec.limit_for_day(c.daily_limit, d.taken - g.mails))
    from (select campaign_id, campaign_day, count(*)::integer as mails from given where campaign_id is not null group by 1, 2) g
    join goniec.campaign c on c.id = g.campaign_id
    where d.campaign_id = g.campaign_id and d.day = g.campaign_day
  ),
  of_salesperson as (
    update goniec.salesperson_day d
    set taken = d.taken - g.mails, daily_limit = least(d.daily_limit, goniec.limit_for_day(s.daily_limit, d.taken - g.mails))
    from (select salesperson_id, mailbox_day, count(*)::integer as mails from given where message_id is not null and kind <> 'warmup' group by 1, 2) g
    join goniec.salesperson s on s.id = g.salesperson_id
    where d.salesperson_id = g.salesperson_id and d.day = g.mailbox_day
  ),
  of_domain as materialized (
    select goniec.domain_of(m.recipient) as domain, g.mailbox_day, g.domain_hour, count(*)::integer as mails
    from given g join goniec.message m on m.id = g.message_id
    where g.domain_hour is not null
    group by 1, 2, 3
  ),
  of_domain_day as (
    update goniec.domain_day d
    set taken = d.taken - o.mails, daily_limit = least(d.daily_limit, goniec.limit_for_day(l.daily_limit, d.taken - o.mails))
    from (select domain, mailbox_day, sum(mails)::integer as mails from of_domain group by 1, 2) o
    left join lateral goniec.domain_limits(o.domain) l on true
    where d.domain = o.domain and d.day = o.mailbox_day
  ),
  of_domain_hour as (
    update goniec.domain_hour d
    set taken = d.taken - o.mails, hourly_limit = least(d.hourly_limit, goniec.limit_for_day(l.hourly_limit, d.taken - o.mails))
    from (select domain, domain_hour, sum(mails)::integer as mails from of_domain group by 1, 2) o
    left join lateral goniec.domain_limits(o.domain) l on true
    where d.domain = o.domain and d.hour = o.domain_hour
  )
  delete from goniec.lead_day ld
  using given g
  where g.kind = 'campaign' and ld.lead_id = g.lead_id and ld.day = g.mailbox_day and ld.campaign_id = g.campaign_id
    and not exists (select from goniec.message om
                    join goniec.attempt other on other.message_id = om.id
                    where om.lead_id = g.lead_id and other.campaign_id = g.campaign_id and other.mailbox_day = g.mailbox_day
                      and other.holds_capacity and other.id <> all (v_given));
end $function$;

CREATE OR REPLACE FUNCTION goniec.guard_attempt()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  if tg_op = 'INSERT' then
    -- History, what was sent before goniec, is accepted from the start: nobody of ours ever held it. So is, or in doubt, what went out and the database
    -- has forgotten. Both make a mail sent or doubtful, never one sent again.
    if new.state <> 'claimed' and not (
      new.message_id is not null and new.incarnation_id is null
      and ((new.state = 'accepted' and new.ended_by is not distinct from 'import')
           or (new.state in ('accepted', 'in_doubt') and new.ended_by is not distinct from 'restore'))) then
      raise exception 'a new attempt is claimed, not %', new.state
        using errcode = 'check_violation', constraint = 'attempt_starts_claimed',
              hint = 'goniec lead import CSV --history takes what was sent elsewhere before';
    end if;
    return new;
  end if;
  if (new.message_id, new.mailbox_id, new.kind, new.campaign_id, new.salesperson_id, new.lead_id, new.incarnation_id, new.mailbox_day, new.campaign_day, new.domain_hour)
     is distinct from
     (old.message_id, old.mailbox_id, old.kind, old.campaign_id, old.salesperson_id, old.lead_id, old.incarnation_id, old.mailbox_day, old.campaign_day, old.domain_hour) then
    raise exception 'attempt % belongs to another message, mailbox, worker or day; that never changes', old.id
      using errcode = 'check_violation', constraint = 'attempt_identity_is_permanent';
  end if;
  if new.state = old.state then
    return new;
  end if;
  if not exists (
    select from goniec.transition t where t.entity = 'attempt' and t.from_state = old.state and t.to_state = new.state) then
    perform goniec.refuse_transition('attempt', old.id, old.state, new.state);
  end if;
  if old.state = 'transmitting' and new.state = 'aborted'
     and (nullif(current_setting('goniec.incarnation', true), '')::bigint = old.incarnation_id) is not true then
    raise exception 'attempt % is transmitting: only its own worker can know that nothing was sent', old.id
      using errcode = 'check_violation', constraint = 'attempt_is_aborted_by_its_own_worker',
            hint = 'recovery makes it in_doubt; then goniec doubt resolve';
  end if;
  if new.state = 'presumed_unsent' and new.ended_by is null then
    raise exception 'attempt % can be presumed unsent only by a person, who is named in ended_by', old.id
      using errcode = 'check_violation', constraint = 'attempt_is_presumed_unsent_by_a_person',
            hint = format('goniec doubt resolve %s --as not-sent', old.message_id);
  end if;
  return new;
end $function$;

CREATE OR REPLACE FUNCTION goniec.guard_campaign()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
declare
  open_mails bigint;
begin
  if new.status = old.status then
    return new;
  end if;
  if old.status = 'cancelled' or (old.status, new.status) not in (
    ('draft', 'scheduled'), ('draft', 'running'), ('scheduled', 'running'), ('scheduled', 'paused'), ('paused', 'scheduled'), ('running', 'paused'),
    ('paused', 'running'), ('running', 'completed'), ('completed', 'running'),
    ('draft', 'cancelled'), ('scheduled', 'cancelled'), ('running', 'cancelled'), ('paused', 'cancelled')) then
    raise exception 'campaign "%" is %, and cannot become %', old.name, old.status, new.status
      using errcode = 'check_violation', constraint = 'campaign_transition_is_allowed',
            hint = format('goniec campaign show %s', old.name);
  end if;
  if new.status = 'completed' then
    -- A mail that is just being added refers to its campaign: this lock waits for whoever adds it, and the statement after it sees what he added.
    perform from goniec.campaign c where c.id = old.id for update;
    select count(*) into open_mails from goniec.message m where m.campaign_id = old.id and m.kind = 'campaign' and m.status in ('pending', 'sending', 'in_doubt');
    if open_mails > 0 then
      raise exception 'campaign "%" has % open mails, and cannot be completed', old.name, open_mails
        using errcode = 'check_violation', constraint = 'campaign_with_open_mails_is_not_completed';
    end if;
  end if;
  return new;
end $function$;

CREATE OR REPLACE FUNCTION goniec.guard_message()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  if tg_op = 'INSERT' then
    if new.status <> 'pending' then
      raise exception 'a new message is pending, not %', new.status
        using errcode = 'check_violation', constraint = 'message_starts_pending',
              detail = 'A message becomes sent only by an attempt that a server accepted.',
              hint = 'goniec lead import CSV --history takes what was sent elsewhere before';
    end if;
    return new;
  end if;
  if (new.kind, new.campaign_id, new.lead_id, new.step_key, new.recipient, new.enrollment_id, new.idempotency_key, new.is_test)
     is distinct from
     (old.kind, old.campaign_id, old.lead_id, old.step_key, old.recipient, old.enrollment_id, old.idempotency_key, old.is_test) then
    raise exception 'message % is for another (campaign, lead, step); that never changes', old.id
      using errcode = 'check_violation', constraint = 'message_identity_is_permanent';
  end if;
  if new.status <> old.status then
    if not exists (select from goniec.transition t where t.entity = 'message' and t.from_state = old.status and t.to_state = new.status) then
      perform goniec.refuse_transition('message', old.id, old.status, new.status);
    end if;
  end if;
  if old.status = 'failed' and new.status = 'pending' then
    if not pg_has_role(current_user, (select c.relowner from pg_class c where c.oid = tg_relid), 'usage') then
      raise exception 'message % has failed; only an operator may have it tried again', old.id
        using errcode = 'insufficient_privilege', constraint = 'message_is_retried_by_an_operator', hint = format('goniec message retry %s', old.id);
    end if;
  end if;
  if old.first_planned_at is not null and new.first_planned_at is distinct from old.first_planned_at then
    raise exception 'message % was first planned at %; that never changes', old.id, old.first_planned_at
      using errcode = 'check_violation', constraint = 'message_first_planned_at_is_permanent';
  end if;
  if old.status = 'sent' and new.sent_at is distinct from old.sent_at then
    raise exception 'message % was sent at %; that never changes', old.id, old.sent_at
      using errcode = 'check_violation', constraint = 'message_sent_at_is_permanent';
  end if;
  return new;
end $function$;

CREATE OR REPLACE FUNCTION goniec.here(OUT system_identifier text, OUT database_oid bigint, OUT timeline bigint, OUT wal_position pg_lsn)
 RETURNS record
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog'
AS $function$
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
end $function$;

CREATE OR REPLACE FUNCTION goniec.hour_of(at timestamp with time zone)
 RETURNS timestamp with time zone
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
AS $function$ select date_bin(interval '1 hour', at, timestamptz '2000-01-01 00:00:00Z') $function$;

CREATE OR REPLACE FUNCTION goniec.import_history(p_rows jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
 SET lock_timeout TO '2s'
AS $function$
declare
  v_now timestamptz;
  v_zone text := (select i.timezone from goniec.installation i);
  v_today date;
  v_rows jsonb;
  v_rejects jsonb;
  v_early jsonb;
  v_known integer;
  v_enrolled integer;
  v_sent bigint[];
  v_taken_over bigint[];
  v_attempts bigint[];
begin
  perform pg_advisory_xact_lock(hashtextextended('goniec history', 20201));

  -- Whose mail of an earlier step may still be sent, or have been, would have two open at once: such a line waits until that is known.
  select coalesce(jsonb_agg(jsonb_build_object('line', r.line, 'reason', 'earlier_' || earlier.status, 'id', earlier.id) order by r.line), '[]')
  into v_early
  from jsonb_to_recordset(p_rows) as r (line bigint, email text, campaign_id bigint, step_id bigint)
  join goniec.lead l on l.email = r.email
  join goniec.step s on s.id = r.step_id and s.retired_at is null
  cross join lateral (
    select m.id, m.status from goniec.mails_of_lead(r.campaign_id, l.id) m
    where m.status in ('sending', 'in_doubt') and m.place < s.position limit 1) as earlier;
  p_rows := (
    select jsonb_agg(given.line) from jsonb_array_elements(p_rows) as given (line)
    where not v_early @> jsonb_build_array(jsonb_build_object('line', given.line -> 'line')));

  insert into goniec.lead (email, email_given)
  select distinct on (r.email) r.email, nullif(r.given, r.email)
  from jsonb_to_recordset(p_rows) as r (email text, given text)
  where not exists (select from goniec.lead l where l.email = r.email offset 0)
  order by r.email
  on conflict (email) do nothing;

  insert into goniec.enrollment (campaign_id, lead_id)
  select distinct r.campaign_id, l.id
  from jsonb_to_recordset(p_rows) as r (email text, campaign_id bigint)
  join goniec.lead l on l.email = r.email
  where not exists (select from goniec.enrollment e where e.campaign_id = r.campaign_id and e.lead_id = l.id offset 0)
  order by r.campaign_id, l.id
  on conflict (campaign_id, lead_id) do nothing;
  get diagnostics v_enrolled = row_count;

  -- Every row with its place; of several for one step the first.
  select jsonb_agg(to_jsonb(placed))
  into v_rows
  from (
    select distinct on (r.campaign_id, l.id, s.key)
           r.line, r.campaign_id, l.id as lead_id, e.id as enrollment_id, l.email, s.id as step_id, s.key as step_key, case when s.retired_at is null then s.position else 0 end as position,
           r.mailbox_id, coalesce(r.mailbox_id, (select min(cm.mailbox_id) from goniec.campaign_mailbox cm where cm.campaign_id = r.campaign_id)) as ledger_mailbox_id,
           r.sent_at, r.message_id as rfc_message_id, r.subject
    from jsonb_to_recordset(p_rows) as r (
      line bigint, email text, campaign_id bigint, step_id bigint, sent_at timestamptz, message_id text, mailbox_id bigint, subject text)
    join goniec.lead l on l.email = r.email
    join goniec.step s on s.id = r.step_id
    join goniec.enrollment e on e.campaign_id = r.campaign_id and e.lead_id = l.id
    order by r.campaign_id, l.id, s.key, r.line
  ) as placed;
  if v_rows is null then
    return jsonb_build_object('new', 0, 'known', 0, 'updated', 0, 'enrolled', 0, 'rejects', v_early);
  end if;

  insert into goniec.message (kind, campaign_id, enrollment_id, lead_id, recipient, step_id, step_key, slot_reason)
  select 'campaign', r.campaign_id, r.enrollment_id, r.lead_id, r.email, r.step_id, r.step_key, 'history'
  from jsonb_to_recordset(v_rows) as r (campaign_id bigint, enrollment_id bigint, lead_id bigint, email text, step_id bigint, step_key text)
  where not exists (
    select from goniec.message m where m.campaign_id = r.campaign_id and m.lead_id = r.lead_id and m.step_key = r.step_key and m.kind = 'campaign' offset 0)
  order by r.campaign_id, r.lead_id, r.step_key
  on conflict do nothing;

  perform m.id
  from goniec.message m
  where m.id in (
    select of_lead.id
    from jsonb_to_recordset(v_rows) as r (campaign_id bigint, lead_id bigint, step_key text)
    cross join lateral goniec.mails_of_lead(r.campaign_id, r.lead_id) as of_lead
    where of_lead.step_key = r.step_key or of_lead.status = 'pending')
  order by m.id
  for no key update of m;

  -- What is waiting, or had failed, becomes sent; by the rows as they are now that they are locked.
  select jsonb_agg(to_jsonb(r) || jsonb_build_object('id', of_lead.id)) filter (where of_lead.status in ('pending', 'failed')),
         coalesce(array_agg(of_lead.id order by of_lead.id) filter (where of_lead.status in ('pending', 'failed')), '{}'),
         coalesce(array_agg(of_lead.id) filter (where of_lead.status in ('pending', 'failed') and of_lead.slot_reason is distinct from 'history'), '{}'),
         coalesce(jsonb_agg(jsonb_build_object('line', r.line, 'reason', of_lead.status, 'id', of_lead.id) order by r.line)
           filter (where of_lead.status in ('sending', 'in_doubt', 'cancelled')), '[]')
  into v_rows, v_sent, v_taken_over, v_rejects
  from jsonb_to_recordset(v_rows) as r (
    line bigint, campaign_id bigint, lead_id bigint, email text, step_key text, position integer, mailbox_id bigint, ledger_mailbox_id bigint,
    sent_at timestamptz, rfc_message_id text, subject text)
  cross join lateral goniec.mails_of_lead(r.campaign_id, r.lead_id) as of_lead
  where of_lead.step_key = r.step_key;
  v_known := jsonb_array_length(p_rows) - cardinality(v_sent) - jsonb_array_length(v_rejects);
  v_now := goniec.now();
  v_today := (v_now at time zone v_zone)::date;

  update goniec.message m set status = 'pending', failed_reason = null where m.id = any (v_sent) and m.status = 'failed';
  update goniec.message m
  set status = 'sending', held_reason = null, not_before = null, variant = null,
      mailbox_id = r.mailbox_id,
      scheduled_at = case when r.mailbox_id is not null then r.sent_at end,
      window_closes_at = case when r.mailbox_id is not null then r.sent_at + interval '1 minute' end
  from jsonb_to_recordset(v_rows) as r (id bigint, mailbox_id bigint, sent_at timestamptz)
  where m.id = r.id;

  with
  accepted as (
    insert into goniec.attempt (
      message_id, mailbox_id, kind, campaign_id, salesperson_id, lead_id, state, lease_until, deadline_at, mailbox_day, campaign_day, domain_hour,
      holds_capacity, claimed_at, transmitting_at, finished_at, outcome, ended_by)
    select r.id, r.ledger_mailbox_id, 'campaign', r.campaign_id, c.salesperson_id, r.lead_id, 'accepted', r.sent_at, r.sent_at,
           (r.sent_at at time zone v_zone)::date, (r.sent_at at time zone c.timezone)::date,
           case when r.mailbox_id is not null and (r.sent_at at time zone v_zone)::date >= v_today
                     and exists (select from goniec.domain_limits(goniec.domain_of(r.email)))
                then goniec.hour_of(r.sent_at) end,
           r.mailbox_id is not null and (r.sent_at at time zone v_zone)::date >= v_today, r.sent_at, r.sent_at, r.sent_at, 'accepted', 'import'
    from jsonb_to_recordset(v_rows) as r (
      id bigint, campaign_id bigint, lead_id bigint, email text, mailbox_id bigint, ledger_mailbox_id bigint, sent_at timestamptz)
    join goniec.campaign c on c.id = r.campaign_id
    order by r.id
    returning id, message_id
  )
  select array_agg(a.id order by a.message_id) into v_attempts from accepted a;

  update goniec.message m
  set status = 'sent', sent_at = r.sent_at, rfc_message_id = coalesce(r.rfc_message_id, m.rfc_message_id), slot_reason = 'history'
  from jsonb_to_recordset(v_rows) as r (id bigint, sent_at timestamptz, rfc_message_id text)
  where m.id = r.id;

  insert into goniec.message_content (message_id, attempt_id, subject)
  select r.id, sent.attempt_id, r.subject
  from jsonb_to_recordset(v_rows) as r (id bigint, subject text)
  join (select unnest(v_sent) as message_id, unnest(v_attempts) as attempt_id) as sent on sent.message_id = r.id
  where r.subject is not null
  on conflict (message_id) do update set attempt_id = excluded.attempt_id, subject = excluded.subject, text = null, html = null, headers = '{}';

  update goniec.message m
  set status = 'cancelled', slot_reason = 'history', scheduled_at = null, mailbox_id = null, window_closes_at = null
  where m.status = 'pending' and m.id in (
    select of_lead.id
    from jsonb_to_recordset(v_rows) as r (campaign_id bigint, lead_id bigint, position integer)
    cross join lateral goniec.mails_of_lead(r.campaign_id, r.lead_id) as of_lead
    where of_lead.status = 'pending' and of_lead.place < r.position);

  perform goniec.follow_up(v_sent);

  insert into goniec.lead_day (lead_id, day, campaign_id)
  select distinct a.lead_id, a.mailbox_day, a.campaign_id
  from goniec.attempt a
  where a.id = any (v_attempts) and a.mailbox_day > v_today - 366
  order by a.lead_id, a.mailbox_day, a.campaign_id
  on conflict do nothing;

  perform goniec.count_history(v_attempts);
  return jsonb_build_object('new', cardinality(v_sent), 'known', v_known, 'updated', cardinality(v_taken_over), 'enrolled', v_enrolled, 'rejects', v_rejects || v_early);
end $function$;

CREATE OR REPLACE FUNCTION goniec.import_leads(p_campaign bigint, p_rows jsonb, p_dry_run boolean DEFAULT false)
 RETURNS jsonb
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
declare
  v_status text;
  v_step goniec.step;
  v_any_suppressed boolean := exists (select from goniec.suppression);
  v_letters text[];
  v_weighed bigint[];
  v_rejects jsonb;
  v_emails text[];
  v_message_ids bigint[];
  v_message_id_of jsonb;
  v_givens text[];
  v_fields jsonb[];
  v_leads bigint[];
  v_enrollments bigint[];
  v_new integer;
  v_known integer;
  v_updated integer;
  v_enrolled integer;
begin
  -- A rehearsal asks about a campaign that does not exist yet.
  if p_campaign is not null or not p_dry_run then
    select c.status into v_status from goniec.campaign c where c.id = p_campaign for key share;
    if v_status is null or v_status = 'cancelled' then
      raise exception 'the campaign is %; leads cannot be imported into it', coalesce(v_status, 'gone') using errcode = 'object_not_in_prerequisite_state';
    end if;
    select s.* into v_step from goniec.step s where s.campaign_id = p_campaign and s.retired_at is null order by s.position limit 1;
    if not found then
      raise exception 'the campaign has no steps' using errcode = 'object_not_in_prerequisite_state', hint = 'correct the definition file, and goniec apply FILE';
    end if;
  end if;

  -- Sorted by address from here on.
  with
  judged as materialized (
    select r.*, l.id as lead_id, e.id as enrollment_id, e.fields as fields_before,
           case
             when v_any_suppressed and exists (
               select from goniec.suppression x where x.value = any (coalesce(l.suppression_values, goniec.suppression_values(r.email))) offset 0) then 'suppressed'
             when l.unsubscribed_at is not null then 'unsubscribed'
             when l.bounced_at is not null then 'bounced'
             when l.replied_at is not null then 'replied'
             when l.blocked_at is not null then 'blocked'
             when e.removed_at is not null then 'removed'
           end as objection
    from jsonb_to_recordset(p_rows) as r (line bigint, email text, given text, fields jsonb, message_id bigint)
    left join goniec.lead l on l.email = r.email
    left join goniec.enrollment e on e.campaign_id = p_campaign and e.lead_id = l.id
    order by r.email
  )
  select coalesce(jsonb_agg(jsonb_build_object('line', j.line, 'reason', j.objection)) filter (where j.objection is not null), '[]'),
         coalesce(array_agg(j.email) filter (where j.objection is null), '{}'),
         coalesce(array_agg(j.message_id) filter (where j.objection is null), '{}'),
         coalesce(array_agg(j.given) filter (where j.objection is null), '{}'),
         coalesce(array_agg(j.fields) filter (where j.objection is null), '{}'),
         count(*) filter (where j.objection is null and j.lead_id is null),
         count(*) filter (where j.objection is null and j.lead_id is not null),
         count(*) filter (where j.objection is null and j.enrollment_id is null),
         count(*) filter (where j.objection is null and j.fields_before is distinct from j.fields and j.enrollment_id is not null)
  into v_rejects, v_emails, v_message_ids, v_givens, v_fields, v_new, v_known, v_enrolled, v_updated
  from judged j;
  if p_dry_run then
    return jsonb_build_object('new', v_new, 'known', v_known, 'enrolled', v_enrolled, 'updated', v_updated, 'rejects', v_rejects);
  end if;

  insert into goniec.lead (email, email_given)
  select given.email, nullif(given.email_given, given.email)
  from unnest(v_emails, v_givens) with ordinality as given (email, email_given, n)
  where not exists (select from goniec.lead l where l.email = given.email offset 0)
  order by given.n
  on conflict (email) do nothing;
  get diagnostics v_new = row_count;

  v_leads := array(
    select l.id
    from unnest(v_emails) with ordinality as given (email, n)
    join goniec.lead l on l.email = given.email
    order by given.n);

  v_message_id_of := (select jsonb_object_agg(given.lead_id, given.message_id) from unnest(v_leads, v_message_ids) as given (lead_id, message_id));

  with
  made as (
    insert into goniec.enrollment (campaign_id, lead_id, fields)
    select p_campaign, given.lead_id, given.fields
    from unnest(v_leads, v_fields) as given (lead_id, fields)
    where not exists (select from goniec.enrollment e where e.campaign_id = p_campaign and e.lead_id = given.lead_id offset 0)
    order by given.lead_id
    on conflict (campaign_id, lead_id) do nothing
    returning id
  )
  select coalesce(array_agg(made.id), '{}') into v_enrollments from made;
  v_enrolled := cardinality(v_enrollments);

  if v_enrolled < cardinality(v_leads) then
    with
    changed as materialized (
      select e.id, given.fields
      from unnest(v_leads, v_fields) as given (lead_id, fields)
      join goniec.enrollment e on e.campaign_id = p_campaign and e.lead_id = given.lead_id
      where e.fields <> given.fields
      order by e.lead_id
      for no key update of e
    )
    update goniec.enrollment e set fields = changed.fields from changed where e.id = changed.id;
    get diagnostics v_updated = row_count;
  end if;

  -- What pick_variant(v_step.id, e.id) says, without asking for the variants again for each row.
  select array_agg(v.letter order by v.letter), array_agg(v.upto order by v.letter)
  into v_letters, v_weighed
  from (select letter, sum(weight) over (order by letter)::bigint as upto from goniec.variant where step_id = v_step.id and weight > 0) v;

  insert into goniec.message (id, kind, campaign_id, enrollment_id, lead_id, recipient, step_id, step_key, variant) overriding system value
  select coalesce((v_message_id_of ->> e.lead_id::text)::bigint, nextval('goniec.message_id_seq')), 'campaign', p_campaign, e.id, e.lead_id, l.email, v_step.id, v_step.key,
         coalesce(v_letters[1 + width_bucket(('x' || substr(md5(e.id || ':' || v_step.id), 1, 8))::bit(32)::bigint % v_weighed[cardinality(v_weighed)], v_weighed)],
                  goniec.pick_variant(v_step.id, e.id))
  from unnest(v_enrollments) as made (id)
  join goniec.enrollment e on e.id = made.id
  join goniec.lead l on l.id = e.lead_id
  order by e.lead_id
  on conflict do nothing;

  return jsonb_build_object('new', v_new, 'known', cardinality(v_leads) - v_new, 'enrolled', v_enrolled, 'updated', v_updated, 'rejects', v_rejects);
end $function$;

CREATE OR REPLACE FUNCTION goniec.insert_domain_rows(p_domains text[], p_at timestamp with time zone[])
 RETURNS void
 LANGUAGE plpgsql
AS $function$
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
end $function$;

CREATE OR REPLACE FUNCTION goniec.is_out(m goniec.message)
 RETURNS boolean
 LANGUAGE sql
 STABLE
AS $function$
  select exists (select from goniec.campaign c where c.id = m.campaign_id and c.status = 'cancelled' and m.kind = 'campaign')
      or exists (select from goniec.enrollment e where e.id = m.enrollment_id and e.removed_at is not null)
      or exists (select from goniec.lead l where l.id = m.lead_id
                 and (l.blocked_at is not null or l.unsubscribed_at is not null or l.bounced_at is not null or (m.kind = 'campaign' and l.replied_at is not null)))
      or goniec.is_suppressed(m.recipient)
$function$;

CREATE OR REPLACE FUNCTION goniec.is_recalled(p_attempt bigint, p_contents jsonb)
 RETURNS boolean
 LANGUAGE sql
 STABLE
AS $function$
  select exists (
    select from jsonb_to_recordset(p_contents) as given (attempt_id bigint, headers jsonb)
    join goniec.recalled_mail r on goniec.local_part_of(r.rfc_message_id) = goniec.local_part_of(given.headers ->> 'message-id') and r.message_id is null
    where given.attempt_id = p_attempt and (r.kind = 'campaign' or r.idempotency_key is not null))
$function$;

CREATE OR REPLACE FUNCTION goniec.is_restored()
 RETURNS boolean
 LANGUAGE sql
 STABLE
AS $function$ select s.is_restored from goniec.standing() s $function$;

CREATE OR REPLACE FUNCTION goniec.is_suppressed(email text)
 RETURNS boolean
 LANGUAGE sql
 STABLE PARALLEL SAFE STRICT
AS $function$ select exists (select from goniec.suppression where value = any (goniec.suppression_values(email))) $function$;

CREATE OR REPLACE FUNCTION goniec.kind_rank(kind text)
 RETURNS integer
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
AS $function$ select case kind when 'response' then 1 when 'campaign' then 2 else 3 end $function$;

CREATE OR REPLACE FUNCTION goniec.limit_for_day(p_limit integer, p_taken integer)
 RETURNS integer
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
AS $function$ select case when p_limit is not null then greatest(p_limit, p_taken) end $function$;

CREATE OR REPLACE FUNCTION goniec.local_day(at timestamp with time zone, zone text)
 RETURNS date
 LANGUAGE plpgsql
 STABLE STRICT
AS $function$
begin
  return (at at time zone zone)::date;
exception when invalid_parameter_value then
  return null;
end $function$;

CREATE OR REPLACE FUNCTION goniec.local_part_of(p_rfc_message_id text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
AS $function$ select split_part(ltrim(p_rfc_message_id, '<'), '@', 1) $function$;

CREATE OR REPLACE FUNCTION goniec.lock_chosen(p_chosen goniec.candidate[], p_today date, p_hour timestamp with time zone, OUT messages bigint[], OUT mailboxes bigint[], OUT campaigns bigint[], OUT salespeople bigint[], OUT domains text[], OUT candidates goniec.candidate[])
 RETURNS record
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET plan_cache_mode TO 'force_generic_plan'
 SET jit TO 'off'
AS $function$
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
end $function$;

CREATE OR REPLACE FUNCTION goniec.lock_key(name text)
 RETURNS bigint
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
AS $function$
  select case name when 'claim' then 4702394921427289921 when 'barrier' then 4702394921427289922 when 'plan' then 4702394921427289923
                   when 'forecast' then 4702394921427289924 when 'refusals' then 4702394921427289925
                   when 'recall' then 4702394921427289926 end
$function$;

CREATE OR REPLACE FUNCTION goniec.locked_messages(p_now timestamp with time zone, p_grace interval, p_mailboxes bigint[], p_not_messages bigint[])
 RETURNS bigint[]
 LANGUAGE sql
 SET enable_seqscan TO 'off'
 SET jit TO 'off'
AS $function$
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
$function$;

CREATE OR REPLACE FUNCTION goniec.mailbox_backoff(faults integer, spread_by bigint)
 RETURNS interval
 LANGUAGE sql
 IMMUTABLE
AS $function$
  select (array[1, 5, 15, 60])[least(greatest(faults, 1), 4)] * interval '1 minute'
       * (0.8 + 0.4 * (('x' || substr(md5('mailbox:' || spread_by || ':' || faults), 1, 8))::bit(32)::bigint / 4294967295.0))
$function$;

CREATE OR REPLACE FUNCTION goniec.mailbox_limits(p_mailbox goniec.mailbox, p_day date)
 RETURNS TABLE(daily_limit integer, campaign_limit integer, warmup_limit integer)
 LANGUAGE sql
 STABLE ROWS 1
AS $function$
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
$function$;

CREATE OR REPLACE FUNCTION goniec.mails_of_lead(p_campaign bigint, p_lead bigint)
 RETURNS TABLE(id bigint, status text, step_key text, place integer, slot_reason text)
 LANGUAGE sql
 STABLE
AS $function$
  select m.id, m.status, m.step_key, s.position, m.slot_reason
  from (select * from goniec.message m where m.campaign_id = p_campaign and m.lead_id = p_lead and m.kind = 'campaign' offset 0) m
  join goniec.step s on s.id = m.step_id
$function$;

CREATE OR REPLACE FUNCTION goniec.make_campaign_days(p_campaigns bigint[], p_from date[], p_days integer)
 RETURNS void
 LANGUAGE sql
AS $function$
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
$function$;

CREATE OR REPLACE FUNCTION goniec.make_day_rows(p_days integer DEFAULT 21, p_mailbox bigint DEFAULT NULL::bigint)
 RETURNS void
 LANGUAGE plpgsql
 SET lock_timeout TO '300ms'
 SET enable_seqscan TO 'off'
 SET jit TO 'off'
AS $function$
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
end $function$;

CREATE OR REPLACE FUNCTION goniec.make_domain_rows(p_domains text[], p_at timestamp with time zone[])
 RETURNS text[]
 LANGUAGE plpgsql
 SET lock_timeout TO '300ms'
AS $function$
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
end $function$;

CREATE OR REPLACE FUNCTION goniec.make_salesperson_days(p_salesperson bigint, p_today date, p_days integer)
 RETURNS void
 LANGUAGE sql
AS $function$
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
$function$;

CREATE OR REPLACE FUNCTION goniec.mark_bounced(p_attempts bigint[])
 RETURNS void
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET jit TO 'off'
AS $function$
declare
  v_now timestamptz := goniec.now();
begin
  with
  due as materialized (
    select a.id, a.lead_id from goniec.attempt a
    where a.bounce_due and (p_attempts is null or a.id = any (p_attempts))
    order by a.id
    for no key update skip locked
  ),
  leads as materialized (
    select l.id, l.email from goniec.lead l where l.id in (select lead_id from due) order by l.id for no key update skip locked
  ),
  bounced as (
    update goniec.lead l set bounced_at = coalesce(l.bounced_at, v_now) from leads where l.id = leads.id
  ),
  suppressed as (
    insert into goniec.suppression (value, reason) select leads.email, 'bounced' from leads order by leads.email on conflict do nothing
  ),
  noted as (
    insert into goniec.event (type, lead_id, attempt_id) select 'lead_bounced', due.lead_id, due.id from due join leads on leads.id = due.lead_id
  ),
  done as (
    update goniec.attempt a set bounce_due = false from due join leads on leads.id = due.lead_id where a.id = due.id
  )
  update goniec.message m
  set status = 'cancelled', slot_reason = 'lead_bounced', scheduled_at = null, mailbox_id = null, window_closes_at = null
  where m.id in (
    select open_mail.id from goniec.message open_mail
    where open_mail.lead_id in (select id from leads) and open_mail.status = 'pending'
    order by open_mail.id
    for no key update skip locked);
end $function$;

CREATE OR REPLACE FUNCTION goniec.mark_worker(p_worker text)
 RETURNS text
 LANGUAGE plpgsql
AS $function$
begin
  perform set_config('synchronous_commit', 'local', true);
  insert into goniec.known_worker (worker, seen_at) values (p_worker, goniec.now())
  on conflict (worker) do update set seen_at = excluded.seen_at;
  return (goniec.here()).wal_position::text;
end $function$;

CREATE OR REPLACE FUNCTION goniec.material(p_messages bigint[], p_mailboxes bigint[])
 RETURNS TABLE(id bigint, kind text, is_test boolean, recipient text, idempotency_key text, rfc_message_id text, installation_id uuid, now timestamp with time zone, mailbox_id bigint, mailbox_version bigint, campaign_name text, campaign_version bigint, step_id bigint, step_key text, letter text, fields jsonb, previous jsonb, material jsonb)
 LANGUAGE plpgsql
 STABLE
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET plan_cache_mode TO 'force_generic_plan'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
declare
  v_now timestamptz := goniec.now();
  v_installation uuid := (select i.id from goniec.installation i);
begin
  return query
  select m.id, m.kind, m.is_test, m.recipient, m.idempotency_key, m.rfc_message_id, v_installation, v_now,
         b.id, b.version, c.name, c.version, m.step_id, m.step_key,
         case when m.kind = 'campaign' then coalesce(v.letter, goniec.pick_variant(m.step_id, m.enrollment_id)) end,
         e.fields, before.mail, to_jsonb(mm) - 'digest'
  from unnest(p_messages, p_mailboxes) as asked (message_id, mailbox_id)
  cross join lateral (
    select its.id, its.kind, its.is_test, its.recipient, its.idempotency_key, its.rfc_message_id, its.campaign_id, its.enrollment_id, its.lead_id,
           its.mailbox_id, its.bound_mailbox_id, its.step_id, its.step_key, its.variant, its.follows_at
    from goniec.message its where its.id = asked.message_id offset 0
  ) as m
  left join lateral (
    select its.id, its.version from goniec.mailbox its where its.id = coalesce(asked.mailbox_id, m.mailbox_id, m.bound_mailbox_id) offset 0
  ) as b on true
  left join lateral (select its.name, its.version from goniec.campaign its where its.id = m.campaign_id offset 0) as c on true
  left join lateral (select its.fields from goniec.enrollment its where its.id = m.enrollment_id offset 0) as e on true
  left join lateral (select its.letter from goniec.variant its where its.step_id = m.step_id and its.letter = m.variant offset 0) as v on true
  left join lateral (select its.* from goniec.message_material its where its.message_id = m.id offset 0) as mm on true
  left join lateral (
    select jsonb_build_object('message_id', coalesce(a.server_message_id, sent.rfc_message_id), 'subject', kept.subject,
                              'references', kept.headers ->> 'references') as mail
    from (
      select p.* from goniec.message p where p.lead_id = m.lead_id offset 0
    ) as sent
    left join lateral (
      select its.server_message_id from goniec.attempt its where its.message_id = sent.id and its.state = 'accepted' offset 0
    ) as a on true
    left join lateral (select its.subject, its.headers from goniec.message_content its where its.message_id = sent.id offset 0) as kept on true
    where sent.enrollment_id = m.enrollment_id and sent.kind = 'campaign' and sent.status = 'sent'
    order by sent.sent_at desc, sent.id desc
    limit 1
  ) as before on m.kind = 'campaign' and m.follows_at is not null;
end $function$;

CREATE OR REPLACE FUNCTION goniec.mend_instants()
 RETURNS integer
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET plan_cache_mode TO 'force_custom_plan'
 SET jit TO 'off'
AS $function$
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
end $function$;

CREATE OR REPLACE FUNCTION goniec.needs_quarantine(a goniec.attempt, p_now timestamp with time zone, p_seen_gone bigint[])
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE
AS $function$ select a.state = 'transmitting' and a.deadline_at > p_now and coalesce(a.incarnation_id <> all (p_seen_gone), true) $function$;

CREATE OR REPLACE FUNCTION goniec.next_opening(p_now timestamp with time zone, p_grace interval)
 RETURNS timestamp with time zone
 LANGUAGE plpgsql
 STABLE
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET plan_cache_mode TO 'force_generic_plan'
 SET jit TO 'off'
AS $function$
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
end $function$;

CREATE OR REPLACE FUNCTION goniec.note_follow_up_due(p_message bigint)
 RETURNS void
 LANGUAGE sql
AS $function$
  insert into goniec.restoration_due (restoration_id, message_id, due_at)
  select r.id, next.id, due.at
  from goniec.restoration r
  join goniec.message m on m.id = p_message
  join goniec.message next on next.campaign_id = m.campaign_id and next.lead_id = m.lead_id and next.kind = 'campaign'
    and next.status = 'pending' and next.follows_at = m.sent_at
  join goniec.step s on s.id = next.step_id
  join goniec.campaign c on c.id = m.campaign_id
  cross join lateral (
    select case when s.wait_days is null then m.sent_at + coalesce(s.wait_ms, 0) * interval '1 millisecond'
                else ((m.sent_at at time zone c.timezone)::date + s.wait_days)::timestamp at time zone c.timezone end as at
  ) as due
  where r.ended_at is null and due.at <= r.noticed_at
  on conflict do nothing
$function$;

CREATE OR REPLACE FUNCTION goniec.notice_restoration(p_reason text DEFAULT NULL::text, p_explanation text DEFAULT NULL::text)
 RETURNS bigint
 LANGUAGE plpgsql
AS $function$
declare
  v_id bigint;
  v_was text;
  v_standing record;
  v_reason text;
  v_now timestamptz;
  v_last timestamptz;
begin
  select r.id, r.reason into v_id, v_was from goniec.restoration r where r.ended_at is null;
  v_standing := goniec.standing();
  v_reason := coalesce(p_reason, v_standing.moved);
  if v_id is not null then
    if v_was = 'promoted' and v_reason in ('forgotten', 'elsewhere') then
      update goniec.restoration r
      set reason = v_reason, explanation = coalesce(p_explanation, goniec.explain_restoration(v_reason))
      where r.id = v_id and r.ended_at is null;
    end if;
    return v_id;
  end if;
  if v_reason is null then
    insert into goniec.home (system_identifier, database_oid, timeline)
    select h.system_identifier, h.database_oid, h.timeline from goniec.here() h
    where not exists (select from goniec.home)
    on conflict do nothing;
    return null;
  end if;

  v_now := goniec.now();
  -- Only what workers have done: an operator may have looked, and imported, since the restore.
  v_last := coalesce(
    greatest((select max(k.seen_at) from goniec.known_worker k), (select a.claimed_at from goniec.attempt a order by a.id desc limit 1)),
    (select e.at from goniec.event e order by e.id desc limit 1));
  v_last := least(v_last, v_now);
  insert into goniec.restoration (noticed_at, reason, explanation, last_known_at, wal_position)
  values (v_now, v_reason, coalesce(p_explanation, goniec.explain_restoration(v_reason)), v_last, v_standing.wal_position)
  on conflict do nothing
  returning id into v_id;
  if v_id is null then
    -- Somebody else has just noticed it.
    return (select r.id from goniec.restoration r where r.ended_at is null);
  end if;
  perform pg_notify('goniec', 'restored');
  insert into goniec.event (type, data)
  values ('restoration_noticed', jsonb_strip_nulls(jsonb_build_object('reason', v_reason, 'explanation', p_explanation, 'last_known_at', v_last)));
  insert into goniec.restoration_due (restoration_id, message_id, due_at, mailbox_id)
  select v_id, m.id, m.scheduled_at, m.mailbox_id
  from goniec.message m
  where m.status in ('pending', 'sending', 'in_doubt') and m.status <> 'in_doubt' and m.scheduled_at > '-infinity'
    and m.scheduled_at between coalesce(v_last, '-infinity') - interval '5 minutes' and v_now
    and not exists (select from goniec.attempt a where a.message_id = m.id and a.state = 'transmitting' offset 0);
  -- A mail that no plan had looked at yet had no slot, and may have got one and gone out a moment later.
  insert into goniec.restoration_due (restoration_id, message_id, due_at)
  select v_id, m.id, greatest(m.created_at, m.follows_at, m.not_before)
  from goniec.message m
  where m.status = 'pending' and m.scheduled_at is null and m.held_reason is null and coalesce(goniec.why_no_slot(m), 'retry') = 'retry'
    and greatest(m.created_at, m.follows_at, m.not_before) between coalesce(v_last, '-infinity') - interval '5 minutes' and v_now;
  return v_id;
end $function$;

CREATE OR REPLACE FUNCTION goniec.now()
 RETURNS timestamp with time zone
 LANGUAGE sql
 PARALLEL SAFE
AS $function$ select clock_timestamp() $function$;

CREATE OR REPLACE FUNCTION goniec.pass_barrier(p_campaign bigint DEFAULT NULL::bigint, p_lead bigint DEFAULT NULL::bigint, p_mailbox bigint DEFAULT NULL::bigint)
 RETURNS bigint
 LANGUAGE plpgsql
AS $function$
begin
  perform pg_advisory_xact_lock(goniec.lock_key('barrier'));
  return (
    select count(*) from goniec.attempt a
    where a.state = 'transmitting'
      and (p_campaign is null or a.campaign_id = p_campaign)
      and (p_lead is null or a.lead_id = p_lead)
      and (p_mailbox is null or a.mailbox_id = p_mailbox));
end $function$;

CREATE OR REPLACE FUNCTION goniec.pick_variant(p_step bigint, p_enrollment bigint)
 RETURNS text
 LANGUAGE sql
 STABLE
AS $function$ select v.letter from goniec.variant_for(p_step, p_enrollment) v $function$;

CREATE OR REPLACE FUNCTION goniec.place_recalled()
 RETURNS integer
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET jit TO 'off'
AS $function$
declare
  v_mail record;
  v_became text;
  v_placed integer := 0;
  v_before integer;
begin
  if not pg_try_advisory_xact_lock(goniec.lock_key('recall')) then return 0; end if;
  loop
    v_before := v_placed;
    for v_mail in
      select r.*, m.id as found
      from goniec.recalled_mail r
      cross join lateral (
        select m.id
        from goniec.campaign c
        join goniec.lead l on l.email = r.recipient
        join goniec.message m on m.campaign_id = c.id and m.lead_id = l.id and m.step_key = r.step_key and m.kind = 'campaign'
        where r.kind = 'campaign' and c.name = r.campaign
        union all
        select m.id from goniec.message m
        where r.kind = 'own' and m.kind = 'response' and m.idempotency_key = r.idempotency_key and m.recipient = r.recipient
        union all
        select m.id from goniec.message m
        where r.kind = 'own' and m.kind = 'warmup' and m.idempotency_key = r.idempotency_key and m.recipient = r.recipient
      ) as m
      where r.message_id is null
      order by m.id
    loop
      -- Claimed anew since: its fence refuses it by its Message-ID, and in a minute it is free.
      continue when exists (
        select from goniec.attempt a where a.message_id = v_mail.found and a.state in ('claimed', 'transmitting') and a.claimed_at > v_mail.passed_at);
      v_became := goniec.put_on_record(
        v_mail.found, v_mail.mailbox, v_mail.passed_at, case v_mail.outcome when 'accepted' then 'accepted' else 'in_doubt' end,
        coalesce(v_mail.response, 'it went out before the restore, and the server''s answer is not known'), v_mail.rfc_message_id);
      continue when v_became is null;
      update goniec.recalled_mail r set message_id = v_mail.found, became = v_became where r.id = v_mail.id;
      v_placed := v_placed + 1;
    end loop;
    exit when v_placed = v_before;
  end loop;
  return v_placed;
end $function$;

CREATE OR REPLACE FUNCTION goniec.put_on_record(p_message bigint, p_mailbox text, p_at timestamp with time zone, p_state text, p_response text, p_rfc_message_id text)
 RETURNS text
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog'
 SET jit TO 'off'
AS $function$
declare
  v_attempt goniec.attempt;
  v_message goniec.message;
  v_mailbox goniec.mailbox;
  v_campaign goniec.campaign;
  v_zone text := (select i.timezone from goniec.installation i);
  v_id bigint;
begin
  select a.* into v_attempt from goniec.attempt a
  where a.message_id = p_message and a.state in ('claimed', 'transmitting', 'accepted', 'in_doubt') for no key update;
  select m.* into v_message from goniec.message m where m.id = p_message for no key update;
  if v_message.status in ('sent', 'cancelled') or (v_message.status = 'in_doubt' and p_state = 'in_doubt') then
    return v_message.status;
  end if;
  -- A claim that committed while its message was waited for. To lock its attempt now, behind the message, would be the wrong order.
  if v_attempt.id is null and exists (
    select from goniec.attempt a where a.message_id = p_message and a.state in ('claimed', 'transmitting', 'accepted', 'in_doubt') offset 0) then
    return null;
  end if;

  if v_attempt.id is not null then
    if v_attempt.state = 'claimed' then
      update goniec.attempt a set state = 'transmitting', transmitting_at = greatest(p_at, a.claimed_at) where a.id = v_attempt.id;
    end if;
    update goniec.attempt a
    set state = p_state, outcome = case p_state when 'accepted' then 'accepted' else 'unknown' end, response = p_response, finished_at = goniec.now(),
        ended_by = 'restore'
    where a.id = v_attempt.id;
    v_id := v_attempt.id;
  else
    select b.* into v_mailbox from goniec.mailbox b
    where b.id = coalesce((select named.id from goniec.mailbox named where named.address = p_mailbox), v_message.mailbox_id, v_message.bound_mailbox_id);
    select c.* into v_campaign from goniec.campaign c where c.id = v_message.campaign_id;
    if v_mailbox.id is null then
      select b.* into v_mailbox from goniec.mailbox b join goniec.campaign_mailbox cm on cm.mailbox_id = b.id
      where cm.campaign_id = v_campaign.id order by b.id limit 1;
    end if;
    update goniec.message m set status = 'pending', failed_reason = null where m.id = p_message and m.status = 'failed';
    update goniec.message m
    set status = 'sending', held_reason = null, mailbox_id = v_mailbox.id, scheduled_at = p_at, window_closes_at = p_at + interval '1 minute'
    where m.id = p_message;
    insert into goniec.attempt (
      message_id, mailbox_id, kind, campaign_id, salesperson_id, lead_id, state, lease_until, deadline_at, mailbox_day, campaign_day,
      claimed_at, transmitting_at, finished_at, outcome, response, ended_by)
    values (
      p_message, v_mailbox.id, v_message.kind, case when v_message.kind = 'campaign' then v_campaign.id end,
      case when v_message.kind = 'campaign' then v_campaign.salesperson_id else v_mailbox.salesperson_id end, v_message.lead_id, p_state, p_at,
      p_at + interval '15 minutes', (p_at at time zone v_zone)::date,
      case when v_message.kind = 'campaign' then (p_at at time zone v_campaign.timezone)::date end,
      p_at, p_at, p_at, case p_state when 'accepted' then 'accepted' else 'unknown' end, p_response, 'restore')
    returning id into v_id;
    perform goniec.count_recalled(v_id);
  end if;

  update goniec.message m
  set status = case p_state when 'accepted' then 'sent' else 'in_doubt' end,
      sent_at = case p_state when 'accepted' then coalesce((select a.transmitting_at from goniec.attempt a where a.id = v_id), p_at) else m.sent_at end,
      rfc_message_id = coalesce(m.rfc_message_id, p_rfc_message_id)
  where m.id = p_message;
  if p_state = 'accepted' then
    perform goniec.follow_up(array[p_message]);
    perform goniec.note_follow_up_due(p_message);
  end if;
  return case p_state when 'accepted' then 'sent' else 'in_doubt' end;
end $function$;

CREATE OR REPLACE FUNCTION goniec.recall_mails(p_restoration bigint, p_worker text, p_entries jsonb)
 RETURNS integer
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET jit TO 'off'
AS $function$
declare
  v_entry record;
  v_mail record;
  v_recalled integer := 0;
begin
  perform pg_advisory_xact_lock(goniec.lock_key('recall'));
  for v_entry in
    select e.*, known.message_id as known_message, known.id is not null as is_known, known.state
    from jsonb_to_recordset(p_entries) as e (
      attempt_id bigint, passed_at timestamptz, outcome text, response text, kind text, recipient text, campaign text, step_key text,
      idempotency_key text, mailbox text, rfc_message_id text)
    left join goniec.attempt known on known.id = e.attempt_id and known.transmitting_at = e.passed_at
    order by e.attempt_id, e.passed_at
  loop
    if v_entry.is_known then
      if v_entry.outcome = 'accepted' and v_entry.state in ('transmitting', 'in_doubt') and v_entry.known_message is not null then
        perform goniec.put_on_record(v_entry.known_message, v_entry.mailbox, v_entry.passed_at, 'accepted', v_entry.response, v_entry.rfc_message_id);
      end if;
      continue;
    end if;
    insert into goniec.recalled_mail as r (restoration_id, worker, attempt_id, passed_at, outcome, response, kind, recipient, campaign, step_key,
                                      idempotency_key, mailbox, rfc_message_id)
    values (p_restoration, p_worker, v_entry.attempt_id, v_entry.passed_at, v_entry.outcome, v_entry.response, v_entry.kind, v_entry.recipient,
            v_entry.campaign, v_entry.step_key, v_entry.idempotency_key, v_entry.mailbox, v_entry.rfc_message_id)
    -- It was on the wire when it was told first, and the server's yes came behind that.
    on conflict (attempt_id, passed_at) do update set outcome = excluded.outcome, response = excluded.response
    where r.outcome = 'unknown' and excluded.outcome = 'accepted'
    returning r.id, r.message_id, r.xmax = 0 as is_new into v_mail;
    continue when not found;
    v_recalled := v_recalled + v_mail.is_new::integer;
    if v_mail.message_id is not null then
      update goniec.recalled_mail r
      set became = coalesce(
        goniec.put_on_record(v_mail.message_id, v_entry.mailbox, v_entry.passed_at, 'accepted', v_entry.response, v_entry.rfc_message_id), r.became)
      where r.id = v_mail.id;
    end if;
  end loop;
  perform goniec.place_recalled();
  return v_recalled;
end $function$;

CREATE OR REPLACE FUNCTION goniec.record_attempt_changes()
 RETURNS trigger
 LANGUAGE plpgsql
 SET enable_hashjoin TO 'on'
 SET enable_nestloop TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
begin
  insert into goniec.event (type, message_id, attempt_id, campaign_id, lead_id, mailbox_id, data)
  select case when n.state = 'transmitting' then 'fenced' when n.message_id is null then 'slot_released'
              when o.state = 'in_doubt' then 'resolved' else 'settled' end,
         n.message_id, n.id, n.campaign_id, n.lead_id, n.mailbox_id,
         case when n.state = 'transmitting' then '{}'::jsonb
              else jsonb_strip_nulls(jsonb_build_object('state', n.state, 'outcome', n.outcome, 'stage', n.stage, 'response', n.response, 'by', n.ended_by)) end
  from new_rows n
  join old_rows o using (id)
  where n.state <> o.state;
  return null;
end $function$;

CREATE OR REPLACE FUNCTION goniec.record_attempt_claims()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  insert into goniec.event (type, message_id, attempt_id, campaign_id, lead_id, mailbox_id, data)
  select case when a.message_id is null then 'slot_taken' when a.ended_by = 'import' then 'imported' when a.ended_by = 'restore' then 'recalled' else 'claimed' end, a.message_id, a.id, a.campaign_id, a.lead_id, a.mailbox_id,
         jsonb_strip_nulls(jsonb_build_object('incarnation', a.incarnation_id, 'kind', a.kind, 'state', nullif(a.state, 'claimed'), 'response', a.response))
  from new_rows a;
  return null;
end $function$;

CREATE OR REPLACE FUNCTION goniec.record_external_send(mailbox text, kind text, sent_at timestamp with time zone)
 RETURNS void
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET plan_cache_mode TO 'force_custom_plan'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
declare
  v_mailbox goniec.mailbox := goniec.require_mailbox(mailbox);
  v_kind text := kind;
  v_day date := (select (record_external_send.sent_at at time zone i.timezone)::date from goniec.installation i);
begin
  perform goniec.require_kind(v_kind);
  perform goniec.require_time('a send is', record_external_send.sent_at);
  if v_day is null then
    raise exception 'a send needs the time it was sent at' using errcode = 'invalid_parameter_value';
  end if;
  insert into goniec.mailbox_day (mailbox_id, day, daily_limit, campaign_limit, warmup_limit)
  select v_mailbox.id, v_day, l.daily_limit, l.campaign_limit, l.warmup_limit
  from goniec.mailbox_limits(v_mailbox, v_day) l
  on conflict do nothing;
  update goniec.mailbox_day d
  set campaign_taken = d.campaign_taken + (v_kind = 'campaign')::integer,
      warmup_taken = d.warmup_taken + (v_kind = 'warmup')::integer,
      response_taken = d.response_taken + (v_kind = 'response')::integer,
      daily_limit = greatest(d.daily_limit, d.campaign_taken + d.warmup_taken + d.response_taken + 1),
      campaign_limit = case when v_kind = 'campaign' and d.campaign_limit is not null then greatest(d.campaign_limit, d.campaign_taken + 1) else d.campaign_limit end,
      warmup_limit = case when v_kind = 'warmup' and d.warmup_limit is not null then greatest(d.warmup_limit, d.warmup_taken + 1) else d.warmup_limit end
  where d.mailbox_id = v_mailbox.id and d.day = (select v_day);
  insert into goniec.event (type, mailbox_id, data)
  values ('external_send', v_mailbox.id, jsonb_build_object('kind', v_kind, 'sent_at', record_external_send.sent_at, 'day', v_day));
  perform pg_notify('goniec', 'plan');
end $function$;

CREATE OR REPLACE FUNCTION goniec.record_message_events()
 RETURNS trigger
 LANGUAGE plpgsql
 SET enable_hashjoin TO 'on'
 SET enable_nestloop TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
declare
  v_now timestamptz := goniec.now();
  v_actor text := goniec.actor();
begin
  insert into goniec.event (at, type, message_id, campaign_id, lead_id, mailbox_id, actor, data)
  select v_now, change.type, new_row.id, new_row.campaign_id, new_row.lead_id, coalesce(new_row.mailbox_id, old_row.mailbox_id), v_actor, change.data
  from new_rows new_row
  join old_rows old_row using (id)
  cross join lateral (
    select case when old_row.scheduled_at is null then 'planned' when new_row.scheduled_at is null then 'withdrawn' else 'moved' end as type,
           case when old_row.scheduled_at is null and old_row.mailbox_id is null and new_row.slot_reason is null
                then jsonb_build_object('to', new_row.scheduled_at)
                else jsonb_strip_nulls(jsonb_build_object('from', old_row.scheduled_at, 'to', new_row.scheduled_at, 'reason', new_row.slot_reason,
                       'from_mailbox', case when new_row.mailbox_id <> old_row.mailbox_id then old_row.mailbox_id end)) end as data
    where new_row.status = 'pending' and old_row.status = 'pending'
      and (new_row.scheduled_at, new_row.mailbox_id) is distinct from (old_row.scheduled_at, old_row.mailbox_id)
    union all
    select case when new_row.status = 'pending' then case old_row.status when 'failed' then 'retried' else 'returned' end else new_row.status end,
           jsonb_strip_nulls(jsonb_build_object('from', old_row.status, 'reason', coalesce(new_row.failed_reason, new_row.slot_reason)))
    where new_row.status <> old_row.status and new_row.status <> 'sending'
    union all
    select case when new_row.held_reason is null then 'released' else 'held' end, jsonb_strip_nulls(jsonb_build_object('reason', new_row.held_reason))
    where new_row.held_reason is distinct from old_row.held_reason
  ) as change;
  return null;
end $function$;

CREATE OR REPLACE FUNCTION goniec.record_request()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  insert into goniec.event (type, message_id, campaign_id, lead_id, mailbox_id, data)
  values ('requested', new.id, new.campaign_id, new.lead_id, new.bound_mailbox_id, jsonb_strip_nulls(jsonb_build_object('kind', new.kind, 'not_before', new.not_before)));
  return null;
end $function$;

CREATE OR REPLACE FUNCTION goniec.recover(p_incarnation bigint, p_gone bigint[] DEFAULT '{}'::bigint[], p_seen_gone bigint[] DEFAULT '{}'::bigint[], p_held bigint[] DEFAULT NULL::bigint[], p_unheld_at_once boolean DEFAULT true)
 RETURNS TABLE(attempt_id bigint, message_id bigint, state text)
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET jit TO 'off'
 SET plan_cache_mode TO 'force_custom_plan'
AS $function$
declare
  v_now timestamptz := goniec.now();
  v_lost bigint[];
  v_gates bigint[];
  v_messages bigint[];
  v_one bigint;
begin
  perform goniec.require_fresh_snapshots();
  -- What was claimed, as a restored database has it, may have passed its fence since: that it was, is written down before anything is ended.
  perform goniec.notice_restoration();
  v_lost := array(
    select a.id from goniec.attempt a
    where a.state in ('claimed', 'transmitting')
      and case
            when a.incarnation_id is not null and a.incarnation_id is not distinct from p_incarnation 
              then a.state = 'claimed' and p_held is not null and a.id <> all (p_held) and (p_unheld_at_once or a.lease_until <= v_now)
            else coalesce(a.incarnation_id = any (p_gone), false)
                 or (a.state = 'claimed' and a.lease_until <= v_now)
                 or (a.state = 'transmitting' and a.deadline_at <= v_now)
          end
    order by a.id
    for no key update skip locked);
  v_gates := array(
    select g.mailbox_id from goniec.mailbox_gate g
    where g.mailbox_id in (select a.mailbox_id from goniec.attempt a where a.id = any (v_lost) and goniec.needs_quarantine(a, v_now, p_seen_gone))
    order by g.mailbox_id
    for no key update skip locked);
  v_messages := array(
    select m.id from goniec.message m
    where m.id in (select a.message_id from goniec.attempt a where a.id = any (v_lost))
    for no key update skip locked);
  v_lost := array(
    select a.id from goniec.attempt a
    where a.id = any (v_lost) and (a.mailbox_id = any (v_gates) or not goniec.needs_quarantine(a, v_now, p_seen_gone))
      and (a.message_id is null or a.message_id = any (v_messages))
    order by a.id);

  begin
    perform goniec.end_attempts(v_lost, v_now, p_incarnation, p_seen_gone);
  exception when integrity_constraint_violation or raise_exception or data_exception then
    foreach v_one in array v_lost loop
      begin
        perform goniec.end_attempts(array[v_one], v_now, p_incarnation, p_seen_gone);
      exception when integrity_constraint_violation or raise_exception or data_exception then
        raise warning 'attempt % cannot be ended, and stays as it is: %', v_one, sqlerrm;
      end;
    end loop;
  end;
  perform goniec.finish_business();

  return query
  select a.id, a.message_id, a.state from goniec.attempt a
  where a.id = any (v_lost) and a.state in ('aborted', 'in_doubt')
  order by a.id;
end $function$;

CREATE OR REPLACE FUNCTION goniec.refresh_domain_rows(p_today date, p_hour timestamp with time zone)
 RETURNS void
 LANGUAGE sql
AS $function$
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
$function$;

CREATE OR REPLACE FUNCTION goniec.refusal_text(p_mails bigint, p_refused bigint, p_share numeric)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
AS $function$ select format('%s of its last %s mails were refused for good, more than %s %%', p_refused, p_mails, trim_scale(p_share * 100)) $function$;

CREATE OR REPLACE FUNCTION goniec.refusals_of_campaign(p_campaign bigint, p_since timestamp with time zone, p_last integer)
 RETURNS TABLE(mails bigint, refused bigint)
 LANGUAGE sql
 STABLE ROWS 1
AS $function$
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
$function$;

CREATE OR REPLACE FUNCTION goniec.refusals_of_mailbox(p_mailbox bigint, p_since timestamp with time zone, p_last integer)
 RETURNS TABLE(mails bigint, refused bigint)
 LANGUAGE sql
 STABLE ROWS 1
AS $function$
  select count(*), count(*) filter (where answer.refused)
  from (
    select a.state = 'rejected' as refused
    from (select * from goniec.attempt a where a.mailbox_id = p_mailbox order by a.id desc limit 10 * p_last) as a
    where a.state in ('accepted', 'rejected') and a.message_id is not null and a.finished_at > p_since and a.ended_by is distinct from 'import'
    order by a.id desc
    limit p_last
  ) as answer
$function$;

CREATE OR REPLACE FUNCTION goniec.refuse_removal()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  raise exception 'rows of goniec.% are kept for ever', tg_table_name
    using errcode = 'restrict_violation', constraint = tg_table_name || '_is_kept',
          detail = 'They are the record of who was mailed; without it a person could be mailed twice.';
end $function$;

CREATE OR REPLACE FUNCTION goniec.refuse_transition(entity text, id bigint, from_state text, to_state text)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
begin
  raise exception '% % is %, and cannot become %', entity, id, from_state, to_state
    using errcode = 'check_violation',
          constraint = entity || '_transition_is_allowed',
          detail = case
            when from_state in ('sent', 'accepted') then 'The server has accepted this mail. Sending it again would mail a person twice.'
            when from_state = 'in_doubt' then 'Nobody knows whether the server has accepted this mail. Sending it again could mail a person twice.'
            when from_state = 'cancelled' then 'A cancelled message stays cancelled.'
            else 'The allowed changes stand in the table goniec.transition.'
          end,
          hint = case
            when from_state = 'in_doubt' then format('goniec doubt resolve %s --as sent|not-sent', id)
            when from_state = 'failed' then format('goniec message retry %s', id)
            else format('goniec message show %s', id)
          end;
end $function$;

CREATE OR REPLACE FUNCTION goniec.refuse_update()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  raise exception 'goniec.% is append-only', tg_table_name
    using errcode = 'restrict_violation', constraint = tg_table_name || '_is_append_only';
end $function$;

CREATE OR REPLACE FUNCTION goniec.release_slot(id bigint, used boolean DEFAULT true)
 RETURNS void
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET plan_cache_mode TO 'force_custom_plan'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
declare
  v_attempt goniec.attempt;
  v_slot bigint := release_slot.id;
  v_used boolean := coalesce(release_slot.used, true);
  v_now timestamptz := goniec.now();
begin
  select a.* into v_attempt from goniec.attempt a where a.id = v_slot and a.message_id is null for no key update;
  if not found then
    raise exception 'there is no slot %', v_slot using errcode = 'no_data_found', hint = 'it is the number that goniec.take_slot returned';
  end if;
  if v_attempt.state = 'claimed' and v_used then
    update goniec.attempt a set state = 'transmitting', transmitting_at = v_now where a.id = v_slot;
    update goniec.attempt a set state = 'accepted', finished_at = v_now, outcome = 'accepted' where a.id = v_slot;
    update goniec.mailbox_gate g set last_fence_at = v_now where g.mailbox_id = v_attempt.mailbox_id;
  elsif v_attempt.state = 'claimed' then
    update goniec.attempt a set state = 'aborted', finished_at = v_now, outcome = 'aborted', give_back = true where a.id = v_slot;
  elsif v_attempt.state = 'aborted' and not v_used then
    update goniec.attempt a set give_back = true where a.id = v_slot;
  end if;
  if not v_used then
    perform goniec.finish_business(array[v_slot]);
  end if;
  perform pg_notify('goniec', 'dispatch');
end $function$;

CREATE OR REPLACE FUNCTION goniec.require_attachments(p_attachments jsonb)
 RETURNS void
 LANGUAGE plpgsql
 IMMUTABLE
AS $function$
declare
  v_one jsonb;
begin
  if jsonb_typeof(p_attachments) <> 'array' or jsonb_path_exists(
    p_attachments, '$[*] ? (!(@.filename.type() == "string" && @.filename != "" && @.content.type() == "string"))') then
    raise exception 'attachments are a list of {filename, contentType, content}, content in base64' using errcode = 'invalid_parameter_value';
  end if;
  for v_one in select * from jsonb_array_elements(p_attachments) loop
    begin
      perform decode(v_one ->> 'content', 'base64');
    exception when invalid_parameter_value then
      raise exception 'the content of attachment "%" is not base64: %', v_one ->> 'filename', sqlerrm
        using errcode = 'invalid_parameter_value', hint = 'content: the base64 alone, padded, without "data:…;base64,"';
    end;
  end loop;
end $function$;

CREATE OR REPLACE FUNCTION goniec.require_fresh_snapshots()
 RETURNS void
 LANGUAGE plpgsql
AS $function$
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'goniec works at isolation level "read committed", and this transaction is "%"', current_setting('transaction_isolation')
      using errcode = 'invalid_transaction_state', hint = 'alter database … reset default_transaction_isolation (or alter role …)';
  end if;
end $function$;

CREATE OR REPLACE FUNCTION goniec.require_kind(p_kind text)
 RETURNS void
 LANGUAGE plpgsql
 IMMUTABLE
AS $function$
begin
  if p_kind is null or p_kind not in ('response', 'campaign', 'warmup') then
    raise exception 'a kind is response, campaign or warmup, not "%"', p_kind using errcode = 'invalid_parameter_value';
  end if;
end $function$;

CREATE OR REPLACE FUNCTION goniec.require_mailbox(p_address text)
 RETURNS goniec.mailbox
 LANGUAGE plpgsql
 STABLE
AS $function$
declare
  v_mailbox goniec.mailbox;
begin
  select b.* into v_mailbox from goniec.mailbox b where b.address = lower(trim(p_address));
  if not found then
    raise exception 'there is no mailbox "%"', p_address using errcode = 'no_data_found', hint = 'goniec mailbox list';
  end if;
  return v_mailbox;
end $function$;

CREATE OR REPLACE FUNCTION goniec.require_time(p_what text, p_at timestamp with time zone)
 RETURNS void
 LANGUAGE plpgsql
 STABLE
AS $function$
begin
  if p_at < '0001-01-02 00:00Z' or p_at >= '9999-12-31 00:00Z' then
    raise exception '% between the years 1 and 9999, not at %', p_what, p_at using errcode = 'invalid_parameter_value';
  end if;
end $function$;

CREATE OR REPLACE FUNCTION goniec.reserve_message_ids(p_count integer)
 RETURNS bigint[]
 LANGUAGE sql
AS $function$
  select array(select nextval('goniec.message_id_seq') from generate_series(1, p_count))
$function$;

CREATE OR REPLACE FUNCTION goniec.resolve_doubt(p_message bigint, p_as text)
 RETURNS text
 LANGUAGE plpgsql
AS $function$
declare
  v_attempt goniec.attempt;
  v_message goniec.message;
  v_now timestamptz;
  v_status text;
begin
  select a.* into v_attempt from goniec.attempt a where a.message_id = p_message and a.state = 'in_doubt' for no key update;
  if not found then
    raise exception 'message % is not in doubt', p_message
      using errcode = 'no_data_found', hint = 'goniec doubt list';
  end if;
  select m.* into v_message from goniec.message m where m.id = p_message for no key update;
  v_now := goniec.now();
  if v_now < v_attempt.deadline_at then
    raise exception 'the attempt at message % could still be alive until %', p_message, v_attempt.deadline_at
      using errcode = 'object_not_in_prerequisite_state', hint = 'wait until then; an answer of the server may still settle it';
  end if;
  if p_as = 'sent' then
    update goniec.attempt set state = 'accepted', ended_by = goniec.actor(), finished_at = v_now where id = v_attempt.id;
    update goniec.message set status = 'sent', sent_at = v_attempt.transmitting_at where id = p_message;
    perform goniec.follow_up(array[p_message]);
    return 'sent';
  elsif p_as = 'not-sent' then
    update goniec.attempt set state = 'presumed_unsent', ended_by = goniec.actor(), finished_at = v_now where id = v_attempt.id;
    v_status := case when goniec.is_out(v_message) then 'cancelled' else 'pending' end;
    update goniec.message
    set status = v_status, scheduled_at = null, mailbox_id = null, window_closes_at = null, slot_reason = 'retry'
    where id = p_message;
    return v_status;
  end if;
  raise exception 'a doubt is resolved as "sent" or "not-sent", not "%"', p_as using errcode = 'invalid_parameter_value';
end $function$;

CREATE OR REPLACE FUNCTION goniec.settle(p_incarnation bigint, p_results jsonb)
 RETURNS TABLE(attempt_id bigint, verdict text, message_status text)
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET plan_cache_mode TO 'force_generic_plan'
 SET jit TO 'off'
 SET lock_timeout TO '2s'
AS $function$
declare
  v_now timestamptz;
  v_asked bigint[] := (select array_agg((r ->> 'attempt_id')::bigint) from jsonb_array_elements(p_results) r);
  v_settled goniec.judged_report[];
  v_sent bigint[];
  v_unfinished bigint[];
  v_refused_of bigint[];
  v_refused_by bigint[];
begin
  perform goniec.require_fresh_snapshots();
  perform set_config('goniec.incarnation', p_incarnation::text, true);
  perform a.id from goniec.attempt a where a.id = any (v_asked) order by a.id for no key update;
  perform m.id from goniec.message m
  where m.id = any (array(select a.message_id from goniec.attempt a where a.id = any (v_asked))) order by m.id for no key update;
  v_now := goniec.now();

  -- What each report means for its attempt, as it stands now.
  with
  reported as (
    select r.*,
           case r.outcome
             when 'accepted' then 'accepted' when 'rejected' then 'rejected' when 'deferred' then 'deferred' when 'aborted' then 'aborted'
             when 'unknown' then 'in_doubt' when 'mailbox_fault' then case when r.code is null then 'aborted' else 'deferred' end
           end as target
    from jsonb_to_recordset(p_results) as r (
      attempt_id bigint, outcome text, stage text, code integer, response text, give_back boolean, lead_bounced boolean, permanent boolean,
      reason text, hold text, not_before timestamptz, rfc_message_id text, server_message_id text, claimed_at timestamptz)
  ),
  judged as (
    select r.*, a.message_id, a.mailbox_id, a.campaign_day, a.mailbox_day, a.transmitting_at, a.state as state_before,
           -- Late knowledge that nothing was sent: the doubt ends as a refusal.
           case when a.state = 'in_doubt' and r.target = 'aborted' then 'deferred' else r.target end as state_after,
           case
             when a.id is null then 'unknown_attempt'
             when a.incarnation_id is distinct from p_incarnation then 'not_yours'
             -- A failover forgot that claim, and its number was given to another one of the same worker.
             when r.claimed_at <> a.claimed_at then 'not_yours'
             when a.state = r.target then 'already'
             when a.state = 'in_doubt' and r.target = 'aborted' then 'settled'
             when exists (select from goniec.transition t where t.entity = 'attempt' and t.from_state = a.state and t.to_state = r.target) then 'settled'
             when r.target = 'accepted' or (a.state = 'accepted' and r.target in ('deferred', 'rejected', 'aborted')) then 'contradiction'
             else 'already'
           end as verdict
    from reported r
    left join lateral (
      select its.id, its.message_id, its.mailbox_id, its.incarnation_id, its.state, its.mailbox_day, its.campaign_day, its.claimed_at, its.transmitting_at
      from goniec.attempt its where its.id = r.attempt_id offset 0
    ) as a on true
  )
  -- Kept as an array of rows: taken apart five times, which as JSON cost a tenth of the call.
  select array_agg(row(
           j.attempt_id, j.outcome, j.stage, j.code, j.response, j.give_back, j.lead_bounced, j.permanent, j.reason, j.hold, j.not_before, j.rfc_message_id,
           j.server_message_id, j.claimed_at, j.message_id, j.mailbox_id, j.campaign_day, j.mailbox_day, j.transmitting_at, j.state_before, j.state_after,
           j.verdict)::goniec.judged_report)
  into v_settled
  from judged j;

  update goniec.attempt a
  set state = j.state_after, outcome = j.outcome, stage = j.stage, code = j.code, response = j.response, finished_at = v_now,
      server_message_id = j.server_message_id, give_back = coalesce(j.give_back, false) and j.state_after not in ('accepted', 'in_doubt'),
      bounce_due = coalesce(j.lead_bounced, false) and j.state_after = 'rejected' and a.lead_id is not null
  from (
    select j.*, (select its.ctid from goniec.attempt its where its.id = j.attempt_id) as place from unnest(v_settled) as j where j.verdict = 'settled' offset 0
  ) as j
  where a.ctid = j.place;

  with
  settled as (
    select j.* from unnest(v_settled) as j where j.verdict = 'settled' and j.message_id is not null
  ),
  decided as (
    select s.*, m.place, m.counted_attempts + (s.outcome = 'deferred')::integer as counted, m.uncounted_attempts + (s.outcome in ('mailbox_fault', 'aborted'))::integer as uncounted,
           case
             when s.state_after = 'accepted' then 'sent'
             when s.state_after = 'in_doubt' then 'in_doubt'
             when s.outcome = 'rejected' then 'failed'
             when goniec.is_out((select its from goniec.message its where its.id = s.message_id)) then 'cancelled'
             when s.outcome = 'deferred' and m.counted_attempts + 1 >= 5 then 'failed'
             else 'pending'
           end as status_after
    from settled s
    cross join lateral (select its.ctid as place, its.counted_attempts, its.uncounted_attempts from goniec.message its where its.id = s.message_id offset 0) as m
  )
  update goniec.message m
  set status = d.status_after,
      sent_at = case when d.status_after = 'sent' then d.transmitting_at else m.sent_at end,
      rfc_message_id = coalesce(m.rfc_message_id, d.rfc_message_id),
      counted_attempts = d.counted,
      uncounted_attempts = d.uncounted,
      tried_days = case when d.outcome = 'deferred' and coalesce(d.campaign_day, d.mailbox_day) <> all (m.tried_days)
                        then m.tried_days || coalesce(d.campaign_day, d.mailbox_day) else m.tried_days end,
      held_reason = case when d.status_after = 'pending' and d.hold is not null then d.hold
                         when d.status_after = 'pending' and d.uncounted >= 10 and d.outcome in ('mailbox_fault', 'aborted')
                         then 'ten attempts ended through no fault of the mail; the last: ' || coalesce(d.response, d.reason, d.outcome) else m.held_reason end,
      failed_reason = case when d.status_after = 'failed' then coalesce(d.response, d.outcome) else m.failed_reason end,
      not_before = case when d.status_after = 'pending'
                        then coalesce(d.not_before, case when d.outcome = 'deferred' then v_now + goniec.backoff(d.counted, m.id)
                                                        when d.outcome = 'aborted' and d.reason is null then v_now + goniec.mailbox_backoff(d.uncounted, m.id)
                                                        else m.not_before end)
                        else m.not_before end,
      slot_reason = case when d.status_after = 'pending' then coalesce(d.reason, case d.outcome when 'mailbox_fault' then 'mailbox' else 'retry' end)
                         when d.status_after = 'cancelled' then 'out' else m.slot_reason end,
      scheduled_at = case when d.status_after in ('pending', 'cancelled') then null else m.scheduled_at end,
      mailbox_id = case when d.status_after in ('pending', 'cancelled') then null else m.mailbox_id end,
      window_closes_at = case when d.status_after in ('pending', 'cancelled') then null else m.window_closes_at end
  from decided d
  where m.ctid = d.place;

  select array_agg(a.message_id) filter (where a.state = 'accepted'),
         array_agg(a.id) filter (where a.give_back or a.bounce_due),
         array_agg(a.campaign_id) filter (where a.state = 'rejected' and a.campaign_id is not null),
         array_agg(a.mailbox_id) filter (where a.state = 'rejected')
  into v_sent, v_unfinished, v_refused_of, v_refused_by
  from goniec.attempt a
  where a.id = any (array(select j.attempt_id from unnest(v_settled) as j where j.verdict = 'settled'));
  if v_sent is not null then perform goniec.follow_up(v_sent); end if;

  -- Faults in a row break a mailbox, and most make it back off; so do refusals of mails for good where the lead is not at fault ("relay not
  -- permitted"), without backing off. Any other answer about a mail ends the row. What another program holds is left as it is.
  with
  reports as (
    select j.mailbox_id, bool_or(j.outcome = 'mailbox_fault') as backs_off, bool_or(coalesce(j.permanent, false)) as permanent, max(j.response) as response,
           bool_or(j.outcome = 'mailbox_fault' or (j.outcome = 'rejected' and j.code is not null and not coalesce(j.lead_bounced, false))) as is_fault
    from unnest(v_settled) as j
    where j.verdict = 'settled' and j.outcome in ('mailbox_fault', 'accepted', 'deferred', 'rejected')
    group by j.mailbox_id
  ),
  gates as (
    select g.mailbox_id from goniec.mailbox_gate g
    where g.mailbox_id = any (array(select r.mailbox_id from reports r))
      and (g.faults > 0 or g.mailbox_id = any (array(select r.mailbox_id from reports r where r.is_fault)))
    order by g.mailbox_id for no key update skip locked
  ),
  counted as (
    update goniec.mailbox_gate g
    set faults = case when r.is_fault then g.faults + 1 else 0 end,
        fault_reason = case when r.is_fault then r.response end,
        free_from = case when r.backs_off then greatest(g.free_from, v_now + goniec.mailbox_backoff(g.faults + 1, g.mailbox_id)) else g.free_from end
    from reports r
    where g.mailbox_id = r.mailbox_id and g.mailbox_id = any (array(select mailbox_id from gates))
    returning g.mailbox_id, g.faults, g.fault_reason, r.permanent
  ),
  breaking as (
    select b.id, c.fault_reason from goniec.mailbox b join counted c on c.mailbox_id = b.id
    where b.id = any (array(select mailbox_id from counted)) and b.status = 'active' and c.faults >= case when c.permanent then 5 else 10 end
    order by b.id for no key update of b skip locked
  ),
  broken as (
    update goniec.mailbox b
    set status = 'broken', status_reason = coalesce(breaking.fault_reason, 'no answer'), version = b.version + 1
    from breaking
    where b.id = any (array(select id from breaking)) and b.id = breaking.id
    returning b.id, b.status_reason
  )
  insert into goniec.event (type, mailbox_id, data)
  select 'mailbox_broken', b.id, jsonb_build_object('reason', b.status_reason) from broken b;

  if v_unfinished is not null then perform goniec.finish_business(v_unfinished); end if;

  if v_refused_by is not null then perform goniec.brake_refused(coalesce(v_refused_of, '{}'), v_refused_by); end if;

  insert into goniec.contradiction (attempt_id, reported)
  select j.attempt_id, to_jsonb(j) from unnest(v_settled) as j
  where j.verdict = 'contradiction'
    and not exists (select from goniec.contradiction known where known.attempt_id = j.attempt_id and known.reported ->> 'outcome' = j.outcome);
  if found then
    update goniec.message m
    set held_reason = 'a late answer of the server contradicts how its doubt was resolved'
    -- In doubt too: were the attempt made since resolved as not sent, or refused late, the mail would be sent once more.
    where m.status in ('pending', 'sending', 'in_doubt')
      and m.id in (select j.message_id from unnest(v_settled) as j where j.verdict = 'contradiction');
    insert into goniec.event (type, message_id, attempt_id, data)
    select 'contradicted', j.message_id, j.attempt_id, to_jsonb(j) from unnest(v_settled) as j where j.verdict = 'contradiction';
  end if;

  return query
  select j.attempt_id, j.verdict, (select m.status from goniec.message m where m.id = j.message_id)
  from unnest(v_settled) as j;
end $function$;

CREATE OR REPLACE FUNCTION goniec.standing(OUT is_restored boolean, OUT moved text, OUT wal_position pg_lsn)
 RETURNS record
 LANGUAGE plpgsql
 STABLE
AS $function$
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
end $function$;

CREATE OR REPLACE FUNCTION goniec.suppression_values(email text)
 RETURNS text[]
 LANGUAGE plpgsql
 IMMUTABLE PARALLEL SAFE STRICT
AS $function$
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
end $function$;

CREATE OR REPLACE FUNCTION goniec.take(p_chosen goniec.candidate[], p_incarnation bigint, p_most integer, p_lease interval, p_total interval, p_now timestamp with time zone, p_today date, p_grace interval)
 RETURNS jsonb
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET plan_cache_mode TO 'force_generic_plan'
 SET jit TO 'off'
AS $function$
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
end $function$;

CREATE OR REPLACE FUNCTION goniec.take_minute(p_every interval)
 RETURNS boolean
 LANGUAGE plpgsql
AS $function$
declare
  v_now timestamptz := goniec.now();
begin
  perform from goniec.minute where taken_at is null or taken_at > v_now or taken_at <= v_now - p_every for no key update skip locked;
  if not found then return false; end if;
  update goniec.minute set taken_at = v_now;
  return true;
end $function$;

CREATE OR REPLACE FUNCTION goniec.take_singly(p_chosen goniec.candidate[], p_incarnation bigint, p_most integer, p_lease interval, p_total interval, p_now timestamp with time zone, p_today date, p_grace interval)
 RETURNS jsonb
 LANGUAGE plpgsql
 SET lock_timeout TO '10ms'
AS $function$
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
end $function$;

CREATE OR REPLACE FUNCTION goniec.take_slot(mailbox text, kind text, lease interval DEFAULT '00:05:00'::interval)
 RETURNS bigint
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET plan_cache_mode TO 'force_custom_plan'
 SET jit TO 'off'
 SET lock_timeout TO '200ms'
AS $function$
#variable_conflict use_column
declare
  v_mailbox goniec.mailbox := goniec.require_mailbox(mailbox);
  v_kind text := kind;
  v_lease interval := lease;
  v_now timestamptz;
  v_today date;
  v_slot bigint;
begin
  perform goniec.require_kind(v_kind);
  if v_lease is null or v_lease <= interval '0' then
    raise exception 'a slot needs a lease longer than nothing, not %', v_lease using errcode = 'invalid_parameter_value';
  end if;
  v_now := goniec.now();
  v_today := (select (v_now at time zone i.timezone)::date from goniec.installation i);
  if not exists (select from goniec.mailbox_day d where d.mailbox_id = v_mailbox.id and d.day = (select v_today)) then
    perform goniec.make_day_rows(1, v_mailbox.id);
  end if;

  -- A slot whose lease is over frees its mailbox here too: there may be no worker whose recovery would do it.
  update goniec.attempt a
  set state = 'aborted', outcome = 'aborted', finished_at = v_now, ended_by = 'recovery'
  where a.mailbox_id = v_mailbox.id and a.message_id is null and a.state = 'claimed' and a.lease_until <= v_now;

  -- The same locks that claim takes, in its order, so that the two exclude each other; and never waited for long, so that no two can deadlock.
  perform from goniec.mailbox_gate g where g.mailbox_id = v_mailbox.id for no key update;
  perform from goniec.mailbox_day d where d.mailbox_id = v_mailbox.id and d.day = (select v_today) for no key update;

  update goniec.mailbox_day d
  set campaign_taken = d.campaign_taken + (v_kind = 'campaign')::integer,
      warmup_taken = d.warmup_taken + (v_kind = 'warmup')::integer,
      response_taken = d.response_taken + (v_kind = 'response')::integer
  from goniec.mailbox_gate g, goniec.mailbox b, goniec.salesperson s, goniec.installation i
  where d.mailbox_id = v_mailbox.id and d.day = (select v_today) and g.mailbox_id = d.mailbox_id and b.id = d.mailbox_id and s.id = b.salesperson_id
    and b.status = 'active' and s.paused_at is null and i.paused_at is null and not goniec.is_restored()
    and coalesce(greatest(g.free_from, g.last_fence_at + b.min_gap_ms * interval '1 millisecond') <= v_now, true)
    and d.campaign_taken + d.warmup_taken + d.response_taken < d.daily_limit
    and (v_kind <> 'campaign' or d.campaign_limit is null or d.campaign_taken < d.campaign_limit)
    and (v_kind <> 'warmup' or d.warmup_limit is null or d.warmup_taken < d.warmup_limit)
    and not exists (select from goniec.attempt live where live.mailbox_id = d.mailbox_id and live.state in ('claimed', 'transmitting'));
  if not found then
    raise exception 'no room, or busy' using errcode = 'GN001';
  end if;

  update goniec.mailbox_gate g set last_fence_at = v_now where g.mailbox_id = v_mailbox.id;
  insert into goniec.attempt (mailbox_id, kind, salesperson_id, lease_until, deadline_at, mailbox_day, claimed_at)
  values (v_mailbox.id, v_kind, v_mailbox.salesperson_id, v_now + v_lease, v_now + v_lease, v_today, v_now)
  returning id into v_slot;
  return v_slot;
-- Null comes by way of an error, because that gives the locked rows back: who asks for a slot in a long transaction and gets none must not
-- hold up the mailbox, and the fence of the mail that occupies it.
exception when sqlstate 'GN001' or lock_not_available or deadlock_detected or unique_violation then
  return null;
end $function$;

CREATE OR REPLACE FUNCTION goniec.variant_for(p_step bigint, p_enrollment bigint)
 RETURNS TABLE(letter text)
 LANGUAGE sql
 STABLE ROWS 1
AS $function$
  select coalesce(
    (select w.letter
     from (select v.letter, sum(v.weight) over (order by v.letter) as upto, sum(v.weight) over () as total
           from goniec.variant v
           where v.step_id = p_step and v.weight > 0) as w
     where w.upto > ('x' || substr(md5(p_enrollment || ':' || p_step), 1, 8))::bit(32)::bigint % w.total
     order by w.letter limit 1),
    (select min(v.letter) from goniec.variant v where v.step_id = p_step))
$function$;

CREATE OR REPLACE FUNCTION goniec.wake_plan()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  perform pg_notify('goniec', 'plan');
  return null;
end $function$;

CREATE OR REPLACE FUNCTION goniec.why_no_slot(m goniec.message)
 RETURNS text
 LANGUAGE sql
 STABLE
AS $function$
  select coalesce(m.slot_reason, (
    select f.slot_reason
    from goniec.message f
    where m.kind = 'campaign' and m.scheduled_at is null and m.follows_at is null and m.first_planned_at is null and m.not_before is null
      and f.campaign_id = m.campaign_id and f.id < m.id and f.kind = 'campaign' and f.status = 'pending' and f.scheduled_at is null
      and f.follows_at is null and f.first_planned_at is null and f.not_before is null
      and f.slot_reason in ('no_room', 'domain_limit', 'no_usable_mailbox', 'no_sending_day', 'campaign_not_running')
      and (f.slot_reason <> 'domain_limit' or goniec.domain_of(f.recipient) = goniec.domain_of(m.recipient))
    order by f.campaign_id, f.id
    limit 1))
$function$;

CREATE OR REPLACE FUNCTION goniec.workers_to_report(p_restoration bigint)
 RETURNS TABLE(worker text, seen_at timestamp with time zone, reported_at timestamp with time zone, covers_from timestamp with time zone, is_complete boolean, is_ahead boolean, mails integer)
 LANGUAGE sql
 STABLE
AS $function$
  select coalesce(k.worker, t.worker), k.seen_at, t.reported_at, t.covers_from, coalesce(t.is_complete, false), coalesce(t.is_ahead, false), t.mails
  from goniec.restoration r
  left join lateral (
    select k.worker, k.seen_at from goniec.known_worker k where k.seen_at > r.last_known_at - interval '7 days'
  ) as k on true
  full join (select * from goniec.restoration_report t where t.restoration_id = p_restoration) as t on t.worker = k.worker
  where coalesce(r.id, t.restoration_id) = p_restoration and coalesce(k.worker, t.worker) is not null
  order by 1
$function$;

CREATE CONSTRAINT TRIGGER attempt_agrees_with_its_message AFTER INSERT ON goniec.attempt DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN ((new.message_id IS NOT NULL)) EXECUTE FUNCTION goniec.check_agreement();

CREATE TRIGGER attempt_is_kept BEFORE DELETE OR TRUNCATE ON goniec.attempt FOR EACH STATEMENT EXECUTE FUNCTION goniec.refuse_removal();

CREATE TRIGGER attempt_records_its_changes AFTER UPDATE ON goniec.attempt REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION goniec.record_attempt_changes();

CREATE TRIGGER attempt_records_its_claim AFTER INSERT ON goniec.attempt REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION goniec.record_attempt_claims();

CREATE CONSTRAINT TRIGGER attempt_still_agrees_with_its_message AFTER UPDATE OF state ON goniec.attempt DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (((new.message_id IS NOT NULL) AND (old.state IS DISTINCT FROM new.state) AND (new.state <> 'transmitting'::text))) EXECUTE FUNCTION goniec.check_agreement();

CREATE TRIGGER guard_attempt_insert BEFORE INSERT ON goniec.attempt FOR EACH ROW WHEN ((new.state <> 'claimed'::text)) EXECUTE FUNCTION goniec.guard_attempt();

CREATE TRIGGER guard_attempt_update BEFORE UPDATE OF state, message_id, mailbox_id, kind, campaign_id, salesperson_id, lead_id, incarnation_id, mailbox_day, campaign_day, domain_hour ON goniec.attempt FOR EACH ROW WHEN ((((new.state <> old.state) AND (((old.state <> 'claimed'::text) OR (new.state <> 'transmitting'::text)) AND ((old.state <> 'transmitting'::text) OR (new.state <> 'accepted'::text)))) OR ((((((((((new.message_id IS DISTINCT FROM old.message_id) OR (new.mailbox_id IS DISTINCT FROM old.mailbox_id)) OR (new.kind IS DISTINCT FROM old.kind)) OR (new.campaign_id IS DISTINCT FROM old.campaign_id)) OR (new.salesperson_id IS DISTINCT FROM old.salesperson_id)) OR (new.lead_id IS DISTINCT FROM old.lead_id)) OR (new.incarnation_id IS DISTINCT FROM old.incarnation_id)) OR (new.mailbox_day IS DISTINCT FROM old.mailbox_day)) OR (new.campaign_day IS DISTINCT FROM old.campaign_day)) OR (new.domain_hour IS DISTINCT FROM old.domain_hour)))) EXECUTE FUNCTION goniec.guard_attempt();

CREATE TRIGGER campaign_wakes_plan AFTER UPDATE ON goniec.campaign FOR EACH ROW EXECUTE FUNCTION goniec.wake_plan();

CREATE TRIGGER guard_campaign_update BEFORE UPDATE OF status ON goniec.campaign FOR EACH ROW EXECUTE FUNCTION goniec.guard_campaign();

CREATE TRIGGER contradiction_is_append_only BEFORE UPDATE ON goniec.contradiction FOR EACH STATEMENT EXECUTE FUNCTION goniec.refuse_update();

CREATE TRIGGER contradiction_is_kept BEFORE DELETE OR TRUNCATE ON goniec.contradiction FOR EACH STATEMENT EXECUTE FUNCTION goniec.refuse_removal();

CREATE TRIGGER event_is_append_only BEFORE UPDATE ON goniec.event FOR EACH STATEMENT EXECUTE FUNCTION goniec.refuse_update();

CREATE TRIGGER event_is_kept BEFORE DELETE OR TRUNCATE ON goniec.event FOR EACH STATEMENT EXECUTE FUNCTION goniec.refuse_removal();

CREATE TRIGGER installation_wakes_plan AFTER UPDATE ON goniec.installation FOR EACH ROW EXECUTE FUNCTION goniec.wake_plan();

CREATE TRIGGER mailbox_is_kept BEFORE DELETE OR TRUNCATE ON goniec.mailbox FOR EACH STATEMENT EXECUTE FUNCTION goniec.refuse_removal();

CREATE TRIGGER mailbox_wakes_plan AFTER UPDATE ON goniec.mailbox FOR EACH ROW EXECUTE FUNCTION goniec.wake_plan();

CREATE TRIGGER guard_message_first_plan BEFORE UPDATE OF first_planned_at ON goniec.message FOR EACH ROW WHEN (((old.first_planned_at IS NOT NULL) AND (new.first_planned_at IS DISTINCT FROM old.first_planned_at))) EXECUTE FUNCTION goniec.guard_message();

CREATE TRIGGER guard_message_insert BEFORE INSERT ON goniec.message FOR EACH ROW WHEN ((new.status <> 'pending'::text)) EXECUTE FUNCTION goniec.guard_message();

CREATE TRIGGER guard_message_update BEFORE UPDATE OF status, kind, campaign_id, lead_id, step_key, recipient, enrollment_id, idempotency_key, is_test, sent_at ON goniec.message FOR EACH ROW WHEN ((((new.status <> old.status) AND (((old.status <> 'pending'::text) OR (new.status <> 'sending'::text)) AND ((old.status <> 'sending'::text) OR (new.status <> 'sent'::text)))) OR ((((((((new.kind IS DISTINCT FROM old.kind) OR (new.campaign_id IS DISTINCT FROM old.campaign_id)) OR (new.lead_id IS DISTINCT FROM old.lead_id)) OR (new.step_key IS DISTINCT FROM old.step_key)) OR (new.recipient IS DISTINCT FROM old.recipient)) OR (new.enrollment_id IS DISTINCT FROM old.enrollment_id)) OR (new.idempotency_key IS DISTINCT FROM old.idempotency_key)) OR (new.is_test IS DISTINCT FROM old.is_test)) OR ((old.status = 'sent'::text) AND (new.sent_at IS DISTINCT FROM old.sent_at)))) EXECUTE FUNCTION goniec.guard_message();

CREATE CONSTRAINT TRIGGER message_agrees_with_its_attempts AFTER UPDATE OF status ON goniec.message DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN ((old.status IS DISTINCT FROM new.status)) EXECUTE FUNCTION goniec.check_agreement();

CREATE TRIGGER message_is_kept BEFORE DELETE OR TRUNCATE ON goniec.message FOR EACH STATEMENT EXECUTE FUNCTION goniec.refuse_removal();

CREATE TRIGGER message_records_its_changes AFTER UPDATE ON goniec.message REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION goniec.record_message_events();

CREATE TRIGGER message_records_its_request AFTER INSERT ON goniec.message FOR EACH ROW WHEN (((new.kind <> 'campaign'::text) AND (NOT new.is_test))) EXECUTE FUNCTION goniec.record_request();

CREATE TRIGGER salesperson_wakes_plan AFTER UPDATE ON goniec.salesperson FOR EACH ROW EXECUTE FUNCTION goniec.wake_plan();

CREATE TRIGGER transition_is_kept BEFORE DELETE OR TRUNCATE ON goniec.transition FOR EACH STATEMENT EXECUTE FUNCTION goniec.refuse_removal();

comment on table goniec.attempt is 'The ledger: one try at handing a message to a server. Without a message: a slot that another program took.';

comment on column goniec.attempt.incarnation_id is 'The worker that holds it; only it may pass the fence. Null: another program, or imported history.';

comment on column goniec.attempt.lease_until is 'Before the fence: until when it belongs to its incarnation.';

comment on column goniec.attempt.deadline_at is 'After it the dialogue has surely ended. A doubt is not resolved before.';

comment on column goniec.attempt.mailbox_day is 'The day, in the installation''s zone, whose counters of mailbox and salesperson it took from.';

comment on column goniec.attempt.domain_hour is 'The hour whose counter of the recipient''s domain it took from, and with it the domain''s mailbox_day. Null: no limit held.';

comment on column goniec.attempt.give_back is 'Its slots are to be given back; holds_capacity says whether that is done.';

comment on column goniec.attempt.outcome is 'accepted, rejected, deferred, mailbox_fault, aborted, unknown: the row of the outcome table.';

comment on column goniec.attempt.server_message_id is 'The server replaced the Message-ID and named the new one in its reply.';

comment on column goniec.attempt.bounce_due is 'The server said that the lead''s address does not exist, and the lead is not marked yet.';

comment on column goniec.attempt.ended_by is 'Who resolved a doubt, or: recovery, import, restore.';

comment on function goniec.brake_refused(p_campaigns bigint[], p_mailboxes bigint[]) is 'Pauses campaigns and mailboxes whose refusals for good have passed the share of the installation (refusal_share; null: off).';

comment on table goniec.campaign is 'Who is mailed, what, when, from which mailboxes. Times are meant in its own zone.';

comment on column goniec.campaign.status_reason is 'Why it is paused, where no person did it: the brake.';

comment on column goniec.campaign.refusals_since is 'Its last resume: refusals before it do not count for the brake any more.';

comment on column goniec.campaign.window_to is 'End of the daily window, not included; 24:00 is allowed.';

comment on column goniec.campaign.holidays is 'Country (and region) whose public holidays are skipped, as date-holidays names them; null: none.';

comment on column goniec.campaign.delay_ms is 'Between two of its mails; each is spread by +-jitter in the plan. Claim and fence enforce shortest_delay_ms.';

comment on column goniec.campaign.contact_gap_days is 'A lead taken by another campaign within so many days (today included) waits; 0: off.';

comment on table goniec.campaign_binding is 'Which limit binds a campaign''s day, as the plan found it. Past days keep the plan''s last word. Of days to come it holds while the campaign runs.';

comment on column goniec.campaign_binding.day is 'A sending day of the campaign, in its own zone.';

comment on column goniec.campaign_binding.code is 'no_usable_mailbox, contact_gap, mailbox_limit, warmup_limit, campaign_limit, salesperson_limit, domain_limit, window, mailbox_gap; all_planned: nothing waits that could go.';

comment on table goniec.campaign_day is 'What a campaign may send, and has taken, on a day of its own zone.';

comment on table goniec.campaign_gate is 'What sending changes about a campaign, apart from its settings. Its next mail is claimed, and fenced, no sooner than the shortest delay after both times.';

comment on column goniec.campaign_gate.set_back_at is 'Its instants lay in the future then, since the database''s clock had been ahead, and were set to it.';

comment on table goniec.campaign_mailbox is 'From which mailboxes a campaign is sent.';

comment on function goniec.claim(p_incarnation bigint, p_batch integer, p_lease interval, p_total interval, p_grace interval) is 'Claims up to p_batch due mails for an incarnation. Returns {status: claimed|nothing|busy, now, attempts: [{attempt_id, message_id, mailbox_id, scheduled_at}], next_at}.';

comment on table goniec.contradiction is 'A late outcome that contradicts what a person had resolved. Shown by goniec doubt list.';

comment on table goniec.domain_day is 'What campaigns may send, and have taken, to a recipient domain on a day of the installation''s zone.';

comment on table goniec.domain_hour is 'The same in an hour, from its first instant on.';

comment on table goniec.domain_limit is 'Most campaign mails to one recipient domain, over all campaigns and mailboxes. Empty: no domain is limited, and nothing is counted.';

comment on column goniec.domain_limit.domain is 'What stands behind the @, and nothing above or below it; "*" is every domain without a row of its own, each for itself.';

comment on column goniec.domain_limit.hourly_limit is 'An hour begins on the full hour. A limit left out is no limit.';

comment on function goniec.enqueue_response("to" text, key text, text text, subject text, html text, "from" text, at timestamp with time zone, campaign text, attachments jsonb, again boolean) is 'Queues one response to a lead, once per key; returns the message''s id. The same key and content: the same id; the same key with other content is an error. attachments: [{filename, contentType, content: base64}].';

comment on table goniec.enrollment is 'A lead in a campaign, with the template fields that this campaign''s import gave.';

comment on column goniec.enrollment.created_by is 'Who imported it.';

comment on table goniec.event is 'Append-only: every operation on a mail, and every act of an operator. Never updated, never deleted.';

comment on column goniec.event.type is 'Of a mail: requested, planned, moved, withdrawn, claimed, fenced, settled, returned, sent, in_doubt, failed, cancelled, retried, held, released, resolved, contradicted, recalled. Of all else: campaign_*, mailbox_*, lead_*, suppressed, unsuppressed, paused_*, resumed_*, restoration_*, applied, imported, slot_taken, slot_released, external_send. src/reports/event-words.ts has words for each.';

comment on column goniec.event.mailbox_id is 'Where it leaves from; where it moved, data.from_mailbox is the mailbox it had before.';

comment on function goniec.fence(p_incarnation bigint, p_attempts bigint[], p_total interval, p_contents jsonb) is 'Lets attempts pass to transmitting. p_contents: [{attempt_id, subject, text, html, headers}]. Verdict passed, too_early (opens_at: ask again then), or the reason of the refusal.';

comment on table goniec.forecast is 'What was forecast of a campaign on a day of the installation''s zone. Of those older than five weeks only Mondays'' are kept, and none after 400 days.';

comment on column goniec.forecast.sent is 'Mails of it that had gone out by then.';

comment on column goniec.forecast.mails is 'Mails that were still to go, those that did not exist yet as messages included.';

comment on column goniec.forecast.likely is 'The local day of the last mail without any fault; earliest and latest are the 80 % around it. Null: nothing of it would ever go.';

comment on column goniec.forecast.extrapolated is 'It was not reckoned to its end.';

comment on column goniec.forecast.days is '[{"day", "first_mails", "follow_ups", "binding"}], the campaign''s sending days from then on.';

comment on column goniec.forecast.never is '[{"reason", "mails"}]: mails that would not go as things stood.';

comment on column goniec.forecast.ended_on is 'The local day of the campaign''s last mail, once it is over.';

comment on column goniec.forecast.slip is 'How far late the campaign was, as a part of the time forecast: after two weeks by the mails that had gone, in the end by the last one. Negative: early.';

comment on function goniec.gates(at timestamp with time zone, today date, grace interval) is 'The gates of every pending message, in claim''s order; ask for one message_id. is_open; else code, opened_by (person, campaign, plan, time, mail) and opens_at. binds = 1 and not is_open: the one that binds.';

comment on table goniec.home is 'One row: the place in which this database may send. No row: the first worker that looks records it.';

comment on column goniec.home.system_identifier is 'Of the cluster, given to it by initdb. Null, here and below: this server does not tell, and it is not compared.';

comment on column goniec.home.database_oid is 'Of the database in its cluster: a dump that is restored beside its original has another one.';

comment on column goniec.home.timeline is 'One higher after each promotion of a standby, and after each recovery to a point in time.';

comment on function goniec.import_history(p_rows jsonb) is 'Records what was sent: [{line, email, given, campaign_id, step_id, sent_at, message_id, mailbox_id, subject}]; the last three may be null. Returns {new, known, updated: mails that were waiting here, enrolled, rejects: [{line, reason, id}]}; reason is sending, in_doubt or cancelled.';

comment on function goniec.import_leads(p_campaign bigint, p_rows jsonb, p_dry_run boolean) is 'Enrolls a batch: [{line, email, given, fields}], each address once; a dry run without a campaign says what a new one would take. Returns {new, known, enrolled, updated, rejects: [{line, reason}]}; reason is suppressed, unsubscribed, bounced, replied, blocked or removed.';

comment on table goniec.incarnation is 'One life of one worker process.';

comment on column goniec.incarnation.pid_started is 'The kernel''s start time of the process, so that a reused pid is not taken for it.';

comment on table goniec.installation is 'One row: this installation.';

comment on column goniec.installation.id is 'Part of every Message-ID, so that they stay the same on every attempt and after a restore.';

comment on column goniec.installation.timezone is 'The zone whose local dates are the days of mailboxes and salespeople.';

comment on column goniec.installation.paused_at is 'The emergency brake (goniec pause --all): nothing is claimed, nothing passes its fence, responses and slots too. A flag of its own, so that lifting it revives no campaign that was paused by name.';

comment on column goniec.installation.refusal_share is 'The brake: a campaign or mailbox of whose last refusal_last mails (at least refusal_least) more than this share was refused for good is paused. Null: off.';

comment on table goniec.known_worker is 'Every name that a worker has worked under, and when it was last seen, to the minute. After a restore each that was seen in the week before has to report.';

comment on table goniec.lead is 'A person with an address; unique by the normalised address (lower case, no spaces, IDN as ASCII).';

comment on column goniec.lead.suppression_values is 'What could suppress it, reckoned once: claim and fence ask for every mail.';

comment on column goniec.lead.blocked_at is 'Held: no mail at all until unblocked.';

comment on column goniec.lead.replied_at is 'No more campaign mail; responses stay.';

comment on column goniec.lead.unsubscribed_at is 'No mail at all.';

comment on column goniec.lead.bounced_at is 'The server said that there is no such mailbox: no mail at all.';

comment on table goniec.lead_day is 'The contact gap: which campaigns took the lead on that day of the installation''s zone (more than one only where the gap is off). Given back with the slots.';

comment on table goniec.login_check is 'A command asks whether a mailbox can be logged in to; a worker answers, since only workers hold the passwords.';

comment on table goniec.mailbox is 'An address with its SMTP account.';

comment on column goniec.mailbox.smtp_password_ref is 'env:NAME, file:PATH or credential:NAME, read by the worker. A password never stands in the database.';

comment on column goniec.mailbox.smtp_oauth2 is 'Instead of a password: {tokenUrl, clientId, clientSecret, refreshToken, scope}; the secrets are references, as the password is. The worker asks for access tokens.';

comment on column goniec.mailbox.warmup_started is 'Day 1 of its warm-up; null: not warming.';

comment on column goniec.mailbox.status is 'broken: repeated faults of its account or server; goniec mailbox resume puts it back.';

comment on column goniec.mailbox.refusals_since is 'Its last resume: refusals before it do not count for the brake any more.';

comment on table goniec.mailbox_day is 'What a mailbox may send, and has taken, on a day of the installation''s zone.';

comment on column goniec.mailbox_day.campaign_limit is 'The campaign allowance: the least of daily limit, warm-up daily limit and the limit of the warm-up stage. Null: no limit of its own.';

comment on table goniec.mailbox_gate is 'What sending changes about a mailbox, apart from its settings, so that claim and fence lock this row and never the settings.';

comment on column goniec.mailbox_gate.last_fence_at is 'Its last mail passed the fence then; the minimum gap counts from here.';

comment on column goniec.mailbox_gate.free_from is 'Not claimed before: it backs off after a fault, or a vanished worker may still be on its wire.';

comment on column goniec.mailbox_gate.faults is 'Faults in a row; an answer about a mail sets it to 0.';

comment on column goniec.mailbox_gate.set_back_at is 'Its instants lay in the future then, since the database''s clock had been ahead, and were set to it.';

comment on function goniec.material(p_messages bigint[], p_mailboxes bigint[]) is 'What the mails of these messages are made of. p_mailboxes, one for each: where it leaves from; null: its slot''s, else the one it is bound to. previous: the mail before in its thread.';

comment on function goniec.mend_instants() is 'Sets instants that lie in the future, written by a clock that has been set back since, to now: gates, leases and deadlines. Returns how many rows.';

comment on table goniec.message is 'The queue: one mail to one lead. Slot: mailbox_id, scheduled_at, window_closes_at.';

comment on column goniec.message.recipient is 'The address it goes to, as it was when the message was made.';

comment on column goniec.message.bound_mailbox_id is 'It must leave from this mailbox: a follow-up from the one that sent the step before, a response from the one the lead wrote to.';

comment on column goniec.message.is_test is 'A copy to oneself (goniec campaign test): counted on the mailbox, never on a lead.';

comment on column goniec.message.response_day is 'The day, in the installation''s zone, that a response was asked for: one a day per lead and campaign, unless asked for again.';

comment on column goniec.message.not_before is 'A retry''s, or a response''s, earliest time.';

comment on column goniec.message.follows_at is 'When the step before was sent; the plan adds the step''s wait.';

comment on column goniec.message.mailbox_id is 'Where its slot is. No foreign key looks it up for each slot that is laid: mailboxes are kept for ever, and a slot at none is never claimed.';

comment on column goniec.message.planned_campaign_version is 'The settings that the slot was planned with. A slot with older ones is void.';

comment on column goniec.message.first_planned_at is 'The first slot it was ever given; kept for ever.';

comment on column goniec.message.slot_reason is 'Why the slot stands where it stands, or why there is none: the plan''s last word.';

comment on column goniec.message.missed_from is 'The slot that it missed, as long as no plan has found another for it: it takes what is free, before others, and displaces nobody.';

comment on column goniec.message.counted_attempts is 'Temporary refusals; after five it has failed.';

comment on column goniec.message.uncounted_attempts is 'Attempts that ended through no fault of the mail; after ten it is held.';

comment on column goniec.message.tried_days is 'The local days of counted attempts; it is given up instead of being tried on a fourth.';

comment on column goniec.message.held_reason is 'Set aside: not planned, not claimed, until goniec message retry.';

comment on column goniec.message.rfc_message_id is 'Its Message-ID header, the same on every attempt.';

comment on table goniec.message_content is 'What went on the wire last, written with the fence. Retention may drop it; the fact of the mail stays.';

comment on table goniec.message_material is 'What a response, a test or a warm-up mail consists of. Campaign mail is made from its variant instead. Retention may empty it.';

comment on column goniec.message_material.attachments is '[{"filename", "contentType", "content": base64}]';

comment on column goniec.message_material.digest is 'Of all that was asked for: the same idempotency key with other content is an error.';

comment on table goniec.migration is 'Which migrations were applied, by which goniec. Written by "goniec migrate" only.';

comment on table goniec.minute is 'When a worker last had the turn to do what is done once a minute: plan, recover. One row.';

comment on column goniec.minute.only_row is 'Always true: there is one row.';

comment on column goniec.minute.taken_at is 'The last turn, by the database''s clock.';

comment on function goniec.now() is 'The one clock of goniec. Read it once into a variable: it is volatile, and inside a condition it would turn an index condition into a filter.';

comment on index goniec.one_live_attempt_per_mailbox is 'The mailbox lock. There is no busy flag that could go stale.';

comment on table goniec.recalled_mail is 'Mails that went out and the database had forgotten, as the logbooks of workers tell.';

comment on column goniec.recalled_mail.attempt_id is 'The number it had; the ledger may have given it to another attempt since. With passed_at it names the mail.';

comment on column goniec.recalled_mail.kind is 'campaign: a step for a lead; own: a response, a test or a warm-up mail, with the key it was asked for by.';

comment on column goniec.recalled_mail.message_id is 'Its row in this database; null: there is none (leads that were imported after the backup). One with the same Message-ID passes no fence.';

comment on column goniec.recalled_mail.became is 'What its row became: sent, in_doubt; or what it was already.';

comment on function goniec.record_external_send(mailbox text, kind text, sent_at timestamp with time zone) is 'Counts a mail that another program has sent already. Never refused: the day''s limit is raised to what was taken.';

comment on function goniec.recover(p_incarnation bigint, p_gone bigint[], p_seen_gone bigint[], p_held bigint[], p_unheld_at_once boolean) is 'Ends attempts of vanished workers, and of time that ran out. p_held: what the calling worker holds in memory; its other claimed attempts are aborted (a claim whose reply was lost), at once or, with p_unheld_at_once false, when their lease is over.';

comment on function goniec.release_slot(id bigint, used boolean) is 'Frees the mailbox; gives the capacity back only if it was not used. Calling it twice is harmless.';

comment on function goniec.reserve_message_ids(p_count integer) is 'Ids for messages that are about to be made, ascending. Those that are not used are gaps, and harm nobody.';

comment on table goniec.restoration is 'Each time that this database was found to be another than it had been. While one has not ended nothing is claimed, and nothing passes its fence.';

comment on column goniec.restoration.reason is 'promoted: a higher timeline, which may have forgotten nothing; elsewhere: another cluster or database, a restored dump or a copy; forgotten: a worker knows of what is not there any more.';

comment on column goniec.restoration.last_known_at is 'The last thing that the database knew of when that was noticed. What happened between the two may be forgotten.';

comment on column goniec.restoration.ended_by is 'Who said that sending may go on; "workers": all of them had reported, and nothing was missing.';

comment on table goniec.restoration_due is 'What was to go out in the time that the database may have forgotten, written down before any plan moves it: a worker that cannot report may have sent it.';

comment on column goniec.restoration_due.mailbox_id is 'Null: it had no slot yet.';

comment on table goniec.restoration_report is 'Which workers have told what they had sent.';

comment on column goniec.restoration_report.covers_from is 'From when on its logbook knows; null: from its first mail on.';

comment on column goniec.restoration_report.is_complete is 'Its logbook knows all that the database may have forgotten.';

comment on column goniec.restoration_report.is_ahead is 'It has seen a later position of the write-ahead log than the database had when it was noticed: something was forgotten, if no mail.';

comment on column goniec.restoration_report.mails is 'How many of its mails the database had forgotten.';

comment on table goniec.salesperson is 'A person who sends: owns mailboxes and campaigns.';

comment on column goniec.salesperson.daily_limit is 'Most mails a day over all campaigns and responses; null: no limit.';

comment on column goniec.salesperson.paused_at is 'goniec pause --salesperson: nothing of this person is claimed or passes its fence.';

comment on table goniec.salesperson_day is 'What a salesperson may send, and has taken, on a day of the installation''s zone, over all campaigns and responses. Warm-up mails do not count.';

comment on function goniec.settle(p_incarnation bigint, p_results jsonb) is 'Writes outcomes: [{attempt_id, claimed_at, outcome, stage, code, response, give_back, lead_bounced, permanent, reason, hold, not_before, rfc_message_id, server_message_id}]; hold: the mail itself is at fault, and is set aside. Verdict settled, already, contradiction, not_yours.';

comment on table goniec.step is 'The n-th mail of a sequence. Its key is permanent: a message belongs to (campaign, lead, step key).';

comment on column goniec.step.keyed is 'The definition file gave the key. Without one it is step-N, and number and order are frozen once messages exist.';

comment on column goniec.step.wait_days is 'Calendar days after the previous mail, in the campaign''s zone; or wait_ms, exactly.';

comment on column goniec.step.retired_at is 'Taken out of the definition file after messages existed: no new message is made for it. Its position is kept beyond the live ones.';

comment on table goniec.suppression is 'Addresses and domains that must not be mailed. A domain covers its subdomains.';

comment on function goniec.suppression_values(email text) is 'What could suppress this address: itself, its domain, and the domains above that, but for the top-level one.';

comment on function goniec.take_minute(p_every interval) is 'True for one caller in this time, over all workers: he does what is done once a minute.';

comment on function goniec.take_slot(mailbox text, kind text, lease interval) is 'Reserves one mail of this kind and occupies the mailbox; null: no room, or busy. Give it back with release_slot before the lease is over; after it the mailbox is free again, and the mail counts as used.';

comment on table goniec.transition is 'Every allowed change of state. All others are refused.';

comment on table goniec.variant is 'One of a step''s texts, a Liquid template. Without a subject it is a reply in the thread of the step before.';

comment on table goniec.warmup_stage is 'The warm-up ramp by day of warm-up (the day it started is day 1). A limit left out is no limit; after the last stage without limits the mailbox is warm.';

grant select on goniec.attempt to goniec_reporter;

grant select on goniec.campaign to goniec_reporter;

grant select on goniec.campaign_binding to goniec_reporter;

grant select on goniec.campaign_day to goniec_reporter;

grant select on goniec.campaign_gate to goniec_reporter;

grant select on goniec.campaign_mailbox to goniec_reporter;

grant select on goniec.contradiction to goniec_reporter;

grant select on goniec.domain_day to goniec_reporter;

grant select on goniec.domain_hour to goniec_reporter;

grant select on goniec.domain_limit to goniec_reporter;

grant select on goniec.enrollment to goniec_reporter;

grant select on goniec.event to goniec_reporter;

grant select on goniec.forecast to goniec_reporter;

grant select on goniec.home to goniec_reporter;

grant select on goniec.incarnation to goniec_reporter;

grant select on goniec.installation to goniec_reporter;

grant select on goniec.known_worker to goniec_reporter;

grant select on goniec.lead to goniec_reporter;

grant select on goniec.lead_day to goniec_reporter;

grant select on goniec.login_check to goniec_reporter;

grant select on goniec.mailbox to goniec_reporter;

grant select on goniec.mailbox_day to goniec_reporter;

grant select on goniec.mailbox_gate to goniec_reporter;

grant select on goniec.message to goniec_reporter;

grant select on goniec.message_content to goniec_reporter;

grant select on goniec.message_material to goniec_reporter;

grant select on goniec.migration to goniec_reporter;

grant select on goniec.minute to goniec_reporter;

grant select on goniec.recalled_mail to goniec_reporter;

grant select on goniec.restoration to goniec_reporter;

grant select on goniec.restoration_due to goniec_reporter;

grant select on goniec.restoration_report to goniec_reporter;

grant select on goniec.salesperson to goniec_reporter;

grant select on goniec.salesperson_day to goniec_reporter;

grant select on goniec.step to goniec_reporter;

grant select on goniec.suppression to goniec_reporter;

grant select on goniec.transition to goniec_reporter;

grant select on goniec.variant to goniec_reporter;

grant select on goniec.warmup_stage to goniec_reporter;

grant select on goniec_report.attempts to goniec_reporter;

grant select on goniec_report.campaign_days to goniec_reporter;

grant select on goniec_report.campaigns to goniec_reporter;

grant select on goniec_report.domain_days to goniec_reporter;

grant select on goniec_report.doubts to goniec_reporter;

grant select on goniec_report.duplicates to goniec_reporter;

grant select on goniec_report.lateness to goniec_reporter;

grant select on goniec_report.lead_history to goniec_reporter;

grant select on goniec_report.leads to goniec_reporter;

grant select on goniec_report.mailbox_days to goniec_reporter;

grant select on goniec_report.metrics to goniec_reporter;

grant select on goniec_report.outcomes to goniec_reporter;

grant select on goniec_report.queue to goniec_reporter;

grant select on goniec_report.salesperson_days to goniec_reporter;

grant select on goniec_report.sent to goniec_reporter;

grant select on goniec_report.variants to goniec_reporter;

grant select on goniec_report.waiting to goniec_reporter;

grant usage on schema goniec to goniec_reporter;

grant usage on schema goniec_report to goniec_reporter;

grant execute on function goniec.actor() to goniec_worker;

grant execute on function goniec.backoff(attempts integer, spread_by bigint) to goniec_worker;

grant execute on function goniec.by_first_due(p_mailboxes bigint[], p_not_campaign bigint[], p_now timestamp with time zone, p_grace interval, OUT mailboxes bigint[], OUT ranks integer[], OUT times timestamp with time zone[], OUT messages bigint[]) to goniec_worker;

grant execute on function goniec.candidates(at timestamp with time zone, today date) to goniec_worker;

grant execute on function goniec.check_agreement() to goniec_worker;

grant execute on function goniec.choose(p_now timestamp with time zone, p_today date, p_most integer, p_grace interval, p_not_messages bigint[], p_not_mailboxes bigint[], p_not_campaigns bigint[], p_not_salespeople bigint[], p_not_domains text[]) to goniec_worker;

grant execute on function goniec.claim(p_incarnation bigint, p_batch integer, p_lease interval, p_total interval, p_grace interval) to goniec_worker;

grant execute on function goniec.claimable(at timestamp with time zone, today date, grace interval) to goniec_worker;

grant execute on function goniec.complete_campaigns() to goniec_worker;

grant execute on function goniec.domain_limits(p_domain text) to goniec_worker;

grant execute on function goniec.domain_of(address text) to goniec_worker;

grant execute on function goniec.domain_rooms(p_address text, at timestamp with time zone, today date) to goniec_worker;

grant execute on function goniec.end_attempts(p_attempts bigint[], p_now timestamp with time zone, p_incarnation bigint, p_seen_gone bigint[]) to goniec_worker;

grant execute on function goniec.end_harmless_restoration() to goniec_worker;

grant execute on function goniec.enqueue_response("to" text, key text, text text, subject text, html text, "from" text, at timestamp with time zone, campaign text, attachments jsonb, again boolean) to goniec_worker;

grant execute on function goniec.fence(p_incarnation bigint, p_attempts bigint[], p_total interval, p_contents jsonb) to goniec_worker;

grant execute on function goniec.finish_business(p_attempts bigint[]) to goniec_worker;

grant execute on function goniec.first_claimable(p_mailboxes bigint[], p_not_campaign bigint[], p_now timestamp with time zone, p_today date, p_most integer, p_grace interval, p_not_messages bigint[], p_not_campaigns bigint[], p_not_salespeople bigint[], p_not_domains text[]) to goniec_worker;

grant execute on function goniec.first_of(p_candidates goniec.candidate[], p_most integer) to goniec_worker;

grant execute on function goniec.follow_up(p_messages bigint[]) to goniec_worker;

grant execute on function goniec.gates(at timestamp with time zone, today date, grace interval) to goniec_worker;

grant execute on function goniec.give_back(p_attempts bigint[]) to goniec_worker;

grant execute on function goniec.guard_attempt() to goniec_worker;

grant execute on function goniec.guard_campaign() to goniec_worker;

grant execute on function goniec.guard_message() to goniec_worker;

grant execute on function goniec.here(OUT system_identifier text, OUT database_oid bigint, OUT timeline bigint, OUT wal_position pg_lsn) to goniec_worker;

grant execute on function goniec.hour_of(at timestamp with time zone) to goniec_worker;

grant execute on function goniec.insert_domain_rows(p_domains text[], p_at timestamp with time zone[]) to goniec_worker;

grant execute on function goniec.is_out(m goniec.message) to goniec_worker;

grant execute on function goniec.is_restored() to goniec_worker;

grant execute on function goniec.is_suppressed(email text) to goniec_worker;

grant execute on function goniec.kind_rank(kind text) to goniec_worker;

grant execute on function goniec.limit_for_day(p_limit integer, p_taken integer) to goniec_worker;

grant execute on function goniec.local_day(at timestamp with time zone, zone text) to goniec_worker;

grant execute on function goniec.lock_chosen(p_chosen goniec.candidate[], p_today date, p_hour timestamp with time zone, OUT messages bigint[], OUT mailboxes bigint[], OUT campaigns bigint[], OUT salespeople bigint[], OUT domains text[], OUT candidates goniec.candidate[]) to goniec_worker;

grant execute on function goniec.lock_key(name text) to goniec_worker;

grant execute on function goniec.locked_messages(p_now timestamp with time zone, p_grace interval, p_mailboxes bigint[], p_not_messages bigint[]) to goniec_worker;

grant execute on function goniec.mailbox_backoff(faults integer, spread_by bigint) to goniec_worker;

grant execute on function goniec.mailbox_limits(p_mailbox goniec.mailbox, p_day date) to goniec_worker;

grant execute on function goniec.make_campaign_days(p_campaigns bigint[], p_from date[], p_days integer) to goniec_worker;

grant execute on function goniec.make_day_rows(p_days integer, p_mailbox bigint) to goniec_worker;

grant execute on function goniec.make_domain_rows(p_domains text[], p_at timestamp with time zone[]) to goniec_worker;

grant execute on function goniec.make_salesperson_days(p_salesperson bigint, p_today date, p_days integer) to goniec_worker;

grant execute on function goniec.mark_bounced(p_attempts bigint[]) to goniec_worker;

grant execute on function goniec.mend_instants() to goniec_worker;

grant execute on function goniec.needs_quarantine(a goniec.attempt, p_now timestamp with time zone, p_seen_gone bigint[]) to goniec_worker;

grant execute on function goniec.next_opening(p_now timestamp with time zone, p_grace interval) to goniec_worker;

grant execute on function goniec.now() to goniec_worker;

grant execute on function goniec.pass_barrier(p_campaign bigint, p_lead bigint, p_mailbox bigint) to goniec_worker;

grant execute on function goniec.pick_variant(p_step bigint, p_enrollment bigint) to goniec_worker;

grant execute on function goniec.put_on_record(p_message bigint, p_mailbox text, p_at timestamp with time zone, p_state text, p_response text, p_rfc_message_id text) to goniec_worker;

grant execute on function goniec.record_attempt_changes() to goniec_worker;

grant execute on function goniec.record_attempt_claims() to goniec_worker;

grant execute on function goniec.record_external_send(mailbox text, kind text, sent_at timestamp with time zone) to goniec_worker;

grant execute on function goniec.record_message_events() to goniec_worker;

grant execute on function goniec.record_request() to goniec_worker;

grant execute on function goniec.recover(p_incarnation bigint, p_gone bigint[], p_seen_gone bigint[], p_held bigint[], p_unheld_at_once boolean) to goniec_worker;

grant execute on function goniec.refresh_domain_rows(p_today date, p_hour timestamp with time zone) to goniec_worker;

grant execute on function goniec.refuse_removal() to goniec_worker;

grant execute on function goniec.refuse_transition(entity text, id bigint, from_state text, to_state text) to goniec_worker;

grant execute on function goniec.refuse_update() to goniec_worker;

grant execute on function goniec.release_slot(id bigint, used boolean) to goniec_worker;

grant execute on function goniec.require_attachments(p_attachments jsonb) to goniec_worker;

grant execute on function goniec.require_fresh_snapshots() to goniec_worker;

grant execute on function goniec.require_kind(p_kind text) to goniec_worker;

grant execute on function goniec.require_mailbox(p_address text) to goniec_worker;

grant execute on function goniec.require_time(p_what text, p_at timestamp with time zone) to goniec_worker;

grant execute on function goniec.resolve_doubt(p_message bigint, p_as text) to goniec_worker;

grant execute on function goniec.settle(p_incarnation bigint, p_results jsonb) to goniec_worker;

grant execute on function goniec.standing(OUT is_restored boolean, OUT moved text, OUT wal_position pg_lsn) to goniec_worker;

grant execute on function goniec.suppression_values(email text) to goniec_worker;

grant execute on function goniec.take(p_chosen goniec.candidate[], p_incarnation bigint, p_most integer, p_lease interval, p_total interval, p_now timestamp with time zone, p_today date, p_grace interval) to goniec_worker;

grant execute on function goniec.take_minute(p_every interval) to goniec_worker;

grant execute on function goniec.take_singly(p_chosen goniec.candidate[], p_incarnation bigint, p_most integer, p_lease interval, p_total interval, p_now timestamp with time zone, p_today date, p_grace interval) to goniec_worker;

grant execute on function goniec.take_slot(mailbox text, kind text, lease interval) to goniec_worker;

grant execute on function goniec.variant_for(p_step bigint, p_enrollment bigint) to goniec_worker;

grant execute on function goniec.wake_plan() to goniec_worker;

grant insert, select, update on goniec.attempt to goniec_worker;

grant update (completed_at) on goniec.campaign to goniec_worker;

grant update (started_at) on goniec.campaign to goniec_worker;

grant update (status) on goniec.campaign to goniec_worker;

grant update (status_reason) on goniec.campaign to goniec_worker;

grant select on goniec.campaign to goniec_worker;

grant delete, insert, select, update on goniec.campaign_binding to goniec_worker;

grant insert, select, update on goniec.campaign_day to goniec_worker;

grant select, update on goniec.campaign_gate to goniec_worker;

grant select on goniec.campaign_mailbox to goniec_worker;

grant insert, select on goniec.contradiction to goniec_worker;

grant delete, insert, select, update on goniec.domain_day to goniec_worker;

grant delete, insert, select, update on goniec.domain_hour to goniec_worker;

grant select on goniec.domain_limit to goniec_worker;

grant select on goniec.enrollment to goniec_worker;

grant insert, select on goniec.event to goniec_worker;

grant delete, insert, select, update on goniec.forecast to goniec_worker;

grant insert, select on goniec.home to goniec_worker;

grant insert, select, update on goniec.incarnation to goniec_worker;

grant select on goniec.installation to goniec_worker;

grant insert, select, update on goniec.known_worker to goniec_worker;

grant update (bounced_at) on goniec.lead to goniec_worker;

grant select on goniec.lead to goniec_worker;

grant delete, insert, select on goniec.lead_day to goniec_worker;

grant update (answered_at) on goniec.login_check to goniec_worker;

grant update (ok) on goniec.login_check to goniec_worker;

grant update (response) on goniec.login_check to goniec_worker;

grant update (worker) on goniec.login_check to goniec_worker;

grant select on goniec.login_check to goniec_worker;

grant update (status) on goniec.mailbox to goniec_worker;

grant update (status_reason) on goniec.mailbox to goniec_worker;

grant update (version) on goniec.mailbox to goniec_worker;

grant select on goniec.mailbox to goniec_worker;

grant insert, select, update on goniec.mailbox_day to goniec_worker;

grant select, update on goniec.mailbox_gate to goniec_worker;

grant insert, select, update on goniec.message to goniec_worker;

grant delete, insert, select, update on goniec.message_content to goniec_worker;

grant insert, select, update on goniec.message_material to goniec_worker;

grant select on goniec.migration to goniec_worker;

grant select, update on goniec.minute to goniec_worker;

grant update (became) on goniec.recalled_mail to goniec_worker;

grant update (message_id) on goniec.recalled_mail to goniec_worker;

grant update (outcome) on goniec.recalled_mail to goniec_worker;

grant update (response) on goniec.recalled_mail to goniec_worker;

grant insert, select on goniec.recalled_mail to goniec_worker;

grant update (explanation) on goniec.restoration to goniec_worker;

grant update (reason) on goniec.restoration to goniec_worker;

grant insert, select on goniec.restoration to goniec_worker;

grant insert, select on goniec.restoration_due to goniec_worker;

grant insert, select, update on goniec.restoration_report to goniec_worker;

grant select on goniec.salesperson to goniec_worker;

grant insert, select, update on goniec.salesperson_day to goniec_worker;

grant select on goniec.step to goniec_worker;

grant insert, select on goniec.suppression to goniec_worker;

grant select on goniec.transition to goniec_worker;

grant select on goniec.variant to goniec_worker;

grant select on goniec.warmup_stage to goniec_worker;

grant usage on schema goniec to goniec_worker;

grant execute on function goniec.actor() to public;

grant execute on function goniec.backoff(attempts integer, spread_by bigint) to public;

grant execute on function goniec.brake_refused(p_campaigns bigint[], p_mailboxes bigint[]) to public;

grant execute on function goniec.by_first_due(p_mailboxes bigint[], p_not_campaign bigint[], p_now timestamp with time zone, p_grace interval, OUT mailboxes bigint[], OUT ranks integer[], OUT times timestamp with time zone[], OUT messages bigint[]) to public;

grant execute on function goniec.candidates(at timestamp with time zone, today date) to public;

grant execute on function goniec.check_agreement() to public;

grant execute on function goniec.choose(p_now timestamp with time zone, p_today date, p_most integer, p_grace interval, p_not_messages bigint[], p_not_mailboxes bigint[], p_not_campaigns bigint[], p_not_salespeople bigint[], p_not_domains text[]) to public;

grant execute on function goniec.claim(p_incarnation bigint, p_batch integer, p_lease interval, p_total interval, p_grace interval) to public;

grant execute on function goniec.claimable(at timestamp with time zone, today date, grace interval) to public;

grant execute on function goniec.complete_campaigns() to public;

grant execute on function goniec.count_history(p_attempts bigint[]) to public;

grant execute on function goniec.count_recalled(p_attempt bigint) to public;

grant execute on function goniec.day_begins(day date, zone text) to public;

grant execute on function goniec.domain_limits(p_domain text) to public;

grant execute on function goniec.domain_of(address text) to public;

grant execute on function goniec.domain_rooms(p_address text, at timestamp with time zone, today date) to public;

grant execute on function goniec.doubt_due(p_restoration bigint) to public;

grant execute on function goniec.end_attempts(p_attempts bigint[], p_now timestamp with time zone, p_incarnation bigint, p_seen_gone bigint[]) to public;

grant execute on function goniec.end_restoration(p_restoration bigint, p_by text) to public;

grant execute on function goniec.enqueue_response("to" text, key text, text text, subject text, html text, "from" text, at timestamp with time zone, campaign text, attachments jsonb, again boolean) to public;

grant execute on function goniec.explain_restoration(p_reason text) to public;

grant execute on function goniec.fence(p_incarnation bigint, p_attempts bigint[], p_total interval, p_contents jsonb) to public;

grant execute on function goniec.finish_business(p_attempts bigint[]) to public;

grant execute on function goniec.finish_report(p_restoration bigint, p_worker text, p_covers_from timestamp with time zone, p_wal_position pg_lsn) to public;

grant execute on function goniec.first_claimable(p_mailboxes bigint[], p_not_campaign bigint[], p_now timestamp with time zone, p_today date, p_most integer, p_grace interval, p_not_messages bigint[], p_not_campaigns bigint[], p_not_salespeople bigint[], p_not_domains text[]) to public;

grant execute on function goniec.first_of(p_candidates goniec.candidate[], p_most integer) to public;

grant execute on function goniec.follow_up(p_messages bigint[]) to public;

grant execute on function goniec.forgotten_of(p_entries jsonb) to public;

grant execute on function goniec.gates(at timestamp with time zone, today date, grace interval) to public;

grant execute on function goniec.give_back(p_attempts bigint[]) to public;

grant execute on function goniec.guard_attempt() to public;

grant execute on function goniec.guard_campaign() to public;

grant execute on function goniec.guard_message() to public;

grant execute on function goniec.here(OUT system_identifier text, OUT database_oid bigint, OUT timeline bigint, OUT wal_position pg_lsn) to public;

grant execute on function goniec.hour_of(at timestamp with time zone) to public;

grant execute on function goniec.import_history(p_rows jsonb) to public;

grant execute on function goniec.import_leads(p_campaign bigint, p_rows jsonb, p_dry_run boolean) to public;

grant execute on function goniec.insert_domain_rows(p_domains text[], p_at timestamp with time zone[]) to public;

grant execute on function goniec.is_out(m goniec.message) to public;

grant execute on function goniec.is_recalled(p_attempt bigint, p_contents jsonb) to public;

grant execute on function goniec.is_restored() to public;

grant execute on function goniec.is_suppressed(email text) to public;

grant execute on function goniec.kind_rank(kind text) to public;

grant execute on function goniec.limit_for_day(p_limit integer, p_taken integer) to public;

grant execute on function goniec.local_day(at timestamp with time zone, zone text) to public;

grant execute on function goniec.local_part_of(p_rfc_message_id text) to public;

grant execute on function goniec.lock_chosen(p_chosen goniec.candidate[], p_today date, p_hour timestamp with time zone, OUT messages bigint[], OUT mailboxes bigint[], OUT campaigns bigint[], OUT salespeople bigint[], OUT domains text[], OUT candidates goniec.candidate[]) to public;

grant execute on function goniec.lock_key(name text) to public;

grant execute on function goniec.locked_messages(p_now timestamp with time zone, p_grace interval, p_mailboxes bigint[], p_not_messages bigint[]) to public;

grant execute on function goniec.mailbox_backoff(faults integer, spread_by bigint) to public;

grant execute on function goniec.mailbox_limits(p_mailbox goniec.mailbox, p_day date) to public;

grant execute on function goniec.mails_of_lead(p_campaign bigint, p_lead bigint) to public;

grant execute on function goniec.make_campaign_days(p_campaigns bigint[], p_from date[], p_days integer) to public;

grant execute on function goniec.make_day_rows(p_days integer, p_mailbox bigint) to public;

grant execute on function goniec.make_domain_rows(p_domains text[], p_at timestamp with time zone[]) to public;

grant execute on function goniec.make_salesperson_days(p_salesperson bigint, p_today date, p_days integer) to public;

grant execute on function goniec.mark_bounced(p_attempts bigint[]) to public;

grant execute on function goniec.mark_worker(p_worker text) to public;

grant execute on function goniec.material(p_messages bigint[], p_mailboxes bigint[]) to public;

grant execute on function goniec.mend_instants() to public;

grant execute on function goniec.needs_quarantine(a goniec.attempt, p_now timestamp with time zone, p_seen_gone bigint[]) to public;

grant execute on function goniec.next_opening(p_now timestamp with time zone, p_grace interval) to public;

grant execute on function goniec.note_follow_up_due(p_message bigint) to public;

grant execute on function goniec.notice_restoration(p_reason text, p_explanation text) to public;

grant execute on function goniec.now() to public;

grant execute on function goniec.pass_barrier(p_campaign bigint, p_lead bigint, p_mailbox bigint) to public;

grant execute on function goniec.pick_variant(p_step bigint, p_enrollment bigint) to public;

grant execute on function goniec.place_recalled() to public;

grant execute on function goniec.recall_mails(p_restoration bigint, p_worker text, p_entries jsonb) to public;

grant execute on function goniec.record_attempt_changes() to public;

grant execute on function goniec.record_attempt_claims() to public;

grant execute on function goniec.record_external_send(mailbox text, kind text, sent_at timestamp with time zone) to public;

grant execute on function goniec.record_message_events() to public;

grant execute on function goniec.record_request() to public;

grant execute on function goniec.recover(p_incarnation bigint, p_gone bigint[], p_seen_gone bigint[], p_held bigint[], p_unheld_at_once boolean) to public;

grant execute on function goniec.refresh_domain_rows(p_today date, p_hour timestamp with time zone) to public;

grant execute on function goniec.refusal_text(p_mails bigint, p_refused bigint, p_share numeric) to public;

grant execute on function goniec.refusals_of_campaign(p_campaign bigint, p_since timestamp with time zone, p_last integer) to public;

grant execute on function goniec.refusals_of_mailbox(p_mailbox bigint, p_since timestamp with time zone, p_last integer) to public;

grant execute on function goniec.refuse_removal() to public;

grant execute on function goniec.refuse_transition(entity text, id bigint, from_state text, to_state text) to public;

grant execute on function goniec.refuse_update() to public;

grant execute on function goniec.release_slot(id bigint, used boolean) to public;

grant execute on function goniec.require_attachments(p_attachments jsonb) to public;

grant execute on function goniec.require_fresh_snapshots() to public;

grant execute on function goniec.require_kind(p_kind text) to public;

grant execute on function goniec.require_mailbox(p_address text) to public;

grant execute on function goniec.require_time(p_what text, p_at timestamp with time zone) to public;

grant execute on function goniec.reserve_message_ids(p_count integer) to public;

grant execute on function goniec.resolve_doubt(p_message bigint, p_as text) to public;

grant execute on function goniec.settle(p_incarnation bigint, p_results jsonb) to public;

grant execute on function goniec.standing(OUT is_restored boolean, OUT moved text, OUT wal_position pg_lsn) to public;

grant execute on function goniec.suppression_values(email text) to public;

grant execute on function goniec.take(p_chosen goniec.candidate[], p_incarnation bigint, p_most integer, p_lease interval, p_total interval, p_now timestamp with time zone, p_today date, p_grace interval) to public;

grant execute on function goniec.take_minute(p_every interval) to public;

grant execute on function goniec.take_singly(p_chosen goniec.candidate[], p_incarnation bigint, p_most integer, p_lease interval, p_total interval, p_now timestamp with time zone, p_today date, p_grace interval) to public;

grant execute on function goniec.take_slot(mailbox text, kind text, lease interval) to public;

grant execute on function goniec.variant_for(p_step bigint, p_enrollment bigint) to public;

grant execute on function goniec.wake_plan() to public;

grant execute on function goniec.why_no_slot(m goniec.message) to public;

grant execute on function goniec.workers_to_report(p_restoration bigint) to public;

-- goniec_report.attempts: Every try at handing a mail to a server that has ended, with the server’s own words.
--   attempt_id bigint: The attempt’s number.
--   message_id bigint: The mail’s number, for goniec message show.
--   kind text: campaign, response or warmup.
--   campaign text: Its campaign; null for a mail of none.
--   salesperson text: Who sends it.
--   lead text: The lead’s address; null for a test or a warm-up mail.
--   recipient text: The address that it was for.
--   domain text: What stands behind the @ of that.
--   mailbox text: The mailbox that it was tried from.
--   server text: The mailbox’s server, as it is set today.
--   day date: The day: of campaign mail in the campaign’s zone, of other mail in the installation’s.
--   state text: accepted, rejected (for good), deferred (for now), aborted (before any content), in_doubt, or presumed_unsent (a person said so).
--   outcome text: accepted, rejected, deferred, mailbox_fault, aborted or unknown: whose matter it was.
--   stage text: How far the dialogue had come.
--   code integer: The server’s code.
--   response text: The server’s words.
--   claimed_at timestamp with time zone: When a worker took the mail.
--   transmitting_at timestamp with time zone: When its content went on the wire; null: none did.
--   finished_at timestamp with time zone: When its end was known.
--   ended_by text: Who ended it, where it was not its worker: a person, or recovery.

-- goniec_report.campaign_days: Every campaign’s days on which something went out or is planned, against its limit. Imported history is not counted.
--   campaign text: The campaign’s name.
--   salesperson text: Whose campaign it is.
--   day date: The day, in the campaign’s zone.
--   timezone text: The campaign’s zone.
--   sent bigint: Mails that a server took.
--   first_mails bigint: Of those, first mails of a lead.
--   follow_ups bigint: Of those, follow-ups.
--   refused bigint: Mails that a server refused for good.
--   put_off bigint: Attempts that a server put off to later.
--   in_doubt bigint: Attempts of which nobody knows how they ended.
--   planned bigint: Mails that are still to go on this day.
--   daily_limit integer: The campaign’s limit of the day; null: none of its own.
--   taken integer: What counts against the limit: everything above, and what is under way.
--   room integer: What the limit leaves; null: no limit of its own.

-- goniec_report.campaigns: Every campaign: where it stands, and its mails by state.
--   campaign text: Its name.
--   salesperson text: Whose campaign it is: an e-mail address.
--   status text: draft, scheduled, running, paused, completed or cancelled.
--   timezone text: The zone that its times and days are meant in.
--   starts_on date: It begins on that day; null: when it is started.
--   started_at timestamp with time zone: When it was started.
--   completed_at timestamp with time zone: When its last mail had ended.
--   leads bigint: Leads that are enrolled and were not removed.
--   pending bigint: Mails that wait.
--   planned bigint: Of those, mails that have a time already.
--   sending bigint: Mails that a worker has in its hands.
--   sent bigint: Mails that a server took, sent by goniec.
--   imported bigint: Mails that were sent before goniec, or elsewhere, and imported as history.
--   failed bigint: Mails that were refused, or given up.
--   cancelled bigint: Mails that never go out: the lead, the campaign or a person ended them.
--   in_doubt bigint: Mails of which nobody knows whether they arrived.
--   done_percent numeric: Share of the mails made so far that have ended. A follow-up is made when the mail before it was sent.
--   first_sent_at timestamp with time zone: When its first mail went out, imported ones included.
--   last_sent_at timestamp with time zone: When its last one did.
--   next_at timestamp with time zone: The time of its next planned mail.

-- goniec_report.domain_days: Recipient domains that have a limit, on the days on which mails are planned for them; of every other domain nothing is counted.
--   domain text: What stands behind the @ of the recipients.
--   day date: The day, in the installation’s zone.
--   daily_limit integer: Most campaign mails of that day; null: it has a limit by the hour only.
--   taken integer: What counts against it.
--   room integer: What the limit leaves; null: no limit by the day.

-- goniec_report.doubts: Mails of which nobody knows whether they arrived. A person ends each: goniec doubt resolve.
--   message_id bigint: The mail’s number, for goniec doubt resolve.
--   campaign text: Its campaign; null for a mail of none.
--   salesperson text: Who sent it.
--   lead text: The lead’s address; null for a test or a warm-up mail.
--   recipient text: The address that it was for.
--   step text: The key of its step.
--   mailbox text: The mailbox whose Sent folder may have it.
--   rfc_message_id text: The Message-ID to look for there.
--   subject text: Its subject; null where contents were dropped.
--   timezone text: Its campaign’s zone, else the installation’s.
--   transmitting_at timestamp with time zone: When its content went on the wire.
--   resolvable_at timestamp with time zone: From then on a person may resolve it: the attempt could be alive until then.

-- goniec_report.duplicates: Who got the same mail twice: always empty. It counts what servers took, and relies on nothing that is to keep it empty.
--   campaign text: The campaign; null for a response or a warm-up mail.
--   kind text: campaign, response or warmup.
--   recipient text: The address.
--   step text: The key of the step, or of the response; else the mail’s number.
--   times bigint: How often a server took it.
--   message_ids bigint[]: The mails’ numbers, for goniec message show.
--   sent_at timestamp with time zone[]: When each of them went out.
--   because text: The one way that is possible is a doubt that a person resolved as not sent, wrongly. Anything else is a defect.

-- goniec_report.lateness: How exactly mails went out, by campaign and day: against the time they had, and against the first time they ever had.
--   campaign text: The campaign; null: mails of none.
--   kind text: campaign, response or warmup.
--   day date: The day: of campaign mail in the campaign’s zone, of other mail in the installation’s.
--   mails bigint: Mails sent on that day. Imported history is not among them.
--   lateness_p50_ms bigint: Half of them were later than their time by so many milliseconds at most.
--   lateness_p99_ms bigint: 99 of 100 were.
--   lateness_max_ms bigint: All were.
--   moved bigint: Mails that went out at another time than the first one they were planned for.
--   displacement_p50_ms bigint: Half of them went out by so much after the first time that they were ever planned for, at most.
--   displacement_p99_ms bigint: 99 of 100 did.
--   displacement_max_ms bigint: All did.

-- goniec_report.lead_history: Everything that happened to every lead and its mails, as it was recorded. Ask for one lead, in the order of event_id.
--   lead text: The lead’s address.
--   at timestamp with time zone: When it happened.
--   event text: planned, moved, withdrawn, claimed, fenced (its content went out), settled (the server answered), sent, failed, cancelled, lead_replied, and what else there is.
--   campaign text: The campaign that it was about.
--   step text: The step of the mail that it was about.
--   message_id bigint: That mail’s number, for goniec message show.
--   mailbox text: The mailbox that it was about.
--   planned_for timestamp with time zone: The time that the mail was given.
--   reason text: Why.
--   response text: The server’s words.
--   actor text: Who did it: a person, a worker, a database user.
--   event_id bigint: The order in which it was recorded.

-- goniec_report.leads: Every lead of every campaign: how far it has come, and what comes next.
--   campaign text: The campaign’s name.
--   salesperson text: Whose campaign it is.
--   lead text: The lead’s address.
--   domain text: What stands behind the @ of it.
--   state text: not_mailed, between_mails, finished (it got the last mail), not_reached (its mail failed, or was cancelled, the first or a later one), in_doubt; or why no more comes: removed, unsubscribed, bounced, replied, blocked, suppressed.
--   mails_sent bigint: Mails of the campaign that it got, imported ones included.
--   first_sent_at timestamp with time zone: When it got the first of them.
--   last_sent_at timestamp with time zone: When it got the last.
--   last_step text: The step of the last.
--   next_step text: The step that waits for it.
--   next_at timestamp with time zone: The time of that; null: it has none yet.
--   enrolled_at timestamp with time zone: When it came into the campaign.
--   removed_at timestamp with time zone: When it was taken out of the campaign.
--   blocked_at timestamp with time zone: When it was blocked: its mails are held.
--   replied_at timestamp with time zone: When it replied: no more campaign mail.
--   unsubscribed_at timestamp with time zone: When it asked for no more mail.
--   bounced_at timestamp with time zone: When a server said that there is no such address.
--   suppressed boolean: Whether its address, or a domain it belongs to, is suppressed.

-- goniec_report.mailbox_days: Every mailbox’s days, three weeks ahead: its limits, what was taken, what is planned, and what is free.
--   mailbox text: Its address.
--   salesperson text: Whose mailbox it is.
--   day date: The day, in the installation’s zone.
--   status text: active, paused or broken: now, not on that day.
--   status_reason text: Why it is paused or broken.
--   warming boolean: Whether its warm-up limits it on that day.
--   daily_limit integer: Most mails of that day, all kinds together.
--   taken integer: What counts against that limit.
--   campaign_limit integer: Most campaign mails of that day, while it is warming; null: only the daily limit holds.
--   campaign_taken integer: Campaign mails that count.
--   warmup_limit integer: Most warm-up mails of that day; null: only the daily limit holds.
--   warmup_taken integer: Warm-up mails that count.
--   response_taken integer: Responses that count.
--   planned bigint: Mails of all kinds that are still to go from it on this day.
--   campaign_room integer: Campaign mails that the limits leave.
--   free bigint: What is left of that after what is planned; 0 while it is not active.

-- goniec_report.metrics: Numbers worth watching, one a row, for a monitor to read each minute; docs/sql.md says which call for action.
--   metric text: What is measured.
--   labels jsonb: Of what: {} for the whole, else {"mailbox": …}, {"status": …} or {"quantile": …} (0.5, 0.99, 1: the greatest).
--   value double precision: The number; null: there is none, since nothing was sent lately, or nothing is due.
--   unit text: mails, attempts, mailboxes, campaigns, workers, faults, ms, seconds, or yes or no (1 or 0).

-- goniec_report.outcomes: What became of attempts, by the server that they were handed to and the domain that they were for. For a period, count attempts.
--   server text: The server of our mailbox.
--   domain text: The domain of the recipients.
--   attempts bigint: Tries that have ended.
--   accepted bigint: The server took the mail.
--   refused bigint: It refused it for good.
--   put_off bigint: It put this mail off to later.
--   mailbox_faults bigint: The fault was our account’s or server’s, not the mail’s.
--   in_doubt bigint: Nobody knows.
--   refused_percent numeric: Refused, of a hundred that were taken or refused.
--   last_refused_at timestamp with time zone: When the last one was refused.
--   last_refusal text: In which words.

-- goniec_report.queue: What goes out next: every mail that has a time, is being sent, or is in doubt. What waits without a time stands in waiting.
--   message_id bigint: The mail’s number, for goniec message show.
--   kind text: campaign, response or warmup.
--   status text: pending, sending or in_doubt.
--   campaign text: Its campaign; null for a mail of none.
--   salesperson text: Who sends it.
--   lead text: The lead’s address; null for a test or a warm-up mail.
--   recipient text: The address that it goes to.
--   step text: The key of its step.
--   variant text: The letter of its text.
--   mailbox text: The mailbox that it leaves from.
--   day date: The day of its time: of campaign mail in the campaign’s zone, of other mail in the installation’s.
--   timezone text: That zone.
--   first_planned_at timestamp with time zone: The first time that it was ever planned for.
--   scheduled_at timestamp with time zone: The time that it is planned for now.
--   moved_because text: Why that is another one than the first; null: it has not moved.
--   is_test boolean: A copy to oneself, from goniec campaign test.

-- goniec_report.salesperson_days: Every salesperson’s days, three weeks ahead: what was taken over all campaigns and responses, against the limit.
--   salesperson text: The e-mail address that names the person.
--   name text: The person’s name.
--   day date: The day, in the installation’s zone.
--   daily_limit integer: Most mails of that day; null: no limit.
--   taken integer: What counts against it. Warm-up mails do not.
--   room integer: What the limit leaves; null: no limit.
--   paused boolean: Whether the person is paused, now.

-- goniec_report.sent: Every mail that a server took: planned and actual times side by side.
--   message_id bigint: The mail’s number, for goniec message show.
--   kind text: campaign, response or warmup.
--   campaign text: Its campaign; null for a mail of none.
--   salesperson text: Who sent it.
--   lead text: The lead’s address; null for a test or a warm-up mail.
--   recipient text: The address that it went to.
--   domain text: What stands behind the @ of that.
--   step text: The key of its step.
--   variant text: The letter of its text.
--   subject text: Its subject; null where contents were dropped after their time.
--   mailbox text: The mailbox that it left from; null: imported, and not known.
--   day date: The day it went out: of campaign mail in the campaign’s zone, of other mail in the installation’s.
--   timezone text: That zone.
--   first_planned_at timestamp with time zone: The first time that it was ever planned for.
--   scheduled_at timestamp with time zone: The time that it was planned for in the end.
--   sent_at timestamp with time zone: When its content went on the wire: the instant of the fence.
--   lateness_ms bigint: sent_at after scheduled_at, in milliseconds; null: imported.
--   displacement_ms bigint: sent_at after first_planned_at, in milliseconds; null: imported. Negative: it went earlier.
--   rfc_message_id text: Its Message-ID, as the lead has it.
--   is_test boolean: A copy to oneself, from goniec campaign test.
--   imported boolean: It was sent before goniec, or elsewhere, and imported as history.

-- goniec_report.variants: The texts of each step compared: taken, refused, answered, unsubscribed.
--   campaign text: The campaign’s name.
--   salesperson text: Whose campaign it is.
--   step text: The key of the step.
--   variant text: The letter of the text.
--   subject text: Its subject as it is today; null: a reply in the thread, or the text is gone.
--   sent bigint: Mails with this text that a server took.
--   failed bigint: Mails with it that were refused, or given up.
--   in_doubt bigint: Mails with it of which nobody knows.
--   open bigint: Mails with it that are still to go.
--   replied bigint: Leads who replied after it, and before they got another mail.
--   unsubscribed bigint: Leads who asked for no more mail after it, and before they got another.
--   failed_percent numeric: Failed, of a hundred sent or failed.
--   replied_percent numeric: Replied, of a hundred sent.
--   unsubscribed_percent numeric: Unsubscribed, of a hundred sent.

-- goniec_report.waiting: Every mail that waits, with the one reason for it, and when that ends.
--   message_id bigint: The mail’s number, for goniec message show, and goniec why.
--   kind text: campaign, response or warmup.
--   campaign text: Its campaign; null for a mail of none.
--   salesperson text: Who will send it.
--   lead text: The lead’s address; null for a test or a warm-up mail.
--   recipient text: The address that it goes to.
--   step text: The key of its step.
--   variant text: The letter of its text.
--   mailbox text: The mailbox that it leaves from; null: not chosen yet.
--   reason text: What keeps it waiting, one word: docs/looking.md has them all. due: nothing does but a worker.
--   detail text: Why it was set aside, where the reason is held.
--   opened_by text: What ends that: time, the plan (within a minute), mail (another one’s end), the campaign’s own life, or a person. Null: it is due.
--   next_at timestamp with time zone: When that is, or its planned time; null: no time ends it.
--   timezone text: Its campaign’s zone, else the installation’s.
--   scheduled_at timestamp with time zone: The time that it is planned for; null: it has none yet.
--   not_before timestamp with time zone: A retry’s, or a response’s, earliest time.
--   is_test boolean: A copy to oneself, from goniec campaign test.
