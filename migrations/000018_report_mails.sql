-- SQL as a face, continued: mails that are to go, that went, and what became of them.

create view goniec_report.queue as
select m.id as message_id, m.kind, m.status, c.name as campaign, s.email as salesperson, l.email as lead, m.recipient, m.step_key as step, m.variant,
       b.address as mailbox, goniec.local_day(m.scheduled_at, z.timezone) as day, z.timezone,
       m.first_planned_at, m.scheduled_at, m.slot_reason as moved_because, m.is_test
from goniec.message m
cross join goniec.installation i
left join goniec.campaign c on c.id = m.campaign_id
-- A response counts on a day of its mailbox, whatever campaign it belongs to.
cross join lateral (select case when m.kind = 'campaign' then c.timezone else i.timezone end as timezone) as z
left join goniec.mailbox b on b.id = m.mailbox_id
left join goniec.salesperson s on s.id = case when m.kind = 'campaign' then c.salesperson_id else b.salesperson_id end
left join goniec.lead l on l.id = m.lead_id
-- Spelt as the index of planned times has it, so that the first mails of a long queue are the first of the index.
where m.status in ('pending', 'sending', 'in_doubt') and m.scheduled_at > '-infinity';

comment on view goniec_report.queue is 'What goes out next: every mail that has a time, is being sent, or is in doubt. What waits without a time stands in waiting.';
comment on column goniec_report.queue.message_id is 'The mail’s number, for goniec message show.';
comment on column goniec_report.queue.kind is 'campaign, response or warmup.';
comment on column goniec_report.queue.status is 'pending, sending or in_doubt.';
comment on column goniec_report.queue.campaign is 'Its campaign; null for a mail of none.';
comment on column goniec_report.queue.salesperson is 'Who sends it.';
comment on column goniec_report.queue.lead is 'The lead’s address; null for a test or a warm-up mail.';
comment on column goniec_report.queue.recipient is 'The address that it goes to.';
comment on column goniec_report.queue.step is 'The key of its step.';
comment on column goniec_report.queue.variant is 'The letter of its text.';
comment on column goniec_report.queue.mailbox is 'The mailbox that it leaves from.';
comment on column goniec_report.queue.day is 'The day of its time: of campaign mail in the campaign’s zone, of other mail in the installation’s.';
comment on column goniec_report.queue.timezone is 'That zone.';
comment on column goniec_report.queue.first_planned_at is 'The first time that it was ever planned for.';
comment on column goniec_report.queue.scheduled_at is 'The time that it is planned for now.';
comment on column goniec_report.queue.moved_because is 'Why that is another one than the first; null: it has not moved.';
comment on column goniec_report.queue.is_test is 'A copy to oneself, from goniec campaign test.';

create view goniec_report.sent as
select m.id as message_id, m.kind, c.name as campaign, s.email as salesperson, l.email as lead, m.recipient, split_part(m.recipient, '@', 2) as domain,
       m.step_key as step, m.variant, content.subject, b.address as mailbox, coalesce(a.campaign_day, a.mailbox_day) as day,
       case when m.kind = 'campaign' then c.timezone else i.timezone end as timezone, m.first_planned_at, case when not h.imported then m.scheduled_at end as scheduled_at, m.sent_at,
       case when not h.imported then round(extract(epoch from m.sent_at - m.scheduled_at) * 1000)::bigint end as lateness_ms,
       case when not h.imported then round(extract(epoch from m.sent_at - m.first_planned_at) * 1000)::bigint end as displacement_ms,
       coalesce(a.server_message_id, m.rfc_message_id) as rfc_message_id, m.is_test, h.imported
from goniec.message m
cross join goniec.installation i
cross join lateral (select m.slot_reason is not distinct from 'history' as imported) as h
join goniec.attempt a on a.message_id = m.id and a.state = 'accepted'
left join goniec.salesperson s on s.id = a.salesperson_id
left join goniec.campaign c on c.id = m.campaign_id
left join goniec.lead l on l.id = m.lead_id
-- The ledger has a mailbox for history whose mailbox nobody knows; the message does not. Both are named, so that either leads to an index.
left join goniec.mailbox b on b.id = m.mailbox_id and b.id = a.mailbox_id
left join goniec.message_content content on content.message_id = m.id
where m.status = 'sent';

comment on view goniec_report.sent is 'Every mail that a server took: planned and actual times side by side.';
comment on column goniec_report.sent.message_id is 'The mail’s number, for goniec message show.';
comment on column goniec_report.sent.kind is 'campaign, response or warmup.';
comment on column goniec_report.sent.campaign is 'Its campaign; null for a mail of none.';
comment on column goniec_report.sent.salesperson is 'Who sent it.';
comment on column goniec_report.sent.lead is 'The lead’s address; null for a test or a warm-up mail.';
comment on column goniec_report.sent.recipient is 'The address that it went to.';
comment on column goniec_report.sent.domain is 'What stands behind the @ of that.';
comment on column goniec_report.sent.step is 'The key of its step.';
comment on column goniec_report.sent.variant is 'The letter of its text.';
comment on column goniec_report.sent.subject is 'Its subject; null where contents were dropped after their time.';
comment on column goniec_report.sent.mailbox is 'The mailbox that it left from; null: imported, and not known.';
comment on column goniec_report.sent.day is 'The day it went out: of campaign mail in the campaign’s zone, of other mail in the installation’s.';
comment on column goniec_report.sent.timezone is 'That zone.';
comment on column goniec_report.sent.first_planned_at is 'The first time that it was ever planned for.';
comment on column goniec_report.sent.scheduled_at is 'The time that it was planned for in the end.';
comment on column goniec_report.sent.sent_at is 'When its content went on the wire: the instant of the fence.';
comment on column goniec_report.sent.lateness_ms is 'sent_at after scheduled_at, in milliseconds; null: imported.';
comment on column goniec_report.sent.displacement_ms is 'sent_at after first_planned_at, in milliseconds; null: imported. Negative: it went earlier.';
comment on column goniec_report.sent.rfc_message_id is 'Its Message-ID, as the lead has it.';
comment on column goniec_report.sent.is_test is 'A copy to oneself, from goniec campaign test.';
comment on column goniec_report.sent.imported is 'It was sent before goniec, or elsewhere, and imported as history.';

create view goniec_report.lateness as
select campaign, kind, day, count(*) as mails,
       percentile_disc(0.5) within group (order by lateness_ms) as lateness_p50_ms,
       percentile_disc(0.99) within group (order by lateness_ms) as lateness_p99_ms,
       max(lateness_ms) as lateness_max_ms,
       count(*) filter (where displacement_ms - lateness_ms <> 0) as moved,
       percentile_disc(0.5) within group (order by displacement_ms) as displacement_p50_ms,
       percentile_disc(0.99) within group (order by displacement_ms) as displacement_p99_ms,
       max(displacement_ms) as displacement_max_ms
from goniec_report.sent
where not imported
group by campaign, kind, day;

comment on view goniec_report.lateness is 'How exactly mails went out, by campaign and day: against the time they had, and against the first time they ever had.';
comment on column goniec_report.lateness.campaign is 'The campaign; null: mails of none.';
comment on column goniec_report.lateness.kind is 'campaign, response or warmup.';
comment on column goniec_report.lateness.day is 'The day: of campaign mail in the campaign’s zone, of other mail in the installation’s.';
comment on column goniec_report.lateness.mails is 'Mails sent on that day. Imported history is not among them.';
comment on column goniec_report.lateness.lateness_p50_ms is 'Half of them were later than their time by so many milliseconds at most.';
comment on column goniec_report.lateness.lateness_p99_ms is '99 of 100 were.';
comment on column goniec_report.lateness.lateness_max_ms is 'All were.';
comment on column goniec_report.lateness.moved is 'Mails that went out at another time than the first one they were planned for.';
comment on column goniec_report.lateness.displacement_p50_ms is 'Half of them went out by so much after the first time that they were ever planned for, at most.';
comment on column goniec_report.lateness.displacement_p99_ms is '99 of 100 did.';
comment on column goniec_report.lateness.displacement_max_ms is 'All did.';

create view goniec_report.attempts as
select a.id as attempt_id, a.message_id, a.kind, c.name as campaign, s.email as salesperson, l.email as lead, m.recipient,
       split_part(m.recipient, '@', 2) as domain, b.address as mailbox, b.smtp_host as server, coalesce(a.campaign_day, a.mailbox_day) as day,
       a.state, a.outcome, a.stage, a.code, a.response, a.claimed_at, a.transmitting_at, a.finished_at, a.ended_by
from goniec.attempt a
join goniec.message m on m.id = a.message_id
join goniec.mailbox b on b.id = a.mailbox_id
left join goniec.salesperson s on s.id = a.salesperson_id
left join goniec.campaign c on c.id = m.campaign_id
left join goniec.lead l on l.id = m.lead_id
where a.state in ('accepted', 'deferred', 'rejected', 'in_doubt', 'aborted', 'presumed_unsent') and a.ended_by is distinct from 'import';

comment on view goniec_report.attempts is 'Every try at handing a mail to a server that has ended, with the server’s own words.';
comment on column goniec_report.attempts.attempt_id is 'The attempt’s number.';
comment on column goniec_report.attempts.message_id is 'The mail’s number, for goniec message show.';
comment on column goniec_report.attempts.kind is 'campaign, response or warmup.';
comment on column goniec_report.attempts.campaign is 'Its campaign; null for a mail of none.';
comment on column goniec_report.attempts.salesperson is 'Who sends it.';
comment on column goniec_report.attempts.lead is 'The lead’s address; null for a test or a warm-up mail.';
comment on column goniec_report.attempts.recipient is 'The address that it was for.';
comment on column goniec_report.attempts.domain is 'What stands behind the @ of that.';
comment on column goniec_report.attempts.mailbox is 'The mailbox that it was tried from.';
comment on column goniec_report.attempts.server is 'The mailbox’s server, as it is set today.';
comment on column goniec_report.attempts.day is 'The day: of campaign mail in the campaign’s zone, of other mail in the installation’s.';
comment on column goniec_report.attempts.state is 'accepted, rejected (for good), deferred (for now), aborted (before any content), in_doubt, or presumed_unsent (a person said so).';
comment on column goniec_report.attempts.outcome is 'accepted, rejected, deferred, mailbox_fault, aborted or unknown: whose matter it was.';
comment on column goniec_report.attempts.stage is 'How far the dialogue had come.';
comment on column goniec_report.attempts.code is 'The server’s code.';
comment on column goniec_report.attempts.response is 'The server’s words.';
comment on column goniec_report.attempts.claimed_at is 'When a worker took the mail.';
comment on column goniec_report.attempts.transmitting_at is 'When its content went on the wire; null: none did.';
comment on column goniec_report.attempts.finished_at is 'When its end was known.';
comment on column goniec_report.attempts.ended_by is 'Who ended it, where it was not its worker: a person, or recovery.';

create view goniec_report.outcomes as
select server, domain, count(*) as attempts,
       count(*) filter (where state = 'accepted') as accepted,
       count(*) filter (where state = 'rejected') as refused,
       count(*) filter (where outcome = 'deferred') as put_off,
       count(*) filter (where outcome = 'mailbox_fault') as mailbox_faults,
       count(*) filter (where state = 'in_doubt') as in_doubt,
       round(100.0 * count(*) filter (where state = 'rejected') / nullif(count(*) filter (where state in ('accepted', 'rejected')), 0), 1) as refused_percent,
       max(finished_at) filter (where state = 'rejected') as last_refused_at,
       (array_agg(response order by finished_at desc, attempt_id desc) filter (where state = 'rejected'))[1] as last_refusal
from goniec_report.attempts
group by server, domain;

comment on view goniec_report.outcomes is 'What became of attempts, by the server that they were handed to and the domain that they were for. For a period, count attempts.';
comment on column goniec_report.outcomes.server is 'The server of our mailbox.';
comment on column goniec_report.outcomes.domain is 'The domain of the recipients.';
comment on column goniec_report.outcomes.attempts is 'Tries that have ended.';
comment on column goniec_report.outcomes.accepted is 'The server took the mail.';
comment on column goniec_report.outcomes.refused is 'It refused it for good.';
comment on column goniec_report.outcomes.put_off is 'It put this mail off to later.';
comment on column goniec_report.outcomes.mailbox_faults is 'The fault was our account’s or server’s, not the mail’s.';
comment on column goniec_report.outcomes.in_doubt is 'Nobody knows.';
comment on column goniec_report.outcomes.refused_percent is 'Refused, of a hundred that were taken or refused.';
comment on column goniec_report.outcomes.last_refused_at is 'When the last one was refused.';
comment on column goniec_report.outcomes.last_refusal is 'In which words.';

create view goniec_report.doubts as
select m.id as message_id, c.name as campaign, s.email as salesperson, l.email as lead, m.recipient, m.step_key as step, b.address as mailbox,
       coalesce(m.rfc_message_id, content.headers ->> 'message-id') as rfc_message_id, content.subject,
       coalesce(c.timezone, i.timezone) as timezone, a.transmitting_at, a.deadline_at as resolvable_at
from goniec.message m
cross join goniec.installation i
join goniec.attempt a on a.message_id = m.id and a.state = 'in_doubt'
join goniec.mailbox b on b.id = a.mailbox_id
left join goniec.salesperson s on s.id = a.salesperson_id
left join goniec.campaign c on c.id = m.campaign_id
left join goniec.lead l on l.id = m.lead_id
left join goniec.message_content content on content.message_id = m.id
where m.status = 'in_doubt';

comment on view goniec_report.doubts is 'Mails of which nobody knows whether they arrived. A person ends each: goniec doubt resolve.';
comment on column goniec_report.doubts.message_id is 'The mail’s number, for goniec doubt resolve.';
comment on column goniec_report.doubts.campaign is 'Its campaign; null for a mail of none.';
comment on column goniec_report.doubts.salesperson is 'Who sent it.';
comment on column goniec_report.doubts.lead is 'The lead’s address; null for a test or a warm-up mail.';
comment on column goniec_report.doubts.recipient is 'The address that it was for.';
comment on column goniec_report.doubts.step is 'The key of its step.';
comment on column goniec_report.doubts.mailbox is 'The mailbox whose Sent folder may have it.';
comment on column goniec_report.doubts.rfc_message_id is 'The Message-ID to look for there.';
comment on column goniec_report.doubts.subject is 'Its subject; null where contents were dropped.';
comment on column goniec_report.doubts.timezone is 'Its campaign’s zone, else the installation’s.';
comment on column goniec_report.doubts.transmitting_at is 'When its content went on the wire.';
comment on column goniec_report.doubts.resolvable_at is 'From then on a person may resolve it: the attempt could be alive until then.';

-- Counted in the ledger, whatever the unique indexes say, and by the address, whatever the lead's number is: if one of them failed, it would show here.
create view goniec_report.duplicates as
select c.name as campaign, m.kind, m.recipient, coalesce(m.step_key, m.idempotency_key, 'mail ' || m.id) as step,
       count(*) as times, array_agg(m.id order by a.transmitting_at, a.id) as message_ids, array_agg(a.transmitting_at order by a.transmitting_at, a.id) as sent_at,
       case when bool_or(a.state = 'presumed_unsent') then 'a person resolved a doubt as not sent, and the server answered later that it had taken the mail'
            else 'a defect: report it' end as because
from goniec.attempt a
join goniec.message m on m.id = a.message_id
left join goniec.campaign c on c.id = m.campaign_id and m.kind = 'campaign'
where (a.state = 'accepted' or (a.state = 'presumed_unsent' and exists (
        select from goniec.contradiction k where k.attempt_id = a.id and k.reported ->> 'outcome' = 'accepted')))
  and not m.is_test
group by c.name, m.kind, m.recipient, coalesce(m.step_key, m.idempotency_key, 'mail ' || m.id)
having count(*) > 1;

comment on view goniec_report.duplicates is 'Who got the same mail twice: always empty. It counts what servers took, and relies on nothing that is to keep it empty.';
comment on column goniec_report.duplicates.campaign is 'The campaign; null for a response or a warm-up mail.';
comment on column goniec_report.duplicates.kind is 'campaign, response or warmup.';
comment on column goniec_report.duplicates.recipient is 'The address.';
comment on column goniec_report.duplicates.step is 'The key of the step, or of the response; else the mail’s number.';
comment on column goniec_report.duplicates.times is 'How often a server took it.';
comment on column goniec_report.duplicates.message_ids is 'The mails’ numbers, for goniec message show.';
comment on column goniec_report.duplicates.sent_at is 'When each of them went out.';
comment on column goniec_report.duplicates.because is 'The one way that is possible is a doubt that a person resolved as not sent, wrongly. Anything else is a defect.';
