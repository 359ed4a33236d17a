/** From when on a mail may go at all. */
import { zoneDays } from './days.ts'
import type { PlanMessage } from './plan-input.ts'

/** A follow-up is due from the local midnight so many days after the mail it follows, or an exact time after it. Without a bound: -Infinity. */
export function dueMsOf(
  { notBeforeMs, follows }: Pick<PlanMessage, 'notBeforeMs' | 'follows'>,
  timeZone: string | null,
): number {
  const heldMs = notBeforeMs ?? Number.NEGATIVE_INFINITY
  if (follows === null) return heldMs
  if ('ms' in follows.wait) return Math.max(heldMs, follows.sentAtMs + follows.wait.ms)
  if (timeZone === null) return heldMs
  const zone = zoneDays(timeZone)
  return Math.max(heldMs, zone.startMs(zone.dayAt(follows.sentAtMs) + follows.wait.days))
}
