/** A view's value as people read it, on a screen or in a spreadsheet: local times to the second, lists with blanks, labels as JSON. */
import type { ViewRow, ViewValue } from '../../reports/views.ts'
import { Temporal, toLocalTime } from '../../time.ts'

/** The zone that a row's times are meant in: its own, where it names one. */
export function zoneOf(row: ViewRow, otherwise: string): string {
  return typeof row['timezone'] === 'string' ? row['timezone'] : otherwise
}

/** Numbers stay numbers; null stays null; everything else becomes text. */
export function showValue(
  value: ViewValue | undefined,
  { type, timeZone }: { type: string; timeZone: string },
): string | number | null {
  if (value === null || value === undefined) return null
  if (typeof value === 'string' || typeof value === 'number') return value
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  if (value instanceof Temporal.Instant) return toLocalTime(value, timeZone, { seconds: true })
  if (Array.isArray(value)) {
    const inner = type.replace(/\[\]$/, '')
    return value
      .map((part: ViewValue) => showValue(part, { type: inner, timeZone }))
      .join(type.startsWith('timestamp') ? ', ' : ' ')
  }
  return JSON.stringify(value)
}
