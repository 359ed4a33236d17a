/** Mailboxes as people look at them: today's use of each limit, the warm-up's day, what holds them up, what servers said last. */
import type { Database } from '../database/pool.ts'
import type { TokenSource } from '../mailboxes/access-tokens.ts'
import type { Instant } from '../time.ts'

export interface MailboxSummary {
  address: string
  name: string | null
  salesperson: string
  status: 'active' | 'paused' | 'broken'
  status_reason: string | null
  today: MailboxToday
  /** While it is warming: day 1 is the day the warm-up started, and the stage is the day from which its limits hold. */
  warmup: { day: number; stage: number | null; started: string } | null
  /** Not claimed before: it backs off, or a vanished worker may still be on its wire. */
  free_from: Instant | null
  faults: number
  fault_reason: string | null
  /** Its last mail went on the wire then. */
  last_fence_at: Instant | null
  /** Its next planned mail. */
  next_at: Instant | null
}

/** A limit that is null is none of its own. */
export interface MailboxToday {
  day: string
  taken: number
  daily_limit: number
  campaign_taken: number
  campaign_limit: number | null
  warmup_taken: number
  warmup_limit: number | null
  response_taken: number
}

export interface MailboxReport extends MailboxSummary {
  id: number
  min_gap_ms: number
  warmup_daily_limit: number | null
  campaigns: string[]
  salesperson_paused_at: Instant | null
  all_paused_at: Instant | null
  smtp: {
    host: string
    port: number
    security: string
    user: string | null
    password: string | null
    oauth2: TokenSource | null
  }
  /** Mails on which a server said no for good today. */
  rejected_today: number
  in_doubt: number
  /** The last attempts, newest first, with the servers' words. */
  answers: MailboxAnswer[]
}

export interface MailboxAnswer {
  message_id: number | null
  recipient: string | null
  state: string
  claimed_at: Instant
  finished_at: Instant | null
  code: number | null
  response: string | null
}

/** All mailboxes, by address. */
export async function readMailboxes(database: Pick<Database, 'query'>): Promise<MailboxSummary[]> {
  return database.query<MailboxSummary & Record<string, unknown>>(`${select('')} order by b.address`)
}

/** Up to `most` mailboxes: those that are out of service first, then by address. */
export async function readTroubledFirst(database: Pick<Database, 'query'>, most: number): Promise<MailboxSummary[]> {
  return database.query<MailboxSummary & Record<string, unknown>>(
    // Chosen before anything is reckoned of them.
    `${select('')}
     where b.id = any (array(select x.id from goniec.mailbox x order by ${ORDER('x')} limit $1))
     order by ${ORDER('b')}`,
    [most],
  )
}

const ORDER = (b: string): string => `array_position('{broken,paused,active}'::text[], ${b}.status), ${b}.address`

/** One mailbox, looked at closely. */
export async function readMailbox(database: Pick<Database, 'query'>, id: number): Promise<MailboxReport | undefined> {
  const [mailbox] = await database.query<Omit<MailboxReport, 'answers'>>(`${select(MORE)} where b.id = $1`, [id])
  if (!mailbox) return undefined
  const answers = await database.query<MailboxAnswer & Record<string, unknown>>(ANSWERS, [id])
  return { ...mailbox, answers }
}

function select(more: string): string {
  return `
    select b.address, b.name, s.email as salesperson, b.status, b.status_reason,
      json_build_object(
        'day', to_char(clock.today, 'YYYY-MM-DD'),
        'taken', coalesce(d.campaign_taken + d.warmup_taken + d.response_taken, 0), 'daily_limit', coalesce(d.daily_limit, l.daily_limit),
        'campaign_taken', coalesce(d.campaign_taken, 0), 'campaign_limit', case when d.day is null then l.campaign_limit else d.campaign_limit end,
        'warmup_taken', coalesce(d.warmup_taken, 0), 'warmup_limit', case when d.day is null then l.warmup_limit else d.warmup_limit end,
        'response_taken', coalesce(d.response_taken, 0)) as today,
      case when l.campaign_limit is not null then json_build_object(
        'day', clock.today - b.warmup_started + 1,
        'stage', (select max(w.from_day) from goniec.warmup_stage w where w.from_day <= clock.today - b.warmup_started + 1),
        'started', to_char(b.warmup_started, 'YYYY-MM-DD')) end as warmup,
      case when g.free_from > clock.now then g.free_from end as free_from, coalesce(g.faults, 0) as faults, g.fault_reason,
      -- The gate keeps it only where there is a gap to keep.
      greatest(g.last_fence_at, (
        select max(a.transmitting_at)
        from (select a.transmitting_at from goniec.attempt a where a.mailbox_id = b.id order by a.id desc limit 10) a)) as last_fence_at,
      (select min(n.at) from (values ('response'), ('campaign'), ('warmup')) as k (kind)
       cross join lateral (
         select min(m.scheduled_at) as at from goniec.message m
         where m.mailbox_id = b.id and m.kind = k.kind and m.status = 'pending' and m.scheduled_at is not null) as n) as next_at
      ${more}
    from (select n.now, (n.now at time zone i.timezone)::date as today, i.paused_at
          from (select goniec.now() as now offset 0) n cross join goniec.installation i) as clock
    cross join goniec.mailbox b
    join goniec.salesperson s on s.id = b.salesperson_id
    cross join lateral goniec.mailbox_limits(b, clock.today) l
    left join goniec.mailbox_gate g on g.mailbox_id = b.id
    left join goniec.mailbox_day d on d.mailbox_id = b.id and d.day = clock.today`
}

/** A mailbox has some hundred attempts a day at most; more than these are not counted, so that the answer comes at once. */
const MOST_ATTEMPTS = 5000

const MORE = `,
      b.id, b.min_gap_ms, b.warmup_daily_limit, s.paused_at as salesperson_paused_at, clock.paused_at as all_paused_at,
      array(select c.name from goniec.campaign_mailbox u join goniec.campaign c on c.id = u.campaign_id
            where u.mailbox_id = b.id and c.status not in ('completed', 'cancelled') order by c.name) as campaigns,
      json_build_object('host', b.smtp_host, 'port', b.smtp_port, 'security', b.smtp_security, 'user', b.smtp_user,
        'password', b.smtp_password_ref, 'oauth2', b.smtp_oauth2) as smtp,
      (select count(*) from (select a.state, a.mailbox_day from goniec.attempt a where a.mailbox_id = b.id order by a.id desc limit ${MOST_ATTEMPTS}) a
       where a.mailbox_day = clock.today and a.state = 'rejected') as rejected_today,
      (select count(*) from goniec.message m join goniec.attempt a on a.message_id = m.id and a.state = 'in_doubt'
       where m.status = 'in_doubt' and a.mailbox_id = b.id) as in_doubt`

const ANSWERS = `
  select a.message_id, m.recipient, a.state, a.claimed_at, a.finished_at, a.code, a.response
  from goniec.attempt a
  left join goniec.message m on m.id = a.message_id
  where a.mailbox_id = $1
  order by a.id desc
  limit 10`
