/** Why a campaign sends nothing on a day, as its calendar has it: the same calendar that the plan's windows are cut from. */
import { dayNumber, weekdayOf } from './days.ts'
import { holidayName } from './holidays.ts'
import { WEEKDAYS, type SendingCalendar } from './windows.ts'

/** `weekday`: its window does not open on that day of the week. A holiday has its name in the country's language. */
export type DayOff = { why: 'before_start' | 'weekday' | 'skipped' } | { why: 'holiday'; name: string }

/** Why the campaign's window does not open on this day (`YYYY-MM-DD`); null: it opens. A day that is named goes before one that is not. */
export function dayOff({ startsOn, window, holidays, skipDates }: SendingCalendar, day: string): DayOff | null {
  const number = dayNumber(day)
  if (startsOn !== null && day < startsOn) return { why: 'before_start' }
  const name = holidays === null ? null : holidayName(holidays, number)
  if (name !== null) return { why: 'holiday', name }
  const weekday = WEEKDAYS[weekdayOf(number)]
  if (weekday === undefined || !window.days.includes(weekday)) return { why: 'weekday' }
  return skipDates.includes(day) ? { why: 'skipped' } : null
}
