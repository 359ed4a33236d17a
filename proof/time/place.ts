/** What one run sends: a campaign and a mailbox of its own, so that the runs of a chain share workers and clocks, and nothing else. */
import { assert } from '../../src/errors.ts'
import type { Database } from '../../src/database/pool.ts'
import { untilRow } from '../../tests/support/until-row.ts'
import type { Step } from './clocks.ts'

export interface Place {
  seed: number
  /** Every recipient of the run is in it. */
  domain: string
  /** The one whose mail is held. */
  held: string
  campaign: string
  mailbox: string
  delayMs: number
  gapMs: number
  mails: number
}

/** Different by seed: how many mails, and how close. Of a mailbox's mails two may go on a day, so that limits bind. */
export function placeOf(seed: number): Place {
  const domain = `run-${seed}.example`
  return {
    seed,
    domain,
    held: `held@${domain}`,
    campaign: `run-${seed}`,
    mailbox: `box-${seed}@team.example`,
    delayMs: 100 + (seed % 5) * 50,
    gapMs: 50 + (seed % 7) * 25,
    mails: 2 + (seed % 3),
  }
}

const DAILY_LIMIT = 2

/** Makes mailbox and campaign, without mails. */
export async function makePlace(database: Database, place: Place, { window }: Step, smtpPort: number): Promise<void> {
  const { campaign, mailbox, delayMs, gapMs } = place
  const [from, to] = window ?? ['00:00', '24:00']
  await database.query(
    `insert into goniec.mailbox (address, salesperson_id, daily_limit, min_gap_ms, smtp_host, smtp_port, smtp_security)
     values ($1, 1, $2, $3, '127.0.0.1', $4, 'none')`,
    [mailbox, DAILY_LIMIT, gapMs, smtpPort],
  )
  await database.query(
    `insert into goniec.campaign (name, salesperson_id, delay_ms, jitter, window_from, window_to, window_days, holidays, status, started_at)
     values ($1, 1, $2, 0, $3, $4, '{mon,tue,wed,thu,fri,sat,sun}', null, 'running', goniec.now())`,
    [campaign, delayMs, from, to],
  )
  await database.query(
    `with box as (select id from goniec.mailbox where address = $1),
     camp as (select id from goniec.campaign where name = $2),
     gate as (insert into goniec.mailbox_gate (mailbox_id) select id from box),
     camp_gate as (insert into goniec.campaign_gate (campaign_id) select id from camp),
     pair as (insert into goniec.campaign_mailbox (campaign_id, mailbox_id) select camp.id, box.id from camp, box),
     step as (insert into goniec.step (campaign_id, position, key, keyed) select id, 1, 'intro', true from camp returning id)
     insert into goniec.variant (step_id, letter, subject, text) select id, 'A', 'To {{ n }}', 'Hello {{ n }}' from step`,
    [mailbox, campaign],
  )
  await database.query(`insert into goniec.lead (email) values ($1)`, [place.held])
}

/** Adds the campaign's mails, the held one first; `afterMs`: none may go before. */
export async function addMails(database: Database, place: Place, { afterMs = 0, alsoHeld = true } = {}): Promise<void> {
  const { domain, campaign, held, mails } = place
  await database.query(
    `insert into goniec.lead (email) select 'lead' || n || '@' || $1 from generate_series(1, $2 - 1) n`,
    [domain, mails],
  )
  await database.query(
    `with leads as (select id, email from goniec.lead where goniec.domain_of(email) = $1 and ($2 or email <> $3) order by id),
     camp as (select c.id, s.id as step_id from goniec.campaign c join goniec.step s on s.campaign_id = c.id where c.name = $4),
     enrolled as (
       insert into goniec.enrollment (campaign_id, lead_id, fields)
       select camp.id, l.id, jsonb_build_object('n', l.email) from camp, leads l order by l.id returning id, campaign_id, lead_id)
     insert into goniec.message (kind, campaign_id, enrollment_id, lead_id, recipient, step_id, step_key, variant, not_before)
     select 'campaign', e.campaign_id, e.id, l.id, l.email, camp.step_id, 'intro', 'A', goniec.now() + nullif($5::integer, 0) * interval '1 millisecond'
     from enrolled e join leads l on l.id = e.lead_id cross join camp order by l.id`,
    [domain, alsoHeld, held, campaign, afterMs],
  )
  await database.query(`select pg_notify('goniec', 'plan')`)
}

/** Adds a response to the held recipient, with more content than a connection's buffers hold. */
export async function addLongResponse(database: Database, place: Place): Promise<void> {
  const content = Buffer.alloc(LONG_BYTES, 'a').toString('base64')
  await database.query(
    `select goniec.enqueue_response("to" => $1, key => $2, subject => 'Long', text => 'Long', "from" => $3, attachments => $4)`,
    [
      place.held,
      `long-${place.seed}`,
      place.mailbox,
      JSON.stringify([{ filename: 'long.bin', contentType: 'application/octet-stream', content }]),
    ],
  )
}

const LONG_BYTES = 6_000_000

/** The first attempt at the held mail, when it is in this state. */
export async function heldAttempt(database: Database, place: Place, state: string): Promise<number> {
  const { id } = await untilRow<{ id: number }>(
    database,
    `select a.id from goniec.attempt a join goniec.message m on m.id = a.message_id where m.recipient = $1 and a.state = $2 order by a.id limit 1`,
    [place.held, state],
  )
  return id
}

/** Resolves when an attempt has come to its end, or is told to be over by recovery. */
export async function attemptEnded(database: Database, id: number): Promise<void> {
  await untilRow(
    database,
    `select from goniec.attempt where id = $1 and state not in ('claimed', 'transmitting') and finished_at is not null`,
    [id],
  )
}

/** Two turns of what is done each minute, which is a quarter of a second here. */
export async function twoTurns(database: Database): Promise<void> {
  for (let turn = 0; turn < 2; turn += 1) {
    const [row] = await database.query<{ at: string | null }>(`select taken_at::text as at from goniec.minute`)
    assert(row, 'there is one row')
    await untilRow(database, `select from goniec.minute where taken_at::text is distinct from $1`, [row.at])
  }
}
