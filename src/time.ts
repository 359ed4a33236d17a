/**
 * Temporal, from the platform where there is one, else from the polyfill; and the only place where it meets `Date` (which `pg`
 * and JSON speak). Inside goniec an instant is a `Temporal.Instant`, or epoch milliseconds (`…Ms`) where it is reckoned with.
 */
import { Temporal as Polyfill } from '@js-temporal/polyfill'

export const Temporal: typeof Polyfill = (globalThis as unknown as { Temporal?: typeof Polyfill }).Temporal ?? Polyfill
export type Instant = Polyfill.Instant
export type PlainDate = Polyfill.PlainDate
export type PlainTime = Polyfill.PlainTime
export type ZonedDateTime = Polyfill.ZonedDateTime

/** The instant at this many milliseconds since 1970. */
export function instantAt(epochMs: number): Instant {
  return Temporal.Instant.fromEpochMilliseconds(epochMs)
}

/** ISO 8601 with `Z`, as every `--json` output has it, to the millisecond. */
export function toJsonTime(instant: Instant): string {
  return instant.toString({ smallestUnit: 'millisecond' })
}

/**
 * ISO 8601 with `Z`, all its digits. Mails that are claimed or pass together do so at the same instant, and each of them writes it down: it is
 * written out once, which takes the polyfill 5 µs.
 */
export function toExactTime(instant: Instant): string {
  let text = exactTimes.get(instant)
  if (text === undefined) exactTimes.set(instant, (text = instant.toString()))
  return text
}

const exactTimes = new WeakMap<Instant, string>()

/** Local wall time for people, `2026-12-01 09:00`, with seconds where asked. */
export function toLocalTime(instant: Instant, timeZone: string, { seconds = false } = {}): string {
  const zoned = instant.toZonedDateTimeISO(timeZone)
  const time = zoned.toPlainTime().toString({ smallestUnit: seconds ? 'second' : 'minute' })
  return `${zoned.toPlainDate().toString()} ${time}`
}

/** The local weekday for people: `Tue`. */
export function toWeekday(instant: Instant, timeZone: string): string {
  const { dayOfWeek } = instant.toZonedDateTimeISO(timeZone)
  return ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'][dayOfWeek - 1] ?? ''
}

const UNIT_MS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 }

/** Milliseconds of a duration as people write it: `90s`, `5m`, `1h30m`, `250ms`, `3d`; undefined if it is none. */
export function parseDuration(text: string): number | undefined {
  const trimmed = text.trim()
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d|w))+$/.test(trimmed)) return undefined
  let total = 0
  for (const [, amount, unit] of trimmed.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d|w)/g)) {
    total += Number(amount) * (UNIT_MS[unit ?? ''] ?? Number.NaN)
  }
  return total
}

/** A duration for people: `1h 30m`, `90s` → `1m 30s`, `0s`. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return ms === 0 ? '0s' : `${Math.round(ms)}ms`
  let rest = Math.round(ms / 1000)
  const parts: string[] = []
  for (const [unit, seconds] of [
    ['d', 86_400],
    ['h', 3_600],
    ['m', 60],
    ['s', 1],
  ] as const) {
    const amount = Math.floor(rest / seconds)
    if (amount > 0) parts.push(`${amount}${unit}`)
    rest -= amount * seconds
  }
  return parts.slice(0, 2).join(' ')
}

/** A duration as a definition file has it, all of it: `1m30s`, `24h`. Without days, since `1d` is one of the calendar there. */
export function writeDuration(ms: number): string {
  let rest = ms
  let text = ''
  for (const unit of ['h', 'm', 's', 'ms']) {
    const unitMs = UNIT_MS[unit] ?? 1
    const amount = Math.floor(rest / unitMs)
    if (amount > 0) text += `${amount}${unit}`
    rest -= amount * unitMs
  }
  return text === '' ? '0s' : text
}
