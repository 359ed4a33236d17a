-- What was forecast of each campaign, once a day: the record by which forecasts are judged, and from which the width of the next ones is learnt.
-- Without foreign keys: whoever writes it must hold up nobody who locks a campaign.

create table goniec.forecast (
  campaign_id bigint not null,
  made_on date not null,
  made_at timestamptz not null default goniec.now(),
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
  never jsonb not null default '[]',
  ended_on date,
  slip real,
  primary key (campaign_id, made_on),
  constraint forecast_range_holds_what_is_likely check (earliest <= likely and likely <= latest),
  constraint forecast_range_is_whole check ((earliest is null) = (likely is null) and (latest is null) = (likely is null))
);

comment on table goniec.forecast is 'What was forecast of a campaign on a day of the installation''s zone. Of those older than five weeks only Mondays'' are kept, and none after 400 days.';
comment on column goniec.forecast.sent is 'Mails of it that had gone out by then.';
comment on column goniec.forecast.mails is 'Mails that were still to go, those that did not exist yet as messages included.';
comment on column goniec.forecast.likely is 'The local day of the last mail without any fault; earliest and latest are the 80 % around it. Null: nothing of it would ever go.';
comment on column goniec.forecast.extrapolated is 'It was not reckoned to its end.';
comment on column goniec.forecast.days is '[{"day", "first_mails", "follow_ups", "binding"}], the campaign''s sending days from then on.';
comment on column goniec.forecast.never is '[{"reason", "mails"}]: mails that would not go as things stood.';
comment on column goniec.forecast.ended_on is 'The local day of the campaign''s last mail, once it is over.';
comment on column goniec.forecast.slip is
  'How far late the campaign was, as a part of the time forecast: after two weeks by the mails that had gone, in the end by the last one. Negative: early.';

create index forecast_made_on on goniec.forecast (made_on);

do $$
begin
  if exists (select from pg_roles where rolname = 'goniec_reporter') then
    grant select on goniec.forecast to goniec_reporter;
  end if;
  if exists (select from pg_roles where rolname = 'goniec_worker') then
    grant select, insert, update, delete on goniec.forecast to goniec_worker;
  end if;
end $$;
