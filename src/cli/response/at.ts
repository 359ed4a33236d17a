import { GoniecError } from '../../errors.ts'
import { Temporal, type Instant } from '../../time.ts'

const LOCAL = /^(\d{4}-\d\d-\d\d)[ T](\d\d?:\d\d(?::\d\d)?)$/

/** `2026-12-01T09:00+01:00` or `…Z` as it stands; `2026-12-01 09:00` as local time of the zone. Anything else is wrong usage. */
export function parseAt(given: string, timeZone: string, flag = '--at'): Instant {
  const text = given.trim()
  const [, date, time] = LOCAL.exec(text) ?? []
  if (date !== undefined && time !== undefined)
    return parseLocal(given, `${date}T${time.replace(/^\d:/, '0$&')}`, { timeZone, flag })
  try {
    return Temporal.Instant.from(text.replace(/^(\d{4}-\d\d-\d\d) /, '$1T'))
  } catch (error) {
    throw wrong(
      `${flag} is not a time: "${given}"`,
      'write 2026-12-01T09:00+01:00, or 2026-12-01 09:00 in local time',
      error,
    )
  }
}

/** Once a year an hour is left out, and once it comes twice: then nobody knows what was meant. */
function parseLocal(given: string, local: string, { timeZone, flag }: { timeZone: string; flag: string }): Instant {
  try {
    const plain = Temporal.PlainDateTime.from(local, { overflow: 'reject' })
    const [earlier, later] = (['earlier', 'later'] as const).map((disambiguation) =>
      plain.toZonedDateTime(timeZone, { disambiguation }),
    )
    if (earlier && later && earlier.equals(later)) return earlier.toInstant()
    const happens = earlier?.toPlainDateTime().equals(plain) ? 'happens twice' : 'does not exist'
    throw wrong(
      `the local time ${given} ${happens} in ${timeZone}: clocks change`,
      'give it with its offset: 2026-10-25T02:30+01:00',
    )
  } catch (error) {
    if (error instanceof GoniecError) throw error
    throw wrong(`${flag} is not a time: "${given}"`, 'write it like 2026-12-01 09:00', error)
  }
}

function wrong(message: string, hint: string, cause?: unknown): GoniecError {
  return new GoniecError('usage', message, { hint, exitCode: 2, cause })
}
