/** A lead in a campaign, found by its address; and the mails that it has got or is to get there. */
import type { VariantTemplates } from '../delivery/compose-message.ts'
import type { Database } from '../database/pool.ts'
import { GoniecError } from '../errors.ts'
import { normaliseAddress } from '../leads/address.ts'
import { didYouMean } from '../nearest.ts'
import type { Instant } from '../time.ts'
import { shellWord, type Campaign } from './campaign.ts'

export interface Enrollment {
  id: number
  email: string
}

/** The lead of this address in the campaign; without one, the first lead whose mail is open, else the first. */
export async function findEnrollment(
  database: Pick<Database, 'query'>,
  campaign: Pick<Campaign, 'id' | 'name'>,
  wanted: string | undefined,
): Promise<Enrollment> {
  const [found] =
    wanted === undefined
      ? await database.query<Enrollment & Record<string, unknown>>(FIRST, [campaign.id])
      : await database.query<Enrollment & Record<string, unknown>>(`${ENROLLMENT} and l.email = $2`, [
          campaign.id,
          normalised(wanted),
        ])
  if (found) return found
  if (wanted === undefined) {
    throw new GoniecError('campaign_has_no_leads', `campaign "${campaign.name}" has no leads`, {
      hint: `goniec lead import CSV --campaign ${shellWord(campaign.name)}`,
    })
  }
  const near = await similarAddresses(database, campaign.id, wanted)
  throw new GoniecError(
    'lead_unknown',
    `campaign "${campaign.name}" has no lead "${wanted}"${didYouMean(wanted, near)}`,
    {
      hint: 'goniec lead show ADDRESS tells in which campaigns a lead is',
    },
  )
}

/** A step of the campaign, with the variant that this lead gets and its message, if it has one. */
export interface LeadStep {
  id: number
  key: string
  templates: VariantTemplates
  message: LeadMessage | null
}

export interface LeadMessage {
  id: number
  status: string
  scheduledAt: Instant | null
  sentAt: Instant | null
  /** Where it is planned, bound or was sent; null: not decided. */
  mailboxId: number | null
}

/** The steps in order; retired ones only where the lead has a message of them. */
export async function readLeadSteps(
  database: Pick<Database, 'query'>,
  campaignId: number,
  enrollmentId: number,
): Promise<LeadStep[]> {
  const rows = await database.query<StepRow>(
    `select s.id, s.key, v.letter, v.subject, v.text, v.html, m.id as message_id, m.status, m.scheduled_at, m.sent_at,
            coalesce(m.mailbox_id, m.bound_mailbox_id) as mailbox_id
     from goniec.step s
     left join goniec.message m on m.enrollment_id = $2 and m.kind = 'campaign' and m.step_key = s.key
       and m.campaign_id = $1 and m.lead_id = (select e.lead_id from goniec.enrollment e where e.id = $2)
     join goniec.variant v on v.step_id = s.id and v.letter = coalesce(
       (select own.letter from goniec.variant own where own.step_id = s.id and own.letter = m.variant), goniec.pick_variant(s.id, $2))
     where s.campaign_id = $1 and (s.retired_at is null or m.id is not null)
     order by s.position`,
    [campaignId, enrollmentId],
  )
  return rows.map((row) => ({
    id: row.id,
    key: row.key,
    templates: { stepKey: row.key, letter: row.letter, subject: row.subject, text: row.text, html: row.html },
    message:
      row.message_id === null
        ? null
        : {
            id: row.message_id,
            status: row.status,
            scheduledAt: row.scheduled_at,
            sentAt: row.sent_at,
            mailboxId: row.mailbox_id,
          },
  }))
}

function normalised(wanted: string): string {
  const result = normaliseAddress(wanted)
  return result.problem === undefined ? result.address : wanted
}

const ENROLLMENT = `
  select e.id, l.email
  from goniec.enrollment e
  join goniec.lead l on l.id = e.lead_id
  where e.campaign_id = $1`

const FIRST = `
  select e.id, l.email
  from goniec.enrollment e
  join goniec.lead l on l.id = e.lead_id
  where e.id = coalesce(
    (select m.enrollment_id from goniec.message m
     where m.campaign_id = $1 and m.kind = 'campaign' and m.status in ('pending', 'sending', 'in_doubt')
     order by m.scheduled_at, m.id limit 1),
    (select min(o.id) from goniec.enrollment o where o.campaign_id = $1))`

interface StepRow {
  id: number
  key: string
  letter: string
  subject: string | null
  text: string | null
  html: string | null
  message_id: number | null
  status: string
  scheduled_at: Instant | null
  sent_at: Instant | null
  mailbox_id: number | null
}

/** A campaign may have a million leads: only those that share one side of the @ are looked at. */
async function similarAddresses(
  database: Pick<Database, 'query'>,
  campaignId: number,
  wanted: string,
): Promise<string[]> {
  const [local = '', domain = ''] = wanted.trim().toLowerCase().split('@')
  const rows = await database.query<{ email: string }>(
    `${ENROLLMENT} and (split_part(l.email, '@', 2) = $3 or split_part(l.email, '@', 1) = $2) limit 1000`,
    [campaignId, local, domain],
  )
  return rows.map(({ email }) => email)
}
