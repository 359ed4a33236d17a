/** When a mail was sent, as other programs and spreadsheets write it. */
import { Temporal, type Instant } from '../time.ts'

const ISO = /^(\d{4})-(\d{1,2})-(\d{1,2})[T ]+(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d+)?)?$/
const POLISH = /^(\d{1,2})\.(\d{1,2})\.(\d{4})[T ,]+(\d{1,2}):(\d{2})(?::(\d{2}))?$/

/** The instant, or the sentence that says why there is none. A time without a zone is local in `timeZone`. */
export function readSentAt(text: string, timeZone: string): Instant | { problem: string } {
  const given = text.trim()
  const problem = {
    problem: `"${given}" is not a time: expected 2026-10-03T14:05:00+02:00, or 2026-10-03 14:05 or 03.10.2026 14:05 in ${timeZone}`,
  }
  try {
    if (/([zZ]|[+-]\d\d(:?\d\d)?)$/.test(given) && given.includes(':')) return Temporal.Instant.from(given)
    const local = partsOf(given)
    if (local === undefined) return problem
    return Temporal.PlainDateTime.from(local, { overflow: 'reject' }).toZonedDateTime(timeZone).toInstant()
  } catch (error) {
    if (error instanceof RangeError) return problem
    throw error
  }
}

function partsOf(text: string) {
  const iso = ISO.exec(text)
  const [, year, month, day, hour, minute, second] = iso ?? inOrder(POLISH.exec(text)) ?? []
  if (year === undefined) return undefined
  const [hours, minutes, seconds] = [Number(hour), Number(minute), Number(second ?? 0)]
  return { year: Number(year), month: Number(month), day: Number(day), hour: hours, minute: minutes, second: seconds }
}

function inOrder(match: RegExpExecArray | null): (string | undefined)[] | undefined {
  if (match === null) return undefined
  const [all, day, month, year, ...time] = match
  return [all, year, month, day, ...time]
}
