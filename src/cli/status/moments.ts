/** Times and counts in the few characters that a screen has for them. Pure. */
import { formatDuration, toLocalTime, type Instant } from '../../time.ts'

/** `in 1m 20s`, `now`, or `30s late`. */
export function countdown(at: Instant, now: Instant): string {
  const ms = at.epochMilliseconds - now.epochMilliseconds
  if (ms <= -1000) return `${formatDuration(-ms)} late`
  return ms < 1000 ? 'now' : `in ${formatDuration(ms)}`
}

/** The time of the day, with the day where it is another one. */
export function clockTime(at: Instant, now: Instant, timeZone: string): string {
  const local = toLocalTime(at, timeZone, { seconds: true })
  const isToday = local.slice(0, 10) === toLocalTime(now, timeZone).slice(0, 10)
  // On another day seconds tell nothing.
  return isToday ? local.slice(11) : local.slice(0, 16)
}

/** `1,240`. */
export function grouped(count: number): string {
  return String(count).replaceAll(/\B(?=(\d{3})+$)/g, ',')
}

/** `12 of 50`; without a whole just the count. */
export function partOf(part: number, whole: number | null): string {
  return whole === null ? grouped(part) : `${grouped(part)} of ${grouped(whole)}`
}

/** A bar of so many columns. Full only where all is done, empty only where nothing is. */
export function bar(part: number, whole: number, width: number): string {
  const exact = whole <= 0 ? 0 : (Math.min(part, whole) / whole) * width
  const full = part > 0 && part < whole ? Math.min(width - 1, Math.max(1, Math.round(exact))) : Math.round(exact)
  return '█'.repeat(full) + '░'.repeat(width - full)
}
