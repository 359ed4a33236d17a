/** The audit's SQL and the schedule say the same of when a campaign may send, also on the nights that skip or repeat an hour. */
import { expect, test } from 'vitest'
import { HOLIDAYS, outsideWindow, windowEnd } from '../../../src/reports/audit/windows.ts'
import { WEEKDAYS, windowsOf, type SendingCalendar } from '../../../src/schedule/windows.ts'
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

/** Clocks that are changed by half an hour and by two, at midnight, just before it, and in the South. */
const ELSEWHERE = [
  ['Australia/Lord_Howe', ['2026-04-04', '2026-04-05', '2026-10-03', '2026-10-04']],
  ['Antarctica/Troll', ['2026-03-28', '2026-03-29', '2026-10-24', '2026-10-25']],
  ['America/Nuuk', ['2026-03-28', '2026-03-29', '2026-10-24', '2026-10-25']],
  ['America/Havana', ['2026-03-07', '2026-03-08', '2026-10-31', '2026-11-01']],
  ['Africa/Cairo', ['2026-04-23', '2026-04-24', '2026-10-29', '2026-10-30']],
  ['America/Santiago', ['2026-04-04', '2026-04-05', '2026-09-05', '2026-09-06']],
] as const

interface Asked {
  calendar: SendingCalendar
  nights: readonly string[]
}

/** Whatever the audit's SQL says otherwise than the schedule of these nights. */
async function differences({ calendar, nights }: Asked): Promise<{ inside: number; wrong: string[] }> {
  const { timeZone, startsOn, window, holidays, skipDates } = calendar
  const windows = windowsOf(calendar, '2026-03-01', 400)
  const rows = await database.query<{ at: Instant; outside: boolean; ends: Instant }>(
    `with ${HOLIDAYS},
     c as (select $3::time as window_from, $4::time as window_to, $6::text as timezone, $7::date as starts_on, $8::text[] as window_days,
                  $9::text as holidays, $10::date[] as skip_dates)
     select given.at, ${outsideWindow('given.at')} as outside, ${windowEnd('given.at')} as ends
     from unnest($5::timestamptz[]) as given (at) cross join c
     order by given.at`,
    [
      ['PL'],
      ['2026-11-11'],
      window.from,
      window.to,
      nights.flatMap(everyTenMinutes),
      timeZone,
      startsOn,
      window.days,
      holidays,
      skipDates,
    ],
  )
  const wrong = rows.filter(({ at, outside, ends }) => {
    const atMs = at.epochMilliseconds
    const open = windows.find(({ opensMs, closesMs }) => opensMs <= atMs && atMs < closesMs)
    return outside ? open !== undefined : open?.closesMs !== ends.epochMilliseconds
  })
  return { inside: rows.filter(({ outside }) => !outside).length, wrong: wrong.map(({ at }) => at.toString()) }
}

test.each(WINDOWS)('from %s to %s', async (from, to) => {
  const calendar: SendingCalendar = {
    timeZone: 'Europe/Warsaw',
    startsOn: '2026-03-01',
    window: { from, to, days: ['sun', 'wed', 'tue', 'sat'] },
    holidays: 'PL',
    skipDates: ['2026-10-24'],
  }
  const { inside, wrong } = await differences({ calendar, nights: NIGHTS })
  expect(inside).toBeGreaterThan(3)
  expect(wrong).toEqual([])
})

test.each(ELSEWHERE)('in %s', async (timeZone, nights) => {
  const windows = [...WINDOWS, ['20:00', '23:30'], ['00:30', '02:15'], ['01:45', '02:00'], ['23:30', '24:00']] as const
  for (const [from, to] of windows) {
    const window = { from, to, days: [...WEEKDAYS] }
    const calendar = { timeZone, startsOn: '2026-03-01', window, holidays: null, skipDates: [] }
    expect({ from, to, wrong: (await differences({ calendar, nights })).wrong }).toEqual({ from, to, wrong: [] })
  }
})

/** Half a day more to both sides of the day in UTC, so that the local day is in it whole. */
function everyTenMinutes(day: string): Instant[] {
  const start = Temporal.Instant.from(`${day}T00:00:00Z`).subtract({ hours: 12 })
  return Array.from({ length: 48 * 6 }, (_, n) => start.add({ minutes: 10 * n }))
}
