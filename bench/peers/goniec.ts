/**
 * Peer: goniec itself. A real worker process, mailboxes without gaps, one campaign a round with two steps (each mail that is accepted makes
 * its follow-up, which is planned beside), all mails of a round planned for the same instant. From that instant to the last outcome.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { sql } from 'kysely'
import { startWorker } from '../../tests/support/worker-process.ts'
import type { BenchServer } from '../server.ts'
import type { Peer } from '../throughput.ts'
import { LEAD_FIELDS, MAILBOXES, TEMPLATES } from './content.ts'

/** Time for the worker to be told, and to wait for the instant. */
const AHEAD_MS = 2000

/** The worker, in a world that has a campaign for each round. */
export async function startGoniec(
  { url, database, root }: BenchServer,
  port: number,
  { mails, rounds }: { mails: number; rounds: number },
): Promise<Peer> {
  await makeWorld(database, { port, mails, rounds })
  const worker = startWorker(url, { root, args: ['--name', 'bench'], env: { GONIEC_LOG_LEVEL: 'warn' } })
  const until = (text: string, values?: readonly unknown[]): Promise<Record<string, unknown>> =>
    untilRow(database, text, values)
  await until('select from goniec.incarnation where ended_at is null')
  return {
    name: 'goniec',
    pid: worker.pid,
    prepare: async ({ from }) => await beginRound(database, Math.ceil(from / mails)),
    async send({ from }) {
      const campaign = Math.ceil(from / mails)
      await until(TAKEN, [campaign, mails])
      await until(OVER, [campaign])
      const { ms } = await until(TOOK, [campaign])
      return Number(ms)
    },
    async rest() {
      await until(`select where not exists (
        select from goniec.message m join goniec.campaign c on c.id = m.campaign_id
        where c.status = 'running' and m.status = 'pending' and m.scheduled_at is null)`)
    },
    end: () => worker.kill('SIGTERM'),
  }
}

/** Plans the mails of a campaign for an instant, all for the same one, and waits until it is there. */
export async function beginRound(database: BenchServer['database'], campaign: number): Promise<void> {
  await database.query('vacuum (analyze) goniec.message')
  // At once, or the plan would lay slots of its own.
  await database.transaction(async (tx) => {
    await sql`update goniec.campaign set status = 'running', started_at = goniec.now() where id = ${campaign}`.execute(
      tx,
    )
    await sql`select goniec.make_day_rows(3)`.execute(tx)
    await sql.raw(slotsOf(campaign)).execute(tx)
  })
  await database.query(`select pg_notify('goniec', 'dispatch')`)
  await untilRow(
    database,
    'select from goniec.message where campaign_id = $1 and scheduled_at <= goniec.now() limit 1',
    [campaign],
  )
}

async function untilRow(
  database: BenchServer['database'],
  text: string,
  values: readonly unknown[] = [],
): Promise<Record<string, unknown>> {
  // Asked seldom: the asking costs the server time that it is measured by.
  for (;;) {
    const [row] = await database.query(text, values)
    if (row) return row
    await wait(100)
  }
}

/** Campaigns of two steps, as many as rounds, each with its own leads; a mail of the first step for each. */
export async function makeWorld(
  { query }: BenchServer['database'],
  { port, mails, rounds }: { port: number; mails: number; rounds: number },
): Promise<void> {
  await query(`insert into goniec.salesperson (email) values ('anna@firma.example')`)
  await query(
    `insert into goniec.mailbox (address, name, salesperson_id, daily_limit, min_gap_ms, smtp_host, smtp_port, smtp_security)
     select format('box-%s@firma.example', n), 'Anna Nowak', 1, 1000000, 0, '127.0.0.1', $2, 'none' from generate_series(1, $1) n`,
    [MAILBOXES, port],
  )
  await query('insert into goniec.mailbox_gate (mailbox_id) select id from goniec.mailbox')
  await query(
    `insert into goniec.campaign (name, salesperson_id, delay_ms, window_from, window_to, window_days, holidays)
     select 'round-' || n, 1, 0, '00:00', '24:00', '{mon,tue,wed,thu,fri,sat,sun}', null from generate_series(1, $1) n`,
    [rounds],
  )
  await query('insert into goniec.campaign_gate (campaign_id) select id from goniec.campaign')
  await query(
    'insert into goniec.campaign_mailbox (campaign_id, mailbox_id) select c.id, b.id from goniec.campaign c cross join goniec.mailbox b',
  )
  await query(
    `insert into goniec.step (campaign_id, position, key, keyed, wait_days)
     select c.id, s.position, s.key, true, s.wait_days from goniec.campaign c cross join (values (1, 'intro', null), (2, 'reminder', 3)) s (position, key, wait_days)`,
  )
  await query(
    `insert into goniec.variant (step_id, letter, subject, text, html) select id, 'A', $1, $2, $3 from goniec.step`,
    [TEMPLATES.subject, TEMPLATES.text, TEMPLATES.html],
  )
  await query(
    `insert into goniec.lead (email) select format('lead-%s@company-%s.example', n, n % 997) from generate_series(1, $1) n`,
    [mails * rounds],
  )
  await query(
    `insert into goniec.enrollment (campaign_id, lead_id, fields) select 1 + (n - 1) / $1::integer, n, ${LEAD_FIELDS} from generate_series(1, $1::integer * $2::integer) n`,
    [mails, rounds],
  )
  await query(
    `insert into goniec.message (kind, campaign_id, enrollment_id, lead_id, recipient, step_id, step_key, variant)
     select 'campaign', e.campaign_id, e.id, l.id, l.email, s.id, s.key, 'A'
     from goniec.enrollment e
     join goniec.lead l on l.id = e.lead_id
     join goniec.step s on s.campaign_id = e.campaign_id and s.position = 1
     order by e.id`,
  )
  await query('vacuum (analyze)')
}

/** The mails of a round, spread over the mailboxes, for the same instant. */
const slotsOf = (campaign: number): string => `
  update goniec.message m
  set mailbox_id = 1 + m.id % ${MAILBOXES}, scheduled_at = at, window_closes_at = at + interval '8 hours', first_planned_at = at,
      planned_campaign_version = c.version, planned_mailbox_version = 1
  from goniec.campaign c, date_trunc('milliseconds', goniec.now() + ${AHEAD_MS} * interval '1 millisecond') at
  where m.campaign_id = ${campaign} and c.id = ${campaign} and m.follows_at is null`

/** Asked first, since it costs nothing: who looks for what is open among the mails of a round goes through all that were. */
const TAKEN = `
  select from (select sum(taken) as mails from goniec.campaign_day where campaign_id = $1) taken where taken.mails >= $2`

const OVER = `
  select where not exists (
    select from goniec.message where campaign_id = $1 and status in ('pending', 'sending', 'in_doubt') and follows_at is null)`

const TOOK = `
  select (extract(epoch from max(a.finished_at) - min(m.scheduled_at)) * 1000)::float8 as ms
  from goniec.message m join goniec.attempt a on a.message_id = m.id
  where m.campaign_id = $1`
