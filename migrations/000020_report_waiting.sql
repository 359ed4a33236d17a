-- SQL as a face, continued: why each mail waits. The reason is the gate that binds (000016_gates.sql): the words of goniec queue list and goniec why.
--
-- Reckoned mail by mail, over the facts that claim decides by: some tenths of a millisecond each. Ask for a campaign, a lead, a mailbox; not for a million.
-- In two halves, planned mails in the order of the plan and then those without a time, so that the first ones of all are read in this order by index.
create view goniec_report.waiting as
(select m.id as message_id, m.kind, c.name as campaign, s.email as salesperson, l.email as lead, m.recipient, m.step_key as step, m.variant,
        b.address as mailbox, coalesce(g.code, 'due') as reason, m.held_reason as detail, g.opened_by, coalesce(g.opens_at, m.scheduled_at) as next_at,
        coalesce(c.timezone, clock.timezone) as timezone, m.scheduled_at, m.not_before, m.is_test
 from (
   select n.now, i.timezone, (n.now at time zone i.timezone)::date as today from (select goniec.now() as now offset 0) as n cross join goniec.installation i
 ) as clock
 cross join goniec.message m
 left join goniec.campaign c on c.id = m.campaign_id
 left join goniec.mailbox b on b.id = m.mailbox_id
 left join goniec.salesperson s on s.id = case when m.kind = 'campaign' then c.salesperson_id else b.salesperson_id end
 left join goniec.lead l on l.id = m.lead_id
 left join lateral (
   select g.code, g.opened_by, g.opens_at from goniec.gates(clock.now, clock.today, interval '5 minutes') g where g.message_id = m.id and g.binds = 1 offset 0
 ) as g on true
 where m.status = 'pending' and m.scheduled_at > '-infinity'
 order by m.scheduled_at, m.id)
union all
(select m.id as message_id, m.kind, c.name as campaign, s.email as salesperson, l.email as lead, m.recipient, m.step_key as step, m.variant,
        b.address as mailbox, coalesce(g.code, 'due') as reason, m.held_reason as detail, g.opened_by, coalesce(g.opens_at, m.scheduled_at) as next_at,
        coalesce(c.timezone, clock.timezone) as timezone, m.scheduled_at, m.not_before, m.is_test
 from (
   select n.now, i.timezone, (n.now at time zone i.timezone)::date as today from (select goniec.now() as now offset 0) as n cross join goniec.installation i
 ) as clock
 cross join goniec.message m
 left join goniec.campaign c on c.id = m.campaign_id
 left join goniec.mailbox b on b.id = m.bound_mailbox_id
 left join goniec.salesperson s on s.id = case when m.kind = 'campaign' then c.salesperson_id else b.salesperson_id end
 left join goniec.lead l on l.id = m.lead_id
 left join lateral (
   select g.code, g.opened_by, g.opens_at from goniec.gates(clock.now, clock.today, interval '5 minutes') g where g.message_id = m.id and g.binds = 1 offset 0
 ) as g on true
 where m.status = 'pending' and m.scheduled_at is null
 order by m.campaign_id, m.id);

comment on view goniec_report.waiting is 'Every mail that waits, with the one reason for it, and when that ends.';
comment on column goniec_report.waiting.message_id is 'The mail’s number, for goniec message show, and goniec why.';
comment on column goniec_report.waiting.kind is 'campaign, response or warmup.';
comment on column goniec_report.waiting.campaign is 'Its campaign; null for a mail of none.';
comment on column goniec_report.waiting.salesperson is 'Who will send it.';
comment on column goniec_report.waiting.lead is 'The lead’s address; null for a test or a warm-up mail.';
comment on column goniec_report.waiting.recipient is 'The address that it goes to.';
comment on column goniec_report.waiting.step is 'The key of its step.';
comment on column goniec_report.waiting.variant is 'The letter of its text.';
comment on column goniec_report.waiting.mailbox is 'The mailbox that it leaves from; null: not chosen yet.';
comment on column goniec_report.waiting.reason is 'What keeps it waiting, one word: docs/looking.md has them all. due: nothing does but a worker.';
comment on column goniec_report.waiting.detail is 'Why it was set aside, where the reason is held.';
comment on column goniec_report.waiting.opened_by is 'What ends that: time, the plan (within a minute), mail (another one’s end), the campaign’s own life, or a person. Null: it is due.';
comment on column goniec_report.waiting.next_at is 'When that is, or its planned time; null: no time ends it.';
comment on column goniec_report.waiting.timezone is 'Its campaign’s zone, else the installation’s.';
comment on column goniec_report.waiting.scheduled_at is 'The time that it is planned for; null: it has none yet.';
comment on column goniec_report.waiting.not_before is 'A retry’s, or a response’s, earliest time.';
comment on column goniec_report.waiting.is_test is 'A copy to oneself, from goniec campaign test.';
