/**
 * A large installation, written straight into the tables: by default a million pending mails in 1,000 campaigns, and 300,000 that have
 * gone out in the sixty days before. For measuring, and for looking at plans; nothing of it goes through the protocol.
 *
 *     DATABASE_URL=postgres://… node bench/million.ts          into a migrated database without campaigns, as a superuser
 *
 * Triggers and foreign keys are off in its session (`session_replication_role`), and ids are reckoned, so that each table is one
 * statement. The rows agree with each other as the audit wants it: states, attempts, counters, gates, lead days.
 */
import type { Client } from 'pg'
import { connectSession } from '../src/database/pool.ts'
import { GoniecError } from '../src/errors.ts'

export interface Scale {
  campaigns: number
  /** Pending mails of each campaign; a third of them has a slot. */
  pending: number
  /** Mails of each campaign that have gone out, or failed. */
  ended: number
}

const MILLION: Scale = { campaigns: 1000, pending: 1000, ended: 300 }

/** Fills a migrated database that has no campaigns yet; `client` is a superuser's session. */
export async function fillLarge(client: Pick<Client, 'query'>, scale: Scale = MILLION): Promise<void> {
  await client.query('begin; set local session_replication_role = replica')
  await client.query(
    'create temporary table scale (campaigns integer, pending integer, ended integer, now timestamptz, today date)',
  )
  await client.query(
    `insert into scale
     select $1, $2, $3, n.now, (n.now at time zone i.timezone)::date from (select goniec.now() as now) n, goniec.installation i`,
    [scale.campaigns, scale.pending, scale.ended],
  )
  for (const statement of STATEMENTS) await client.query(statement)
  await client.query('drop table scale')
  await client.query(SEQUENCES)
  await client.query('commit')
  await client.query('select goniec.make_day_rows(21)')
  await client.query('vacuum (analyze)')
}

const REGISTRY = [
  `insert into goniec.salesperson (id, email, name, daily_limit) overriding system value
   select n, format('sales-%s@firma.example', n), format('Person %s', n), 5000 from scale, generate_series(1, 50) n`,
  `insert into goniec.mailbox (id, address, salesperson_id, daily_limit, smtp_host, smtp_port, smtp_security, warmup_started) overriding system value
   select n, format('box-%s@firma.example', n), 1 + n % 50, 60, format('smtp-%s.firma.example', 1 + n % 5), 587, 'starttls',
          case when n % 20 = 0 then s.today - 10 end
   from scale s, generate_series(1, s.campaigns) n`,
  `insert into goniec.mailbox_gate (mailbox_id) select id from goniec.mailbox`,
  `insert into goniec.campaign (id, name, salesperson_id, status, daily_limit, started_at) overriding system value
   select n, format('campaign-%s', n), 1 + n % 50, case when n % 20 = 7 then 'paused' else 'running' end, 100, s.now - interval '61 days'
   from scale s, generate_series(1, s.campaigns) n`,
  `insert into goniec.campaign_gate (campaign_id) select id from goniec.campaign`,
  `insert into goniec.campaign_mailbox (campaign_id, mailbox_id)
   select c.id, c.id from goniec.campaign c union select c.id, 1 + c.id % s.campaigns from goniec.campaign c, scale s`,
  `insert into goniec.step (id, campaign_id, position, key, keyed, wait_days) overriding system value
   select 2 * c.id + p - 2, c.id, p, (array['intro', 'reminder'])[p], true, case p when 2 then 3 end from goniec.campaign c, generate_series(1, 2) p`,
  `insert into goniec.variant (step_id, letter, subject, text)
   select s.id, l, case s.position when 1 then 'Offer for {{ company }}' end, 'Good morning' from goniec.step s, unnest('{A,B}'::text[]) l`,
]

/** Every lead is in two campaigns. A third has an address at one of ten large providers, the others at twenty thousand companies. */
const LEADS = [
  `insert into goniec.lead (id, email, replied_at, unsubscribed_at) overriding system value
   select n, format('lead-%s@%s', n, case when n % 3 = 0 then format('provider-%s.example', n % 10) else format('company-%s.example', n % 20000) end),
          case when n % 40 = 1 then s.now - interval '1 day' end, case when n % 200 = 2 then s.now - interval '1 day' end
   from scale s, generate_series(1, (s.campaigns * (s.pending + s.ended) + 1) / 2) n`,
  `create temporary table place as
   select c.id as campaign_id, k, (c.id - 1) * (s.pending + s.ended) + k as id,
          1 + ((c.id - 1) * (s.pending + s.ended) + k - 1) % ((s.campaigns * (s.pending + s.ended) + 1) / 2) as lead_id,
          case when k % 2 = 0 then c.id else 1 + c.id % s.campaigns end as mailbox_id, k <= s.ended as ended,
          -- Days back from yesterday, in working hours; days ahead likewise.
          ((s.today - 1 - (s.ended - k) * 60 / s.ended)::timestamp at time zone 'Europe/Warsaw') + interval '9 hours'
            + (k % 250) * interval '97 seconds' + (c.id % 90) * interval '1 second' as was_at,
          ((s.today + 1 + (k - s.ended) / 50)::timestamp at time zone 'Europe/Warsaw') + interval '9 hours'
            + (k % 250) * interval '97 seconds' + (c.id % 90) * interval '1 second' as will_be_at
   from goniec.campaign c, scale s, generate_series(1, s.pending + s.ended) k
   order by c.id, k`,
  `insert into goniec.enrollment (id, campaign_id, lead_id, fields) overriding system value
   select id, campaign_id, lead_id, jsonb_build_object('company', 'Company ' || lead_id) from place`,
]

/** Of a hundred ended mails 95 were sent, four refused, and one was cancelled; every fifty-first campaign has a doubt. */
const MAILS = [
  `create temporary table ended as
   select p.*, p.was_at + (20 + p.id % 60) * interval '1 millisecond' as fence_at,
          case when p.k % 100 in (1, 2, 3, 4) then 'failed' when p.k % 100 = 5 then 'cancelled'
               when p.campaign_id % 51 = 0 and p.k = s.ended then 'in_doubt' else 'sent' end as status
   from place p, scale s where p.ended`,
  `insert into goniec.message (id, kind, status, campaign_id, enrollment_id, lead_id, recipient, step_id, step_key, variant, mailbox_id, scheduled_at,
     window_closes_at, planned_campaign_version, planned_mailbox_version, first_planned_at, sent_at, failed_reason, slot_reason, rfc_message_id) overriding system value
   select e.id, 'campaign', e.status, e.campaign_id, e.id, e.lead_id, l.email, 2 * e.campaign_id - 1, 'intro', (array['A', 'B'])[1 + e.id % 2],
          slot.mailbox_id, slot.at, slot.at + interval '8 hours', 1, 1, e.was_at - (e.id % 7 = 0)::integer * interval '1 day',
          case when e.status = 'sent' then e.fence_at end, case when e.status = 'failed' then '550 5.7.1 refused' end,
          case when e.status = 'cancelled' then 'cancelled' end, format('<%s@firma.example>', e.id)
   from ended e join goniec.lead l on l.id = e.lead_id
   left join lateral (select e.mailbox_id, e.was_at as at where e.status <> 'cancelled') slot on true`,
  `insert into goniec.message (id, kind, status, campaign_id, enrollment_id, lead_id, recipient, step_id, step_key, variant, mailbox_id, scheduled_at,
     window_closes_at, planned_campaign_version, planned_mailbox_version, first_planned_at, slot_reason) overriding system value
   select p.id, 'campaign', 'pending', p.campaign_id, p.id, p.lead_id, l.email, 2 * p.campaign_id - 1, 'intro', (array['A', 'B'])[1 + p.id % 2],
          slot.mailbox_id, slot.at, slot.at + interval '8 hours', case when slot.at is not null then 1 end, case when slot.at is not null then 1 end, slot.at,
          case when slot.at is null then 'not_due' end
   from place p join goniec.lead l on l.id = p.lead_id cross join scale s
   left join lateral (select p.mailbox_id, p.will_be_at as at where p.k - s.ended < s.pending / 3) slot on true
   where not p.ended`,
  `insert into goniec.incarnation (id, worker, host, pid, version, started_at, ended_at) overriding system value
   select 1, 'bench', 'bench', 1, '0', s.now - interval '61 days', s.now - interval '1 day' from scale s`,
  `insert into goniec.attempt (id, message_id, mailbox_id, kind, campaign_id, salesperson_id, lead_id, state, incarnation_id, lease_until, deadline_at, mailbox_day,
     campaign_day, campaign_version, mailbox_version, claimed_at, transmitting_at, finished_at, outcome, stage, code, response) overriding system value
   select row_number() over (order by e.was_at, e.id), e.id, e.mailbox_id, 'campaign', e.campaign_id, 1 + e.campaign_id % 50, e.lead_id,
          case e.status when 'sent' then 'accepted' when 'failed' then 'rejected' else 'in_doubt' end, 1, e.was_at + interval '3 minutes', e.was_at + interval '15 minutes',
          (e.was_at at time zone 'Europe/Warsaw')::date, (e.was_at at time zone 'Europe/Warsaw')::date, 1, 1, e.was_at + interval '5 milliseconds', e.fence_at,
          e.fence_at + interval '150 milliseconds', case e.status when 'sent' then 'accepted' when 'failed' then 'rejected' else 'unknown' end, 'dot',
          case e.status when 'sent' then 250 when 'failed' then 550 end, case e.status when 'sent' then '250 2.0.0 queued' when 'failed' then '550 5.7.1 refused' end
   from ended e where e.status <> 'cancelled'`,
]

const RECORD = [
  `insert into goniec.mailbox_day (mailbox_id, day, daily_limit, campaign_taken)
   select mailbox_id, mailbox_day, greatest(60, count(*)), count(*) from goniec.attempt group by 1, 2`,
  `insert into goniec.campaign_day (campaign_id, day, daily_limit, taken)
   select campaign_id, campaign_day, greatest(100, count(*)), count(*) from goniec.attempt group by 1, 2`,
  `insert into goniec.salesperson_day (salesperson_id, day, daily_limit, taken)
   select salesperson_id, mailbox_day, greatest(5000, count(*)), count(*) from goniec.attempt group by 1, 2`,
  `insert into goniec.lead_day (lead_id, day, campaign_id) select lead_id, mailbox_day, campaign_id from goniec.attempt on conflict do nothing`,
  `insert into goniec.event (at, type, message_id, attempt_id, campaign_id, lead_id, mailbox_id, actor, data)
   select made.at, made.type, a.message_id, made.attempt_id, a.campaign_id, a.lead_id, a.mailbox_id, 'bench', made.data
   from goniec.attempt a
   cross join lateral (values
     (a.claimed_at - interval '2 days', 'planned', null, jsonb_build_object('to', a.claimed_at - interval '5 milliseconds')),
     (a.claimed_at, 'claimed', a.id, jsonb_build_object('kind', a.kind)),
     (a.transmitting_at, 'fenced', a.id, '{}'),
     (a.finished_at, 'settled', a.id, jsonb_build_object('state', a.state, 'response', a.response))) as made (at, type, attempt_id, data)
   order by a.id, made.at`,
  'drop table place, ended',
]

const STATEMENTS = [...REGISTRY, ...LEADS, ...MAILS, ...RECORD]

/** Ids that are handed out from now on follow those that were reckoned. */
const SEQUENCES = `
  select setval(pg_get_serial_sequence('goniec.' || name, 'id'), highest)
  from (select 'salesperson' as name, max(id) as highest from goniec.salesperson union all select 'mailbox', max(id) from goniec.mailbox
        union all select 'campaign', max(id) from goniec.campaign union all select 'step', max(id) from goniec.step
        union all select 'lead', max(id) from goniec.lead union all select 'enrollment', max(id) from goniec.enrollment
        union all select 'message', max(id) from goniec.message union all select 'attempt', max(id) from goniec.attempt
        union all select 'incarnation', max(id) from goniec.incarnation) ids`

if (import.meta.main) {
  const url = process.env['DATABASE_URL']
  if (!url) {
    throw new GoniecError('usage', 'no database is named', { hint: 'DATABASE_URL=postgres://… node bench/million.ts' })
  }
  const client = await connectSession(url, { name: 'bench' })
  const startedAt = performance.now()
  await fillLarge(client)
  await client.end()
  process.stdout.write(`filled in ${Math.round((performance.now() - startedAt) / 1000)} s\n`)
}
