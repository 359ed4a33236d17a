/** What a forecast would be made of once a change is applied: the definition, laid over the plan's input. Pure; nothing is written for it. */
import type { ForecastCampaign, ForecastInput, ForecastStep } from '../../schedule/forecast-input.ts'
import type { PlanCampaign, PlanInput, PlanMailbox, PlanMessage } from '../../schedule/plan-input.ts'
import { runsFromMs, WEEKDAYS } from '../../schedule/windows.ts'
import type { MailboxDefinition } from '../definition/definition.ts'
import type { CampaignChange, Changes } from './changes.ts'
import type { StepsChange } from './steps.ts'

/** Ids by name of what is stored. */
export interface KnownIds {
  mailboxes: ReadonlyMap<string, number>
  salespeople: ReadonlyMap<string, number>
}

/** The input once the changes hold. What they make new gets ids of its own, below zero. */
export function changedInput(input: ForecastInput, changes: Changes, known: KnownIds): ForecastInput {
  const mailboxIds = new Map(known.mailboxes)
  for (const [index, { name }] of changes.mailboxes.entries())
    if (!mailboxIds.has(name)) mailboxIds.set(name, -1 - index)
  const changed = new Map(changes.campaigns.flatMap((it) => (it.stored === undefined ? [] : [[it.stored.id, it]])))
  const ways = new Map(Array.from(changed, ([id, { steps }]) => [id, new Ways(steps)]))
  const messages = input.plan.messages.flatMap((message) => {
    const way = message.kind === 'campaign' ? ways.get(message.campaignId ?? Number.NaN) : undefined
    return way ? (way.of(message) ?? []) : message
  })
  const plan: PlanInput = {
    ...input.plan,
    timeZone: changes.installation.timezone ?? input.plan.timeZone,
    warmupStages: changes.installation.warmupStages ?? input.plan.warmupStages,
    domainLimits: limitsByDomain(changes) ?? input.plan.domainLimits,
    salespeople: input.plan.salespeople.map((it) => {
      const change = changes.salespeople.find(({ stored }) => stored?.id === it.id)
      return change ? { ...it, dailyLimit: change.thing.dailyLimit } : it
    }),
    mailboxes: mailboxesOf(input.plan.mailboxes, changes, mailboxIds),
    campaigns: input.plan.campaigns.map((it) => {
      const change = changed.get(it.id)
      return change ? campaignOf(it, change, { ...known, mailboxes: mailboxIds }) : it
    }),
    messages,
  }
  const campaigns = input.campaigns.map((it) => ({ ...it, ...startOf(it, plan), ...stepsOf(it, ways.get(it.id)) }))
  return { ...input, plan, campaigns }
}

function limitsByDomain({ installation }: Changes): PlanInput['domainLimits'] | undefined {
  return (
    installation.domainLimits && new Map(installation.domainLimits.map(({ domain, ...limits }) => [domain, limits]))
  )
}

function mailboxesOf(
  mailboxes: readonly PlanMailbox[],
  changes: Changes,
  ids: ReadonlyMap<string, number>,
): PlanMailbox[] {
  const there = new Set(mailboxes.map(({ id }) => id))
  const kept = mailboxes.map((it) => {
    const change = changes.mailboxes.find(({ stored }) => stored?.id === it.id)
    return change ? { ...it, ...limitsOf(change.thing), version: it.version + Number(change.voidsSlots) } : it
  })
  const made = changes.mailboxes.flatMap(({ name, thing }): PlanMailbox[] => {
    const id = ids.get(name) ?? 0
    if (there.has(id)) return []
    const idle = { freeFromMs: null, lastFenceMs: null, occupiesMs: 20, taken: new Map() }
    return [{ id, version: 1, usable: true, ...limitsOf(thing), ...idle }]
  })
  return [...kept, ...made]
}

function limitsOf({
  dailyLimit,
  minGapMs,
  warmup,
}: MailboxDefinition): Pick<PlanMailbox, 'dailyLimit' | 'minGapMs' | 'warmup'> {
  return { dailyLimit, minGapMs, warmup }
}

function campaignOf(
  campaign: PlanCampaign,
  { thing, voidsSlots }: CampaignChange,
  { mailboxes, salespeople }: KnownIds,
): PlanCampaign {
  const {
    timezone: timeZone,
    startsOn,
    holidays,
    skipDates,
    delayMs,
    jitter,
    dailyLimit,
    contactGapDays,
    weight,
  } = thing
  const days = WEEKDAYS.filter((_, index) => thing.window.days.includes(index + 1))
  return {
    ...campaign,
    version: campaign.version + Number(voidsSlots),
    salespersonId: salespeople.get(thing.salesperson) ?? campaign.salespersonId,
    mailboxIds: thing.mailboxes.flatMap((address) => mailboxes.get(address) ?? []),
    window: { from: thing.window.from, to: thing.window.to, days },
    timeZone,
    startsOn,
    holidays,
    skipDates,
    delayMs,
    jitter,
    dailyLimit,
    contactGapDays,
    weight,
  }
}

/** One that has yet to begin does so on its day, which may be another now. */
function startOf({ id, runsFromMs: startMs }: ForecastCampaign, plan: PlanInput): Partial<ForecastCampaign> {
  const campaign = plan.campaigns.find((it) => it.id === id)
  return startMs === null || !campaign ? {} : { runsFromMs: runsFromMs(campaign, plan.nowMs) }
}

/** Where the mails of a campaign stand in its new sequence. */
class Ways {
  readonly steps: readonly ForecastStep[]
  readonly #placeOf: ReadonlyMap<number, number>
  readonly #removed: ReadonlySet<number>

  constructor({ wanted, retire, remove }: StepsChange) {
    this.steps = wanted.map(({ position, wait }) => ({ position, wait: waitOf(wait) }))
    this.#placeOf = new Map(wanted.flatMap(({ position, stored }) => (stored ? [[stored.position, position]] : [])))
    this.#removed = new Set([...retire, ...remove].map(({ position }) => position))
  }

  /** A mail as it will be; of a removed step it becomes the next one's, or null: there is none. */
  of(message: PlanMessage): PlanMessage | null {
    const before = message.stepPosition ?? 1
    const place = this.#removed.has(before) ? this.#next(before) : (this.#placeOf.get(before) ?? before)
    if (place === null) return null
    const step = this.steps.find(({ position }) => position === place)
    const follows = message.follows && step ? { ...message.follows, wait: step.wait } : message.follows
    const isNew = this.#removed.has(before)
    return { ...message, stepPosition: place, follows, ...(isNew ? { slot: null, lost: null } : {}) }
  }

  /** The step behind a removed one: the first that stood behind it, or is new in its place. */
  #next(before: number): number | null {
    const passed = [...this.#placeOf].filter(([old]) => old < before).map(([, place]) => place)
    const after = Math.max(0, ...passed)
    return this.steps.find(({ position }) => position > after)?.position ?? null
  }
}

function waitOf(wait: { days?: number; ms?: number } | null): ForecastStep['wait'] {
  return wait?.days === undefined ? { ms: wait?.ms ?? 0 } : { days: wait.days }
}

function stepsOf(
  { waiting, underWay }: ForecastCampaign,
  way: Ways | undefined,
): Partial<Pick<ForecastCampaign, 'steps' | 'waiting' | 'underWay'>> {
  if (!way) return {}
  // First mails that wait are all of the first step; without any step left there would be no campaign.
  const at = (index: number): PlanMessage => {
    const message = waiting.at(index)
    return way.of(message) ?? message
  }
  return {
    steps: way.steps,
    waiting: { size: waiting.size, at },
    underWay: underWay.flatMap((mail) => {
      const message = way.of(mail.message)
      return message ? [{ ...mail, message }] : []
    }),
  }
}
