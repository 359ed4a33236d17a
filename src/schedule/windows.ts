/**
 * When a campaign may send: one window a day in its own time zone, on its weekdays, not on public holidays, not on skipped dates,
 * not before it starts. A window holds its first instant and not its end. A window over midnight does not exist.
 */
import { dayNumber, dayText, weekdayOf, zoneDays } from './days.ts'
import { isPublicHoliday } from './holidays.ts'

/** The weekdays as definition files name them, Monday first. */
export const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const
export type Weekday = (typeof WEEKDAYS)[number]

/** The hours of a day, `HH:MM` in local time; `to` may be `24:00`. */
export interface Window {
  from: string
  to: string
  days: readonly Weekday[]
}

/** What decides on which days, and when on them, a campaign sends. Days are `YYYY-MM-DD`. */
export interface SendingCalendar {
  timeZone: string
  startsOn: string | null
  window: Window
  /** A code that `isHolidayCode` accepts; null: holidays are days like others. */
  holidays: string | null
  skipDates: readonly string[]
}

/** The window of one day: sending is allowed while `opensMs <= now < closesMs`. */
export interface SendingWindow {
  day: string
  opensMs: number
  closesMs: number
}

/** From when on a campaign runs that is started now, or was before: its first day, or at once. */
export function runsFromMs({ startsOn, timeZone }: SendingCalendar, nowMs: number): number {
  return startsOn === null ? nowMs : Math.max(nowMs, zoneDays(timeZone).startMs(dayNumber(startsOn)))
}

/** How long a window is open, on a day on which the clock is not changed. */
export function lengthMs({ from, to }: Window): number {
  return ((minutesOf(to) ?? 0) - (minutesOf(from) ?? 0)) * 60_000
}

/** The windows of the first `count` sending days from `fromDay` on. Fewer where two years hold no more. */
export function windowsOf(calendar: SendingCalendar, fromDay: string, count: number): SendingWindow[] {
  const windows: SendingWindow[] = []
  if (count <= 0) return windows
  for (const { day, opensMs, closesMs } of sendingWindows(calendar, dayNumber(fromDay))) {
    windows.push({ day: dayText(day), opensMs, closesMs })
    if (windows.length === count) break
  }
  return windows
}

/** What is wrong with a window, in sentences for the author of the definition file; empty if nothing is. */
export function windowProblems(window: Window): string[] {
  const from = window.from === '24:00' ? undefined : minutesOf(window.from)
  const to = minutesOf(window.to)
  const problems: string[] = []
  if (from === undefined) problems.push(`window.from must be a time from 00:00 to 23:59, got ${window.from}`)
  if (to === undefined) problems.push(`window.to must be a time from 00:01 to 24:00, got ${window.to}`)
  if (from !== undefined && to !== undefined && to < from) {
    problems.push(
      `the window ${window.from}–${window.to} crosses midnight; let it end at 24:00, or give the night a campaign of its own`,
    )
  }
  if (from !== undefined && to === from) problems.push(`the window ${window.from}–${window.to} is empty`)
  if (window.days.length === 0) problems.push('window.days names no day')
  return problems
}

/** Two years without a sending day are taken as "never". */
const SEARCH_DAYS = 732

/** The windows of all sending days from a day number on, as long as the reader goes on reading. */
export function* sendingWindows(
  calendar: SendingCalendar,
  fromDay: number,
): Generator<{ day: number; opensMs: number; closesMs: number }> {
  const zone = zoneDays(calendar.timeZone)
  const from = minutesOf(calendar.window.from) ?? 0
  const to = minutesOf(calendar.window.to) ?? 0
  const weekdays = new Set(calendar.window.days.map((day) => WEEKDAYS.indexOf(day)))
  const skipped = new Set(calendar.skipDates.map(dayNumber))
  const first = calendar.startsOn === null ? fromDay : Math.max(fromDay, dayNumber(calendar.startsOn))
  for (let day = first, last = first + SEARCH_DAYS; day < last; day++) {
    if (!weekdays.has(weekdayOf(day)) || skipped.has(day)) continue
    if (calendar.holidays !== null && isPublicHoliday(calendar.holidays, day)) continue
    const opensMs = zone.timeMs(day, from)
    const closesMs = zone.timeMs(day, to)
    // 02:15–02:45 on the night in spring on which it is three after two closes when it opens: there is no window that day.
    if (opensMs >= closesMs) continue
    last = day + SEARCH_DAYS
    yield { day, opensMs, closesMs }
  }
}

/** Minutes after midnight of `HH:MM`; undefined if it is no time of the day. */
function minutesOf(text: string): number | undefined {
  const match = /^(\d{2}):(\d{2})$/.exec(text)
  if (!match) return undefined
  const [hours, minutes] = [Number(match[1]), Number(match[2])]
  if (minutes > 59 || hours * 60 + minutes > 1440) return undefined
  return hours * 60 + minutes
}
