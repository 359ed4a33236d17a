/** What the demo reads from goniec's own tables: for its display, to know who is in the middle of what, and to hold against the record. */
import type { Database } from '../../database/pool.ts'
import type { Instant } from '../../time.ts'

type Source = Pick<Database, 'query'>

/** A campaign's mails, as its bar shows them. */
export interface CampaignState {
  name: string
  status: string
  sent: number
  inDoubt: number
  /** Still to come today: planned, being sent, or not placed yet. */
  open: number
  /** Pending, and not today's: a limit or another mail stands in the way. */
  later: number
}

/** All campaigns, in the order they were made. */
export async function readCampaignStates(database: Source): Promise<CampaignState[]> {
  return database.query<CampaignState & Record<string, unknown>>(
    `select c.name, c.status,
            count(*) filter (where m.status = 'sent') as sent,
            count(*) filter (where m.status = 'in_doubt') as "inDoubt",
            count(*) filter (where m.status = 'sending' or (m.status = 'pending' and m.held_reason is null and not ${IS_LATER})) as open,
            count(*) filter (where m.status = 'pending' and ${IS_LATER}) as later
     from goniec.campaign c
     cross join goniec.installation i
     left join goniec.message m on m.campaign_id = c.id and m.kind = 'campaign'
     group by c.id
     order by c.id`,
  )
}

/** Its slot is on another day; or it has none, and the plan has said that there is none for now. */
const IS_LATER = `coalesce(
  (m.scheduled_at at time zone i.timezone)::date > (goniec.now() at time zone i.timezone)::date,
  goniec.why_no_slot(m) in ('no_room', 'not_due', 'lead_taken'), false)`

/** An attempt under way. */
export interface LiveAttempt {
  id: number
  worker: string
  state: 'claimed' | 'transmitting'
  message: number
  campaign: string
  recipient: string
  mailbox: string
  /** Known once it has passed its fence. */
  messageId: string | null
}

/** What the workers have in their hands at this moment. */
export async function readLiveAttempts(database: Source): Promise<LiveAttempt[]> {
  return database.query<LiveAttempt & Record<string, unknown>>(
    `select a.id, w.worker, a.state, m.id as message, c.name as campaign, m.recipient, b.address as mailbox,
            content.headers ->> 'message-id' as "messageId"
     from goniec.attempt a
     join goniec.incarnation w on w.id = a.incarnation_id
     join goniec.message m on m.id = a.message_id
     join goniec.campaign c on c.id = m.campaign_id
     join goniec.mailbox b on b.id = a.mailbox_id
     left join goniec.message_content content on content.message_id = m.id and content.attempt_id = a.id
     where a.state in ('claimed', 'transmitting')
     order by a.id`,
  )
}

/** One message as it stands in the end. */
export interface LedgerMail {
  id: number
  campaign: string
  recipient: string
  step: string
  status: string
  /** Null: it was never composed. */
  messageId: string | null
  isLater: boolean
  plannedAt: Instant | null
  /** The mailbox it must leave from; a first mail may leave from any of its campaign's. */
  boundTo: string | null
  detail: string | null
}

/** Every campaign mail that there is. */
export async function readLedger(database: Source): Promise<LedgerMail[]> {
  return database.query<LedgerMail & Record<string, unknown>>(
    `select m.id, c.name as campaign, m.recipient, m.step_key as step, m.status,
            coalesce(m.rfc_message_id, content.headers ->> 'message-id') as "messageId",
            m.status = 'pending' and ${IS_LATER} as "isLater", m.scheduled_at as "plannedAt", b.address as "boundTo",
            coalesce(m.failed_reason, m.held_reason, m.slot_reason) as detail
     from goniec.message m
     cross join goniec.installation i
     join goniec.campaign c on c.id = m.campaign_id
     left join goniec.mailbox b on b.id = m.bound_mailbox_id
     left join goniec.message_content content on content.message_id = m.id
     where m.kind = 'campaign'
     order by m.id`,
  )
}

/** How much of today's limits is taken, by the name of the campaign or the address of the mailbox. */
export async function readTaken(database: Source): Promise<Map<string, number>> {
  const rows = await database.query<{ name: string; taken: number }>(
    `select c.name, d.taken
     from goniec.campaign_day d
     join goniec.campaign c on c.id = d.campaign_id
     where d.day = (goniec.now() at time zone c.timezone)::date
     union all
     select b.address, d.campaign_taken
     from goniec.mailbox_day d
     join goniec.mailbox b on b.id = d.mailbox_id
     cross join goniec.installation i
     where d.day = (goniec.now() at time zone i.timezone)::date`,
  )
  return new Map(rows.map(({ name, taken }) => [name, taken]))
}

/** What a recipient sees. */
export interface SentText {
  recipient: string
  subject: string | null
  text: string | null
}

/** The mail of this campaign that went out first, as it was put on the wire. */
export async function readFirstSent(database: Source, campaign: string): Promise<SentText | undefined> {
  const [first] = await database.query<SentText & Record<string, unknown>>(
    `select m.recipient, content.subject, content.text
     from goniec.message m
     join goniec.campaign c on c.id = m.campaign_id
     join goniec.message_content content on content.message_id = m.id
     where c.name = $1 and m.status = 'sent'
     order by m.sent_at
     limit 1`,
    [campaign],
  )
  return first
}
