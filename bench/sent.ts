/**
 * A history: mails that have gone out, written straight into the tables, with triggers and foreign keys off. Each lead was mailed by several
 * other campaigns, over the last year; enrollments, mails, attempts and contact days are there, contents and events are not.
 */
import type { Client } from 'pg'

export interface Sent {
  /** There are so many, with so many leads; what `addCampaigns` made. */
  campaigns: number
  leads: number
  ofALead: number
}

/** Adds them. Ids follow those that are there. */
export async function addSent(client: Pick<Client, 'query'>, { campaigns, leads, ofALead }: Sent): Promise<void> {
  await client.query('set session_replication_role = replica')
  await client.query(`set work_mem = '256MB'; set maintenance_work_mem = '1GB'`)
  const indexes = await dropIndexes(client)
  await client.query('create temporary table mailed (campaigns bigint, leads bigint, of_a_lead bigint)')
  await client.query('insert into mailed values ($1, $2, $3)', [campaigns, leads, ofALead])
  for (const statement of STATEMENTS) await client.query(statement)
  for (const { definition } of indexes) await client.query(definition)
  await client.query(SEQUENCES)
  await client.query('reset session_replication_role')
}

/** As if nothing had ever been planned, and tidy. */
export async function takeSlots(client: Pick<Client, 'query'>): Promise<void> {
  await client.query('set session_replication_role = replica')
  await client.query(`
    update goniec.message
    set scheduled_at = null, mailbox_id = null, window_closes_at = null, first_planned_at = null, slot_reason = null
    where status = 'pending' and scheduled_at is not null`)
  await client.query('reset session_replication_role')
  await client.query('vacuum (analyze)')
}

/** Made anew at the end, which takes half the time; those that constraints stand on stay. */
async function dropIndexes(client: Pick<Client, 'query'>): Promise<{ definition: string }[]> {
  const { rows } = await client.query<{ name: string; definition: string }>(`
    select i.indexrelid::regclass::text as name, pg_get_indexdef(i.indexrelid) as definition
    from pg_index i
    where i.indrelid in ('goniec.message'::regclass, 'goniec.attempt'::regclass, 'goniec.enrollment'::regclass)
      and not exists (select from pg_constraint c where c.conindid = i.indexrelid)`)
  for (const { name } of rows) await client.query(`drop index ${name}`)
  return rows
}

/** The j-th campaign that mailed the n-th lead before, other than his own. */
const MAILED = `
  (select l.id as lead_id, l.email, m.leads * j + l.id as id, 1 + (l.id + 997 * j) % m.campaigns as campaign_id,
          now() - (1 + (l.id * 7 + j * 31) % 365) * interval '1 day' as at
   from mailed m, generate_series(1, m.of_a_lead) j, goniec.lead l) p`

const STATEMENTS = [
  `insert into goniec.enrollment (id, campaign_id, lead_id) overriding system value
   select p.id, p.campaign_id, p.lead_id from ${MAILED} on conflict do nothing`,
  `insert into goniec.incarnation (id, worker, host, pid, version, started_at, ended_at) overriding system value
   values (1, 'bench', 'bench', 1, '0', now() - interval '1 year', now() - interval '1 day') on conflict do nothing`,
  `insert into goniec.message (id, kind, status, campaign_id, enrollment_id, lead_id, recipient, step_id, step_key, variant, mailbox_id, scheduled_at,
     window_closes_at, planned_campaign_version, planned_mailbox_version, first_planned_at, sent_at, rfc_message_id) overriding system value
   select p.id, 'campaign', 'sent', p.campaign_id, p.id, p.lead_id, p.email, p.campaign_id, 'before', 'A', 1 + p.id % 500, p.at,
          p.at + interval '8 hours', 1, 1, p.at, p.at, format('<%s@firma.example>', p.id)
   from ${MAILED}`,
  `insert into goniec.attempt (id, message_id, mailbox_id, kind, campaign_id, salesperson_id, lead_id, state, incarnation_id, lease_until, deadline_at, mailbox_day,
     campaign_day, campaign_version, mailbox_version, claimed_at, transmitting_at, finished_at, outcome, stage, code, response) overriding system value
   select p.id, p.id, 1 + p.id % 500, 'campaign', p.campaign_id, 1, p.lead_id, 'accepted', 1, p.at, p.at, p.at::date, p.at::date, 1, 1, p.at, p.at, p.at,
          'accepted', 'dot', 250, '250 2.0.0 queued'
   from ${MAILED}`,
  `insert into goniec.lead_day (lead_id, day, campaign_id) select p.lead_id, p.at::date, p.campaign_id from ${MAILED} on conflict do nothing`,
]

/** What has slots loses them, so that planning can be measured again. */
const SEQUENCES = `
  select setval(pg_get_serial_sequence('goniec.message', 'id'), (select max(id) from goniec.message)),
         setval(pg_get_serial_sequence('goniec.attempt', 'id'), (select max(id) from goniec.attempt)),
         setval(pg_get_serial_sequence('goniec.enrollment', 'id'), (select max(id) from goniec.enrollment)),
         setval(pg_get_serial_sequence('goniec.incarnation', 'id'), (select max(id) from goniec.incarnation))`
