/** Whether a campaign's window ever opens. Pure. */
import { isTimeZone } from '../../schedule/days.ts'
import { isHolidayCode } from '../../schedule/holidays.ts'
import { windowProblems, windowsOf, type SendingCalendar, type SendingWindow } from '../../schedule/windows.ts'
import type { Finding } from './report.ts'

/** How far ahead sending days are reckoned with. */
const MOST_WINDOWS = 400

/** The windows from this local day on, and what is wrong with them. */
export function checkCalendar(
  calendar: SendingCalendar,
  today: string,
): { windows: SendingWindow[]; problems: Finding[] } {
  const texts = windowProblems(calendar.window)
  if (!isTimeZone(calendar.timeZone)) texts.push(`there is no time zone "${calendar.timeZone}"`)
  if (calendar.holidays !== null && !isHolidayCode(calendar.holidays)) {
    texts.push(`there are no holidays of "${calendar.holidays}"`)
  }
  const hint = 'correct the campaign in the definition file, and goniec apply FILE'
  if (texts.length > 0) return { windows: [], problems: texts.map((text) => ({ code: 'window_insane', text, hint })) }
  const windows = windowsOf(calendar, today, MOST_WINDOWS)
  if (windows.length > 0) return { windows, problems: [] }
  const { from, to, days } = calendar.window
  const text = `the window ${from}–${to} on ${days.join(', ')} does not open on any day within two years`
  return { windows, problems: [{ code: 'never_open', text, hint }] }
}
