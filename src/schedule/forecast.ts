/**
 * The forecast: runs the plan forward to the end. Lays the horizon, lets its days pass as planned, lets each mail that went make its
 * follow-up, plans again; until nothing is left, or what is left will never go. A pure function, and the plan's own: what it says of a
 * day is what the plan will do on that day, as long as nothing fails and nobody changes anything.
 *
 * The worker plans again and again through the day. Here it is done where it can make a difference:
 *
 *   - at every midnight at which the horizon of a campaign moves, or a campaign begins,
 *   - at the end of a day that made follow-ups, while it is still today: the next sending day is firm then, as it was when the worker
 *     planned them, and the day after it is not,
 *   - within a day where follow-ups come due on it, in stretches of ten minutes.
 *
 * Taken for granted: servers accept; nobody replies, objects or bounces; what is on its way arrives; retries go at their next time.
 */
import { dayText, zoneDays } from './days.ts'
import { Course } from './forecast-course.ts'
import type { ForecastInput } from './forecast-input.ts'
import { finishOf } from './forecast-range.ts'
import type { Forecast } from './forecast-result.ts'
import { Tally } from './forecast-tally.ts'
import type { WaitingCode } from './plan-input.ts'
import type { Plan } from './plan-result.ts'
import { plan } from './plan.ts'
import { instantAt } from '../time.ts'

/** Runs the plan to the end. */
export function forecast(input: ForecastInput): Forecast {
  const tally = new Tally()
  const cut = run(input, tally)
  const { nowMs, timeZone } = input.plan
  const campaigns = input.campaigns.flatMap((it) => {
    const campaign = input.plan.campaigns.find(({ id }) => id === it.id)
    if (!campaign) return []
    const told = tally.of(it, campaign, nowMs)
    const left = cut.get(it.id) ?? 0
    const finish = finishOf(told, campaign, { nowMs, slips: input.slips, left })
    return [{ ...told, mails: told.mails + left, finish }]
  })
  return { madeAt: instantAt(nowMs), timeZone, campaigns }
}

const DAY_MS = 86_400_000

/** Days without any mail, behind all for which one is due, after which nothing is expected any more. */
const IDLE_DAYS = 40

/** Lets the days pass. Returns how many mails were left, by campaign, where it was not run to the end. */
function run(input: ForecastInput, tally: Tally): Map<number, number> {
  const course = new Course(input)
  const endMs = input.plan.nowMs + (input.longestDays ?? 400) * DAY_MS
  let aliveMs = Math.max(input.plan.nowMs, ...input.campaigns.map(({ runsFromMs }) => runsFromMs ?? 0))
  course.startDue()
  course.horizonMoved()
  let last = planNow(course, tally)
  while (course.nowMs < endMs) {
    const midnightMs = nextMidnight(course)
    while (course.nowMs < midnightMs) {
      const { toPlan } = course.pass(midnightMs, { depart: tally.depart, fullToday: last.fullToday })
      if (!toPlan) continue
      const { nowMs } = course
      // At midnight itself today would be over, and the day that a follow-up may still move things on firm.
      course.nowMs = Math.min(nowMs, midnightMs - 1)
      last = planNow(course, tally)
      course.nowMs = nowMs
    }
    aliveMs = Math.max(aliveMs, last.slots > 0 ? course.nowMs : 0, course.lastDueMs())
    if (isOver(course, last) || course.nowMs > aliveMs + IDLE_DAYS * DAY_MS) {
      strand(course, last, tally)
      return new Map()
    }
    course.forget()
    const started = course.startDue()
    if (course.horizonMoved() || started || last.hasOtherMail) last = planNow(course, tally)
  }
  return course.left()
}

/** What the last plan has left open. */
interface Planned {
  /** Mails with a slot. */
  slots: number
  /** Campaigns whose sending time is full today. */
  fullToday: ReadonlySet<number>
  /** Mails that have none, and why. */
  waiting: Plan['waiting']
  hasOtherMail: boolean
}

function planNow(course: Course, tally: Tally): Planned {
  const input = course.planInput()
  const result = plan(input)
  for (const { campaignId } of course.store(result)) {
    if (campaignId !== null) tally.strand(campaignId, 'given_up', 1)
  }
  const zones = new Map(input.campaigns.map(({ id, timeZone }) => [id, zoneDays(timeZone)]))
  const fullToday = new Set<number>()
  for (const { campaignId, day, code } of result.bindings) {
    const zone = zones.get(campaignId)
    const today = zone?.dayAt(course.nowMs) ?? 0
    const isToday = dayText(today) === day
    if (isToday && code === 'window') fullToday.add(campaignId)
    // As it just begins nothing has been said of it that is not to be said anew.
    tally.bind(campaignId, day, code, { begun: isToday && zone?.startMs(today) !== course.nowMs })
  }
  return {
    fullToday,
    slots: input.messages.length - result.waiting.length - result.giveUps.length,
    waiting: result.waiting,
    hasOtherMail: input.messages.some(({ kind }) => kind !== 'campaign'),
  }
}

function nextMidnight(course: Course): number {
  const midnights = course.timeZones.map((name) => {
    const zone = zoneDays(name)
    return zone.startMs(zone.dayAt(course.nowMs) + 1)
  })
  return Math.min(...midnights)
}

/** What passes by no day. */
const LASTING: ReadonlySet<WaitingCode> = new Set(['campaign_not_running', 'no_sending_day', 'no_usable_mailbox'])

/** Is nothing left, or nothing that time alone would bring on its way? */
function isOver(course: Course, { slots, waiting }: Planned): boolean {
  if ((slots > 0 && course.hasSlots()) || course.willStart()) return false
  const codes = codesOf(waiting)
  const { messages, waiting: behind } = course.rest()
  return (
    messages.every(({ id }) => LASTING.has(codes.get(id) ?? 'not_due')) &&
    behind.every(({ campaignId, mails }) => mails === 0 || !course.isRunning(campaignId))
  )
}

function strand(course: Course, { waiting }: Planned, tally: Tally): void {
  const { messages, waiting: behind } = course.rest()
  const codes = codesOf(waiting)
  const ofCampaigns = new Map<number, string>()
  for (const { id, campaignId } of messages) {
    if (campaignId === null) continue
    const code = course.isRunning(campaignId) ? (codes.get(id) ?? 'not_due') : course.stoppedBy(campaignId)
    ofCampaigns.set(campaignId, code)
    tally.strand(campaignId, code, 1)
  }
  for (const { campaignId, mails } of behind) {
    const code = course.isRunning(campaignId)
      ? (ofCampaigns.get(campaignId) ?? 'no_room')
      : course.stoppedBy(campaignId)
    tally.strand(campaignId, code, mails)
  }
}

function codesOf(waiting: Plan['waiting']): Map<number, WaitingCode> {
  return new Map(waiting.map(({ messageId, code }) => [messageId, code]))
}
