-- The gates that a waiting mail has to pass, in the order in which claim asks for them, each with its value, its limit, and when it opens.
--
-- Over the facts that claim itself decides by (goniec.candidates, end of 000003_queue.sql), so that the two cannot disagree: a mail that has a slot
-- passes all of them exactly if claim would take it now were it the only one.
--
-- Of the gates that are shut the one that binds is the one that opens last, since a mail goes when all are open. "opened_by" says what opens it:
-- a person (nothing opens it by itself), the campaign's own life (its first day; the plan that revives it or clears it up), the plan (its next run,
-- within a minute), time (at opens_at), or another mail's end. In that order they last. "binds" counts from there: 1 is the gate that binds, if it is
-- shut. Ask with a message's id: it is found by its key, and the rest by look-ups.

-- Why a mail has no slot, as the plan has said of it; null: no plan has looked at it. Of a campaign's first mails the plan looks at those in front, as
-- many as there could be room for, and of those that find none only the first ones are told: what is said of them holds for all behind them (of a
-- domain that gets no more, for those to the same domain). They have an index of their own, since thousands of follow-ups may stand before them.
create function goniec.why_no_slot(m goniec.message) returns text
language sql stable
as $$
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
$$;

create function goniec.gates(at timestamptz, today date, grace interval)
returns table (
  message_id bigint, place integer, gate text, is_open boolean, code text, value jsonb, most jsonb, opened_by text, opens_at timestamptz, binds bigint)
language sql stable
as $$
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
$$;

comment on function goniec.gates(timestamptz, date, interval) is
  'The gates of every pending message, in claim''s order; ask for one message_id. is_open; else code, opened_by (person, campaign, plan, time, mail) and opens_at. binds = 1 and not is_open: the one that binds.';

do $$
begin
  if exists (select from pg_roles where rolname = 'goniec_worker') then
    grant execute on function goniec.gates(timestamptz, date, interval) to goniec_worker;
  end if;
end $$;
