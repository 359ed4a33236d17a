-- SQL as a face, continued: leads, their history, and what the texts of a step achieve.

create view goniec_report.leads as
select c.name as campaign, s.email as salesperson, l.email as lead, split_part(l.email, '@', 2) as domain,
       case
         when e.removed_at is not null then 'removed'
         when l.unsubscribed_at is not null then 'unsubscribed'
         when l.bounced_at is not null then 'bounced'
         when l.replied_at is not null then 'replied'
         when l.blocked_at is not null then 'blocked'
         when x.suppressed then 'suppressed'
         when m.in_doubt > 0 then 'in_doubt'
         when m.open > 0 then case when m.mails_sent > 0 then 'between_mails' else 'not_mailed' end
         when m.mails_sent > 0 and not m.cut_short then 'finished'
         else 'not_reached'
       end as state,
       m.mails_sent, m.first_sent_at, m.last_sent_at, m.last_step, m.next_step, m.next_at,
       e.created_at as enrolled_at, e.removed_at, l.blocked_at, l.replied_at, l.unsubscribed_at, l.bounced_at, x.suppressed
from goniec.enrollment e
join goniec.campaign c on c.id = e.campaign_id
join goniec.salesperson s on s.id = c.salesperson_id
join goniec.lead l on l.id = e.lead_id
cross join lateral (select exists (select from goniec.suppression x where x.value = any (l.suppression_values) offset 0) as suppressed) as x
left join lateral (
  select count(*) filter (where m.status = 'sent') as mails_sent,
         count(*) filter (where m.status in ('pending', 'sending')) as open,
         count(*) filter (where m.status = 'in_doubt') as in_doubt,
         -- Nothing follows a mail that failed or was cancelled. A step that was removed, or was behind what history has, ends nothing.
         count(*) filter (where m.status = 'failed' or (m.status = 'cancelled' and m.slot_reason is distinct from 'step removed'
           and m.slot_reason is distinct from 'history')) > 0 as cut_short,
         min(m.sent_at) as first_sent_at, max(m.sent_at) as last_sent_at,
         (array_agg(m.step_key order by m.sent_at desc) filter (where m.status = 'sent'))[1] as last_step,
         min(m.step_key) filter (where m.status in ('pending', 'sending')) as next_step,
         min(m.scheduled_at) filter (where m.status in ('pending', 'sending')) as next_at
  from goniec.message m
  where m.campaign_id = e.campaign_id and m.lead_id = e.lead_id and m.kind = 'campaign'
) as m on true;

comment on view goniec_report.leads is 'Every lead of every campaign: how far it has come, and what comes next.';
comment on column goniec_report.leads.campaign is 'The campaign’s name.';
comment on column goniec_report.leads.salesperson is 'Whose campaign it is.';
comment on column goniec_report.leads.lead is 'The lead’s address.';
comment on column goniec_report.leads.domain is 'What stands behind the @ of it.';
comment on column goniec_report.leads.state is 'not_mailed, between_mails, finished (it got the last mail), not_reached (its mail failed, or was cancelled, the first or a later one), in_doubt; or why no more comes: removed, unsubscribed, bounced, replied, blocked, suppressed.';
comment on column goniec_report.leads.mails_sent is 'Mails of the campaign that it got, imported ones included.';
comment on column goniec_report.leads.first_sent_at is 'When it got the first of them.';
comment on column goniec_report.leads.last_sent_at is 'When it got the last.';
comment on column goniec_report.leads.last_step is 'The step of the last.';
comment on column goniec_report.leads.next_step is 'The step that waits for it.';
comment on column goniec_report.leads.next_at is 'The time of that; null: it has none yet.';
comment on column goniec_report.leads.enrolled_at is 'When it came into the campaign.';
comment on column goniec_report.leads.removed_at is 'When it was taken out of the campaign.';
comment on column goniec_report.leads.blocked_at is 'When it was blocked: its mails are held.';
comment on column goniec_report.leads.replied_at is 'When it replied: no more campaign mail.';
comment on column goniec_report.leads.unsubscribed_at is 'When it asked for no more mail.';
comment on column goniec_report.leads.bounced_at is 'When a server said that there is no such address.';
comment on column goniec_report.leads.suppressed is 'Whether its address, or a domain it belongs to, is suppressed.';

-- Events of mails are found by the lead's mails: an index over leads is kept of the others only.
create view goniec_report.lead_history as
select e.lead, e.at, e.type as event, c.name as campaign, e.step, e.message_id, b.address as mailbox,
       case when e.type in ('planned', 'moved') then (e.data ->> 'to')::timestamptz end as planned_for,
       case when e.type <> 'sent' then coalesce(e.data ->> 'reason', e.data ->> 'outcome') end as reason, e.data ->> 'response' as response, e.actor, e.id as event_id
from (
  select own.*, l.email as lead, null as step
  from goniec.lead l
  join goniec.event own on own.lead_id = l.id and own.message_id is null
  union all
  select of_mail.*, l.email, m.step_key
  from goniec.lead l
  join goniec.message m on m.lead_id = l.id
  join goniec.event of_mail on of_mail.message_id = m.id and of_mail.lead_id = l.id
) as e
left join goniec.campaign c on c.id = e.campaign_id
left join goniec.mailbox b on b.id = e.mailbox_id;

comment on view goniec_report.lead_history is 'Everything that happened to every lead and its mails, as it was recorded. Ask for one lead, in the order of event_id.';
comment on column goniec_report.lead_history.lead is 'The lead’s address.';
comment on column goniec_report.lead_history.at is 'When it happened.';
comment on column goniec_report.lead_history.event is 'planned, moved, withdrawn, claimed, fenced (its content went out), settled (the server answered), sent, failed, cancelled, lead_replied, and what else there is.';
comment on column goniec_report.lead_history.campaign is 'The campaign that it was about.';
comment on column goniec_report.lead_history.step is 'The step of the mail that it was about.';
comment on column goniec_report.lead_history.message_id is 'That mail’s number, for goniec message show.';
comment on column goniec_report.lead_history.mailbox is 'The mailbox that it was about.';
comment on column goniec_report.lead_history.planned_for is 'The time that the mail was given.';
comment on column goniec_report.lead_history.reason is 'Why.';
comment on column goniec_report.lead_history.response is 'The server’s words.';
comment on column goniec_report.lead_history.actor is 'Who did it: a person, a worker, a database user.';
comment on column goniec_report.lead_history.event_id is 'The order in which it was recorded.';

-- A reply belongs to the last mail that the lead had got before it. Few leads reply, so looking for a later mail costs little.
create view goniec_report.variants as
select c.name as campaign, s.email as salesperson, m.step_key as step, m.variant, v.subject,
       count(*) filter (where m.status = 'sent') as sent,
       count(*) filter (where m.status = 'failed') as failed,
       count(*) filter (where m.status = 'in_doubt') as in_doubt,
       count(*) filter (where m.status in ('pending', 'sending')) as open,
       count(*) filter (where a.replied) as replied,
       count(*) filter (where a.unsubscribed) as unsubscribed,
       round(100.0 * count(*) filter (where m.status = 'failed') / nullif(count(*) filter (where m.status in ('sent', 'failed')), 0), 1) as failed_percent,
       round(100.0 * count(*) filter (where a.replied) / nullif(count(*) filter (where m.status = 'sent'), 0), 1) as replied_percent,
       round(100.0 * count(*) filter (where a.unsubscribed) / nullif(count(*) filter (where m.status = 'sent'), 0), 1) as unsubscribed_percent
from goniec.message m
join goniec.campaign c on c.id = m.campaign_id
join goniec.salesperson s on s.id = c.salesperson_id
join goniec.lead l on l.id = m.lead_id
left join goniec.variant v on v.step_id = m.step_id and v.letter = m.variant
cross join lateral (
  select case when m.sent_at <= l.replied_at then not exists (
           select from goniec.message later
           where later.lead_id = m.lead_id and later.status = 'sent' and not later.is_test and later.sent_at > m.sent_at and later.sent_at <= l.replied_at) end as replied,
         case when m.sent_at <= l.unsubscribed_at then not exists (
           select from goniec.message later
           where later.lead_id = m.lead_id and later.status = 'sent' and not later.is_test and later.sent_at > m.sent_at and later.sent_at <= l.unsubscribed_at)
         end as unsubscribed
) as a
where m.kind = 'campaign' and m.variant is not null
group by c.name, s.email, m.step_key, m.variant, v.subject;

comment on view goniec_report.variants is 'The texts of each step compared: taken, refused, answered, unsubscribed.';
comment on column goniec_report.variants.campaign is 'The campaign’s name.';
comment on column goniec_report.variants.salesperson is 'Whose campaign it is.';
comment on column goniec_report.variants.step is 'The key of the step.';
comment on column goniec_report.variants.variant is 'The letter of the text.';
comment on column goniec_report.variants.subject is 'Its subject as it is today; null: a reply in the thread, or the text is gone.';
comment on column goniec_report.variants.sent is 'Mails with this text that a server took.';
comment on column goniec_report.variants.failed is 'Mails with it that were refused, or given up.';
comment on column goniec_report.variants.in_doubt is 'Mails with it of which nobody knows.';
comment on column goniec_report.variants.open is 'Mails with it that are still to go.';
comment on column goniec_report.variants.replied is 'Leads who replied after it, and before they got another mail.';
comment on column goniec_report.variants.unsubscribed is 'Leads who asked for no more mail after it, and before they got another.';
comment on column goniec_report.variants.failed_percent is 'Failed, of a hundred sent or failed.';
comment on column goniec_report.variants.replied_percent is 'Replied, of a hundred sent.';
comment on column goniec_report.variants.unsubscribed_percent is 'Unsubscribed, of a hundred sent.';
