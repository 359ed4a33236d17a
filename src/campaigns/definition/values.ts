/** The single values of definition files: texts, numbers, durations, dates, times, addresses. Each says what it expects. */
import { domainToASCII } from 'node:url'
import { isIP } from 'node:net'
import { normaliseAddress } from '../../leads/address.ts'
import { didYouMean } from '../../nearest.ts'
import { parseDuration, Temporal } from '../../time.ts'
import type { Wait } from './definition.ts'
import { expected, leaf, Mistake } from './keyed.ts'

const DAY_MS = 86_400_000
const CONTROL = /[\p{Cc}\u2028\u2029]/u

/** One line of text: names, subjects, keys. Spaces around it go (a folded YAML text ends in a line break); inside, no line break. */
export function line(what: string, maxLength = 200) {
  return leaf((value) => readLine(value, what, maxLength))
}

/** One line of text, or what is wrong with the value. */
export function readLine(value: unknown, what: string, maxLength: number): string | Mistake {
  if (typeof value === 'number' || typeof value === 'boolean')
    return new Mistake(`${expected(what, value).message}; put it in "quotes"`)
  if (typeof value !== 'string') return expected(what, value)
  const text = value.trim()
  if (text === '') return expected(what, null)
  if (CONTROL.test(text)) return new Mistake(`${what} cannot hold a line break or another control character`)
  return text.length <= maxLength
    ? text
    : new Mistake(`${what} of ${text.length} characters is too long: at most ${maxLength}`)
}

/** A whole number within bounds. */
export function wholeNumber(min: number, max = 1_000_000) {
  const what = `a whole number from ${min} to ${max}`
  return leaf((value) =>
    Number.isInteger(value) && Number(value) >= min && Number(value) <= max ? Number(value) : expected(what, value),
  )
}

/** A span of time up to a day, in milliseconds. A bare 0 needs no unit. */
export function duration() {
  const what = 'a duration of at most a day, such as 90s, 5m or 1h30m'
  return leaf((value) => {
    const ms = durationMs(value)
    return ms !== undefined && ms <= DAY_MS ? Math.round(ms) : expected(what, value)
  })
}

/** Whole calendar days. */
export function calendarDays(max: number) {
  return leaf((value) => wholeDays(value, max) ?? expected('whole days, such as 1d, or 0d', value))
}

/** The wait before a follow-up: whole calendar days, or a span of time. Never nothing. */
export function wait() {
  const what = 'whole days, such as 3d, or a span of time, such as 90m'
  return leaf((value): Wait | Mistake => {
    const days = wholeDays(value, 366)
    if (days !== undefined && days > 0) return { days }
    const ms = typeof value === 'string' && !/[dw]/.test(value) ? durationMs(value) : undefined
    return ms !== undefined && ms >= 1 && ms <= 366 * DAY_MS ? { ms: Math.round(ms) } : expected(what, value)
  })
}

/** `20%`, or the fraction 0.2. */
export function percentage() {
  return leaf((value) => {
    const percent = typeof value === 'string' ? /^(\d+(?:\.\d+)?)\s*%$/.exec(value.trim())?.[1] : undefined
    const fraction = percent === undefined ? value : Number(percent) / 100
    return typeof fraction === 'number' && fraction >= 0 && fraction <= 0.99
      ? fraction
      : expected('a percentage from 0% to 99%, such as 20%', value)
  })
}

/** No plan, forecast or warm-up looks further; behind the year 9999 a date has no ISO form that Postgres reads. */
const YEARS = { first: 1900, last: 2199 }

/** A calendar date, kept in its ISO form. */
export function date() {
  return leaf((value) => {
    const what = 'a date such as 2026-12-01'
    if (typeof value !== 'string' || !/^\d{4}-\d{2}-\d{2}$/.test(value)) return expected(what, value)
    try {
      const day = Temporal.PlainDate.from(value, { overflow: 'reject' })
      if (day.year >= YEARS.first && day.year <= YEARS.last) return day.toString()
      return new Mistake(`expected a date between ${YEARS.first} and ${YEARS.last}, got ${value}`)
    } catch (error) {
      if (error instanceof RangeError) return new Mistake(`there is no day ${value}`)
      throw error
    }
  })
}

/** A time of day as `HH:MM`; `24:00` only where a day may end. */
export function timeOfDay({ endOfDay }: { endOfDay: boolean }) {
  const what = `a time such as ${endOfDay ? '"16:30", at most "24:00"' : '"09:00"'}`
  return leaf((value) => {
    const [, hour = '', minute = ''] = (typeof value === 'string' ? /^(\d{1,2}):(\d{2})$/.exec(value) : null) ?? []
    const minutes = hour === '' ? Number.NaN : Number(hour) * 60 + Number(minute)
    if (Number(minute) < 60 && (minutes < 1440 || (endOfDay && minutes === 1440)))
      return `${hour.padStart(2, '0')}:${minute}`
    return typeof value === 'number'
      ? new Mistake(`${expected(what, value).message}; put it in "quotes"`)
      : expected(what, value)
  })
}

/** A time zone of the IANA database. */
export function timeZone() {
  return leaf((value) => {
    const what = 'a time zone such as Europe/Warsaw'
    if (typeof value !== 'string' || value.trim() === '') return expected(what, value)
    if (isAbbreviation(value)) return new Mistake(`${expected(what, value).message}; ${WINTER_ALL_YEAR}`)
    if (/^[A-Za-z]/.test(value) && isTimeZone(value)) return value
    return new Mistake(`${expected(what, value).message}${didYouMean(value, Intl.supportedValuesOf('timeZone'))}`)
  })
}

/** An e-mail address in its one form. */
export function address() {
  return leaf((value) => {
    if (typeof value !== 'string' || value.trim() === '') return expected('an e-mail address', value)
    const result = normaliseAddress(value)
    return result.problem === undefined ? result.address : new Mistake(result.problem)
  })
}

/** One of a few words; another one gets the nearest. */
export function oneOf<const Word extends string>(words: readonly Word[]) {
  return leaf((value) => {
    const found = words.find((word) => word === value)
    if (found !== undefined) return found
    return new Mistake(
      expected(`one of ${words.join(', ')}`, value).message +
        (typeof value === 'string' ? didYouMean(value, words) : ''),
    )
  })
}

/** The name or number of a server, without a port. */
export function host() {
  const what = 'the name of a server, such as smtp.firma.example'
  return leaf((value) => {
    if (typeof value !== 'string' || value.trim() === '') return expected(what, value)
    const text = value.trim()
    if (isIP(text) > 0) return text
    const ascii = /^[a-z0-9._-]+$/i.test(text)
      ? text.toLowerCase()
      : /[\u0080-\u{10FFFF}]/u.test(text)
        ? domainToASCII(text)
        : ''
    if (/^(?=.{1,253}$)[a-z0-9]([a-z0-9._-]*[a-z0-9])?$/.test(ascii) && !ascii.includes('..')) return ascii
    return new Mistake(`${expected(what, value).message}${/:\d+$/.test(text) ? '; the port has a key of its own' : ''}`)
  })
}

/** Where a password is found. A password itself is refused, and never printed. */
export function passwordReference() {
  return leaf((value) => {
    if (value === undefined || value === null) return expected('env:NAME, file:PATH or credential:NAME', value)
    const text = typeof value === 'string' ? value.trim() : ''
    if (/^env:[A-Za-z_][A-Za-z0-9_]*$/.test(text)) return text
    if (/^file:[^\s\p{Cc}][^\p{Cc}]*$/u.test(text)) return text
    if (/^credential:(?!\.{1,2}$)[^/\s\p{Cc}]+$/u.test(text)) return text
    return new Mistake(
      'a password does not stand in a definition file; write where it is found: env:NAME (a variable of the worker), ' +
        'file:PATH (a file on its machine) or credential:NAME (systemd LoadCredential)',
    )
  })
}

function durationMs(value: unknown): number | undefined {
  if (value === 0) return 0
  return typeof value === 'string' ? parseDuration(value) : undefined
}

function wholeDays(value: unknown, max: number): number | undefined {
  const text = value === 0 ? '0d' : value
  const [, amount, unit] = (typeof text === 'string' ? /^(\d{1,4})([dw])$/.exec(text.trim()) : null) ?? []
  if (amount === undefined) return undefined
  const days = Number(amount) * (unit === 'w' ? 7 : 1)
  return days <= max ? days : undefined
}

const WINTER_ALL_YEAR = 'an abbreviation means winter time all the year in the database, or another part of the world'

/** The plan would reckon CET with summer time, and claim without; of IST they think of two continents. */
function isAbbreviation(name: string): boolean {
  return /^[a-z]{3}$/i.test(name) && !['UTC', 'GMT'].includes(name.toUpperCase())
}

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== ''
  } catch (error) {
    if (error instanceof RangeError) return false
    throw error
  }
}
