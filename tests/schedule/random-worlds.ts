/** Random worlds for the properties of the plan: small ones with tight limits, near clock changes and holidays, where everything binds. */
import { boolean, constant, constantFrom, integer, oneof, record, subarray, tuple } from 'fast-check'
import type { Arbitrary } from 'fast-check'
import type { DomainLimits, PlanCampaign, PlanInput, PlanMailbox, PlanMessage } from '../../src/schedule/plan-input.ts'
import type { Plan } from '../../src/schedule/plan-result.ts'
import { WEEKDAYS } from '../../src/schedule/windows.ts'
import { Temporal } from '../../src/time.ts'
import { localDay } from './checker.ts'
import { campaign, firstMail, firstMails, mailbox, salesperson, stored, world } from './worlds.ts'

const HOUR = 3_600_000
const zone = constantFrom('Europe/Warsaw', 'Europe/Warsaw', 'America/New_York', 'Asia/Tokyo', 'Europe/London')

/** Instants around both clock changes in Europe and in New York, Christmas, the first days of May, and an ordinary week. */
const now = tuple(
  constantFrom('2026-03-27', '2026-10-23', '2026-03-06', '2026-10-30', '2026-12-22', '2026-04-30', '2026-06-15'),
  integer({ min: 0, max: 72 * 60 }),
).map(([day, minutes]) => Temporal.PlainDate.from(day).toZonedDateTime('UTC').epochMilliseconds + minutes * 60_000)

const window = tuple(
  constantFrom(
    ['00:00', '24:00'],
    ['09:00', '17:00'],
    ['01:30', '03:30'],
    ['02:15', '02:45'],
    ['20:00', '24:00'],
    ['09:00', '10:00'],
    ['00:00', '06:00'],
  ),
  subarray([...WEEKDAYS], { minLength: 2 }),
).map(([[from = '', to = ''], days]) => ({ from, to, days }))

const mostly = constantFrom(true, true, true, true, true, true, true, true, false)
const limit = oneof(constant(null), integer({ min: 0, max: 12 }))

const someLimits: Arbitrary<DomainLimits> = record({
  dailyLimit: constantFrom(null, 0, 1, 2, 4),
  hourlyLimit: constantFrom(null, 1, 2),
})
const domainLimits: Arbitrary<PlanInput['domainLimits']> = tuple(
  oneof(constant(null), someLimits),
  oneof(constant(null), someLimits),
).map(([all, one]) => new Map([...(all ? [['*', all] as const] : []), ...(one ? [['a.example', one] as const] : [])]))

function campaignOf(id: number, people: number, boxes: number): Arbitrary<PlanCampaign> {
  return record({
    salespersonId: integer({ min: 1, max: people }),
    mailboxIds: subarray(
      Array.from({ length: boxes }, (_, index) => index + 1),
      { minLength: 1 },
    ),
    timeZone: zone,
    window,
    holidays: constantFrom(null, 'PL'),
    delayMs: constantFrom(0, 90_000, HOUR, 5 * HOUR),
    jitter: constantFrom(0, 0.2, 0.9),
    dailyLimit: limit,
    contactGapDays: integer({ min: 0, max: 3 }),
    running: mostly,
    weight: integer({ min: 1, max: 3 }),
  }).map((over) => campaign({ id, ...over }))
}

function mailboxOf(id: number, nowMs: number): Arbitrary<PlanMailbox> {
  return record({
    dailyLimit: constantFrom(0, 1, 2, 3, 4, 8),
    minGapMs: constantFrom(0, 60_000, 2 * HOUR),
    occupiesMs: constantFrom(20, 1500),
    warmup: constantFrom(null, null, { started: localDay(nowMs, 'Europe/Warsaw'), dailyLimit: 3 }),
    usable: mostly,
    freeFromMs: constantFrom(null, null, nowMs + 30 * 60_000, nowMs + 20 * HOUR),
    lastFenceMs: constantFrom(null, nowMs - 30_000),
    taken: constantFrom(
      new Map(),
      new Map([[localDay(nowMs, 'Europe/Warsaw'), { campaign: 1, warmup: 1, response: 0 }]]),
    ),
  }).map((over) => mailbox({ id, ...over }))
}

function messageOf(id: number, nowMs: number, campaigns: number, boxes: number): Arbitrary<PlanMessage> {
  const box = integer({ min: 1, max: boxes })
  const base = record({
    campaignId: integer({ min: 1, max: campaigns }),
    leadId: integer({ min: 1, max: 15 }).map((lead) => (lead > 8 ? id * 100 : lead)),
    domain: constantFrom('a.example', 'a.example', 'b.example'),
    notBeforeMs: constantFrom(null, null, null, nowMs + HOUR, nowMs + 30 * HOUR),
    triedDays: constantFrom([], [], [], ['2026-01-01', '2026-01-02', '2026-01-05']),
  })
  const due = constantFrom({ days: 0 }, { days: 2 }, { days: 3 }, { ms: 30 * HOUR })
  return oneof(
    { weight: 5, arbitrary: base.map((over) => firstMail(id, over)) },
    {
      weight: 4,
      arbitrary: tuple(base, box, due).map(([over, boundMailboxId, wait]) =>
        firstMail(id, { ...over, stepPosition: 2, boundMailboxId, follows: { sentAtMs: nowMs - 25 * HOUR, wait } }),
      ),
    },
    {
      weight: 1,
      arbitrary: tuple(base, box, constantFrom('response' as const, 'warmup' as const)).map(
        ([over, boundMailboxId, kind]) =>
          firstMail(id, { ...over, kind, campaignId: null, stepPosition: null, boundMailboxId, triedDays: [] }),
      ),
    },
  )
}

/** A world in which nothing is planned yet. */
export const freshWorld: Arbitrary<PlanInput> = tuple(
  now,
  integer({ min: 1, max: 3 }),
  integer({ min: 1, max: 3 }),
  integer({ min: 1, max: 2 }),
  zone,
).chain(([nowMs, campaigns, boxes, people, timeZone]) =>
  record({
    campaigns: tuple(...numbered(campaigns, (id) => campaignOf(id, people, boxes))),
    mailboxes: tuple(...numbered(boxes, (id) => mailboxOf(id, nowMs))),
    salespeople: tuple(...numbered(people, (id) => limit.map((dailyLimit) => salesperson({ id, dailyLimit })))),
    messages: integer({ min: 1, max: 24 }).chain((count) =>
      tuple(...numbered(count, (id) => messageOf(id, nowMs, campaigns, boxes))),
    ),
    domainLimits,
    domainsTaken: constantFrom(
      new Map(),
      new Map([
        [
          'a.example',
          { days: new Map([[localDay(nowMs, timeZone), 1]]), hours: new Map([[Math.floor(nowMs / HOUR) * HOUR, 1]]) },
        ],
      ]),
    ),
    contacts: constantFrom(new Map(), new Map([[1, [{ day: localDay(nowMs, timeZone), campaignId: 1 }]]])),
    horizonDays: integer({ min: 2, max: 4 }),
  }).map((over) =>
    onePerLeadAndCampaign(
      world({
        ...over,
        nowMs,
        timeZone,
        warmupStages: [
          { fromDay: 1, warmupLimit: 2, campaignLimit: 2 },
          { fromDay: 3, warmupLimit: null, campaignLimit: null },
        ],
      }),
    ),
  ),
)

/** Campaigns on the same mailboxes, the first of them with more mails than the days ahead can take; the others join with `joining`. */
export const sharedWorld: Arbitrary<{ input: PlanInput; joining: PlanMessage[] }> = record({
  limits: tuple(integer({ min: 1, max: 9 }), integer({ min: 1, max: 9 })),
  weights: tuple(integer({ min: 1, max: 3 }), integer({ min: 1, max: 3 }), integer({ min: 1, max: 3 })),
  horizonDays: integer({ min: 3, max: 5 }),
  closes: constantFrom('10:00', '13:00', '17:00'),
}).map(({ limits, weights, horizonDays, closes }) => {
  const mailboxes = limits.map((dailyLimit, index) => mailbox({ id: index + 1, dailyLimit }))
  const campaigns = weights.map((weight, index) => {
    const window = { from: '09:00', to: index === 0 ? '17:00' : closes, days: [...WEEKDAYS] }
    return campaign({ id: index + 1, weight, window, mailboxIds: [1, 2], delayMs: 0 })
  })
  const joining = [...firstMails(1001, 1100, { campaignId: 2 }), ...firstMails(2001, 2100, { campaignId: 3 })]
  return { input: world({ mailboxes, campaigns, horizonDays, messages: firstMails(1, 100) }), joining }
})

/** What can happen between two plans. */
export interface Shock {
  passMs: number
  missing: boolean
  lowered: number | null
  moved: boolean
  stopped: number | null
  paused: number | null
  taken: number
  added: number
}

export const shock: Arbitrary<Shock> = record({
  passMs: constantFrom(0, 60_000, 3 * HOUR, 26 * HOUR),
  missing: boolean(),
  lowered: constantFrom(null, null, 0, 1, 3),
  moved: constantFrom(false, false, false, true),
  stopped: constantFrom(null, null, 1, 2),
  paused: constantFrom(null, null, null, 1),
  taken: integer({ min: 0, max: 3 }),
  added: integer({ min: 0, max: 12 }),
})

/** The world after a plan was stored and a shock came. What was due meanwhile went out, or was missed; settings that change bump their version. */
export function after(before: PlanInput, plan: Plan, it: Shock): PlanInput {
  const input = stored(before, plan)
  const nowMs = input.nowMs + it.passMs
  const today = localDay(nowMs, input.timeZone)
  const messages = input.messages.filter(({ slot }) => it.missing || !slot || slot.atMs > nowMs)
  const last = Math.max(0, ...input.messages.map(({ id }) => id))
  const added = Array.from({ length: it.added }, (_, index) => addedMail(input, last + 1 + index, index, nowMs))
  return {
    ...input,
    nowMs,
    messages: [...messages, ...added],
    campaigns: input.campaigns.map((one) => {
      const running = it.paused !== one.id
      const moved = it.moved && one.id === 1
      if (!moved) return { ...one, running }
      return {
        ...one,
        running,
        version: one.version + 1,
        window: { ...one.window, from: '00:00', to: '12:00' },
        delayMs: one.delayMs + 60_000,
      }
    }),
    mailboxes: input.mailboxes.map((one) => {
      const taken = new Map([[today, { campaign: 0, warmup: it.taken, response: 0 }]])
      const lower = it.lowered !== null && one.id === 1
      return {
        ...one,
        taken,
        usable: it.stopped !== one.id,
        ...(lower && { dailyLimit: it.lowered ?? 0, version: one.version + 1 }),
      }
    }),
  }
}

/** Follow-ups that become due, and first mails of a campaign that joins late. */
function addedMail(input: PlanInput, id: number, index: number, nowMs: number): PlanMessage {
  const leadId = 100_000 + id
  if (index % 2 === 0) return firstMail(id, { leadId, campaignId: (index % input.campaigns.length) + 1 })
  const origin = input.messages[index % Math.max(1, input.messages.length)]
  const over = { campaignId: origin?.campaignId ?? 1, boundMailboxId: (index % input.mailboxes.length) + 1, leadId }
  return firstMail(id, { ...over, stepPosition: 2, follows: { sentAtMs: nowMs - HOUR, wait: { days: index % 3 } } })
}

function numbered<Item>(count: number, make: (id: number) => Item): Item[] {
  return Array.from({ length: count }, (_, index) => make(index + 1))
}

/** A lead has one open mail in a campaign at most. */
function onePerLeadAndCampaign(input: PlanInput): PlanInput {
  const seen = new Set<string>()
  const messages = input.messages.filter(({ kind, leadId, campaignId, id }) => {
    const key = kind === 'campaign' ? `${leadId} ${campaignId}` : `${id}`
    return !seen.has(key) && seen.add(key)
  })
  return { ...input, messages }
}
