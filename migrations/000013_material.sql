-- Material: what the mails of messages are made of, for a worker's batch, a preview or a test (src/delivery/material.ts composes from it).
--
-- Its shape, and why:
--   The installation is read beforehand: a table without an index to look it up by can only be scanned, and what a forbidden scan is said to cost
--   drowns every other difference; measured, the planner then read all messages by their key, 500 ms for 30 mails of 100,000.
--   A function, and not a query of the worker: with a dozen tables it is planned in 4 ms and runs in less than one, for fifty messages; here it
--   is planned once a session. And its plan must not be one that was good while the tables were empty (see the settings below).
--   The texts of variants and the settings of mailboxes are not among it, but their versions: a worker reads those once a version.
--   What a lead got before is looked up by the lead, who has few mails, and filtered afterwards ("offset 0" keeps the two apart): an index over
--   what was sent looks better to the planner as long as it believes that nothing was.

create function goniec.material(p_messages bigint[], p_mailboxes bigint[])
returns table (
  id bigint, kind text, is_test boolean, recipient text, idempotency_key text, rfc_message_id text, installation_id uuid, now timestamptz,
  mailbox_id bigint, mailbox_version bigint, campaign_name text, campaign_version bigint, step_id bigint, step_key text, letter text,
  fields jsonb, previous jsonb, material jsonb)
language plpgsql stable
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
set jit = off
as $$
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
end $$;

comment on function goniec.material(bigint[], bigint[]) is
  'What the mails of these messages are made of. p_mailboxes, one for each: where it leaves from; null: its slot''s, else the one it is bound to. previous: the mail before in its thread.';
