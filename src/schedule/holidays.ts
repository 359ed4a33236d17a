/**
 * Public holidays of a country or one of its regions: `PL`, `DE-BY`, `US-LA-NO`. Only the type `public` counts: a day that is
 * marked `optional` or `observance` (2 May in Poland, Valentine's Day) is a day like any other. Reckoning a year costs some
 * milliseconds, so each is kept.
 */
// date: date-holidays tells where a holiday starts and ends as dates
import type Holidays from 'date-holidays'
import { assert } from '../errors.ts'
import { holidayLibrary } from '../holiday-library.ts'
import { dayNumber, yearOf } from './days.ts'

/** Is this day a public holiday there? The code must be one that `isHolidayCode` accepts. */
export function isPublicHoliday(code: string, day: number): boolean {
  const year = yearOf(day)
  return publicHolidays(code, year).has(day)
}

/** The name of the public holiday there on this day, in the country's language; null: there is none. */
export function holidayName(code: string, day: number): string | null {
  return publicHolidays(code, yearOf(day)).get(day) ?? null
}

/** Does anything stand behind this code? */
export function isHolidayCode(code: string): boolean {
  return calendarOf(code) !== undefined
}

/** Years that were reckoned, by country and year: days with their names. What they say does not change while a process lives. */
export type KnownHolidays = ReadonlyMap<string, ReadonlyMap<number, string>>

const years = new Map<string, ReadonlyMap<number, string>>()

/** All that were reckoned so far, for a thread that is to come. */
export function knownHolidays(): KnownHolidays {
  return years
}

/** Takes over what another thread has reckoned. */
export function rememberHolidays(known: KnownHolidays): void {
  for (const [key, days] of known) years.set(key, days)
}

function publicHolidays(code: string, year: number): ReadonlyMap<number, string> {
  const key = `${code} ${year}`
  const known = years.get(key)
  if (known) return known
  const calendar = calendarOf(code)
  assert(calendar, `holidays ${code} are known: the definition file was checked`)
  const days = new Map(
    calendar.getHolidays(year).flatMap((holiday) => daysOff(holiday).map((day) => [day, holiday.name] as const)),
  )
  years.set(key, days)
  return days
}

function calendarOf(code: string): Holidays | undefined {
  const [country = '', state, region] = code.split('-')
  const Calendar = holidayLibrary()
  const all = new Calendar()
  if (!(country in all.getCountries())) return undefined
  if (state !== undefined && !(state in (all.getStates(country) ?? {}))) return undefined
  if (region !== undefined && !(region in (all.getRegions(country, state ?? '') ?? {}))) return undefined
  return new Calendar(country, state ?? '', region ?? '', { types: ['public'] })
}

/**
 * The dates that a holiday takes more than half of. Some begin at sunset (`2026-04-02 00:00:00 -0600`: six hours before that date),
 * some last for days, and half days (`2026-03-08 12:00:00`) are left as working days.
 */
function daysOff(holiday: { date: string; start: Date; end: Date }): number[] {
  const first = dayNumber(holiday.date.slice(0, 10))
  const startHour = holiday.date.endsWith('-0600') ? -6 : Number(holiday.date.slice(11, 13))
  const endHour = startHour + (holiday.end.getTime() - holiday.start.getTime()) / 3_600_000
  const days: number[] = []
  for (let day = first; (day - first) * 24 < endHour; day++) {
    const midnight = (day - first) * 24
    if (Math.min(endHour, midnight + 24) - Math.max(startHour, midnight) > 12) days.push(day)
  }
  return days
}
