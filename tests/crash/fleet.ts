/** Worlds for workers that are killed: mailboxes on one server, campaigns that may send all day, leads enrolled in them. */
import type { TestDatabase } from '../support/database.ts'

export interface Fleet {
  mailboxes: number
  campaigns: number
  leads: number
  smtpPort: number
  mailboxDailyLimit?: number
  campaignDailyLimit?: number | null
  minGapMs?: number
  delayMs?: number
  /** Ample text, so that content takes several writes. */
  text?: string
}

/** Makes the world and starts its campaigns. Each lead is in one campaign, with two steps: the second follows at once. */
export async function makeFleet(database: Pick<TestDatabase, 'query'>, fleet: Fleet): Promise<void> {
  const {
    mailboxes,
    campaigns,
    leads,
    smtpPort,
    mailboxDailyLimit = 100_000,
    campaignDailyLimit = null,
    minGapMs = 0,
    delayMs = 0,
    text = 'Hello {{ n }}',
  } = fleet
  await database.query(`insert into goniec.salesperson (email) values ('anna@team.example')`)
  await database.query(
    `insert into goniec.mailbox (address, salesperson_id, daily_limit, min_gap_ms, smtp_host, smtp_port, smtp_security)
     select 'box' || n || '@team.example', 1, $2, $3, '127.0.0.1', $4, 'none' from generate_series(1, $1) n`,
    [mailboxes, mailboxDailyLimit, minGapMs, smtpPort],
  )
  await database.query('insert into goniec.mailbox_gate (mailbox_id) select id from goniec.mailbox')
  await database.query(
    `insert into goniec.campaign (name, salesperson_id, delay_ms, daily_limit, window_from, window_to, window_days, holidays, contact_gap_days)
     select 'campaign-' || n, 1, $2, $3, '00:00', '24:00', '{mon,tue,wed,thu,fri,sat,sun}', null, 0 from generate_series(1, $1) n`,
    [campaigns, delayMs, campaignDailyLimit],
  )
  await database.query('insert into goniec.campaign_gate (campaign_id) select id from goniec.campaign')
  await database.query(
    'insert into goniec.campaign_mailbox (campaign_id, mailbox_id) select c.id, b.id from goniec.campaign c cross join goniec.mailbox b',
  )
  await database.query(
    `insert into goniec.step (campaign_id, position, key, keyed, wait_ms)
     select c.id, s.position, s.key, true, s.wait_ms from goniec.campaign c cross join (values (1, 'intro', null), (2, 'reminder', 1)) s (position, key, wait_ms)`,
  )
  await database.query(
    `insert into goniec.variant (step_id, letter, subject, text) select s.id, 'A', s.key || ' {{ n }}', $1 from goniec.step s`,
    [text],
  )
  await database.query(
    `insert into goniec.lead (email) select 'lead' || n || '@people.example' from generate_series(1, $1) n`,
    [leads],
  )
  await database.query(
    `insert into goniec.enrollment (campaign_id, lead_id, fields) select 1 + l.id % $1, l.id, jsonb_build_object('n', l.id::text) from goniec.lead l`,
    [campaigns],
  )
  await database.query(
    `insert into goniec.message (kind, campaign_id, enrollment_id, lead_id, recipient, step_id, step_key, variant)
     select 'campaign', e.campaign_id, e.id, l.id, l.email, s.id, s.key, 'A'
     from goniec.enrollment e
     join goniec.lead l on l.id = e.lead_id
     join goniec.step s on s.campaign_id = e.campaign_id and s.position = 1`,
  )
  await database.query(`update goniec.campaign set status = 'running', started_at = goniec.now()`)
}

/** What the ledger says of each mail that the server could have: by recipient and step. */
export async function ledger(database: Pick<TestDatabase, 'query'>): Promise<Map<string, string>> {
  const rows = await database.query<{ mail: string; status: string }>(
    `select m.recipient || ' ' || m.step_key as mail, m.status from goniec.message m`,
  )
  return new Map(rows.map(({ mail, status }) => [mail, status]))
}
