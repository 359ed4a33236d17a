/** The audit's SQL and the schedule say the same of when a campaign may send, also on the nights that skip or repeat an hour. */
import { expect, test } from 'vitest'
import { HOLIDAYS, outsideWindow, windowEnd } from '../../../src/reports/audit/windows.ts'
import { windowsOf, type SendingCalendar } from '../../../src/schedule/windows.ts'
import { Temporal, type Instant } from '../../../src/time.ts'
import { createTestDatabase } from '../../support/database.ts'

const database = await createTestDatabase()

const NIGHTS = ['2026-03-28', '2026-03-29', '2026-10-24', '2026-10-25', '2026-11-10', '2026-11-11']
const WINDOWS = [
  ['00:00', '24:00'],
  ['01:30', '02:30'],
  ['02:30', '03:00'],
  ['02:15', '03:45'],
  ['09:00', '17:00'],
] as const

test.each(WINDOWS)('from %s to %s', async (from, to) => {
  const calendar: SendingCalendar = {
    timeZone: 'Europe/Warsaw',
    startsOn: '2026-03-01',
    window: { from, to, days: ['sun', 'wed', 'tue', 'sat'] },
    holidays: 'PL',
    skipDates: ['2026-10-24'],
  }
  const windows = windowsOf(calendar, '2026-03-01', 400)
  const instants = NIGHTS.flatMap((day) => everyTenMinutes(day))
  const rows = await database.query<{ at: Instant; outside: boolean; ends: Instant }>(
    `with ${HOLIDAYS},
     c as (select 'Europe/Warsaw' as timezone, date '2026-03-01' as starts_on, $3::time as window_from, $4::time as window_to,
                  '{sun,wed,tue,sat}'::text[] as window_days, 'PL' as holidays, '{2026-10-24}'::date[] as skip_dates)
     select given.at, ${outsideWindow('given.at')} as outside, ${windowEnd('given.at')} as ends
     from unnest($5::timestamptz[]) as given (at) cross join c
     order by given.at`,
    [['PL'], ['2026-11-11'], from, to, instants],
  )
  const inside = rows.filter(({ outside }) => !outside)
  expect(inside.length).toBeGreaterThan(3)
  expect(
    rows.filter(({ at, outside }) => {
      const window = windows.find(
        ({ opensMs, closesMs }) => opensMs <= at.epochMilliseconds && at.epochMilliseconds < closesMs,
      )
      return outside === (window !== undefined)
    }),
  ).toEqual([])
  expect(
    inside.filter(
      ({ at, ends }) =>
        !windows.some(
          ({ opensMs, closesMs }) => opensMs <= at.epochMilliseconds && closesMs === ends.epochMilliseconds,
        ),
    ),
  ).toEqual([])
})

/** From the midnight before to the one after, in UTC, so that the local day is in it whole. */
function everyTenMinutes(day: string): Instant[] {
  const start = Temporal.Instant.from(`${day}T00:00:00Z`).subtract({ hours: 3 })
  return Array.from({ length: 30 * 6 }, (_, n) => start.add({ minutes: 10 * n }))
}
