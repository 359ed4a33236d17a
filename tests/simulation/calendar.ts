/** Days and windows as the checks reckon them: written apart from the program, with Poland's holidays by hand. */
import { Temporal } from '../../src/time.ts'
import type { CampaignSettings } from './settings.ts'

const HOLIDAYS = new Set([
  '2026-11-01', // All Saints
  '2026-11-11', // Independence Day
  '2026-12-24',
  '2026-12-25',
  '2026-12-26',
  '2027-01-01',
  '2027-01-06', // Epiphany
  '2027-03-28', // Easter Sunday
  '2027-03-29', // Easter Monday
  '2027-05-01',
  '2027-05-03',
  '2027-05-16', // Pentecost
  '2027-05-27', // Corpus Christi
  '2027-08-15',
  '2027-11-01',
  '2027-11-11',
])

const DAY_NAMES = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']

/** The local date of an instant. */
export function localDay(ms: number, zone: string): string {
  return Temporal.Instant.fromEpochMilliseconds(ms).toZonedDateTimeISO(zone).toPlainDate().toString()
}

/** The local time of day, `09:00:00.000`. */
export function localTime(ms: number, zone: string): string {
  const time = Temporal.Instant.fromEpochMilliseconds(ms).toZonedDateTimeISO(zone).toPlainTime()
  return time.toString({ smallestUnit: 'millisecond' })
}

export function nextDay(day: string): string {
  return addDays(day, 1)
}

export function addDays(day: string, days: number): string {
  return Temporal.PlainDate.from(day).add({ days }).toString()
}

/** Days from one date to another. */
export function daysBetween(from: string, to: string): number {
  return Temporal.PlainDate.from(from).until(Temporal.PlainDate.from(to), { largestUnit: 'day' }).days
}

/** Whether these settings let a campaign send on that day of its own. */
export function isSendingDay({ days, holidays, skipDates, startsOn }: CampaignSettings, day: string): boolean {
  const weekday = DAY_NAMES[Temporal.PlainDate.from(day).dayOfWeek - 1] ?? ''
  return (
    days.includes(weekday) &&
    !(holidays === 'PL' && HOLIDAYS.has(day)) &&
    !skipDates.includes(day) &&
    (startsOn === null || day >= startsOn)
  )
}
