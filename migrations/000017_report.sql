-- SQL as a face: the views of goniec_report are a supported interface. Their names, columns and meanings stay; columns may be added at the end.
-- docs/sql.md explains them to whoever asks the questions, and shows the answers.
--
-- Owns       the schema goniec_report; indexes that only its questions need.
-- Promises   no passwords and no references to them, no texts of mails; a day is a date in the zone it is counted in (a campaign's mails: the
--            campaign's zone; mailboxes and salespeople: the installation's), an instant is a timestamptz; nothing here locks anything.
-- Leaves     rights beyond reading to 000011_roles.sql. Whoever reads needs goniec_reporter: functions that reckon reasons run as the reader.
--
-- Their shape, and why:
--   They are filtered by name, so names are joined in, never aggregated over from outside: a condition on a campaign, lead, mailbox or day reaches
--   an index of the table that it belongs to. Where something is counted for each row, the count is lateral, so that one row costs one row.
--   A day in a condition is a stored column (goniec.attempt has the days that it was counted on), not a function of an instant and a zone, which no
--   index could serve.

create schema goniec_report;
comment on schema goniec_report is 'The supported interface for reports: views, explained in docs/sql.md and by \d+.';

-- What ended on a day, whatever it was; written once for each attempt, when it ends.
create index attempt_ended_by_day on goniec.attempt ((coalesce(campaign_day, mailbox_day)), campaign_id)
  where state in ('accepted', 'deferred', 'rejected', 'in_doubt', 'aborted', 'presumed_unsent');
-- With a condition that has to be spelt out: without one, and without statistics, claim took these, and read a day of all campaigns for each of its mails.
create index campaign_day_by_day on goniec.campaign_day (day) where day > '-infinity';
create index mailbox_day_by_day on goniec.mailbox_day (day) where day > '-infinity';

-- When a local day begins. Null where the server no longer knows the zone, as in goniec.local_day.
create function goniec.day_begins(day date, zone text) returns timestamptz
language plpgsql stable strict
as $$
begin
  return day::timestamp at time zone zone;
exception when invalid_parameter_value then
  return null;
end $$;

-- Campaigns

create view goniec_report.campaigns as
select c.name as campaign, s.email as salesperson, c.status, c.timezone, c.starts_on, c.started_at, c.completed_at,
       e.leads, m.pending, m.planned, m.sending, m.sent, m.imported, m.failed, m.cancelled, m.in_doubt,
       case when m.all_mails > 0 then round(100.0 * (m.all_mails - m.pending - m.sending - m.in_doubt) / m.all_mails, 1) end as done_percent,
       m.first_sent_at, m.last_sent_at, m.next_at
from goniec.campaign c
join goniec.salesperson s on s.id = c.salesperson_id
left join lateral (
  select count(*) as leads from goniec.enrollment e where e.campaign_id = c.id and e.removed_at is null
) as e on true
left join lateral (
  select count(*) as all_mails,
         count(*) filter (where m.status = 'pending') as pending,
         count(*) filter (where m.status = 'pending' and m.scheduled_at is not null) as planned,
         count(*) filter (where m.status = 'sending') as sending,
         count(*) filter (where m.status = 'sent' and m.slot_reason is distinct from 'history') as sent,
         count(*) filter (where m.status = 'sent' and m.slot_reason = 'history') as imported,
         count(*) filter (where m.status = 'failed') as failed,
         count(*) filter (where m.status = 'cancelled') as cancelled,
         count(*) filter (where m.status = 'in_doubt') as in_doubt,
         min(m.sent_at) as first_sent_at, max(m.sent_at) as last_sent_at,
         min(m.scheduled_at) filter (where m.status = 'pending') as next_at
  from goniec.message m
  where m.campaign_id = c.id and m.kind = 'campaign'
) as m on true;

comment on view goniec_report.campaigns is 'Every campaign: where it stands, and its mails by state.';
comment on column goniec_report.campaigns.campaign is 'Its name.';
comment on column goniec_report.campaigns.salesperson is 'Whose campaign it is: an e-mail address.';
comment on column goniec_report.campaigns.status is 'draft, scheduled, running, paused, completed or cancelled.';
comment on column goniec_report.campaigns.timezone is 'The zone that its times and days are meant in.';
comment on column goniec_report.campaigns.starts_on is 'It begins on that day; null: when it is started.';
comment on column goniec_report.campaigns.started_at is 'When it was started.';
comment on column goniec_report.campaigns.completed_at is 'When its last mail had ended.';
comment on column goniec_report.campaigns.leads is 'Leads that are enrolled and were not removed.';
comment on column goniec_report.campaigns.pending is 'Mails that wait.';
comment on column goniec_report.campaigns.planned is 'Of those, mails that have a time already.';
comment on column goniec_report.campaigns.sending is 'Mails that a worker has in its hands.';
comment on column goniec_report.campaigns.sent is 'Mails that a server took, sent by goniec.';
comment on column goniec_report.campaigns.imported is 'Mails that were sent before goniec, or elsewhere, and imported as history.';
comment on column goniec_report.campaigns.failed is 'Mails that were refused, or given up.';
comment on column goniec_report.campaigns.cancelled is 'Mails that never go out: the lead, the campaign or a person ended them.';
comment on column goniec_report.campaigns.in_doubt is 'Mails of which nobody knows whether they arrived.';
comment on column goniec_report.campaigns.done_percent is 'Share of the mails made so far that have ended. A follow-up is made when the mail before it was sent.';
comment on column goniec_report.campaigns.first_sent_at is 'When its first mail went out, imported ones included.';
comment on column goniec_report.campaigns.last_sent_at is 'When its last one did.';
comment on column goniec_report.campaigns.next_at is 'The time of its next planned mail.';

create view goniec_report.campaign_days as
select c.name as campaign, s.email as salesperson, d.day, c.timezone,
       a.sent, a.first_mails, a.follow_ups, a.refused, a.put_off, a.in_doubt, p.planned,
       d.daily_limit, d.taken, d.daily_limit - d.taken as room
from goniec.campaign_day d
join goniec.campaign c on c.id = d.campaign_id
join goniec.salesperson s on s.id = c.salesperson_id
left join lateral (
  select count(*) filter (where a.state = 'accepted') as sent,
         count(*) filter (where a.state = 'accepted' and m.follows_at is null) as first_mails,
         count(*) filter (where a.state = 'accepted' and m.follows_at is not null) as follow_ups,
         count(*) filter (where a.state = 'rejected') as refused,
         count(*) filter (where a.state = 'deferred') as put_off,
         count(*) filter (where a.state = 'in_doubt') as in_doubt
  from goniec.attempt a
  join goniec.message m on m.id = a.message_id
  where coalesce(a.campaign_day, a.mailbox_day) = d.day and a.campaign_id = d.campaign_id
    and a.state in ('accepted', 'deferred', 'rejected', 'in_doubt') and a.ended_by is distinct from 'import'
) as a on true
left join lateral (
  select count(*) as planned
  from goniec.message m
  where m.campaign_id = d.campaign_id and m.kind = 'campaign' and m.status = 'pending'
    and m.scheduled_at >= goniec.day_begins(d.day, c.timezone) and m.scheduled_at < goniec.day_begins(d.day + 1, c.timezone)
) as p on true
where d.day > '-infinity' and (d.taken > 0 or p.planned > 0 or a.sent + a.refused + a.put_off + a.in_doubt > 0);

comment on view goniec_report.campaign_days is 'Every campaign’s days on which something went out or is planned, against its limit. Imported history is not counted.';
comment on column goniec_report.campaign_days.campaign is 'The campaign’s name.';
comment on column goniec_report.campaign_days.salesperson is 'Whose campaign it is.';
comment on column goniec_report.campaign_days.day is 'The day, in the campaign’s zone.';
comment on column goniec_report.campaign_days.timezone is 'The campaign’s zone.';
comment on column goniec_report.campaign_days.sent is 'Mails that a server took.';
comment on column goniec_report.campaign_days.first_mails is 'Of those, first mails of a lead.';
comment on column goniec_report.campaign_days.follow_ups is 'Of those, follow-ups.';
comment on column goniec_report.campaign_days.refused is 'Mails that a server refused for good.';
comment on column goniec_report.campaign_days.put_off is 'Attempts that a server put off to later.';
comment on column goniec_report.campaign_days.in_doubt is 'Attempts of which nobody knows how they ended.';
comment on column goniec_report.campaign_days.planned is 'Mails that are still to go on this day.';
comment on column goniec_report.campaign_days.daily_limit is 'The campaign’s limit of the day; null: none of its own.';
comment on column goniec_report.campaign_days.taken is 'What counts against the limit: everything above, and what is under way.';
comment on column goniec_report.campaign_days.room is 'What the limit leaves; null: no limit of its own.';

-- What mailboxes and salespeople may send on a day

create view goniec_report.mailbox_days as
select b.address as mailbox, s.email as salesperson, d.day, b.status, b.status_reason, d.campaign_limit is not null or d.warmup_limit is not null as warming,
       d.daily_limit, d.campaign_taken + d.warmup_taken + d.response_taken as taken,
       d.campaign_limit, d.campaign_taken, d.warmup_limit, d.warmup_taken, d.response_taken, p.planned,
       least(d.daily_limit - d.campaign_taken - d.warmup_taken - d.response_taken, d.campaign_limit - d.campaign_taken) as campaign_room,
       case when b.status = 'active'
            then greatest(0, least(d.daily_limit - d.campaign_taken - d.warmup_taken - d.response_taken, d.campaign_limit - d.campaign_taken) - p.planned)
            else 0 end as free
from goniec.mailbox_day d
join goniec.mailbox b on b.id = d.mailbox_id
join goniec.salesperson s on s.id = b.salesperson_id
cross join goniec.installation i
left join lateral (
  select count(*) as planned
  from (values ('response'), ('campaign'), ('warmup')) as k (kind)
  join goniec.message m on m.mailbox_id = d.mailbox_id and m.kind = k.kind and m.status = 'pending'
    and m.scheduled_at >= goniec.day_begins(d.day, i.timezone) and m.scheduled_at < goniec.day_begins(d.day + 1, i.timezone)
) as p on true
where d.day > '-infinity';

comment on view goniec_report.mailbox_days is 'Every mailbox’s days, three weeks ahead: its limits, what was taken, what is planned, and what is free.';
comment on column goniec_report.mailbox_days.mailbox is 'Its address.';
comment on column goniec_report.mailbox_days.salesperson is 'Whose mailbox it is.';
comment on column goniec_report.mailbox_days.day is 'The day, in the installation’s zone.';
comment on column goniec_report.mailbox_days.status is 'active, paused or broken: now, not on that day.';
comment on column goniec_report.mailbox_days.status_reason is 'Why it is paused or broken.';
comment on column goniec_report.mailbox_days.warming is 'Whether its warm-up limits it on that day.';
comment on column goniec_report.mailbox_days.daily_limit is 'Most mails of that day, all kinds together.';
comment on column goniec_report.mailbox_days.taken is 'What counts against that limit.';
comment on column goniec_report.mailbox_days.campaign_limit is 'Most campaign mails of that day, while it is warming; null: only the daily limit holds.';
comment on column goniec_report.mailbox_days.campaign_taken is 'Campaign mails that count.';
comment on column goniec_report.mailbox_days.warmup_limit is 'Most warm-up mails of that day; null: only the daily limit holds.';
comment on column goniec_report.mailbox_days.warmup_taken is 'Warm-up mails that count.';
comment on column goniec_report.mailbox_days.response_taken is 'Responses that count.';
comment on column goniec_report.mailbox_days.planned is 'Mails of all kinds that are still to go from it on this day.';
comment on column goniec_report.mailbox_days.campaign_room is 'Campaign mails that the limits leave.';
comment on column goniec_report.mailbox_days.free is 'What is left of that after what is planned; 0 while it is not active.';

create view goniec_report.salesperson_days as
select s.email as salesperson, s.name, d.day, d.daily_limit, d.taken, d.daily_limit - d.taken as room, s.paused_at is not null as paused
from goniec.salesperson_day d
join goniec.salesperson s on s.id = d.salesperson_id;

comment on view goniec_report.salesperson_days is 'Every salesperson’s days, three weeks ahead: what was taken over all campaigns and responses, against the limit.';
comment on column goniec_report.salesperson_days.salesperson is 'The e-mail address that names the person.';
comment on column goniec_report.salesperson_days.name is 'The person’s name.';
comment on column goniec_report.salesperson_days.day is 'The day, in the installation’s zone.';
comment on column goniec_report.salesperson_days.daily_limit is 'Most mails of that day; null: no limit.';
comment on column goniec_report.salesperson_days.taken is 'What counts against it. Warm-up mails do not.';
comment on column goniec_report.salesperson_days.room is 'What the limit leaves; null: no limit.';
comment on column goniec_report.salesperson_days.paused is 'Whether the person is paused, now.';

create view goniec_report.domain_days as
select d.domain, d.day, d.daily_limit, d.taken, d.daily_limit - d.taken as room
from goniec.domain_day d;

comment on view goniec_report.domain_days is 'Recipient domains that have a limit, on the days on which mails are planned for them; of every other domain nothing is counted.';
comment on column goniec_report.domain_days.domain is 'What stands behind the @ of the recipients.';
comment on column goniec_report.domain_days.day is 'The day, in the installation’s zone.';
comment on column goniec_report.domain_days.daily_limit is 'Most campaign mails of that day; null: it has a limit by the hour only.';
comment on column goniec_report.domain_days.taken is 'What counts against it.';
comment on column goniec_report.domain_days.room is 'What the limit leaves; null: no limit by the day.';
