/** Small worlds for the tests of the schedule: each builder makes an ordinary thing, and takes what is special about it. */
import type {
  PlanCampaign,
  PlanInput,
  PlanMailbox,
  PlanMessage,
  PlanSalesperson,
} from '../../src/schedule/plan-input.ts'
import type { Plan } from '../../src/schedule/plan-result.ts'
import { Temporal } from '../../src/time.ts'

/** Epoch milliseconds of a local time in Warsaw: `2026-03-27 09:00`. */
export function warsaw(text: string): number {
  return Temporal.PlainDateTime.from(text.replace(' ', 'T')).toZonedDateTime('Europe/Warsaw').epochMilliseconds
}

/** An instant as Warsaw's clocks show it. */
export function inWarsaw(atMs: number): string {
  const zoned = Temporal.Instant.fromEpochMilliseconds(atMs).toZonedDateTimeISO('Europe/Warsaw')
  return `${zoned.toPlainDate().toString()} ${zoned.toPlainTime().toString({ smallestUnit: 'second' })}`
}

export function salesperson(over: Partial<PlanSalesperson> = {}): PlanSalesperson {
  return { id: 1, dailyLimit: null, taken: new Map(), ...over }
}

export function mailbox(over: Partial<PlanMailbox> = {}): PlanMailbox {
  return {
    id: 1,
    version: 1,
    dailyLimit: 50,
    minGapMs: 60_000,
    warmup: null,
    usable: true,
    freeFromMs: null,
    lastFenceMs: null,
    occupiesMs: 20,
    taken: new Map(),
    ...over,
  }
}

export function campaign(over: Partial<PlanCampaign> = {}): PlanCampaign {
  return {
    id: 1,
    version: 1,
    salespersonId: 1,
    mailboxIds: [1],
    timeZone: 'Europe/Warsaw',
    startsOn: null,
    window: { from: '09:00', to: '17:00', days: ['mon', 'tue', 'wed', 'thu', 'fri'] },
    holidays: 'PL',
    skipDates: [],
    delayMs: 90_000,
    jitter: 0,
    dailyLimit: null,
    contactGapDays: 1,
    running: true,
    weight: 1,
    lastFenceMs: null,
    taken: new Map(),
    ...over,
  }
}

export function firstMail(id: number, over: Partial<PlanMessage> = {}): PlanMessage {
  return {
    id,
    kind: 'campaign',
    campaignId: 1,
    leadId: id,
    domain: null,
    stepPosition: 1,
    boundMailboxId: null,
    salespersonId: 1,
    notBeforeMs: null,
    follows: null,
    order: id,
    triedDays: [],
    slot: null,
    said: null,
    lost: null,
    ...over,
  }
}

export function firstMails(from: number, to: number, over: Partial<PlanMessage> = {}): PlanMessage[] {
  return Array.from({ length: to - from + 1 }, (_, index) => firstMail(from + index, over))
}

export function followUp(id: number, sentAtMs: number, over: Partial<PlanMessage> = {}): PlanMessage {
  return firstMail(id, { stepPosition: 2, boundMailboxId: 1, follows: { sentAtMs, wait: { days: 3 } }, ...over })
}

export function response(id: number, over: Partial<PlanMessage> = {}): PlanMessage {
  return firstMail(id, { kind: 'response', campaignId: null, stepPosition: null, boundMailboxId: 1, ...over })
}

export function warmupMail(id: number, over: Partial<PlanMessage> = {}): PlanMessage {
  return firstMail(id, {
    kind: 'warmup',
    campaignId: null,
    leadId: null,
    stepPosition: null,
    boundMailboxId: 1,
    ...over,
  })
}

/** A world on Monday, 2026-03-23, at eight in Warsaw. */
export function world(over: Partial<PlanInput> = {}): PlanInput {
  return {
    nowMs: warsaw('2026-03-23 08:00'),
    timeZone: 'Europe/Warsaw',
    horizonDays: 7,
    graceMs: 300_000,
    attemptDays: 3,
    warmupStages: [],
    salespeople: [salesperson()],
    mailboxes: [mailbox()],
    campaigns: [campaign()],
    domainLimits: new Map(),
    domainsTaken: new Map(),
    contacts: new Map(),
    messages: [],
    ...over,
  }
}

/** The world once a plan is stored: as the database would have it for the next plan. */
export function stored(input: PlanInput, plan: Plan): PlanInput {
  const slots = new Map(plan.slots.map((slot) => [slot.messageId, slot]))
  const restamps = new Map(plan.restamps.map((restamp) => [restamp.messageId, restamp]))
  const withdrawn = new Map(plan.withdrawals.map((withdrawal) => [withdrawal.messageId, withdrawal]))
  const reasons = new Map(plan.reasons.map(({ messageId, code }) => [messageId, code]))
  const gone = new Set(plan.giveUps.map(({ messageId }) => messageId))
  const messages = input.messages
    .filter(({ id }) => !gone.has(id))
    .map((message): PlanMessage => {
      const slot = slots.get(message.id)
      if (slot) {
        const { atMs, mailboxId, windowClosesMs, campaignVersion, mailboxVersion } = slot
        return {
          ...message,
          said: null,
          lost: null,
          slot: { atMs, mailboxId, windowClosesMs, campaignVersion, mailboxVersion },
        }
      }
      // Why it waits is stored in the place of why it lost its slot; that it was missed is kept beside it.
      const { reason, from } = withdrawn.get(message.id) ?? {}
      const said = reasons.get(message.id) ?? message.said
      if (reason)
        return { ...message, slot: null, said, lost: reason === 'missed' && from ? { ...from, reason } : null }
      if (said !== message.said) return { ...message, said }
      const restamp = restamps.get(message.id)
      return restamp && message.slot ? { ...message, slot: { ...message.slot, ...withoutId(restamp) } } : message
    })
  return { ...input, messages }
}

function withoutId<Stamp extends { messageId: number }>({ messageId: _, ...stamp }: Stamp): Omit<Stamp, 'messageId'> {
  return stamp
}

/** The planned times by message, as Warsaw's clocks show them. */
export function timesOf(plan: Plan): Record<number, string> {
  return Object.fromEntries(plan.slots.map(({ messageId, atMs }) => [messageId, inWarsaw(atMs)]))
}
