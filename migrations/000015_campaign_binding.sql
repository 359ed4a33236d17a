-- What the plan says of each campaign's days: which limit keeps one more of its waiting mails from going on it. A table of its own, and without
-- foreign keys: the plan writes it, and must hold up neither claim, which wants campaign_day, nor an apply, which holds the campaign.

create table goniec.campaign_binding (
  campaign_id bigint not null,
  day date not null,
  code text not null,
  said_at timestamptz not null default goniec.now(),
  primary key (campaign_id, day)
);

comment on table goniec.campaign_binding is 'Which limit binds a campaign''s day, as the plan found it. Past days keep the plan''s last word. Of days to come it holds while the campaign runs.';
comment on column goniec.campaign_binding.day is 'A sending day of the campaign, in its own zone.';
comment on column goniec.campaign_binding.code is
  'no_usable_mailbox, contact_gap, mailbox_limit, warmup_limit, campaign_limit, salesperson_limit, domain_limit, window, mailbox_gap; all_planned: nothing waits that could go.';

create index campaign_binding_by_day on goniec.campaign_binding (day);

do $$
begin
  if exists (select from pg_roles where rolname = 'goniec_reporter') then
    grant select on goniec.campaign_binding to goniec_reporter;
  end if;
  if exists (select from pg_roles where rolname = 'goniec_worker') then
    grant select, insert, update, delete on goniec.campaign_binding to goniec_worker;
  end if;
end $$;
