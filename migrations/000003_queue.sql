-- The queue (message), the ledger (attempt), and the counters that hold the limits.
--
-- The indexes named "one_…" are the last line of the promise: they hold even if every piece of code above them is wrong.

create table goniec.message (
  id bigint generated always as identity primary key with (fillfactor = 50),
  kind text not null constraint message_kind_is_known check (kind in ('response', 'campaign', 'warmup')),
  status text not null default 'pending'
    constraint message_status_is_known check (status in ('pending', 'sending', 'sent', 'failed', 'cancelled', 'in_doubt')),
  campaign_id bigint references goniec.campaign,
  enrollment_id bigint references goniec.enrollment,
  lead_id bigint references goniec.lead,
  recipient text not null,
  step_id bigint references goniec.step,
  step_key text,
  variant text,
  bound_mailbox_id bigint references goniec.mailbox,
  is_test boolean not null default false,
  idempotency_key text,
  response_day date,
  again boolean not null default false,

  not_before timestamptz,
  follows_at timestamptz,

  mailbox_id bigint,
  scheduled_at timestamptz,
  window_closes_at timestamptz,
  planned_campaign_version bigint,
  planned_mailbox_version bigint,
  first_planned_at timestamptz,
  slot_reason text,
  missed_from timestamptz,

  counted_attempts integer not null default 0,
  uncounted_attempts integer not null default 0,
  tried_days date[] not null default '{}',
  held_reason text,
  failed_reason text,

  rfc_message_id text,
  sent_at timestamptz,
  created_at timestamptz not null default goniec.now(),

  constraint message_campaign_mail_has_its_place check (
    kind <> 'campaign' or (campaign_id is not null and enrollment_id is not null and lead_id is not null and step_id is not null and step_key is not null)),
  constraint message_response_has_a_key check (kind <> 'response' or idempotency_key is not null),
  constraint message_other_mail_has_a_mailbox check (kind = 'campaign' or bound_mailbox_id is not null),
  constraint message_slot_is_whole check (
    (scheduled_at is null) = (window_closes_at is null) and (scheduled_at is null) = (mailbox_id is null) and (scheduled_at is null or scheduled_at < window_closes_at)),
  constraint message_sent_has_a_time check (status <> 'sent' or sent_at is not null)
);

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
comment on column goniec.message.counted_attempts is 'Temporary refusals; after five it has failed.';
comment on column goniec.message.uncounted_attempts is 'Attempts that ended through no fault of the mail; after ten it is held.';
comment on column goniec.message.missed_from is 'The slot that it missed, as long as no plan has found another for it: it takes what is free, before others, and displaces nobody.';
comment on column goniec.message.tried_days is 'The local days of counted attempts; it is given up instead of being tried on a fourth.';
comment on column goniec.message.held_reason is 'Set aside: not planned, not claimed, until goniec message retry.';
comment on column goniec.message.rfc_message_id is 'Its Message-ID header, the same on every attempt.';

-- The three that hold every mail, whatever its state, are half empty at first: each change of a mail puts another entry beside the one that is there, and
-- pages that are full by then are searched for entries that could go, again and again, before they are split.
create unique index one_message_per_campaign_lead_and_step on goniec.message (campaign_id, lead_id, step_key) with (fillfactor = 50) where kind = 'campaign';
create unique index one_response_per_idempotency_key on goniec.message (idempotency_key) where kind = 'response';
create unique index one_response_per_lead_campaign_and_day on goniec.message (lead_id, coalesce(campaign_id, 0), response_day)
  where kind = 'response' and not is_test and not again and status <> 'cancelled';
create unique index one_warmup_mail_per_idempotency_key on goniec.message (idempotency_key) where kind = 'warmup' and idempotency_key is not null;

-- Claim's way in: the first due message of a mailbox and kind. What is planned when, whatever the mailbox, has an index whose condition must be
-- spelt out to be used (scheduled_at > '-infinity'): while statistics are young the planner would take it for claim, and read the whole queue. What names
-- no mailbox cannot use this one either.
create index message_due_by_mailbox on goniec.message (mailbox_id, kind, scheduled_at, id)
  where status = 'pending' and scheduled_at is not null and mailbox_id is not null;
-- Responses and warm-up mails, of which there are few: claim asks once which mailboxes have any.
create index message_due_not_campaign on goniec.message (scheduled_at, mailbox_id) where kind <> 'campaign' and status = 'pending' and scheduled_at is not null;
-- The same without a slot: whoever watches asks whether one waits for a worker.
create index message_unplanned_not_campaign on goniec.message (bound_mailbox_id) where kind <> 'campaign' and status = 'pending' and scheduled_at is null;
create index message_due on goniec.message (scheduled_at, id) where status in ('pending', 'sending', 'in_doubt') and scheduled_at > '-infinity';
create index message_open_by_campaign on goniec.message (campaign_id, scheduled_at, id) where status in ('pending', 'sending', 'in_doubt');
create index message_unplanned_by_campaign on goniec.message (campaign_id, id) where status = 'pending' and scheduled_at is null;
-- First mails of which a plan has said why they wait in line: those behind them wait for the same (goniec.why_no_slot, 000016_gates.sql).
create index message_in_line on goniec.message (campaign_id, id)
  where kind = 'campaign' and status = 'pending' and scheduled_at is null and follows_at is null and first_planned_at is null and not_before is null
    and slot_reason in ('no_room', 'domain_limit', 'no_usable_mailbox', 'no_sending_day', 'campaign_not_running');
-- The condition keeps it from being taken for a mail's key: of a table that Postgres knows as empty it looks as good, and is then gone through whole.
create index message_by_lead on goniec.message (lead_id, id) with (fillfactor = 50) where lead_id is not null;
create index message_in_doubt on goniec.message (id) where status = 'in_doubt';
-- Few at any time, and looked for every second by whoever watches.
create index message_held on goniec.message (id) where status = 'pending' and held_reason is not null;
-- Mails that came back from a try, by step: those of a step that was removed meanwhile.
create index message_tried_by_step on goniec.message (step_id) where kind = 'campaign' and status = 'pending' and counted_attempts + uncounted_attempts > 0;
create index message_sent_by_campaign on goniec.message (campaign_id, sent_at) where status = 'sent';

create table goniec.message_material (
  message_id bigint primary key references goniec.message,
  subject text,
  text text,
  html text,
  in_reply_to text,
  mail_references text[] not null default '{}',
  attachments jsonb not null default '[]',
  digest text not null
);

comment on table goniec.message_material is 'What a response, a test or a warm-up mail consists of. Campaign mail is made from its variant instead. Retention may empty it.';
comment on column goniec.message_material.attachments is '[{"filename", "contentType", "content": base64}]';
comment on column goniec.message_material.digest is 'Of all that was asked for: the same idempotency key with other content is an error.';

create table goniec.message_content (
  message_id bigint primary key references goniec.message,
  attempt_id bigint not null,
  subject text,
  text text,
  html text,
  headers jsonb not null default '{}'
);

comment on table goniec.message_content is 'What went on the wire last, written with the fence. Retention may drop it; the fact of the mail stays.';

create table goniec.incarnation (
  id bigint generated always as identity primary key,
  worker text not null,
  host text not null,
  boot_id text,
  pid_namespace text,
  pid integer not null,
  pid_started text,
  version text not null,
  started_at timestamptz not null default goniec.now(),
  seen_at timestamptz not null default goniec.now(),
  ended_at timestamptz
);

comment on table goniec.incarnation is 'One life of one worker process.';
comment on column goniec.incarnation.pid_started is 'The kernel''s start time of the process, so that a reused pid is not taken for it.';

create index incarnation_by_worker on goniec.incarnation (worker, id);

create table goniec.attempt (
  id bigint generated always as identity primary key,
  message_id bigint references goniec.message,
  mailbox_id bigint not null references goniec.mailbox_gate,
  kind text not null constraint attempt_kind_is_known check (kind in ('response', 'campaign', 'warmup')),
  campaign_id bigint,
  salesperson_id bigint not null,
  lead_id bigint,
  state text not null default 'claimed'
    constraint attempt_state_is_known check (state in ('claimed', 'transmitting', 'accepted', 'deferred', 'rejected', 'in_doubt', 'aborted', 'presumed_unsent')),
  incarnation_id bigint references goniec.incarnation,
  lease_until timestamptz not null,
  deadline_at timestamptz not null,

  mailbox_day date not null,
  campaign_day date,
  domain_hour timestamptz,
  campaign_version bigint,
  mailbox_version bigint,
  holds_capacity boolean not null default true,
  give_back boolean not null default false,

  claimed_at timestamptz not null,
  transmitting_at timestamptz,
  finished_at timestamptz,
  outcome text,
  stage text,
  code integer,
  response text,
  server_message_id text,
  bounce_due boolean not null default false,
  ended_by text,
  constraint attempt_of_no_message_is_a_slot check (message_id is not null or incarnation_id is null),
  constraint attempt_gives_back_what_it_holds check (not (give_back and state in ('claimed', 'transmitting', 'accepted', 'in_doubt')))
);

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

create unique index one_live_or_accepted_attempt_per_message on goniec.attempt (message_id) where state in ('claimed', 'transmitting', 'accepted', 'in_doubt');
create unique index one_live_attempt_per_mailbox on goniec.attempt (mailbox_id) where state in ('claimed', 'transmitting');
comment on index goniec.one_live_attempt_per_mailbox is 'The mailbox lock. There is no busy flag that could go stale.';

-- Not of use for "is this mailbox busy": with the condition of the one above alone it looks as good to the planner while hardly anything is under way,
-- and then reads all that is.
create index attempt_live on goniec.attempt (incarnation_id, id) where state in ('claimed', 'transmitting') and incarnation_id is not null;
create index attempt_unfinished_business on goniec.attempt (id) where (give_back and holds_capacity) or bounce_due;
-- Conditions as that of message_by_lead: not of use for an attempt's own key.
create index attempt_by_message on goniec.attempt (message_id, id) where message_id is not null;
create index attempt_by_mailbox on goniec.attempt (mailbox_id, id desc) where mailbox_id is not null;

create table goniec.contradiction (
  id bigint generated always as identity primary key,
  attempt_id bigint not null references goniec.attempt,
  reported jsonb not null,
  at timestamptz not null default goniec.now()
);

comment on table goniec.contradiction is 'A late outcome that contradicts what a person had resolved. Shown by goniec doubt list.';

-- A counter's day is the local date in its owner's zone. Null where the server no longer knows the zone (an update of its time zone data is
-- enough): then only what lives in that zone waits.
create function goniec.local_day(at timestamptz, zone text) returns date
language plpgsql stable strict
as $$
begin
  return (at at time zone zone)::date;
exception when invalid_parameter_value then
  return null;
end $$;

create function goniec.hour_of(at timestamptz) returns timestamptz
language sql immutable strict parallel safe
as $$ select date_bin(interval '1 hour', at, timestamptz '2000-01-01 00:00:00Z') $$;

create function goniec.domain_of(address text) returns text
language sql immutable strict parallel safe
as $$ select split_part(address, '@', 2) $$;

-- The limits of a domain: no row where it has none.
create function goniec.domain_limits(p_domain text) returns table (daily_limit integer, hourly_limit integer)
language sql stable rows 1
as $$
  select l.daily_limit, l.hourly_limit
  from (select r.daily_limit, r.hourly_limit from goniec.domain_limit r where r.domain in (p_domain, '*') order by r.domain = '*' limit 1) l
  where l.daily_limit is not null or l.hourly_limit is not null
$$;

-- A row a day: nothing is reset at midnight. Rows are made ahead, so that claim only updates. A limit that is lowered below what was
-- taken is stored as what was taken: "no more today", never an error.

create table goniec.mailbox_day (
  mailbox_id bigint not null references goniec.mailbox,
  day date not null,
  daily_limit integer not null,
  campaign_limit integer,
  warmup_limit integer,
  campaign_taken integer not null default 0,
  warmup_taken integer not null default 0,
  response_taken integer not null default 0,
  primary key (mailbox_id, day),
  constraint mailbox_day_counts_are_not_negative check (campaign_taken >= 0 and warmup_taken >= 0 and response_taken >= 0),
  constraint mailbox_day_within_limits check (
    campaign_taken + warmup_taken + response_taken <= daily_limit
    and (campaign_limit is null or campaign_taken <= campaign_limit)
    and (warmup_limit is null or warmup_taken <= warmup_limit))
);

comment on table goniec.mailbox_day is 'What a mailbox may send, and has taken, on a day of the installation''s zone.';
comment on column goniec.mailbox_day.campaign_limit is 'The campaign allowance: the least of daily limit, warm-up daily limit and the limit of the warm-up stage. Null: no limit of its own.';

create table goniec.campaign_day (
  campaign_id bigint not null references goniec.campaign,
  day date not null,
  daily_limit integer,
  taken integer not null default 0,
  primary key (campaign_id, day),
  constraint campaign_day_count_is_not_negative check (taken >= 0),
  constraint campaign_day_within_limit check (taken <= daily_limit)
);

comment on table goniec.campaign_day is 'What a campaign may send, and has taken, on a day of its own zone.';

create table goniec.salesperson_day (
  salesperson_id bigint not null references goniec.salesperson,
  day date not null,
  daily_limit integer,
  taken integer not null default 0,
  primary key (salesperson_id, day),
  constraint salesperson_day_count_is_not_negative check (taken >= 0),
  constraint salesperson_day_within_limit check (taken <= daily_limit)
);

comment on table goniec.salesperson_day is 'What a salesperson may send, and has taken, on a day of the installation''s zone, over all campaigns and responses. Warm-up mails do not count.';

-- Recipient domains: rows only of those with a limit, made by the plan for the days and hours in which it lays slots.

create table goniec.domain_day (
  domain text not null,
  day date not null,
  daily_limit integer,
  taken integer not null default 0,
  primary key (domain, day),
  constraint domain_day_count_is_not_negative check (taken >= 0),
  constraint domain_day_within_limit check (taken <= daily_limit)
);

comment on table goniec.domain_day is 'What campaigns may send, and have taken, to a recipient domain on a day of the installation''s zone.';

create table goniec.domain_hour (
  domain text not null,
  hour timestamptz not null constraint domain_hour_begins_on_the_hour check (hour = goniec.hour_of(hour)),
  hourly_limit integer,
  taken integer not null default 0,
  primary key (domain, hour),
  constraint domain_hour_count_is_not_negative check (taken >= 0),
  constraint domain_hour_within_limit check (taken <= hourly_limit)
);

comment on table goniec.domain_hour is 'The same in an hour, from its first instant on.';

create table goniec.lead_day (
  lead_id bigint not null,
  day date not null,
  campaign_id bigint not null,
  primary key (lead_id, day, campaign_id)
);
-- Each plan asks for the last days of all leads. As above the condition must be spelt out: claim would read by it who has had a mail today, of all leads
-- for each mail.
create index lead_day_by_day on goniec.lead_day (day) where day > '-infinity';

comment on table goniec.lead_day is 'The contact gap: which campaigns took the lead on that day of the installation''s zone (more than one only where the gap is off). Given back with the slots.';

-- What stands of the domain that an address belongs to; no row where it has no limit, and none of the work where no domain has one: the first
-- condition is asked once for a whole statement. A counter that is missing is no room.
create function goniec.domain_rooms(p_address text, at timestamptz, today date)
returns table (domain text, room_today integer, room_this_hour integer)
language sql stable rows 1
as $$
  select a.domain,
         case when d.domain is null then 0 else coalesce(d.daily_limit - d.taken, 2147483647) end,
         case when h.domain is null then 0 else coalesce(h.hourly_limit - h.taken, 2147483647) end
  from (select goniec.domain_of(p_address) as domain) a
  cross join lateral goniec.domain_limits(a.domain) l
  left join goniec.domain_day d on d.domain = a.domain and d.day = today
  left join goniec.domain_hour h on h.domain = a.domain and h.hour = goniec.hour_of(at)
  where exists (select from goniec.domain_limit)
$$;

-- Every pending message that has a slot, with the facts that decide whether it may go: instants from which, rooms, plain yes or no. Claim chooses by
-- them, and whoever explains why a mail waits reads the same. A day row that is missing is no room. Written to be inlined into what asks: one select,
-- nothing volatile. "offset 0" keeps an exists() from being turned into a hash of all attempts ever made, which the planner prefers while the table is
-- small and keeps in its prepared plan when it is not.
create function goniec.candidates(at timestamptz, today date)
returns table (
  message_id bigint, kind text, mailbox_id bigint, campaign_id bigint, salesperson_id bigint, lead_id bigint,
  scheduled_at timestamptz, window_closes_at timestamptz, held boolean, settings_current boolean,
  campaign_running boolean, campaign_opens_at timestamptz, campaign_delay_ms bigint, campaign_day date, campaign_room integer,
  mailbox_active boolean, mailbox_busy boolean, mailbox_opens_at timestamptz, mailbox_room integer,
  salesperson_braked boolean, salesperson_room integer,
  limited_domain text, domain_room_today integer, domain_room_this_hour integer,
  lead_open boolean, suppressed boolean, in_contact_gap boolean, already_tried boolean)
language sql stable
as $$
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
$$;
