/**
 * Reads what the plan is made of, in one snapshot.
 *
 * It reads no more than could get a place: all mails that have slots, all follow-ups, retries and other mail, and of each campaign's
 * first mails without a slot as many as its limits, delay and mailboxes could carry within the horizon. A queue of millions costs no
 * more than the days ahead.
 */
import type { Database } from '../../database/pool.ts'
import {
  type DomainLimits,
  MOVE_REASONS,
  type MoveReason,
  type PlanCampaign,
  type PlanInput,
  type PlanMailbox,
  type PlanMessage,
} from '../../schedule/plan-input.ts'
import { roomOf, roomOfDomain } from '../../schedule/room.ts'
import type { Weekday } from '../../schedule/windows.ts'
import * as domainReads from './domain-reads.ts'
import * as messageReads from './message-reads.ts'
import * as reads from './reads.ts'

export interface LoadOptions {
  /** Sending days ahead. */
  horizonDays?: number
  graceMs?: number
}

/** What there is to plan, and what there is to take back first. */
export interface LoadedPlan {
  input: PlanInput
  /** Mails with a slot that may not be mailed any more, with the reason; they are not part of the input. */
  blocked: { messageId: number; atMs: number; reason: string }[]
  /** Campaigns in which mails of removed steps still wait, to be swept; those mails are not part of the input, and keep no slot that anybody would claim. */
  unswept: number[]
}

/** The plan's input as the database has it now. */
export async function loadPlanInput(
  database: Database,
  { horizonDays = 7, graceMs = 300_000 }: LoadOptions = {},
): Promise<LoadedPlan> {
  const client = await database.pool.connect()
  try {
    await client.query('begin isolation level repeatable read read only')
    const query: reads.Query = async (text, values = []) => (await client.query(text, values)).rows
    const loaded = await read(query, { horizonDays, graceMs })
    await client.query('commit')
    client.release()
    return loaded
  } catch (error) {
    // The connection goes with the transaction, whatever has become of them.
    client.release(true)
    throw error
  }
}

async function read(query: reads.Query, { horizonDays, graceMs }: Required<LoadOptions>): Promise<LoadedPlan> {
  const [installation] = await reads.installation(query)
  const { now_ms: nowMs = 0, timezone: timeZone = 'Europe/Warsaw', paused = false } = installation ?? {}
  const mailboxRows = await reads.mailboxes(query)
  const mailboxes = mailboxRows.map((row) => toMailbox(row, paused))
  const campaigns = (await reads.campaigns(query)).map((row) => toCampaign(row, paused))
  const rooms = campaigns.map((campaign) => ({
    id: campaign.id,
    room: roomOf(campaign, mailboxes, { nowMs, horizonDays }),
  }))
  const domainLimits = new Map((await domainReads.domainLimits(query)).map(({ domain, ...limits }) => [domain, limits]))
  const { messages, blocked, unswept } = await readMessages(query, {
    rooms,
    mailboxes: mailboxRows,
    domainLimits,
    horizonDays,
  })
  const input: PlanInput = {
    nowMs,
    timeZone,
    horizonDays,
    graceMs,
    attemptDays: 3,
    warmupStages: await reads.warmupStages(query),
    salespeople: (await reads.salespeople(query)).map((row) => ({
      id: row.id,
      dailyLimit: row.daily_limit,
      taken: new Map(Object.entries(row.taken)),
    })),
    mailboxes,
    campaigns,
    domainLimits,
    domainsTaken: domainLimits.size === 0 ? new Map() : await domainReads.domainsTaken(query),
    contacts: await reads.contacts(query),
    messages,
  }
  return { input, blocked, unswept }
}

type Mails = Pick<LoadedPlan, 'blocked' | 'unswept'> & { messages: PlanMessage[] }

/** By id. */
async function readMessages(query: reads.Query, asked: Rooms): Promise<Mails> {
  const campaignIds = asked.rooms.map(({ id }) => id)
  const steps = await messageReads.stepsOf(query, campaignIds)
  const { named, columns } = await readFirstMails(query, asked)
  const rows = await messageReads.messages(query, { campaignIds, named, steps, mailboxes: asked.mailboxes })
  const unswept = new Set(rows.flatMap((row) => (row.step_is_removed ? (row.campaign_id ?? []) : [])))
  const planned = rows.filter((row) => !row.step_is_removed)
  const messages = planned.filter(({ objection }) => objection === null).map(toMessage)
  for (const { campaign_id: campaignId, ids, leads, steps: stepIds } of columns) {
    for (const [index, id] of ids.entries()) {
      const step = steps.get(stepIds[index] ?? 0)
      if (step?.is_removed) unswept.add(campaignId)
      else
        messages.push(firstMail(id, { campaignId, leadId: leads[index] ?? null, stepPosition: step?.position ?? null }))
    }
  }
  const blocked = planned.flatMap(({ id, at_ms: atMs, objection }) =>
    objection === null || atMs === null ? [] : [{ messageId: id, atMs, reason: objection }],
  )
  return { messages: messages.sort((a, b) => a.id - b.id), blocked, unswept: [...unswept] }
}

/** Of each campaign the first mails that there could be room for; where domains have limits their ids, no more of each than it may get. */
async function readFirstMails(
  query: reads.Query,
  { rooms, domainLimits, horizonDays }: Rooms,
): Promise<{ named: number[]; columns: messageReads.FirstMails[] }> {
  if (domainLimits.size === 0) return { named: [], columns: await messageReads.firstMails(query, rooms) }
  const mostTo = (domain: string): number => roomOfDomain(domainLimits, domain, horizonDays)
  const named: number[] = []
  for (const { id, room } of rooms)
    named.push(...(await domainReads.firstMails(query, { campaignId: id, room, mostTo })))
  return { named, columns: [] }
}

interface Rooms {
  rooms: readonly { id: number; room: number }[]
  mailboxes: readonly reads.MailboxRow[]
  domainLimits: ReadonlyMap<string, DomainLimits>
  horizonDays: number
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

const NEVER: readonly string[] = []

/** A first mail of a campaign of which nothing has happened yet, where no domain has a limit. */
function firstMail(id: number, of: Pick<PlanMessage, 'campaignId' | 'leadId' | 'stepPosition'>): PlanMessage {
  return {
    id,
    kind: 'campaign',
    campaignId: of.campaignId,
    leadId: of.leadId,
    domain: null,
    stepPosition: of.stepPosition,
    boundMailboxId: null,
    salespersonId: null,
    notBeforeMs: null,
    follows: null,
    order: id,
    triedDays: NEVER,
    slot: null,
    lost: null,
  }
}

/** A message as the plan sees it. */
export function toMessage(row: messageReads.MessageRow): PlanMessage {
  const slot =
    row.at_ms === null || row.mailbox_id === null || row.window_closes_ms === null
      ? null
      : {
          atMs: row.at_ms,
          mailboxId: row.mailbox_id,
          windowClosesMs: row.window_closes_ms,
          campaignVersion: row.planned_campaign_version,
          mailboxVersion: row.planned_mailbox_version ?? 0,
        }
  return {
    id: row.id,
    kind: row.kind,
    campaignId: row.campaign_id,
    leadId: row.lead_id,
    domain: row.domain,
    stepPosition: row.step_position,
    boundMailboxId: row.bound_mailbox_id,
    salespersonId: row.salesperson_id,
    notBeforeMs: row.not_before_ms,
    follows: row.follows_ms === null ? null : { sentAtMs: row.follows_ms, wait: waitOf(row) },
    order: row.id,
    triedDays: row.tried_days ?? NEVER,
    slot,
    lost: lostSlot(row),
  }
}

function waitOf({ wait_days: days, wait_ms: ms }: messageReads.MessageRow): { days: number } | { ms: number } {
  return days === null ? { ms: ms ?? 0 } : { days }
}

/** A mail that had a slot before it lost it: where it was not missed, the first one stands for the one it lost. */
function lostSlot(row: messageReads.MessageRow): PlanMessage['lost'] {
  if (row.at_ms === null && row.missed_from_ms !== null)
    return { atMs: row.missed_from_ms, mailboxId: row.bound_mailbox_id ?? 0, reason: 'missed' }
  const reason = MOVE_REASONS.find((known): known is MoveReason => known === row.slot_reason)
  if (row.at_ms !== null || row.first_planned_ms === null || reason === undefined) return null
  return { atMs: row.first_planned_ms, mailboxId: row.bound_mailbox_id ?? 0, reason }
}
