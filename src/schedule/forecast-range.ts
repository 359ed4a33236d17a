/**
 * The finish of a campaign as a range: how far late things have been, against what was forecast, is taken for how far late they may be
 * again. A slip is a part of the time that was forecast: 0.1 is a tenth later, -0.05 a twentieth earlier. Of the slips on record, and
 * of a stated prior that counts as twelve of them, the tenth and the ninetieth of a hundred bound the range. It holds the day that is likely
 * without any fault, and is never wider than a quarter of the days that remain: a wider one would say nothing. Why so stands in
 * docs/decisions/forecast-range.md.
 */
import { dayNumber, dayText, zoneDays } from './days.ts'
import type { CampaignForecast, Finish } from './forecast-result.ts'
import type { PlanCampaign } from './plan-input.ts'
import { windowsOf } from './windows.ts'

/**
 * What is assumed before there is a record, and weighs less and less as there is one: mostly late, by outages, pauses and servers that
 * say "later"; now and then early, when addresses do not exist and need no reminder, people reply, or somebody raises a limit.
 */
const PRIOR_SLIPS: readonly number[] = [-0.12, -0.06, -0.02, 0, 0, 0, 0.02, 0.05, 0.09, 0.13, 0.18, 0.25]

const WIDEST = 0.25

export interface RangeOptions {
  nowMs: number
  slips: readonly number[]
  /** Mails behind the last day that was reckoned. */
  left: number
}

/** The last day of a campaign: likely, and the 80 % around it. Null where nothing of it goes. */
export function finishOf(
  { days, mails }: Pick<CampaignForecast, 'days' | 'mails'>,
  campaign: PlanCampaign,
  { nowMs, slips, left }: RangeOptions,
): Finish | null {
  const [firstDay, lastDay] = [days[0]?.day, days.at(-1)?.day]
  if (firstDay === undefined || lastDay === undefined) return null
  const today = dayText(zoneDays(campaign.timeZone).dayAt(nowMs))
  const more = left === 0 ? 0 : Math.ceil(left / paceOf(days, mails))
  const count = days.length + more
  const { lower, upper } = boundsOf(slips)
  // Counted from the first of its days: where its window is over, today is none of them.
  const ahead = windowsOf(campaign, firstDay, Math.ceil(count * (1 + upper)) + 1).map(({ day }) => day)
  const index = Math.min(count, ahead.length) - 1
  const range = narrowed(
    ahead.map(dayNumber),
    { from: Math.max(0, Math.floor(count * (1 + lower)) - 1), index, to: Math.ceil(count * (1 + upper)) - 1 },
    dayNumber(today),
  )
  const dayAt = (at: number): string => ahead[Math.min(at, ahead.length - 1)] ?? lastDay
  return { earliest: dayAt(range.from), likely: dayAt(index), latest: dayAt(range.to), extrapolated: left > 0 }
}

/** Mails a day, over the last four weeks of sending. */
function paceOf(days: CampaignForecast['days'], mails: number): number {
  const last = days.slice(-20)
  const sum = last.reduce((total, day) => total + day.mails, 0)
  return Math.max(1, sum > 0 ? sum / last.length : mails / days.length)
}

function boundsOf(slips: readonly number[]): { lower: number; upper: number } {
  const sorted = [...PRIOR_SLIPS, ...slips].toSorted((a, b) => a - b)
  const at = (part: number): number => sorted[Math.round(part * (sorted.length - 1))] ?? 0
  return { lower: Math.min(0, at(0.1)), upper: Math.max(0, at(0.9)) }
}

/** As wide as allowed at most: the end that has kept more of its width gives way, of two alike the early one. */
function narrowed(
  days: readonly number[],
  { from, index, to }: { from: number; index: number; to: number },
  today: number,
): { from: number; to: number } {
  const at = (place: number): number => days[Math.min(place, days.length - 1)] ?? today
  const widest = Math.floor((at(index) - today) * WIDEST)
  let [first, last] = [from, Math.min(to, days.length - 1)]
  while (at(last) - at(first) > widest && first < last) {
    const [early, late] = [(index - first) / Math.max(1, index - from), (last - index) / Math.max(1, to - index)]
    if (first < index && early >= late) first++
    else last--
  }
  return { from: first, to: last }
}
