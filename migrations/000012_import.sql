-- Import: a batch of a table's rows becomes leads, enrollments and first messages.
--
-- Owns       leads and enrollments as they are made; the message of a campaign's first step for each new enrollment.
-- Promises   a row is enrolled whole or not at all; the same row twice, or in two imports at once, enrolls once; whoever may not be mailed is
--            named with the reason, and leaves no trace.
-- Leaves     addresses and their form to the reader of the table; a campaign's return from "completed" to whoever imports.
--
-- Its shape, and why:
--   Sets, in three steps, each sorted: leads by address, enrollments by lead. Two imports of the same rows take turns at the first row that they
--   share, and never hold what the other one needs next. The plan mails leads in the order of their messages' ids: whoever imports several
--   batches at once reserves ids for their rows beforehand, so that leads are mailed in the order of the table's lines.
--   Only what is not there is inserted: "on conflict do nothing" alone would wait for whoever holds a known lead in an open transaction. It is
--   for what another import is just making; it waits for that, but does not return it, so what is there is read by a statement of its own.
--   The campaign is locked "for key share": that alone keeps it from being completed ("for update") while leads are added, and nobody who pauses,
--   cancels or changes it waits for an import. What is added to a campaign that is just being cancelled is swept with the rest of it.
--   Joins are look-ups by index, whatever the statistics say: these tables grow from nothing to a million rows within one import.

create function goniec.reserve_message_ids(p_count integer) returns bigint[]
language sql
as $$
  select array(select nextval('goniec.message_id_seq') from generate_series(1, p_count))
$$;

comment on function goniec.reserve_message_ids(integer) is 'Ids for messages that are about to be made, ascending. Those that are not used are gaps, and harm nobody.';

create function goniec.import_leads(p_campaign bigint, p_rows jsonb, p_dry_run boolean default false) returns jsonb
language plpgsql
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set jit = off
as $$
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
end $$;

comment on function goniec.import_leads(bigint, jsonb, boolean) is
  'Enrolls a batch: [{line, email, given, fields}], each address once; a dry run without a campaign says what a new one would take. Returns {new, known, enrolled, updated, rejects: [{line, reason}]}; reason is suppressed, unsubscribed, bounced, replied, blocked or removed.';
