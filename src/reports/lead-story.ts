/**
 * What happened to a lead, in order: how it came in, what became of its mails, what people did about it, what was suppressed. Of a mail only what
 * decides is told; `message show` has the rest.
 */
import type { Database } from '../database/pool.ts'
import type { Instant } from '../time.ts'
import { describeEvent, withInstants } from './event-words.ts'

export interface LeadEvent {
  at: Instant
  type: string
  actor: string
  /** Of which of its mails. */
  message_id: number | null
  campaign: string | null
  step: string | null
  mailbox: string | null
  /** The same in words; times in them are local in the zone asked for. */
  text: string
  data: Record<string, unknown>
}

/** Everything about this lead, oldest first. */
export async function readLeadStory(
  database: Pick<Database, 'query'>,
  leadId: number,
  timeZone: string,
): Promise<LeadEvent[]> {
  const rows = await database.query<LeadEvent & { kind: string | null } & Record<string, unknown>>(STORY, [leadId])
  return rows.map(({ kind, ...event }) => {
    const words = describeEvent(event, timeZone)
    return { ...event, text: `${subjectOf(kind, event)}${words}`, data: withInstants(event.data) }
  })
}

function subjectOf(kind: string | null, { campaign, step, message_id: id }: LeadEvent): string {
  if (id === null) return ''
  const what = kind === 'campaign' ? `${campaign}, ${step}` : campaign === null ? kind : `${kind}, ${campaign}`
  return `mail ${id} (${what}): `
}

/** Looked up by lead, by mail and by what suppresses the address, each by its index. */
const STORY = `
  with
  lead as (select * from goniec.lead where id = $1),
  told as (
    select created_at as at, 'lead_made' as type, null::text as actor, null::bigint as message_id, null::bigint as campaign_id, null::bigint as mailbox_id,
           jsonb_strip_nulls(jsonb_build_object('as', email_given)) as data, 0::bigint as place
    from lead
    union all
    select e.created_at, 'enrolled', e.created_by, null, e.campaign_id, null, '{}', 0 from goniec.enrollment e where e.lead_id = $1
    union all
    select e.at, e.type, e.actor, null, e.campaign_id, null, e.data, e.id
    from goniec.event e
    where e.lead_id = $1 and e.message_id is null
    union all
    select e.at, e.type, e.actor, e.message_id, m.campaign_id, e.mailbox_id, e.data, e.id
    from goniec.message m
    join goniec.event e on e.message_id = m.id
    where m.lead_id = $1
      and (e.type in ('requested', 'imported', 'sent', 'failed', 'cancelled', 'in_doubt', 'resolved', 'retried', 'contradicted', 'held', 'released')
           or (e.type = 'settled' and e.data ->> 'state' = 'deferred'))
    union all
    select e.at, e.type, e.actor, null, null, null, e.data, e.id
    from lead
    cross join unnest(lead.suppression_values) as given (value)
    join goniec.event e on e.data ->> 'value' = given.value and e.type in ('suppressed', 'unsuppressed')
  )
  select t.at, t.type, coalesce(t.actor, '') as actor, t.message_id, c.name as campaign, m.step_key as step, b.address as mailbox, m.kind, t.data
  from told t
  left join goniec.message m on m.id = t.message_id
  left join goniec.campaign c on c.id = t.campaign_id
  left join goniec.mailbox b on b.id = t.mailbox_id
  order by t.at, t.place`
