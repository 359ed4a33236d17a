/**
 * Local days. Inside the schedule a day is a number (days since 1970-01-01), so that gaps and waits are subtractions; at its border
 * it is `YYYY-MM-DD`. A zone's days are looked up once each and kept: with the polyfill a conversion costs about 72 µs, and a plan
 * asks for the same midnight hundreds of thousands of times. Zone rules do not change while a process lives, so the memory is safe.
 */
import { assert } from '../errors.ts'
import { Temporal } from '../time.ts'

const DAY_MS = 86_400_000

/** The number of a day written `YYYY-MM-DD`. */
export function dayNumber(text: string): number {
  const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text)
  assert(match, `a day is written YYYY-MM-DD, got ${text}`)
  return daysFromCivil(Number(match[1]), Number(match[2]), Number(match[3]))
}

/** A day's number as `YYYY-MM-DD`. */
export function dayText(day: number): string {
  const [year, month, date] = civilFromDays(day)
  return `${String(year).padStart(4, '0')}-${String(month).padStart(2, '0')}-${String(date).padStart(2, '0')}`
}

/** 0 is Monday, 6 is Sunday. 1970-01-01 was a Thursday. */
export function weekdayOf(day: number): number {
  return (((day + 3) % 7) + 7) % 7
}

/** The year of a day. */
export function yearOf(day: number): number {
  return civilFromDays(day)[0]
}

/** Is this the name of a time zone that Temporal knows? */
export function isTimeZone(name: string): boolean {
  try {
    Temporal.PlainDate.from('2026-01-01').toZonedDateTime(name)
    return true
  } catch (error) {
    if (error instanceof RangeError) return false
    throw error
  }
}

/** The days of one time zone. */
export class ZoneDays {
  readonly timeZone: string
  readonly #starts = new Map<number, number>()

  constructor(timeZone: string) {
    this.timeZone = timeZone
  }

  /** The first instant of a day. Most often midnight; later where a clock change skips midnight. */
  startMs(day: number): number {
    const known = this.#starts.get(day)
    if (known !== undefined) return known
    const startMs = Temporal.PlainDate.from(dayText(day)).toZonedDateTime(this.timeZone).epochMilliseconds
    this.#starts.set(day, startMs)
    return startMs
  }

  /**
   * The instant from which the clock shows so many minutes after midnight, or more (1440 is the end of the day). A time that is skipped
   * in spring is the instant in which the clock jumps over it, so that a window that ends at 02:30 is over when it is three; one that
   * comes twice in autumn is the first of the two. It never leaves its day: where the clock jumps over the end of a day (23:00 to
   * midnight in Greenland), what is skipped is that end.
   */
  timeMs(day: number, minutes: number): number {
    const startMs = this.startMs(day)
    const nextMs = this.startMs(day + 1)
    if (minutes === 1440) return nextMs
    if (nextMs - startMs === DAY_MS) return startMs + minutes * 60_000
    const plainTime = new Temporal.PlainTime(Math.floor(minutes / 60), minutes % 60)
    const plainDateTime = Temporal.PlainDate.from(dayText(day)).toPlainDateTime(plainTime)
    const zoned = plainDateTime.toZonedDateTime(this.timeZone, { disambiguation: 'earlier' })
    const isShown = zoned.toPlainDateTime().equals(plainDateTime)
    const from = isShown ? zoned : zoned.getTimeZoneTransition('next')
    assert(from, `${this.timeZone} skips ${plainDateTime.toString()} by a clock change`)
    return Math.min(from.epochMilliseconds, nextMs)
  }

  /** The day that an instant falls on. */
  dayAt(atMs: number): number {
    let day = Math.floor(atMs / DAY_MS)
    while (this.startMs(day) > atMs) day--
    while (this.startMs(day + 1) <= atMs) day++
    return day
  }
}

const zones = new Map<string, ZoneDays>()

/** The days of a time zone, the same object each time. */
export function zoneDays(timeZone: string): ZoneDays {
  const known = zones.get(timeZone)
  if (known) return known
  const made = new ZoneDays(timeZone)
  zones.set(timeZone, made)
  return made
}

// Days from and to the civil calendar: Howard Hinnant, "chrono-compatible low-level date algorithms".
function daysFromCivil(year: number, month: number, date: number): number {
  const shifted = month <= 2 ? year - 1 : year
  const era = Math.floor(shifted / 400)
  const yearOfEra = shifted - era * 400
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + date - 1
  return era * 146_097 + yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear - 719_468
}

function civilFromDays(day: number): [year: number, month: number, date: number] {
  const shifted = day + 719_468
  const era = Math.floor(shifted / 146_097)
  const dayOfEra = shifted - era * 146_097
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  )
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153)
  const date = dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
  return [yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, date]
}
