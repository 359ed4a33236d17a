/** Days and months in words, in English whatever the machine's language is: pages and tables look the same everywhere. */
import { dayNumber, weekdayOf } from '../../schedule/days.ts'

const WEEKDAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun']
const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
]

/** `Mon`. */
export function weekday(day: string): string {
  return WEEKDAYS[weekdayOf(dayNumber(day))] ?? ''
}

/** `Mon 2026-11-30`, as the tables of all commands write days. */
export function isoDay(day: string): string {
  return `${weekday(day)} ${day}`
}

/** `30 Nov`; `30 Nov 2026` with the year. */
export function shortDay(day: string, { year = false } = {}): string {
  return `${Number(day.slice(8))} ${monthName(day).slice(0, 3)}${year ? ` ${day.slice(0, 4)}` : ''}`
}

/** `Mon 30 Nov 2026`. */
export function longDay(day: string): string {
  return `${weekday(day)} ${shortDay(day, { year: true })}`
}

/** `5 Jan to 14 Jan 2027`; each with its year where they differ. */
export function spanOf(from: string, to: string): string {
  return `${shortDay(from, { year: from.slice(0, 4) !== to.slice(0, 4) })} to ${shortDay(to, { year: true })}`
}

/** `November 2026` of a day. */
export function monthOf(day: string): string {
  return `${monthName(day)} ${day.slice(0, 4)}`
}

/** `1,240`. */
export function grouped(count: number): string {
  return String(count).replaceAll(/\B(?=(\d{3})+$)/g, ',')
}

/** `1 mail`, `1,240 mails`. */
export function mailsOf(count: number): string {
  return counted(count, 'mail')
}

/** `1 line`, `1,240 lines`. */
export function counted(count: number, word: string): string {
  return `${grouped(count)} ${word}${count === 1 ? '' : 's'}`
}

function monthName(day: string): string {
  return MONTHS[Number(day.slice(5, 7)) - 1] ?? ''
}
