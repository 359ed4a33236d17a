/** One message with its whole history: planned and actual times side by side, every attempt with the server's words, every event. */
import type { Database } from '../database/pool.ts'
import type { Instant } from '../time.ts'
import { describeEvent, withInstants } from './event-words.ts'
import { mailsOf, type Mail } from './mail.ts'

export interface MessageReport extends Mail {
  rfc_message_id: string | null
  sent_at: Instant | null
  /** How late its last attempt passed the fence, by its slot and by the first slot it ever had; null where none passed. */
  lateness_ms: number | null
  displacement_ms: number | null
  window_closes_at: Instant | null
  not_before: Instant | null
  held_reason: string | null
  failed_reason: string | null
  counted_attempts: number
  uncounted_attempts: number
  bound_mailbox: string | null
  idempotency_key: string | null
  created_at: Instant
  attempts: AttemptReport[]
  events: EventReport[]
}

export interface AttemptReport {
  id: number
  state: string
  mailbox: string
  worker: string | null
  claimed_at: Instant
  transmitting_at: Instant | null
  finished_at: Instant | null
  outcome: string | null
  stage: string | null
  code: number | null
  /** The server's words. */
  response: string | null
  server_message_id: string | null
  /** Until then it could still be alive, whatever is known of its worker. */
  deadline_at: Instant
  ended_by: string | null
}

export interface EventReport {
  at: Instant
  type: string
  actor: string
  attempt_id: number | null
  mailbox: string | null
  /** Where it moved from another mailbox. */
  from_mailbox: string | null
  /** The worker that had it. */
  worker: string | null
  /** The same in words; times in them are local in the mail's zone. */
  text: string
  /** What it is about; times in it are instants. */
  data: Record<string, unknown>
}

/** What went on the wire, or, where nothing did yet, what a response or a test consists of. */
export interface MessageContent {
  /** `sent`: with the last fence; `material`: to be sent. */
  of: 'sent' | 'material'
  subject: string | null
  text: string | null
  html: string | null
  headers: Record<string, string>
  attachments: { filename: string; content_type: string | null; bytes: number }[]
}

/** The message; undefined if there is none with this id. */
export async function readMessage(database: Pick<Database, 'query'>, id: number): Promise<MessageReport | undefined> {
  const [message] = await database.query<Omit<MessageReport, 'attempts' | 'events'>>(MESSAGE, [id])
  if (!message) return undefined
  const [attempts, events] = await Promise.all([
    database.query<AttemptReport & Record<string, unknown>>(ATTEMPTS, [id]),
    database.query<EventReport & Record<string, unknown>>(EVENTS, [id]),
  ])
  const told = events.map((event) => {
    return { ...event, text: describeEvent(event, message.timezone), data: withInstants(event.data) }
  })
  return { ...message, attempts, events: told }
}

/** Null: there is nothing yet, or it was dropped after its time. */
export async function readContent(database: Pick<Database, 'query'>, id: number): Promise<MessageContent | null> {
  const [content] = await database.query<MessageContent & Record<string, unknown>>(CONTENT, [id])
  return content ?? null
}

const MESSAGE = `
  select mail.*, m.rfc_message_id, m.sent_at,
    round(extract(epoch from fence.at - m.scheduled_at) * 1000)::bigint as lateness_ms,
    round(extract(epoch from fence.at - m.first_planned_at) * 1000)::bigint as displacement_ms,
    m.window_closes_at, m.not_before, m.held_reason, m.failed_reason, m.counted_attempts, m.uncounted_attempts,
    bound.address as bound_mailbox, m.idempotency_key, m.created_at
  from (${mailsOf('select $1::bigint as id, 1 as place')}) as mail
  join goniec.message m on m.id = mail.id
  left join goniec.mailbox bound on bound.id = m.bound_mailbox_id
  left join lateral (
    -- A mail that is pending again has another slot than the one its attempts were made in.
    select max(a.transmitting_at) as at from goniec.attempt a
    where a.message_id = m.id and m.status in ('sending', 'sent', 'in_doubt') and a.state in ('transmitting', 'accepted', 'in_doubt')
  ) as fence on true`

const ATTEMPTS = `
  select a.id, a.state, b.address as mailbox, w.worker, a.claimed_at, a.transmitting_at, a.finished_at, a.outcome, a.stage, a.code,
    a.response, a.server_message_id, a.deadline_at, a.ended_by
  from goniec.attempt a
  join goniec.mailbox b on b.id = a.mailbox_id
  left join goniec.incarnation w on w.id = a.incarnation_id
  where a.message_id = $1
  order by a.id`

const EVENTS = `
  select e.at, e.type, e.actor, e.attempt_id, b.address as mailbox, before.address as from_mailbox, w.worker, e.data
  from goniec.event e
  left join goniec.mailbox b on b.id = e.mailbox_id
  left join goniec.mailbox before on before.id = (e.data ->> 'from_mailbox')::bigint
  left join goniec.attempt a on a.id = e.attempt_id
  left join goniec.incarnation w on w.id = a.incarnation_id
  where e.message_id = $1
  order by e.id`

const CONTENT = `
  select case when c.message_id is null then 'material' else 'sent' end as of,
    case when c.message_id is null then n.subject else c.subject end as subject,
    case when c.message_id is null then n.text else c.text end as text,
    case when c.message_id is null then n.html else c.html end as html,
    coalesce(c.headers, '{}') as headers,
    coalesce((
      select jsonb_agg(jsonb_build_object(
        'filename', f ->> 'filename', 'content_type', f ->> 'contentType',
        'bytes', octet_length(decode(f ->> 'content', 'base64'))) order by place)
      from jsonb_array_elements(n.attachments) with ordinality as files (f, place)), '[]') as attachments
  from goniec.message m
  left join goniec.message_content c on c.message_id = m.id
  left join goniec.message_material n on n.message_id = m.id
  where m.id = $1 and (c.message_id is not null or n.text is not null or n.html is not null)`
