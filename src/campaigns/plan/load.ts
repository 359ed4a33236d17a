/**
 * Reads what the plan is made of, in one snapshot.
 *
 * It reads no more than could get a place: all mails that have slots, all follow-ups, retries and other mail, and of each campaign's
 * first mails without a slot as many as its limits, delay and mailboxes could carry within the horizon, beside those to leads that other
 * campaigns have. A queue of millions costs no more than the days ahead; and where campaigns share mailboxes that are full, of each no more than a
 * few are looked at (`peek`).
 */
import type { PoolClient } from 'pg'
import type { Database } from '../../database/pool.ts'
import type { PlanCampaign, PlanMailbox, WholePlanInput } from '../../schedule/plan-input.ts'
import { dayText, zoneDays } from '../../schedule/days.ts'
import { HeldLeads } from '../../schedule/held-leads.ts'
import { placesOf, roomOf, sharesOf } from '../../schedule/room.ts'
import { windowsOf, type Weekday } from '../../schedule/windows.ts'
import * as domainReads from './domain-reads.ts'
import { loadMails, type LoadedMails } from './load-mails.ts'
import type { Room } from './read-mails.ts'
import * as reads from './reads.ts'
import { inOneMoment, type Snapshot } from './snapshot.ts'

export interface LoadOptions {
  /** Sending days ahead. */
  horizonDays?: number
  graceMs?: number
  /**
   * Of a campaign whose first mail waits for room, as the last plan has said, so many first mails are read: where none of them finds any, none behind
   * them does. Null: all that there could be room for.
   */
  peek?: number | null
  /** Where campaigns could read more mails than this, and than three times the places, each reads its share of the places first; with `peek` only. */
  byShareFrom?: number
}

/** What there is to plan, and what there is to take back first. */
export interface LoadedPlan extends Omit<LoadedMails, 'messages'> {
  input: WholePlanInput
}

/** The plan's input as the database has it now, read on this connection: where it rejects, a transaction may be left open in it. */
export async function loadPlanInput(
  database: Database,
  client: PoolClient,
  { horizonDays = 7, graceMs = 300_000, peek = null, byShareFrom = 200_000 }: LoadOptions = {},
): Promise<LoadedPlan> {
  return inOneMoment(database, client, (snapshot) => read(snapshot, { horizonDays, graceMs, peek, byShareFrom }))
}

async function read(snapshot: Snapshot, options: Required<LoadOptions>): Promise<LoadedPlan> {
  const { horizonDays, graceMs, peek } = options
  const { query } = snapshot
  const { paused, ...installation } = await reads.installation(query)
  const { nowMs, domainLimits } = installation
  const mailboxRows = await reads.mailboxes(query)
  const mailboxes = mailboxRows.map((row) => toMailbox(row, paused))
  const campaigns = (await reads.campaigns(query)).map((row) => toCampaign(row, paused))
  const mailboxesById = new Map(mailboxes.map((mailbox) => [mailbox.id, mailbox]))
  const places = placesOf(mailboxes, horizonDays)
  const rooms = roomsOf(
    { campaigns, mailboxes: mailboxesById, places, hasDomainLimits: domainLimits.size > 0 },
    options,
  )
  const contacts = await reads.contacts(query)
  const { messages, ...rest } = await loadMails(snapshot, {
    rooms,
    places,
    mailboxes: mailboxRows,
    domainLimits,
    held: new HeldLeads({ ...installation, campaigns, contacts }),
    horizonDays,
    peek,
    meanwhile: () => openCalendars(campaigns, nowMs, horizonDays),
  })
  const input: WholePlanInput = {
    ...installation,
    horizonDays,
    graceMs,
    attemptDays: 3,
    mailboxes,
    campaigns,
    domainsTaken: domainLimits.size === 0 ? new Map() : await domainReads.domainsTaken(query),
    contacts,
    messages,
  }
  return { input, ...rest }
}

interface Sharing {
  campaigns: readonly PlanCampaign[]
  mailboxes: ReadonlyMap<number, PlanMailbox>
  places: number
  hasDomainLimits: boolean
}

/** Of each campaign how many first mails are read. What one may get to a domain is known only once it is read. */
function roomsOf(
  { campaigns, mailboxes, places, hasDomainLimits }: Sharing,
  { horizonDays, peek, byShareFrom }: Required<LoadOptions>,
): Room[] {
  const rooms = campaigns.map((campaign) => ({ campaign, room: roomOf(campaign, mailboxes, horizonDays) }))
  const all = rooms.reduce((sum, { room }) => sum + room, 0)
  const isByShare = peek !== null && !hasDomainLimits && all >= Math.max(byShareFrom, 3 * places)
  const shareOf = isByShare ? sharesOf(campaigns, mailboxes, horizonDays) : () => Number.POSITIVE_INFINITY
  return rooms.map(({ campaign, room }) => {
    const share = shareOf(campaign)
    return { id: campaign.id, room: Math.min(room, share), isShare: share < room }
  })
}

/** The first look into a calendar takes a tenth of a second: it is taken while the database reads. */
function openCalendars(campaigns: readonly PlanCampaign[], nowMs: number, horizonDays: number): void {
  const calendars = new Map(campaigns.map((campaign) => [`${campaign.holidays} ${campaign.timeZone}`, campaign]))
  for (const calendar of calendars.values())
    windowsOf(calendar, dayText(zoneDays(calendar.timeZone).dayAt(nowMs)), horizonDays)
}

/** A mailbox as the plan sees it; `paused` is the installation's brake. */
export function toMailbox(row: reads.MailboxRow, paused: boolean): PlanMailbox {
  return {
    id: row.id,
    version: row.version,
    dailyLimit: row.daily_limit,
    minGapMs: row.min_gap_ms,
    warmup: row.warmup_started === null ? null : { started: row.warmup_started, dailyLimit: row.warmup_daily_limit },
    usable: row.usable && !paused,
    freeFromMs: row.free_from_ms,
    lastFenceMs: row.last_fence_ms,
    occupiesMs: row.occupies_ms,
    taken: new Map(Object.entries(row.taken)),
  }
}

/** A campaign as the plan sees it. */
export function toCampaign(row: reads.CampaignRow, paused: boolean): PlanCampaign {
  return {
    id: row.id,
    version: row.version,
    salespersonId: row.salesperson_id,
    mailboxIds: row.mailbox_ids,
    timeZone: row.timezone,
    startsOn: row.starts_on,
    window: { from: row.window_from.slice(0, 5), to: row.window_to.slice(0, 5), days: row.window_days as Weekday[] },
    holidays: row.holidays,
    skipDates: row.skip_dates,
    delayMs: row.delay_ms,
    jitter: row.jitter,
    dailyLimit: row.daily_limit,
    contactGapDays: row.contact_gap_days,
    running: row.running && !paused,
    weight: row.weight,
    lastFenceMs: row.last_fence_ms,
    taken: new Map(Object.entries(row.taken)),
  }
}
