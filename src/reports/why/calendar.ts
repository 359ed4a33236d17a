/** A campaign's window at an instant, by the calendar that the plan cuts its windows from: open, or closed for a reason and until when. */
import type { Campaign } from '../../campaigns/campaign.ts'
import { dayOff } from '../../schedule/day-off.ts'
import { dayNumber, weekdayOf } from '../../schedule/days.ts'
import { windowsOf, type SendingCalendar, type SendingWindow } from '../../schedule/windows.ts'
import { instantAt, toLocalTime, type Instant } from '../../time.ts'
import type { Reason } from './reason.ts'

/** Sending days that the plan lays slots for. */
export const HORIZON_DAYS = 7

/** The local day of an instant, `YYYY-MM-DD`. */
export function dayAt(at: Instant, timeZone: string): string {
  return at.toZonedDateTimeISO(timeZone).toPlainDate().toString()
}

/** The first `count` windows that are not over at an instant. */
export function windowsFrom(calendar: SendingCalendar, at: Instant, count: number): SendingWindow[] {
  const windows = windowsOf(calendar, dayAt(at, calendar.timeZone), count + 1)
  return windows.filter(({ closesMs }) => closesMs > at.epochMilliseconds).slice(0, count)
}

/** The first instant within a window from an instant on; null: the calendar names no day. */
export function firstOpening(calendar: SendingCalendar, at: Instant): Instant | null {
  const [window] = windowsFrom(calendar, at, 1)
  return window ? instantAt(Math.max(window.opensMs, at.epochMilliseconds)) : null
}

/** When the days end that are planned at all; null: the calendar names fewer days. */
export function beyondHorizon(calendar: SendingCalendar, now: Instant): Instant | null {
  const windows = windowsOf(calendar, dayAt(now, calendar.timeZone), HORIZON_DAYS + 1)
  const window = windows[HORIZON_DAYS]
  return window ? instantAt(window.opensMs) : null
}

/** Why a campaign's window is closed at an instant, until it opens; null: it is open. */
export function whyClosed({ name, calendar }: Pick<Campaign, 'name' | 'calendar'>, now: Instant): Reason | null {
  const until = firstOpening(calendar, now)
  if (until?.epochMilliseconds === now.epochMilliseconds) return null
  const { timeZone, window } = calendar
  const today = dayAt(now, timeZone)
  const reason = (code: string, text: string): Reason => ({
    code,
    text:
      until === null ? `${text}, and its calendar names no day to come` : `${text}; it opens ${local(until, timeZone)}`,
    until,
    todo: until === null ? 'change window.days or skip_dates in the definition file, then goniec apply FILE' : null,
    ended_by: until === null ? 'person' : 'time',
  })
  const off = dayOff(calendar, today)
  if (off?.why === 'holiday') return reason('holiday', `today, ${today}, is a public holiday (${off.name})`)
  if (off?.why === 'weekday')
    return reason('no_sending_weekday', `campaign ${name} does not send on ${weekdayName(today)}`)
  if (off?.why === 'skipped') return reason('skip_date', `today, ${today}, is one of the campaign’s skip_dates`)
  if (off?.why === 'before_start')
    return reason('before_start', `campaign ${name} does not send before ${calendar.startsOn}`)
  const hours = `${window.from}–${window.to} in ${timeZone}`
  if (off?.why === 'clock_change')
    return reason('outside_window', `today, ${today}, clocks are put forward over the campaign’s window of ${hours}`)
  return reason(
    'outside_window',
    `it is outside the campaign’s window of ${hours} (now ${local(now, timeZone).slice(11)})`,
  )
}

/** Local time for a sentence, to the second where it is no whole minute: what ends in some moments has not ended yet. */
export function localExact(at: Instant, timeZone: string): string {
  return toLocalTime(at, timeZone, { seconds: at.epochMilliseconds % 60_000 !== 0 })
}

/** Local time for a sentence. */
export function local(at: Instant, timeZone: string): string {
  return toLocalTime(at, timeZone)
}

function weekdayName(day: string): string {
  return WEEKDAY_NAMES[weekdayOf(dayNumber(day))] ?? day
}

const WEEKDAY_NAMES = ['Mondays', 'Tuesdays', 'Wednesdays', 'Thursdays', 'Fridays', 'Saturdays', 'Sundays']
