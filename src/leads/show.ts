/** What is known about a lead: marks, suppressions, campaigns, mails. */
import type { Database } from '../database/pool.ts'
import { type LeadEvent, readLeadStory } from '../reports/lead-story.ts'
import { type Mail, mailsOf } from '../reports/mail.ts'
import type { Instant } from '../time.ts'
import { normaliseAddress } from './address.ts'

/** Names as those of the columns; this is what `--json` prints. */
export interface LeadReport {
  email: string
  email_given: string | null
  created_at: Instant
  blocked_at: Instant | null
  replied_at: Instant | null
  unsubscribed_at: Instant | null
  bounced_at: Instant | null
  suppressed: { value: string; reason: string | null }[]
  enrollments: {
    campaign: string
    campaign_status: string
    created_at: Instant
    removed_at: Instant | null
    fields: Record<string, unknown>
  }[]
  /** In the order they were made. */
  messages: (Mail & { sent_at: Instant | null })[]
  /** What happened, oldest first. */
  events: LeadEvent[]
}

/** The lead of this address; null: there is none. */
export async function showLead(database: Pick<Database, 'query'>, given: string): Promise<LeadReport | null> {
  const read = normaliseAddress(given)
  if (read.problem !== undefined) return null
  const [found] = await database.query<
    Omit<LeadReport, 'enrollments' | 'messages' | 'events'> & { id: number; timezone: string }
  >(
    `select i.timezone, l.id, l.email, l.email_given, l.created_at, l.blocked_at, l.replied_at, l.unsubscribed_at, l.bounced_at,
       coalesce((select jsonb_agg(jsonb_build_object('value', s.value, 'reason', s.reason) order by s.value)
                 from goniec.suppression s where s.value = any (l.suppression_values)), '[]') as suppressed
     from goniec.lead l cross join goniec.installation i where l.email = $1`,
    [read.address],
  )
  if (found === undefined) return null
  const { id, timezone, ...lead } = found
  const enrollments = await database.query<LeadReport['enrollments'][number]>(
    `select c.name as campaign, c.status as campaign_status, e.created_at, e.removed_at, e.fields
     from goniec.enrollment e join goniec.campaign c on c.id = e.campaign_id
     where e.lead_id = $1 order by e.id`,
    [id],
  )
  const page = 'select m.id, row_number() over (order by m.id) as place from goniec.message m where m.lead_id = $1'
  const messages = await database.query<LeadReport['messages'][number] & Record<string, unknown>>(
    mailsOf(page, ['sent_at']),
    [id],
  )
  return { ...lead, enrollments, messages, events: await readLeadStory(database, id, timezone) }
}
