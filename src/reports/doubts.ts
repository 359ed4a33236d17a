/** Mails of which nobody knows whether the server took them, and late answers that contradict what a person had decided. */
import type { Database } from '../database/pool.ts'
import type { Instant } from '../time.ts'

export interface Doubt {
  /** The message's. */
  id: number
  campaign: string | null
  lead: string | null
  mailbox: string
  /** What to search the mailbox's Sent folder for. */
  rfc_message_id: string | null
  transmitting_at: Instant
  step: string | null
  recipient: string
  subject: string | null
  status: string
  /** From then on it can be resolved: the attempt could be alive until then. */
  resolvable_at: Instant
  /** Null for a doubt. Else the doubt was resolved, and the server's answer came after that. */
  contradiction: Contradiction | null
  /** The zone of its campaign, else of the installation. */
  timezone: string
}

export interface Contradiction {
  at: string
  /** What the person said: the attempt's state. */
  resolved_as: 'accepted' | 'presumed_unsent'
  resolved_by: string | null
  outcome: string
  response: string | null
}

/**
 * Every doubt, oldest first; then contradictions: all of messages that are still open, of the others those of the last thirty days.
 * With `messageId` only that message's.
 */
export async function readDoubts(
  database: Pick<Database, 'query'>,
  { messageId }: { messageId?: number } = {},
): Promise<Doubt[]> {
  return database.query<Doubt & Record<string, unknown>>(DOUBTS, [messageId ?? null])
}

const FACTS = `
  select m.id, c.name as campaign, l.email as lead, b.address as mailbox,
    coalesce(m.rfc_message_id, content.headers ->> 'message-id') as rfc_message_id, a.transmitting_at,
    m.step_key as step, m.recipient, content.subject, m.status, a.deadline_at as resolvable_at,
    coalesce(c.timezone, i.timezone) as timezone, a.state, a.ended_by
  from goniec.attempt a
  join goniec.message m on m.id = a.message_id
  join goniec.mailbox b on b.id = a.mailbox_id
  cross join goniec.installation i
  left join goniec.campaign c on c.id = m.campaign_id
  left join goniec.lead l on l.id = m.lead_id
  left join goniec.message_content content on content.message_id = m.id`

const DOUBTS = `
  select d.id, d.campaign, d.lead, d.mailbox, d.rfc_message_id, d.transmitting_at, d.step, d.recipient, d.subject, d.status,
    d.resolvable_at, d.contradiction, d.timezone
  from (
    select fact.*, null::json as contradiction
    from (${FACTS} where a.state = 'in_doubt' and m.status = 'in_doubt') as fact
    union all
    select fact.*,
      json_build_object(
        'at', to_char(k.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
        'resolved_as', fact.state, 'resolved_by', fact.ended_by,
        'outcome', k.reported ->> 'outcome', 'response', k.reported ->> 'response')
    from goniec.contradiction k
    join lateral (${FACTS} where a.id = k.attempt_id) as fact on true
    where fact.status in ('pending', 'sending') or k.at > goniec.now() - interval '30 days'
  ) as d
  where $1::bigint is null or d.id = $1
  order by d.contradiction is not null, d.transmitting_at, d.id`
