/** Counts what goes out in a forecast, by campaign and day, and what held each day; and makes of it what the forecast says. */
import type { BindingCode } from './binding.ts'
import { dayText, zoneDays } from './days.ts'
import type { Departure } from './forecast-course.ts'
import type { ForecastCampaign } from './forecast-input.ts'
import type { CampaignForecast, ForecastDay } from './forecast-result.ts'
import type { PlanCampaign } from './plan-input.ts'
import { windowsOf } from './windows.ts'

interface Counts extends Omit<ForecastDay, 'binding'> {
  binding: BindingCode | null
}

export class Tally {
  readonly #days = new Map<number, Map<string, Counts>>()
  readonly #never = new Map<number, Map<string, number>>()

  /** One mail went. */
  readonly depart = ({ campaignId, day, isFollowUp }: Departure): void => {
    const counts = this.#on(campaignId, day)
    counts.mails++
    if (isFollowUp) counts.followUps++
    else counts.firstMails++
  }

  /** What keeps more mails from going on a day, as the last plan before it says, or the first one on it. */
  bind(campaignId: number, day: string, binding: BindingCode, { begun }: { begun: boolean }): void {
    const counts = this.#on(campaignId, day)
    if (!begun || counts.binding === null) counts.binding = binding
  }

  /** Mails that will not go. */
  strand(campaignId: number, reason: string, mails: number): void {
    if (mails === 0) return
    const reasons = this.#never.get(campaignId) ?? new Map<string, number>()
    this.#never.set(campaignId, reasons)
    reasons.set(reason, (reasons.get(reason) ?? 0) + mails)
  }

  /** What is forecast of one campaign. */
  of(it: ForecastCampaign, campaign: PlanCampaign, nowMs: number): Omit<CampaignForecast, 'finish'> {
    const days = this.#daysOf(campaign, nowMs)
    const last = (passes: (day: ForecastDay) => boolean): string | null => days.findLast(passes)?.day ?? null
    for (const { reason, mails } of it.never) this.strand(it.id, reason, mails)
    return {
      campaign: it.name,
      status: it.status,
      calendar: calendarOf(campaign),
      sent: it.sent,
      mails: days.reduce((sum, { mails }) => sum + mails, 0),
      days,
      firstMailsEnd: last(({ firstMails }) => firstMails > 0),
      followUpsEnd: last(({ followUps }) => followUps > 0),
      never: Array.from(this.#never.get(it.id) ?? [], ([reason, mails]) => ({ reason, mails })).toSorted(
        (a, b) => b.mails - a.mails || (a.reason < b.reason ? -1 : 1),
      ),
    }
  }

  #on(campaignId: number, day: string): Counts {
    const days = this.#days.get(campaignId) ?? new Map<string, Counts>()
    this.#days.set(campaignId, days)
    const counts = days.get(day) ?? { day, firstMails: 0, followUps: 0, mails: 0, binding: null }
    days.set(day, counts)
    return counts
  }

  /** All sending days up to the last one with a mail; not today, where its window is over. */
  #daysOf(campaign: PlanCampaign, nowMs: number): ForecastDay[] {
    const known = this.#days.get(campaign.id) ?? new Map<string, Counts>()
    const last = Array.from(known.values(), ({ mails, day }) => (mails > 0 ? day : '')).reduce(
      (a, b) => (a > b ? a : b),
      '',
    )
    if (last === '') return []
    const days = sendingDaysUpTo(campaign, nowMs, last).map((day) => this.#on(campaign.id, day))
    return days.map((day) => ({ ...day, binding: day.binding ?? 'all_planned' }))
  }
}

function sendingDaysUpTo(campaign: PlanCampaign, nowMs: number, last: string): string[] {
  const today = dayText(zoneDays(campaign.timeZone).dayAt(nowMs))
  for (let count = 64; ; count *= 2) {
    const windows = windowsOf(campaign, today, count)
    if (windows.length === count && (windows.at(-1)?.day ?? '') < last) continue
    return windows.filter(({ day, closesMs }) => day <= last && closesMs > nowMs).map(({ day }) => day)
  }
}

function calendarOf({ timeZone, startsOn, window, holidays, skipDates }: PlanCampaign): CampaignForecast['calendar'] {
  return { timeZone, startsOn, window, holidays, skipDates }
}
