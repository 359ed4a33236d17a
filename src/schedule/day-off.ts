/** Why a campaign sends nothing on a day, as its calendar has it: the same calendar that the plan's windows are cut from. */
import { dayNumber, weekdayOf } from './days.ts'
import { holidayName } from './holidays.ts'
import { WEEKDAYS, windowsOf, type SendingCalendar } from './windows.ts'

/**
 * `weekday`: its window does not open on that day of the week. `clock_change`: clocks are put forward over the whole window. A holiday has its
 * name in the country's language.
 */
export type DayOff = { why: 'before_start' | 'weekday' | 'skipped' | 'clock_change' } | { why: 'holiday'; name: string }

/** Why the campaign's window does not open on this day (`YYYY-MM-DD`); null: it opens. A day that is named goes before one that is not. */
export function dayOff(calendar: SendingCalendar, day: string): DayOff | null {
  const { startsOn, window, holidays, skipDates } = calendar
  const number = dayNumber(day)
  if (startsOn !== null && day < startsOn) return { why: 'before_start' }
  const name = holidays === null ? null : holidayName(holidays, number)
  if (name !== null) return { why: 'holiday', name }
  const weekday = WEEKDAYS[weekdayOf(number)]
  if (weekday === undefined || !window.days.includes(weekday)) return { why: 'weekday' }
  if (skipDates.includes(day)) return { why: 'skipped' }
  return windowsOf(calendar, day, 1)[0]?.day === day ? null : { why: 'clock_change' }
}
