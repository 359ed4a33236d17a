/** How far late things were against a forecast, as a part of the time that was forecast: 0.1 is a tenth later. Null: too early to say. */
import { dayNumber } from '../../schedule/days.ts'

/** A forecast over fewer days tells nothing: a day is a quarter of them. */
const SHORTEST_DAYS = 4

/** By the day of the last mail. */
export function slipOfEnd({ madeOn, likely, endedOn }: Record<'madeOn' | 'likely' | 'endedOn', string>): number | null {
  const forecast = dayNumber(likely) - dayNumber(madeOn)
  return forecast < SHORTEST_DAYS ? null : (dayNumber(endedOn) - dayNumber(likely)) / forecast
}

/** By how many mails went until today: on which day of the forecast would that have been? */
export function slipByProgress({
  today,
  sent,
  days,
}: {
  today: string
  sent: number
  days: readonly { day: string; mails: number }[]
}): number | null {
  const sending = days.filter(({ mails }) => mails > 0)
  const elapsed = sending.filter(({ day }) => day < today).length
  if (elapsed < SHORTEST_DAYS) return null
  let before = 0
  for (const [index, { mails }] of sending.entries()) {
    // Half of a day's mails are half a day.
    if (before + mails >= sent) return slipOf(elapsed, index + (sent - before) / mails)
    before += mails
  }
  return slipOf(elapsed, sending.length)
}

/** What was forecast to take `reached` sending days has taken `elapsed` ones. */
function slipOf(elapsed: number, reached: number): number {
  return Math.min(1, elapsed / Math.max(reached, 0.5) - 1)
}
