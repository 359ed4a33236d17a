/**
 * Recipient domains with a limit a day or an hour, over all campaigns. A day is the installation's; an hour begins on the full hour, as
 * claim counts it. A mail whose domain has no limit knows of none of this.
 */
import { DayCounter } from './counter.ts'
import { dayText } from './days.ts'
import type { DomainLimits, PlanInput } from './plan-input.ts'

const HOUR_MS = 3_600_000

/**
 * No mail is planned into the last seconds of an hour that is counted: between its claim and its fence the hour would change, and the fence
 * would refuse it, since the hour it was counted on is over.
 */
const EDGE_MS = 5_000

/** What one domain may get, and has in this plan. */
export class Domain {
  readonly #days: DayCounter
  readonly #hourlyLimit: number | null
  readonly #hours: Map<number, number>
  readonly #nowMs: number

  constructor(
    { dailyLimit, hourlyLimit }: DomainLimits,
    { taken, nowMs, days }: { taken: Taken; nowMs: number; days: DayCounter },
  ) {
    this.#days = days
    this.#hourlyLimit = hourlyLimit
    this.#hours = new Map([...taken.hours].map(([startMs, mails]) => [startMs / HOUR_MS, mails]))
    this.#nowMs = nowMs
    if (dailyLimit !== null) for (let day = 0; day < days.length; day++) days.limit(day, dailyLimit)
  }

  /** Could one more go on that day, at some hour? */
  dayHasRoom(day: number): boolean {
    return this.#days.hasRoom(day)
  }

  /** How many more could go on that day. */
  room(day: number): number {
    return this.#days.room(day)
  }

  /** May one more be planned for this very instant? */
  hasRoom(day: number, atMs: number): boolean {
    return this.#days.hasRoom(day) && this.openFromMs(atMs) <= atMs
  }

  /** Does what stands at this instant still fit? */
  fits(day: number, atMs: number): boolean {
    return this.#days.hasRoom(day) && this.#hourHasRoom(this.#hourOf(atMs))
  }

  /** The first instant from this one on whose hour has room. */
  openFromMs(atMs: number): number {
    if (this.#hourlyLimit === null) return atMs
    if (this.#hourlyLimit === 0) return Number.POSITIVE_INFINITY
    let hour = this.#hourOf(atMs)
    if (this.#hourHasRoom(hour) && atMs < (hour + 1) * HOUR_MS - EDGE_MS) return atMs
    do hour++
    while (!this.#hourHasRoom(hour))
    return hour * HOUR_MS
  }

  /** Takes one place, or gives it back with -1. */
  take(day: number, atMs: number, count: 1 | -1): void {
    const hour = this.#hourOf(atMs)
    this.#days.take(day, count)
    this.#hours.set(hour, (this.#hours.get(hour) ?? 0) + count)
  }

  #hourHasRoom(hour: number): boolean {
    return this.#hourlyLimit === null || (this.#hours.get(hour) ?? 0) < this.#hourlyLimit
  }

  /** A slot whose time has just passed is counted in the hour in which it is claimed: this one. */
  #hourOf(atMs: number): number {
    return Math.floor(Math.max(atMs, this.#nowMs) / HOUR_MS)
  }
}

interface Taken {
  days: ReadonlyMap<string, number>
  hours: ReadonlyMap<number, number>
}

/** The domains of these mails that have a limit, by name. */
export function domainsOf(input: PlanInput, today: number, days: number): (name: string | null) => Domain | null {
  const known = new Map<string, Domain | null>()
  return (name) => {
    if (name === null || input.domainLimits.size === 0) return null
    const domain = known.get(name)
    if (domain !== undefined) return domain
    const made = domainOf(name, input, today, days)
    known.set(name, made)
    return made
  }
}

function domainOf(name: string, input: PlanInput, today: number, days: number): Domain | null {
  const limits = input.domainLimits.get(name) ?? input.domainLimits.get('*')
  if (!limits || (limits.dailyLimit === null && limits.hourlyLimit === null)) return null
  const taken = input.domainsTaken.get(name) ?? { days: new Map(), hours: new Map() }
  const counter = new DayCounter(days)
  for (let day = 0; day < days; day++) counter.take(day, taken.days.get(dayText(today + day)) ?? 0)
  return new Domain(limits, { taken, nowMs: input.nowMs, days: counter })
}
