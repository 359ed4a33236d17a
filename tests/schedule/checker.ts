/**
 * Looks over a plan's shoulder. Written apart from the planner, slowly and by brute force: each slot by itself and against every other,
 * each day counted by asking Temporal anew. It says in sentences what a plan breaks, and where it left a place empty that a mail could
 * have had. Slots that the plan does not speak of are taken from the input: they stay.
 */
import Holidays from 'date-holidays'
import type {
  DomainLimits,
  PlanCampaign,
  PlanInput,
  PlanMailbox,
  PlanMessage,
  PlanSlot,
} from '../../src/schedule/plan-input.ts'
import type { Plan } from '../../src/schedule/plan-result.ts'
import { mailboxDayLimits } from '../../src/schedule/warmup.ts'
import { Temporal } from '../../src/time.ts'

export interface Standing {
  message: PlanMessage
  slot: PlanSlot
  /** Laid by this plan, not kept. */
  isNew: boolean
}

/** All slots as they are once the plan is stored. */
export function standingOf(input: PlanInput, plan: Plan): Standing[] {
  const laid = new Map(plan.slots.map((slot) => [slot.messageId, slot]))
  const gone = new Set([...plan.withdrawals, ...plan.giveUps].map(({ messageId }) => messageId))
  const stamps = new Map(plan.restamps.map((restamp) => [restamp.messageId, restamp]))
  return input.messages.flatMap((message): Standing[] => {
    const slot = laid.get(message.id) ?? message.slot
    if (!slot || gone.has(message.id)) return []
    return [{ message, slot: { ...slot, ...stamps.get(message.id) }, isNew: laid.has(message.id) }]
  })
}

const localDays = new Map<string, string>()
export function localDay(atMs: number, timeZone: string): string {
  const key = `${atMs} ${timeZone}`
  const known = localDays.get(key)
  if (known !== undefined) return known
  const day = Temporal.Instant.fromEpochMilliseconds(atMs).toZonedDateTimeISO(timeZone).toPlainDate().toString()
  localDays.set(key, day)
  return day
}

const localTimes = new Map<string, number>()
function localTimeMs(day: string, time: string, timeZone: string): number {
  const key = `${day} ${time} ${timeZone}`
  const known = localTimes.get(key) ?? localTimeOf(day, time, timeZone)
  localTimes.set(key, known)
  return known
}

function localTimeOf(day: string, time: string, timeZone: string): number {
  const date = Temporal.PlainDate.from(day)
  if (time === '24:00') return date.add({ days: 1 }).toZonedDateTime(timeZone).epochMilliseconds
  const local = date.toPlainDateTime(Temporal.PlainTime.from(time))
  // Where no clock shows it this is behind the jump, by as much as the time is behind the last that was shown.
  let at = local.toZonedDateTime(timeZone)
  if (at.toPlainDateTime().equals(local)) return at.epochMilliseconds
  while (Temporal.PlainDateTime.compare(at.subtract({ minutes: 1 }).toPlainDateTime(), local) > 0)
    at = at.subtract({ minutes: 1 })
  return at.epochMilliseconds
}

type OpenHours = { opensMs: number; closesMs: number } | null
const windows = new WeakMap<PlanCampaign, Map<string, OpenHours>>()

/** The window of a campaign on a local day; null where it has none. */
export function windowOn(campaign: PlanCampaign, day: string): OpenHours {
  const known = windows.get(campaign) ?? new Map<string, OpenHours>()
  windows.set(campaign, known)
  if (!known.has(day)) known.set(day, windowOf(campaign, day))
  return known.get(day) ?? null
}

function windowOf(campaign: PlanCampaign, day: string): OpenHours {
  const date = Temporal.PlainDate.from(day)
  const weekday = (['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const)[date.dayOfWeek - 1] ?? 'mon'
  if (!campaign.window.days.includes(weekday) || campaign.skipDates.includes(day)) return null
  if (campaign.startsOn !== null && day < campaign.startsOn) return null
  if (campaign.holidays !== null && isHoliday(campaign.holidays, day)) return null
  const opensMs = localTimeMs(day, campaign.window.from, campaign.timeZone)
  const closesMs = localTimeMs(day, campaign.window.to, campaign.timeZone)
  return opensMs < closesMs ? { opensMs, closesMs } : null
}

const holidayLists = new Map<string, Set<string>>()
function isHoliday(code: string, day: string): boolean {
  const key = code + day.slice(0, 4)
  const known =
    holidayLists.get(key) ??
    new Set(
      new Holidays(code)
        .getHolidays(Number(day.slice(0, 4)))
        .filter(({ type }) => type === 'public')
        .map(({ date }) => date.slice(0, 10)),
    )
  holidayLists.set(key, known)
  return known.has(day)
}

export function dueMs(message: PlanMessage, campaign: PlanCampaign | undefined): number {
  const held = message.notBeforeMs ?? 0
  if (!message.follows) return held
  const { sentAtMs, wait } = message.follows
  if ('ms' in wait) return Math.max(held, sentAtMs + wait.ms)
  const zone = campaign?.timeZone ?? 'UTC'
  const sent = Temporal.PlainDate.from(localDay(sentAtMs, zone))
  return Math.max(held, sent.add({ days: wait.days }).toZonedDateTime(zone).epochMilliseconds)
}

const LONG_AGO = -1e15

/** What the plan breaks; empty if it holds. */
export function violations(input: PlanInput, standing: readonly Standing[]): string[] {
  const found: string[] = []
  for (const one of standing) found.push(...alone(input, one))
  for (const [index, one] of standing.entries()) {
    for (const other of standing.slice(index + 1)) found.push(...together(input, one, other))
  }
  return [...found, ...overLimits(input, standing)]
}

function alone(input: PlanInput, { message, slot, isNew }: Standing): string[] {
  const found: string[] = []
  const say = (text: string): number =>
    found.push(`message ${message.id} at ${new Temporal.Instant(BigInt(slot.atMs) * 1_000_000n).toString()} ${text}`)
  const campaign = input.campaigns.find(({ id }) => id === message.campaignId && message.kind === 'campaign')
  const mailbox = input.mailboxes.find(({ id }) => id === slot.mailboxId)
  if (!mailbox?.usable) return [`message ${message.id} is on mailbox ${slot.mailboxId}, which cannot be used`]
  if (slot.mailboxVersion !== mailbox.version) say('is stamped with an old mailbox version')
  if ((mailbox.freeFromMs ?? LONG_AGO) > slot.atMs) say('comes before its mailbox is free')
  if (message.boundMailboxId !== null && message.boundMailboxId !== slot.mailboxId) say('left its mailbox')
  if (dueMs(message, campaign) > slot.atMs) say('is not due yet')
  if (isNew && slot.atMs < input.nowMs) say('is planned in the past')
  if (isNew && (mailbox.lastFenceMs ?? LONG_AGO) + mailbox.minGapMs > slot.atMs)
    say('is too close to the last mail of its mailbox')
  if (
    message.triedDays.length >= input.attemptDays &&
    !message.triedDays.includes(localDay(slot.atMs, campaign?.timeZone ?? input.timeZone))
  ) {
    say('is tried on one more day')
  }
  if (message.kind !== 'campaign') return found
  if (!campaign?.running) return [`message ${message.id} is of a campaign that does not run`]
  if (slot.campaignVersion !== campaign.version) say('is stamped with an old campaign version')
  if (message.boundMailboxId === null && !campaign.mailboxIds.includes(slot.mailboxId))
    say('is on a mailbox of another campaign')
  if (isNew && (campaign.lastFenceMs ?? LONG_AGO) + campaign.delayMs * (1 - campaign.jitter) > slot.atMs)
    say('is too close to the last mail of its campaign')
  const day = localDay(slot.atMs, campaign.timeZone)
  const window = windowOn(campaign, day)
  if (!window) say('is on a day without a window')
  else if (slot.atMs < window.opensMs || slot.atMs >= window.closesMs) say('is outside its window')
  else if (slot.windowClosesMs !== window.closesMs) say('carries a wrong end of its window')
  const contacts = input.contacts.get(message.leadId ?? -1) ?? []
  const slotDay = localDay(slot.atMs, input.timeZone)
  for (const { day: taken, campaignId } of contacts) {
    const apart = daysBetween(taken, slotDay)
    if (campaignId !== campaign.id && apart >= 0 && apart < campaign.contactGapDays)
      say('breaks the contact gap to a mail that is out')
  }
  return found
}

function daysBetween(from: string, to: string): number {
  return from === to ? 0 : Temporal.PlainDate.from(from).until(Temporal.PlainDate.from(to), { largestUnit: 'day' }).days
}

function together(input: PlanInput, one: Standing, other: Standing): string[] {
  const found: string[] = []
  const apartMs = Math.abs(one.slot.atMs - other.slot.atMs)
  const names = `messages ${one.message.id} and ${other.message.id}`
  if (one.slot.mailboxId === other.slot.mailboxId) {
    const mailbox = input.mailboxes.find(({ id }) => id === one.slot.mailboxId)
    const occupied = one.isNew || other.isNew ? (mailbox?.occupiesMs ?? 0) : 0
    if (mailbox && apartMs < Math.max(mailbox.minGapMs, occupied))
      found.push(`${names} are closer than the gap of their mailbox`)
  }
  if (one.message.kind !== 'campaign' || other.message.kind !== 'campaign') return found
  const [first, second] = one.slot.atMs <= other.slot.atMs ? [one, other] : [other, one]
  const [firstOf, secondOf] = [first, second].map(({ message }) =>
    input.campaigns.find(({ id }) => id === message.campaignId),
  )
  if (!firstOf || !secondOf) return found
  if (firstOf === secondOf) {
    if (apartMs < Math.floor(firstOf.delayMs * (1 - firstOf.jitter)))
      found.push(`${names} are closer than the delay of their campaign`)
  } else if (first.message.leadId !== null && first.message.leadId === second.message.leadId) {
    const days = daysBetween(localDay(first.slot.atMs, input.timeZone), localDay(second.slot.atMs, input.timeZone))
    // On one day either may go out first, whatever is planned: both gaps count.
    const gap = days === 0 ? Math.max(firstOf.contactGapDays, secondOf.contactGapDays) : secondOf.contactGapDays
    if (days < gap) found.push(`${names} break the contact gap`)
  }
  return found
}

interface DayCount {
  limit: number
  taken: number
  slots: number
}

/** The counters of all days on which there is a slot. */
export function dayCounts(input: PlanInput, standing: readonly Standing[]): Map<string, DayCount> {
  const counts = new Map<string, DayCount>()
  for (const { message, slot } of standing) {
    for (const { key, limit, taken } of countersOf(input, message, slot.mailboxId, slot.atMs)) {
      const count = counts.get(key) ?? { limit, taken, slots: 0 }
      count.slots++
      counts.set(key, count)
    }
  }
  return counts
}

/** A slot whose time is over counts on the day on which it will be claimed: today. */
function countersOf(
  input: PlanInput,
  message: PlanMessage,
  mailboxId: number,
  atMs: number,
): { key: string; limit: number; taken: number }[] {
  const day = localDay(Math.max(atMs, input.nowMs), input.timeZone)
  const mailbox = input.mailboxes.find(({ id }) => id === mailboxId)
  if (!mailbox) return []
  const limits = mailboxDayLimits(mailbox, input.warmupStages, day)
  const taken = mailbox.taken.get(day) ?? { campaign: 0, warmup: 0, response: 0 }
  const counters = [
    {
      key: `mailbox ${mailbox.id} on ${day}`,
      limit: limits.dailyLimit,
      taken: taken.campaign + taken.warmup + taken.response,
    },
  ]
  const { kind } = message
  if (kind === 'warmup')
    counters.push({ key: `warm-up of mailbox ${mailbox.id} on ${day}`, limit: limits.warmupLimit, taken: taken.warmup })
  const campaign = input.campaigns.find(({ id }) => id === message.campaignId)
  const salespersonId = kind === 'campaign' ? campaign?.salespersonId : message.salespersonId
  const salesperson = input.salespeople.find(({ id }) => id === salespersonId)
  if (salesperson) {
    counters.push({
      key: `salesperson ${salesperson.id} on ${day}`,
      limit: salesperson.dailyLimit ?? Infinity,
      taken: salesperson.taken.get(day) ?? 0,
    })
  }
  if (kind !== 'campaign' || !campaign) return counters
  counters.push({
    key: `campaign mail of mailbox ${mailbox.id} on ${day}`,
    limit: limits.campaignLimit,
    taken: taken.campaign,
  })
  const own = localDay(atMs, campaign.timeZone)
  counters.push({
    key: `campaign ${campaign.id} on ${own}`,
    limit: campaign.dailyLimit ?? Infinity,
    taken: campaign.taken.get(own) ?? 0,
  })
  return [...counters, ...domainCountersOf(input, message, atMs, day)]
}

const HOUR = 3_600_000

function domainLimitsOf({ domainLimits }: PlanInput, { kind, domain }: PlanMessage): DomainLimits | undefined {
  if (kind !== 'campaign' || domain === null) return undefined
  return domainLimits.get(domain) ?? domainLimits.get('*')
}

function domainCountersOf(
  input: PlanInput,
  message: PlanMessage,
  atMs: number,
  day: string,
): { key: string; limit: number; taken: number }[] {
  const limits = domainLimitsOf(input, message)
  if (!limits) return []
  const hourMs = Math.floor(Math.max(atMs, input.nowMs) / HOUR) * HOUR
  const taken = input.domainsTaken.get(message.domain ?? '')
  return [
    {
      key: `domain ${message.domain} on ${day}`,
      limit: limits.dailyLimit ?? Infinity,
      taken: taken?.days.get(day) ?? 0,
    },
    {
      key: `domain ${message.domain} in the hour from ${hourMs}`,
      limit: limits.hourlyLimit ?? Infinity,
      taken: taken?.hours.get(hourMs) ?? 0,
    },
  ]
}

function overLimits(input: PlanInput, standing: readonly Standing[]): string[] {
  return Array.from(dayCounts(input, standing))
    .filter(([, { limit, taken, slots }]) => taken + slots > limit)
    .map(([key, { limit, taken, slots }]) => `${key}: ${taken} taken and ${slots} planned, limit ${limit}`)
}

/**
 * A place that this message could have had before its own, or at all; undefined if there is none. Sound, since it asks for the largest
 * delay that could have been drawn to both sides; and whatever is free in the end was free all the time.
 */
export function betterPlace(
  input: PlanInput,
  standing: readonly Standing[],
  message: PlanMessage,
  beforeMs: number,
): { atMs: number; mailboxId: number } | undefined {
  const others = standing.filter((it) => it.message.id !== message.id)
  const counts = dayCounts(input, others)
  const campaign = message.kind === 'campaign' ? input.campaigns.find(({ id }) => id === message.campaignId) : undefined
  const ids = message.boundMailboxId === null ? (campaign?.mailboxIds ?? []) : [message.boundMailboxId]
  for (const mailbox of input.mailboxes) {
    if (!ids.includes(mailbox.id) || !mailbox.usable) continue
    for (const atMs of candidates(input, others, message, mailbox, campaign)) {
      if (atMs >= beforeMs) break
      const slot = {
        atMs,
        mailboxId: mailbox.id,
        windowClosesMs: 0,
        campaignVersion: campaign?.version ?? null,
        mailboxVersion: mailbox.version,
      }
      const tried: Standing = { message, slot, isNew: true }
      const day = campaign ? localDay(atMs, campaign.timeZone) : ''
      slot.windowClosesMs = (campaign && windowOn(campaign, day)?.closesMs) ?? 0
      if (!withinHorizon(input, campaign, atMs) || alone(input, tried).length > 0) continue
      // The last five seconds of an hour that is counted are left empty.
      if (typeof domainLimitsOf(input, message)?.hourlyLimit === 'number' && atMs % HOUR >= HOUR - 5_000) continue
      if (!hasDistance(input, others, tried, mailbox, campaign)) continue
      if (others.some((other) => together(input, tried, other).length > 0)) continue
      const full = countersOf(input, message, mailbox.id, atMs).some(
        ({ key, limit, taken }) => taken + (counts.get(key)?.slots ?? 0) >= limit,
      )
      if (!full) return { atMs, mailboxId: mailbox.id }
    }
  }
  return undefined
}

/** Where a free stretch can begin: now, when it is due, when a window opens or a day begins, and after each mail. */
function candidates(
  input: PlanInput,
  others: readonly Standing[],
  message: PlanMessage,
  mailbox: PlanMailbox,
  campaign: PlanCampaign | undefined,
): number[] {
  const times = [
    input.nowMs,
    dueMs(message, campaign),
    mailbox.freeFromMs ?? 0,
    (mailbox.lastFenceMs ?? 0) + mailbox.minGapMs + mailbox.occupiesMs,
  ]
  if (campaign) times.push((campaign.lastFenceMs ?? 0) + longest(input, campaign))
  if (typeof domainLimitsOf(input, message)?.hourlyLimit === 'number') {
    const days = sendingDays(input, campaign)
    for (const day of days) {
      const startMs = localTimeMs(day, '00:00', campaign?.timeZone ?? input.timeZone)
      for (let hour = 0; hour <= 25; hour++) times.push(Math.floor(startMs / HOUR) * HOUR + hour * HOUR)
    }
  }
  for (const day of daysOf(input)) {
    times.push(localTimeMs(day, '00:00', input.timeZone))
    const window = campaign && windowOn(campaign, day)
    if (window) times.push(window.opensMs)
  }
  for (const { slot, message: other } of others) {
    times.push(slot.atMs + mailbox.minGapMs + mailbox.occupiesMs)
    if (campaign && other.campaignId === campaign.id) times.push(slot.atMs + longest(input, campaign))
  }
  return times
    .map(Math.ceil)
    .filter((atMs) => atMs >= input.nowMs)
    .toSorted((a, b) => a - b)
}

/** The largest delay that can be drawn, and the time until the fence of the mail before, whichever mailbox that one leaves from. */
function longest(input: PlanInput, campaign: PlanCampaign): number {
  const occupiesMs = Math.max(...input.mailboxes.map((mailbox) => mailbox.occupiesMs))
  return campaign.delayMs === 0 ? 0 : Math.ceil(campaign.delayMs * (1 + campaign.jitter)) + occupiesMs
}

function hasDistance(
  input: PlanInput,
  others: readonly Standing[],
  { slot }: Standing,
  mailbox: PlanMailbox,
  campaign: PlanCampaign | undefined,
): boolean {
  if (campaign?.lastFenceMs && slot.atMs - campaign.lastFenceMs < longest(input, campaign)) return false
  if (mailbox.lastFenceMs && slot.atMs - mailbox.lastFenceMs < mailbox.minGapMs + mailbox.occupiesMs) return false
  return others.every((other) => {
    const apartMs = Math.abs(other.slot.atMs - slot.atMs)
    if (other.slot.mailboxId === mailbox.id && apartMs < mailbox.minGapMs + mailbox.occupiesMs + 1) return false
    return (
      !campaign ||
      other.message.kind !== 'campaign' ||
      other.message.campaignId !== campaign.id ||
      apartMs >= longest(input, campaign)
    )
  })
}

const days = new WeakMap<PlanInput, string[]>()
function daysOf(input: PlanInput): string[] {
  const known = days.get(input) ?? daysFrom(input)
  days.set(input, known)
  return known
}

function daysFrom(input: PlanInput): string[] {
  const today = Temporal.PlainDate.from(localDay(input.nowMs, input.timeZone))
  return Array.from({ length: 40 }, (_, index) => today.add({ days: index - 1 }).toString())
}

/** The sending days of a campaign within the horizon; days of the calendar for other mail. */
export function sendingDays(input: PlanInput, campaign: PlanCampaign | undefined): string[] {
  const zone = campaign?.timeZone ?? input.timeZone
  const today = localDay(input.nowMs, zone)
  return daysOf(input)
    .filter((day) => day >= today && (!campaign || windowOn(campaign, day)))
    .slice(0, input.horizonDays)
}

function withinHorizon(input: PlanInput, campaign: PlanCampaign | undefined, atMs: number): boolean {
  return sendingDays(input, campaign).includes(localDay(atMs, campaign?.timeZone ?? input.timeZone))
}
