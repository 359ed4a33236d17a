/** Builds the world that a plan is reckoned in, with every zone conversion done once; see `world.ts`. */
import { Contacts } from './contacts.ts'
import { DayCounter } from './counter.ts'
import { dayText, zoneDays } from './days.ts'
import type { ZoneDays } from './days.ts'
import { dueMsOf } from './due.ts'
import { type Domain, domainsOf } from './domains.ts'
import { Holes } from './holes.ts'
import type { PlanCampaign, PlanInput, PlanMailbox, PlanMessage, PlanSalesperson } from './plan-input.ts'
import { shortestDelayMs } from './spread.ts'
import { Timeline } from './timeline.ts'
import { mailboxDayLimits } from './warmup.ts'
import { sendingWindows } from './windows.ts'
import type { Campaign, Mail, Mailbox, Salesperson, Segment, World } from './world.ts'

/** The world of an input; nothing is placed in it yet. */
export function buildWorld(input: PlanInput): World {
  const zone = zoneDays(input.timeZone)
  const today = zone.dayAt(input.nowMs)
  const segments = segmentsByCampaign(input, zone, today)
  const days = daysAhead(input, zone, today, segments)
  const salespeople = new Map(input.salespeople.map((it) => [it.id, salespersonOf(it, today, days)]))
  const mailboxes = new Map(input.mailboxes.map((it) => [it.id, mailboxOf(it, input, today, days)]))
  const campaigns = new Map<number, Campaign>()
  for (const campaign of input.campaigns) {
    const ahead = segments.get(campaign.id) ?? []
    campaigns.set(campaign.id, {
      input: campaign,
      salesperson: salespeople.get(campaign.salespersonId) ?? null,
      mailboxes: campaign.mailboxIds.flatMap((id) => mailboxes.get(id) ?? []).filter((it) => it.input.usable),
      shortestDelayMs: shortestDelayMs(campaign.delayMs, campaign.jitter),
      segments: ahead,
      counter: campaignCounterOf(campaign, ahead),
      timeline: new Timeline(days),
      holes: new Holes(),
    })
  }
  const owners = { salespeople, mailboxes, campaigns }
  const domains = domainsOf(input, today, days)
  return {
    ...owners,
    input,
    nowMs: input.nowMs,
    today,
    days,
    wholeDays: wholeDaysOf(input, zone, today, days),
    contacts: new Contacts(input),
    mails: input.messages.map((message) => mailOf(message, owners, domains)),
  }
}

/** Slots that stay are looked for so far ahead; later ones are taken as a mistake and laid anew. */
const FARTHEST_MS = 400 * 86_400_000

function segmentsByCampaign(input: PlanInput, zone: ZoneDays, today: number): Map<number, Segment[]> {
  const lastSlotsMs = new Map<number, number>()
  for (const { campaignId, slot } of input.messages) {
    if (campaignId === null || slot === null || slot.atMs > input.nowMs + FARTHEST_MS) continue
    lastSlotsMs.set(campaignId, Math.max(slot.atMs, lastSlotsMs.get(campaignId) ?? 0))
  }
  const segments = new Map<number, Segment[]>()
  for (const campaign of input.campaigns) {
    if (campaign.running)
      segments.set(campaign.id, segmentsOf(campaign, input, zone, today, lastSlotsMs.get(campaign.id) ?? 0))
  }
  return segments
}

/** A campaign's windows to the end of the horizon, or to its last slot, cut at the installation's midnights. */
function segmentsOf(
  campaign: PlanCampaign,
  input: PlanInput,
  zone: ZoneDays,
  today: number,
  lastSlotMs: number,
): Segment[] {
  const segments: Segment[] = []
  const localToday = zoneDays(campaign.timeZone).dayAt(input.nowMs)
  let sendingDay = 0
  let firmDay: number | null = null
  for (const { day: localDay, opensMs, closesMs } of sendingWindows(campaign, localToday)) {
    const open = sendingDay < input.horizonDays
    if (!open && opensMs > lastSlotMs) break
    if (firmDay === null && localDay > localToday) firmDay = localDay
    const firm = firmDay === null || localDay === firmDay
    let fromMs = opensMs
    // What began before today's midnight belongs to today: it is counted on the day on which it is claimed.
    for (let day = Math.max(0, zone.dayAt(opensMs) - today); fromMs < closesMs; day++) {
      const toMs = Math.min(closesMs, zone.startMs(today + day + 1))
      if (toMs > input.nowMs) segments.push({ fromMs, toMs, closesMs, day, localDay, sendingDay, firm, open })
      fromMs = toMs
    }
    sendingDay++
  }
  return segments
}

/** How many of the installation's days the plan touches. */
function daysAhead(input: PlanInput, zone: ZoneDays, today: number, segments: Map<number, Segment[]>): number {
  let last = input.horizonDays - 1
  for (const list of segments.values()) last = Math.max(last, list.at(-1)?.day ?? 0)
  for (const { kind, slot } of input.messages) {
    if (kind === 'campaign' || slot === null || slot.atMs > input.nowMs + FARTHEST_MS) continue
    last = Math.max(last, zone.dayAt(slot.atMs) - today)
  }
  return last + 1
}

function wholeDaysOf(input: PlanInput, zone: ZoneDays, today: number, days: number): Segment[] {
  return Array.from({ length: days }, (_, day) => {
    const [fromMs, toMs] = [zone.startMs(today + day), zone.startMs(today + day + 1)]
    const open = day < input.horizonDays
    return { fromMs, toMs, closesMs: toMs, day, localDay: today + day, sendingDay: day, firm: day <= 1, open }
  })
}

function salespersonOf(salesperson: PlanSalesperson, today: number, days: number): Salesperson {
  const counter = new DayCounter(days)
  for (let day = 0; day < days; day++) {
    if (salesperson.dailyLimit !== null) counter.limit(day, salesperson.dailyLimit)
    counter.take(day, salesperson.taken.get(dayText(today + day)) ?? 0)
  }
  return { input: salesperson, counter }
}

function mailboxOf(mailbox: PlanMailbox, input: PlanInput, today: number, days: number): Mailbox {
  const [all, campaign, warmup] = [new DayCounter(days), new DayCounter(days), new DayCounter(days)]
  for (let day = 0; day < days; day++) {
    const text = dayText(today + day)
    const limits = mailboxDayLimits(mailbox, input.warmupStages, text)
    const taken = mailbox.taken.get(text) ?? { campaign: 0, warmup: 0, response: 0 }
    all.limit(day, limits.dailyLimit)
    campaign.limit(day, limits.campaignLimit)
    warmup.limit(day, limits.warmupLimit)
    all.take(day, taken.campaign + taken.warmup + taken.response)
    campaign.take(day, taken.campaign)
    warmup.take(day, taken.warmup)
  }
  const gapMs = mailbox.minGapMs + Math.max(mailbox.occupiesMs, 1)
  return { input: mailbox, gapMs, all, campaign, warmup, timeline: new Timeline(days), holes: new Holes() }
}

function campaignCounterOf(campaign: PlanCampaign, segments: readonly Segment[]): DayCounter {
  const counter = new DayCounter((segments.at(-1)?.sendingDay ?? -1) + 1)
  let counted = -1
  for (const { sendingDay, localDay } of segments) {
    if (sendingDay === counted) continue
    counted = sendingDay
    if (campaign.dailyLimit !== null) counter.limit(sendingDay, campaign.dailyLimit)
    counter.take(sendingDay, campaign.taken.get(dayText(localDay)) ?? 0)
  }
  return counter
}

function mailOf(
  input: PlanMessage,
  { salespeople, mailboxes, campaigns }: Pick<World, 'salespeople' | 'mailboxes' | 'campaigns'>,
  domains: (name: string | null) => Domain | null,
): Mail {
  // A response names a campaign only for the record; it is held by none.
  const campaign = input.kind === 'campaign' ? (campaigns.get(input.campaignId ?? Number.NaN) ?? null) : null
  const salespersonId = input.kind === 'campaign' ? campaign?.input.salespersonId : input.salespersonId
  return {
    input,
    campaign,
    salesperson: salespeople.get(salespersonId ?? Number.NaN) ?? null,
    bound: mailboxes.get(input.boundMailboxId ?? Number.NaN) ?? null,
    domain: input.kind === 'campaign' ? domains(input.domain) : null,
    isFollowUp: input.kind === 'campaign' && (input.stepPosition ?? 1) > 1,
    dueMs: dueMsOf(input, campaign?.input.timeZone ?? null),
    afterMs: null,
    heldMs: Number.NEGATIVE_INFINITY,
    atMs: Number.NaN,
    mailbox: null,
    segment: null,
    reason: input.lost?.reason ?? null,
    rank: 0,
    givenUp: false,
  }
}
