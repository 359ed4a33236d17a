/** Worlds for benchmarks: campaigns of equal size, three mailboxes each, all their mails pending and nothing planned; written straight into the tables. */
import type { Database } from '../src/database/pool.ts'

export interface Campaigns {
  /** From this one to that one, both included. */
  from: number
  to: number
  /** Leads, and so mails, of each. */
  leads: number
  /** There are so many, shared by all campaigns; each sends fifty mails a day. */
  mailboxes: number
  /** Between two mails of a campaign. */
  delayMs: number
}

/** Adds running campaigns. Ids are reckoned: the k-th mail of the n-th campaign is (n - 1) * leads + k. */
export async function addCampaigns({ query }: Pick<Database, 'query'>, campaigns: Campaigns): Promise<void> {
  await query(MAILBOXES, [campaigns.mailboxes])
  await query('insert into goniec.mailbox_gate (mailbox_id) select id from goniec.mailbox on conflict do nothing')
  for (const statement of WORLD) {
    const { from, to, leads, mailboxes, delayMs } = campaigns
    // A parameter that a statement does not name would have no type.
    const values = [from, to, leads, mailboxes, delayMs].slice(
      0,
      Math.max(...[...statement.matchAll(/\$(\d)/g)].map((hit) => Number(hit[1]))),
    )
    await query(statement, values)
  }
  await query('vacuum (analyze)')
}

const MAILBOXES = `
  with owner as (
    insert into goniec.salesperson (id, email) overriding system value values (1, 'anna@firma.example') on conflict do nothing
  )
  insert into goniec.mailbox (id, address, salesperson_id, daily_limit, min_gap_ms, smtp_host, smtp_port, smtp_security) overriding system value
  select n, format('box-%s@firma.example', n), 1, 50, 60000, '127.0.0.1', 25, 'none' from generate_series(1, $1::integer) n
  on conflict do nothing`

const NUMBERS = 'generate_series($1::integer, $2::integer) n'
const MAILS = `${NUMBERS}, generate_series(1, $3::integer) k`

const WORLD = [
  `insert into goniec.campaign (id, name, salesperson_id, delay_ms, contact_gap_days) overriding system value
   select n, format('campaign-%s', n), 1, $5, 1 from ${NUMBERS} where $3::integer is not null and $4::integer is not null`,
  `insert into goniec.campaign_gate (campaign_id) select n from ${NUMBERS}`,
  `insert into goniec.campaign_mailbox (campaign_id, mailbox_id)
   select distinct n, 1 + (3 * n + b) % $4::integer from ${NUMBERS}, generate_series(0, 2) b where $3::integer is not null`,
  `insert into goniec.step (id, campaign_id, position, key, keyed) overriding system value select n, n, 1, 'intro', true from ${NUMBERS}`,
  `insert into goniec.variant (step_id, letter, subject, text) select n, 'A', 'Offer', 'Good morning' from ${NUMBERS}`,
  `insert into goniec.lead (id, email) overriding system value
   select $3 * (n - 1) + k, format('lead-%s-%s@company-%s.example', n, k, k) from ${MAILS}`,
  `insert into goniec.enrollment (id, campaign_id, lead_id) overriding system value select $3 * (n - 1) + k, n, $3 * (n - 1) + k from ${MAILS}`,
  `insert into goniec.message (id, kind, campaign_id, enrollment_id, lead_id, recipient, step_id, step_key, variant) overriding system value
   select e.id, 'campaign', e.campaign_id, e.id, e.lead_id, l.email, e.campaign_id, 'intro', 'A'
   from goniec.enrollment e join goniec.lead l on l.id = e.lead_id where e.campaign_id between $1::integer and $2::integer`,
  `update goniec.campaign set status = 'running', started_at = goniec.now() where id between $1::integer and $2::integer`,
]
