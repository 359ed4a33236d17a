/**
 * Which messages may be claimed, each taken alone: DESIGN's seven conditions once more, in another language and from the bare rows, so
 * that the SQL has something to be held against. Slow and plain on purpose.
 */
import type { Selectable } from 'kysely'
import type { Schema } from '../../src/database/schema.ts'
import { Temporal, type Instant, type PlainDate } from '../../src/time.ts'
import type { Sql } from './world.ts'

/** The tables as they stand, and the instant. */
export interface Facts {
  now: Instant
  tables: { [T in TableName]: Row<T>[] }
}

export interface Claimable {
  id: number
  /** 0 response, 1 campaign mail, 2 warm-up mail. */
  rank: number
  mailbox: number
  /** Null but for campaign mail. */
  campaign: number | null
  delayed: boolean
  lead: number | null
  scheduledAt: Instant
  owner: number
  /** What is left today; without a limit, and for what does not count there: all that anybody could want. */
  campaignRoom: number
  ownerRoom: number
  /** The recipient's domain, where it has a limit, and what is left for it today and in this hour. */
  domain: string | null
  domainRoom: number
}

const TABLES = [
  'installation',
  'salesperson',
  'mailbox',
  'mailbox_gate',
  'campaign',
  'campaign_gate',
  'lead',
  'suppression',
  'message',
  'attempt',
  'mailbox_day',
  'campaign_day',
  'salesperson_day',
  'lead_day',
  'domain_limit',
  'domain_day',
  'domain_hour',
] as const
type TableName = (typeof TABLES)[number]
type Row<T extends TableName> = Selectable<Schema[T]>
type Message = Row<'message'>
type Mailbox = Row<'mailbox'>
type Campaign = Row<'campaign'>
type Salesperson = Row<'salesperson'>

const GRACE_MS = 300_000

/** Reads the bare rows. */
export async function readFacts(sql: Sql, now: Instant): Promise<Facts> {
  const tables: Partial<Record<TableName, unknown[]>> = {}
  for (const table of TABLES) tables[table] = (await sql.query(`select * from goniec.${table}`)).rows
  return { now, tables: tables as Facts['tables'] }
}

/** The messages that nothing stands against, in the order in which they go. */
export function claimableAlone(facts: Facts): Claimable[] {
  return facts.tables.message.flatMap((message) => asClaimable(facts, message) ?? []).sort(compare)
}

/** What one call takes of these: per mailbox the first, as many as asked for; of these one per lead, what fits the domain, the campaign, the salesperson. */
export function takenTogether(alone: readonly Claimable[], batch: number): Claimable[] {
  const first = firstOf(alone, ({ mailbox }) => mailbox, 1).slice(0, batch)
  const perLead = firstOf(first, ({ lead, id }) => lead ?? -id, 1)
  const perDomain = perLead.filter((message) => {
    const before = perLead.filter((other) => other.domain === message.domain && compare(other, message) < 0).length
    return message.domain === null || before < message.domainRoom
  })
  const perCampaign = perDomain.filter((message) => {
    const before = perDomain.filter(
      (other) => other.campaign === message.campaign && compare(other, message) < 0,
    ).length
    return message.campaign === null || before < (message.delayed ? 1 : message.campaignRoom)
  })
  return perCampaign.filter((message) => {
    const before = perCampaign.filter((other) => other.owner === message.owner && compare(other, message) < 0).length
    return before < message.ownerRoom
  })
}

function firstOf(messages: readonly Claimable[], of: (message: Claimable) => number, most: number): Claimable[] {
  return messages.filter(
    (message) => messages.filter((other) => of(other) === of(message) && compare(other, message) < 0).length < most,
  )
}

/** Responses, campaign mail, warm-up mail; then by planned time, then by id. */
export function compare(a: Claimable, b: Claimable): number {
  return a.rank - b.rank || Temporal.Instant.compare(a.scheduledAt, b.scheduledAt) || a.id - b.id
}

function asClaimable(facts: Facts, message: Message): Claimable | undefined {
  const { tables } = facts
  const mailbox = tables.mailbox.find(({ id }) => id === message.mailbox_id)
  if (!mailbox || !message.scheduled_at || message.status !== 'pending' || message.held_reason !== null)
    return undefined
  const campaign =
    message.kind === 'campaign' ? tables.campaign.find(({ id }) => id === message.campaign_id) : undefined
  const owner = tables.salesperson.find(({ id }) => id === (campaign ?? mailbox).salesperson_id)
  const mayGo =
    owner &&
    !isBraked(facts, owner) &&
    isDue(facts, message) &&
    message.planned_mailbox_version === mailbox.version &&
    (!campaign || message.planned_campaign_version === campaign.version) &&
    (!campaign || campaignIsOpen(facts, campaign)) &&
    mailboxIsOpen(facts, mailbox) &&
    leadIsOpen(facts, message, campaign) &&
    hasRoom(facts, message, { mailbox, campaign, owner }) &&
    domainRoomOf(facts, message) > 0 &&
    !tables.attempt.some((attempt) => attempt.message_id === message.id && STANDING.includes(attempt.state))
  if (!mayGo) return undefined
  return {
    id: message.id,
    rank: ['response', 'campaign', 'warmup'].indexOf(message.kind),
    mailbox: mailbox.id,
    campaign: campaign?.id ?? null,
    delayed: (campaign?.delay_ms ?? 0) > 0,
    lead: message.lead_id,
    scheduledAt: message.scheduled_at,
    owner: owner.id,
    campaignRoom: campaign ? roomOf(campaignDayOf(facts, campaign)) : Infinity,
    ownerRoom: message.kind === 'warmup' ? Infinity : roomOf(ownerDayOf(facts, owner)),
    domain: limitsOf(facts, message) ? domainOf(message) : null,
    domainRoom: domainRoomOf(facts, message),
  }
}

const LIVE = ['claimed', 'transmitting']
const STANDING = [...LIVE, 'accepted', 'in_doubt']

function isBraked({ tables }: Facts, owner: Salesperson): boolean {
  return owner.paused_at !== null || tables.installation.some(({ paused_at: paused }) => paused !== null)
}

function isDue({ now }: Facts, { scheduled_at: scheduledAt, window_closes_at: closesAt }: Message): boolean {
  if (!scheduledAt || !closesAt) return false
  const lateMs = msBetween(scheduledAt, now)
  return lateMs >= 0 && lateMs <= GRACE_MS && msBetween(now, closesAt) > 0
}

function campaignIsOpen({ now, tables }: Facts, campaign: Campaign): boolean {
  const gate = tables.campaign_gate.find((row) => row.campaign_id === campaign.id)
  if (campaign.status !== 'running' || !gate) return false
  if (campaign.delay_ms === 0) return true
  const shortest = Math.floor(campaign.delay_ms * (1 - Number(campaign.jitter)))
  return hasCome(now, gate.last_claim_at, shortest) && hasCome(now, gate.last_fence_at, shortest)
}

function mailboxIsOpen({ now, tables }: Facts, mailbox: Mailbox): boolean {
  const gate = tables.mailbox_gate.find((row) => row.mailbox_id === mailbox.id)
  return (
    mailbox.status === 'active' &&
    gate !== undefined &&
    hasCome(now, gate.free_from, 0) &&
    hasCome(now, gate.last_fence_at, mailbox.min_gap_ms) &&
    !tables.attempt.some((attempt) => attempt.mailbox_id === mailbox.id && LIVE.includes(attempt.state))
  )
}

function leadIsOpen(facts: Facts, message: Message, campaign: Campaign | undefined): boolean {
  const lead = facts.tables.lead.find((row) => row.id === message.lead_id)
  if (lead?.blocked_at || lead?.unsubscribed_at || lead?.bounced_at) return false
  if (campaign && lead?.replied_at) return false
  const [, domain = ''] = message.recipient.split('@')
  const suppressed = facts.tables.suppression.some(
    ({ value }) => value === message.recipient || value === domain || domain.endsWith(`.${value}`),
  )
  return !suppressed && !(campaign && takenByAnother(facts, message, campaign))
}

function takenByAnother(facts: Facts, message: Message, campaign: Campaign): boolean {
  const today = installationDay(facts)
  return facts.tables.lead_day.some((taken) => {
    const daysAgo = Temporal.PlainDate.from(taken.day).until(today).days
    const isAnothers = taken.lead_id === message.lead_id && taken.campaign_id !== campaign.id
    return isAnothers && daysAgo >= 0 && daysAgo < campaign.contact_gap_days
  })
}

interface Owners {
  mailbox: Mailbox
  campaign: Campaign | undefined
  owner: Salesperson
}

function hasRoom(facts: Facts, { kind }: Message, { mailbox, campaign, owner }: Owners): boolean {
  const today = installationDay(facts).toString()
  const ofBox = facts.tables.mailbox_day.find((row) => row.mailbox_id === mailbox.id && row.day === today)
  if (!ofBox || isFull(ofBox.daily_limit, ofBox.campaign_taken + ofBox.warmup_taken + ofBox.response_taken))
    return false
  if (kind === 'campaign' && isFull(ofBox.campaign_limit, ofBox.campaign_taken)) return false
  if (kind === 'warmup') return !isFull(ofBox.warmup_limit, ofBox.warmup_taken)
  return roomOf(ownerDayOf(facts, owner)) > 0 && (!campaign || roomOf(campaignDayOf(facts, campaign)) > 0)
}

function domainOf({ recipient }: Message): string {
  return recipient.split('@')[1] ?? ''
}

function limitsOf({ tables }: Facts, message: Message): Row<'domain_limit'> | undefined {
  if (message.kind !== 'campaign') return undefined
  const limits =
    tables.domain_limit.find(({ domain }) => domain === domainOf(message)) ??
    tables.domain_limit.find(({ domain }) => domain === '*')
  return limits && (limits.daily_limit !== null || limits.hourly_limit !== null) ? limits : undefined
}

/** Both counters have to be there, whichever of the two has a limit. */
function domainRoomOf(facts: Facts, message: Message): number {
  if (!limitsOf(facts, message)) return Infinity
  const today = installationDay(facts).toString()
  const hour = facts.now.round({ smallestUnit: 'hour', roundingMode: 'floor' })
  const ofDay = facts.tables.domain_day.find((row) => row.domain === domainOf(message) && row.day === today)
  const ofHour = facts.tables.domain_hour.find((row) => row.domain === domainOf(message) && row.hour.equals(hour))
  if (!ofDay || !ofHour) return 0
  return Math.min((ofDay.daily_limit ?? Infinity) - ofDay.taken, (ofHour.hourly_limit ?? Infinity) - ofHour.taken)
}

function ownerDayOf(facts: Facts, owner: Salesperson): Row<'salesperson_day'> | undefined {
  const today = installationDay(facts).toString()
  return facts.tables.salesperson_day.find((row) => row.salesperson_id === owner.id && row.day === today)
}

function campaignDayOf(facts: Facts, campaign: Campaign): Row<'campaign_day'> | undefined {
  const itsDay = localDay(facts, campaign.timezone).toString()
  return facts.tables.campaign_day.find((row) => row.campaign_id === campaign.id && row.day === itsDay)
}

function roomOf(day: { daily_limit: number | null; taken: number } | undefined): number {
  if (!day) return 0
  return day.daily_limit === null ? Infinity : day.daily_limit - day.taken
}

function isFull(limit: number | null, taken: number): boolean {
  return limit !== null && taken >= limit
}

function installationDay(facts: Facts): PlainDate {
  return localDay(facts, facts.tables.installation[0]?.timezone ?? '')
}

function localDay({ now }: Facts, timeZone: string): PlainDate {
  return now.toZonedDateTimeISO(timeZone).toPlainDate()
}

function hasCome(now: Instant, since: Instant | null, waitMs: number): boolean {
  return since === null || msBetween(since, now) >= waitMs
}

function msBetween(from: Instant, to: Instant): number {
  return from.until(to).total('milliseconds')
}
