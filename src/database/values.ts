/**
 * The border between Postgres' values and ours: what a column's text becomes, and how an instant is written as a parameter.
 *
 * int8 is a number (one that a number cannot hold exactly is a defect), timestamptz a `Temporal.Instant` to the microsecond, date the
 * string `2026-12-01`, interval the text Postgres prints (queries return `extract(epoch from …) * 1000` instead); arrays of these likewise.
 */
// date: its parser takes a time apart faster than Temporal's polyfill
import { types, type CustomTypesConfig } from 'pg'
import { assert } from '../errors.ts'
import { Temporal, type Instant } from '../time.ts'

type Parser = (text: string) => unknown

const asIs: Parser = (text) => text

/** `text[]`, which pg's own list of type numbers leaves out. */
const TEXT_ARRAY = 1009 as Parameters<typeof types.getTypeParser>[0]

const PARSERS = new Map<number, Parser>([
  [20, parseInteger],
  [1016, arrayOf(parseInteger)],
  [1184, parseInstant],
  [1185, arrayOf(parseInstant)],
  [1082, asIs],
  [1182, arrayOf(asIs)],
  [1186, asIs],
  [1187, arrayOf(asIs)],
])

/** The `types` of every client and pool: the parsers above, and pg's own for everything else. */
export const valueTypes: CustomTypesConfig = {
  getTypeParser: (id: number, format?: 'text' | 'binary') =>
    (format === 'binary' ? undefined : PARSERS.get(id)) ?? types.getTypeParser(id, format),
}

/** Lets pg take a `Temporal.Instant` as a parameter, also inside arrays. Without it pg would send JSON, quotes and all. */
export function teachInstants(): void {
  const prototype = Temporal.Instant.prototype
  if ('toPostgres' in prototype) return
  Object.defineProperty(prototype, 'toPostgres', {
    value(this: Instant): string {
      return this.toString()
    },
  })
}

/**
 * JSON that Postgres takes as jsonb: it refuses NUL and halves of surrogate pairs, which templates and servers' replies can hold, and a
 * statement for many mails would fail by one of them. They go out as U+FFFD, as they do in UTF-8.
 */
export function toJson(value: unknown): string {
  const json = JSON.stringify(value)
  return REFUSED_IN_JSON.test(json) ? JSON.stringify(value, (_, part: unknown) => acceptable(part)) : json
}

const REFUSED_IN_JSON = /\\u(?:0000|d[89a-f])/i

function acceptable(part: unknown): unknown {
  return typeof part === 'string' ? part.replaceAll('\0', '\ufffd').toWellFormed() : part
}

function parseInteger(text: string): number {
  const value = Number(text)
  assert(Number.isSafeInteger(value), `the number ${text} from the database is too large to be held exactly`)
  return value
}

/** Rows of one answer often say the same instant: it is taken apart once. */
function parseInstant(text: string): Instant {
  if (lastInstant?.text !== text) lastInstant = { text, instant: instantOf(text) }
  return lastInstant.instant
}

let lastInstant: { text: string; instant: Instant } | undefined

/** Postgres writes `2026-12-01 09:00:00.123456+00`; zones may have minutes (`+05:30`). */
function instantOf(text: string): Instant {
  const match = /^(\d{4,}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?([+-]\d\d)(:\d\d)?$/.exec(text)
  assert(match, `the time ${text} from the database is not one that goniec writes`)
  const [, date, time, fraction = '', hours, minutes = ':00'] = match
  const micros = Number(fraction.padEnd(6, '0'))
  const seconds = Date.parse(`${date}T${time}${hours}${minutes}`)
  const instant = Temporal.Instant.fromEpochMilliseconds(seconds + Math.floor(micros / 1000))
  return micros % 1000 === 0 ? instant : instant.add({ microseconds: micros % 1000 })
}

/** pg takes the array apart as one of texts; arrays of arrays do not occur. */
function arrayOf(parse: Parser): Parser {
  const texts: (text: string) => (string | null)[] = types.getTypeParser(TEXT_ARRAY)
  return (text) => texts(text).map((element) => (element === null ? null : parse(element)))
}
