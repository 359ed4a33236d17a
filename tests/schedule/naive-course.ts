/**
 * Drives the plan as a worker would, mail by mail: plans, sends the one mail that comes next, makes its follow-up, plans again; and at
 * every midnight. Slow, and written apart from the forecast, with all mails of the queue in every plan.
 */
import type { ForecastStep } from '../../src/schedule/forecast-input.ts'
import type { PlanInput, PlanMessage } from '../../src/schedule/plan-input.ts'
import { plan } from '../../src/schedule/plan.ts'
import { Temporal } from '../../src/time.ts'
import { localDay } from './checker.ts'
import { stored } from './worlds.ts'

export interface Sent {
  campaignId: number
  day: string
  stepPosition: number
  atMs: number
}

/** All campaign mails that go out, in order, until nothing has moved for `idleDays`. */
export function drive(
  fresh: PlanInput,
  stepsOf: (campaignId: number) => readonly ForecastStep[],
  { days, idleDays = 12 }: { days: number; idleDays?: number },
): Sent[] {
  const sent: Sent[] = []
  let input = fresh
  let lastId = Math.max(0, ...fresh.messages.map(({ id }) => id))
  const endMs = fresh.nowMs + days * 86_400_000
  let aliveMs = fresh.nowMs
  while (input.nowMs < endMs && input.nowMs < aliveMs + idleDays * 86_400_000) {
    input = stored(input, plan(input))
    const next = input.messages
      .filter(({ slot }) => slot)
      .toSorted((a, b) => (a.slot?.atMs ?? 0) - (b.slot?.atMs ?? 0) || a.id - b.id)[0]
    const midnightMs = nextMidnight(input)
    if (!next?.slot || next.slot.atMs >= midnightMs) {
      if (next || input.messages.some(({ follows }) => follows && follows.sentAtMs > input.nowMs - 15 * 86_400_000))
        aliveMs = midnightMs
      input = { ...input, nowMs: midnightMs }
      continue
    }
    const atMs = Math.max(next.slot.atMs, input.nowMs)
    aliveMs = atMs
    input = { ...taken(input, next, next.slot.mailboxId, atMs), nowMs: atMs }
    if (next.kind !== 'campaign' || next.campaignId === null) continue
    const zone = input.campaigns.find(({ id }) => id === next.campaignId)?.timeZone ?? 'UTC'
    sent.push({ campaignId: next.campaignId, day: localDay(atMs, zone), stepPosition: next.stepPosition ?? 1, atMs })
    const step = stepsOf(next.campaignId).find(({ position }) => position > (next.stepPosition ?? 1))
    if (!step) continue
    lastId++
    const { position, wait } = step
    const followUp = {
      ...next,
      id: lastId,
      order: lastId,
      stepPosition: position,
      boundMailboxId: next.slot.mailboxId,
      notBeforeMs: null,
      follows: { sentAtMs: atMs, wait },
      triedDays: [],
      slot: null,
      lost: null,
    }
    input = { ...input, messages: [...input.messages, followUp] }
  }
  return sent
}

function nextMidnight({ nowMs, timeZone, campaigns }: PlanInput): number {
  const zones = [timeZone, ...campaigns.map((campaign) => campaign.timeZone)]
  return Math.min(
    ...zones.map((zone) => {
      const today = Temporal.Instant.fromEpochMilliseconds(nowMs).toZonedDateTimeISO(zone).toPlainDate()
      return today.add({ days: 1 }).toZonedDateTime(zone).epochMilliseconds
    }),
  )
}

/** The world once a mail is out. */
function taken(input: PlanInput, message: PlanMessage, mailboxId: number, atMs: number): PlanInput {
  const { kind, campaignId, leadId } = message
  const day = localDay(atMs, input.timeZone)
  const isCampaignMail = kind === 'campaign'
  const campaign = isCampaignMail ? input.campaigns.find(({ id }) => id === campaignId) : undefined
  const ownerId = isCampaignMail ? campaign?.salespersonId : kind === 'response' ? message.salespersonId : null
  const contacts = new Map(input.contacts)
  if (campaign && leadId !== null) {
    contacts.set(leadId, [...(contacts.get(leadId) ?? []), { day, campaignId: campaign.id }])
  }
  return {
    ...input,
    contacts,
    domainsTaken: isCampaignMail ? withDomain(input, message.domain, day, atMs) : input.domainsTaken,
    messages: input.messages.filter(({ id }) => id !== message.id),
    mailboxes: input.mailboxes.map((it) => {
      if (it.id !== mailboxId) return it
      const counts = it.taken.get(day) ?? { campaign: 0, warmup: 0, response: 0 }
      const after = new Map(it.taken).set(day, { ...counts, [kind]: counts[kind] + 1 })
      return { ...it, taken: after, lastFenceMs: atMs }
    }),
    salespeople: input.salespeople.map((it) => {
      return it.id === ownerId ? { ...it, taken: new Map(it.taken).set(day, (it.taken.get(day) ?? 0) + 1) } : it
    }),
    campaigns: input.campaigns.map((it) => {
      if (it !== campaign) return it
      const local = localDay(atMs, it.timeZone)
      return { ...it, lastFenceMs: atMs, taken: new Map(it.taken).set(local, (it.taken.get(local) ?? 0) + 1) }
    }),
  }
}

function withDomain(
  { domainsTaken }: PlanInput,
  domain: string | null,
  day: string,
  atMs: number,
): PlanInput['domainsTaken'] {
  if (domain === null) return domainsTaken
  const { days, hours } = domainsTaken.get(domain) ?? { days: new Map(), hours: new Map() }
  const hourMs = Math.floor(atMs / 3_600_000) * 3_600_000
  return new Map(domainsTaken).set(domain, {
    days: new Map(days).set(day, (days.get(day) ?? 0) + 1),
    hours: new Map(hours).set(hourMs, (hours.get(hourMs) ?? 0) + 1),
  })
}
