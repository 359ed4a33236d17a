import { describe, expect, test } from 'vitest'
import { dayNumber, dayText, isTimeZone, weekdayOf, zoneDays } from '../../src/schedule/days.ts'
import { isHolidayCode, isPublicHoliday } from '../../src/schedule/holidays.ts'
import { windowProblems, windowsOf, type SendingCalendar } from '../../src/schedule/windows.ts'
import { campaign, inWarsaw, warsaw } from './worlds.ts'

const HOUR = 3_600_000
const everyDay = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const

function holidaysIn(code: string, month: string): string[] {
  const first = dayNumber(`${month}-01`)
  return Array.from({ length: 28 }, (_, index) => first + index)
    .filter((day) => isPublicHoliday(code, day))
    .map(dayText)
}

describe('days', () => {
  test('a day and its number are each other', () => {
    for (const day of ['1969-12-31', '1970-01-01', '2000-02-29', '2026-03-29', '2100-03-01']) {
      expect(dayText(dayNumber(day))).toBe(day)
    }
    expect(dayNumber('1970-01-01')).toBe(0)
    expect(dayNumber('2026-03-23') - dayNumber('2026-02-23')).toBe(28)
    expect(weekdayOf(dayNumber('2026-03-23'))).toBe(0)
    expect(weekdayOf(dayNumber('1969-12-28'))).toBe(6)
  })

  test('days in Warsaw have 23, 24 and 25 hours', () => {
    const zone = zoneDays('Europe/Warsaw')
    const hours = ['2026-03-28', '2026-03-29', '2026-10-25'].map((day) => {
      return (zone.startMs(dayNumber(day) + 1) - zone.startMs(dayNumber(day))) / HOUR
    })
    expect(hours).toEqual([24, 23, 25])
  })

  test('an instant falls on the day that its zone shows', () => {
    const midnight = warsaw('2026-10-25 00:00')
    expect(dayText(zoneDays('Europe/Warsaw').dayAt(midnight))).toBe('2026-10-25')
    expect(dayText(zoneDays('Europe/Warsaw').dayAt(midnight - 1))).toBe('2026-10-24')
    expect(dayText(zoneDays('America/New_York').dayAt(midnight))).toBe('2026-10-24')
    expect(dayText(zoneDays('Pacific/Auckland').dayAt(midnight))).toBe('2026-10-25')
  })

  test('a zone that does not exist is told from one that does', () => {
    expect(isTimeZone('Europe/Warsaw')).toBe(true)
    expect(isTimeZone('Europe/Warszawa')).toBe(false)
  })
})

describe('public holidays', () => {
  test.each([
    '2026-12-24',
    '2026-12-25',
    '2026-12-26',
    '2026-05-01',
    '2026-05-03',
    '2026-01-06',
    '2026-04-06',
    '2026-06-04',
  ])('%s is one in Poland', (day) => {
    expect(isPublicHoliday('PL', dayNumber(day))).toBe(true)
  })

  test.each(['2026-05-02', '2026-12-31', '2024-12-24', '2026-02-14', '2026-12-06'])('%s is none in Poland', (day) => {
    expect(isPublicHoliday('PL', dayNumber(day))).toBe(false)
  })

  test('a region has its own', () => {
    expect(isPublicHoliday('DE', dayNumber('2026-01-06'))).toBe(false)
    expect(isPublicHoliday('DE-BY', dayNumber('2026-01-06'))).toBe(true)
  })

  test('one that lasts for days is one on each of them, and a half day is none', () => {
    expect(holidaysIn('TR', '2026-05')).toEqual(['2026-05-01', '2026-05-19', '2026-05-27', '2026-05-28'])
    expect(holidaysIn('CN', '2026-08')).toEqual([])
  })

  test('only codes behind which there is a calendar are known', () => {
    expect(['PL', 'DE-BY', 'US-LA-NO'].map(isHolidayCode)).toEqual([true, true, true])
    expect(['XX', 'pl', 'DE-XX', 'POLAND', ''].map(isHolidayCode)).toEqual([false, false, false, false, false])
  })
})

/** The days alone. */
const sendingDays = (calendar: SendingCalendar, from: string, count: number): string[] =>
  windowsOf(calendar, from, count).map(({ day }) => day)

describe('windows', () => {
  test('weekends, holidays and skipped dates are left out', () => {
    const calendar = campaign({ skipDates: ['2026-12-31'] })
    expect(sendingDays(calendar, '2026-12-23', 6)).toEqual([
      '2026-12-23',
      '2026-12-28',
      '2026-12-29',
      '2026-12-30',
      '2027-01-04',
      '2027-01-05',
    ])
  })

  test('a campaign has no window before it starts', () => {
    expect(sendingDays(campaign({ startsOn: '2026-04-08' }), '2026-03-23', 2)).toEqual(['2026-04-08', '2026-04-09'])
  })

  test('on the night that skips an hour, a time that no clock shows is when it jumps', () => {
    const window = { from: '02:30', to: '09:00', days: everyDay }
    const [before, on] = windowsOf(campaign({ window }), '2026-03-28', 2)
    expect(inWarsaw(before?.opensMs ?? 0)).toBe('2026-03-28 02:30:00')
    expect(inWarsaw(on?.opensMs ?? 0)).toBe('2026-03-29 03:00:00')
    expect(inWarsaw(on?.closesMs ?? 0)).toBe('2026-03-29 09:00:00')
    const early = windowsOf(campaign({ window: { from: '01:30', to: '02:30', days: everyDay } }), '2026-03-29', 1)
    expect(early.map(({ opensMs, closesMs }) => [opensMs, closesMs])).toEqual([
      [Date.UTC(2026, 2, 29, 0, 30), Date.UTC(2026, 2, 29, 1)],
    ])
    const late = windowsOf(campaign({ window: { from: '02:30', to: '03:30', days: everyDay } }), '2026-03-29', 1)
    expect(late.map(({ opensMs, closesMs }) => [opensMs, closesMs])).toEqual([
      [Date.UTC(2026, 2, 29, 1), Date.UTC(2026, 2, 29, 1, 30)],
    ])
  })

  test('on the night that repeats an hour, a time that comes twice is the first of both', () => {
    const window = { from: '02:30', to: '03:00', days: everyDay }
    const [on] = windowsOf(campaign({ window }), '2026-10-25', 1)
    expect(on && [on.opensMs, on.closesMs]).toEqual([Date.UTC(2026, 9, 25, 0, 30), Date.UTC(2026, 9, 25, 2, 0)])
  })

  test('a window that the clock change swallows is no window', () => {
    const window = { from: '02:30', to: '03:00', days: everyDay }
    expect(sendingDays(campaign({ window }), '2026-03-28', 2)).toEqual(['2026-03-28', '2026-03-30'])
  })

  test('where the clock skips the last hour of a day, a window that ends in it ends with the day', () => {
    // In Greenland it is midnight after 22:59:59.
    const calendar = { timeZone: 'America/Nuuk', holidays: null }
    const night = campaign({ ...calendar, window: { from: '20:00', to: '23:30', days: ['sat'] } })
    const [on] = windowsOf(night, '2026-03-28', 1)
    expect(on).toEqual({
      day: '2026-03-28',
      opensMs: Date.UTC(2026, 2, 28, 22),
      closesMs: Date.UTC(2026, 2, 29, 1),
    })
    const late = campaign({ ...calendar, window: { from: '23:15', to: '23:45', days: everyDay } })
    expect(sendingDays(late, '2026-03-27', 2)).toEqual(['2026-03-27', '2026-03-29'])
  })

  test.each([
    ['2026-03-29', 23],
    ['2026-10-25', 25],
    ['2026-10-26', 24],
  ])('a whole day ends at the next midnight: %s has %i hours', (day, hours) => {
    const window = { from: '00:00', to: '24:00', days: everyDay }
    const [one] = windowsOf(campaign({ window, holidays: null }), day, 1)
    expect(one && (one.closesMs - one.opensMs) / HOUR).toBe(hours)
  })

  test('a campaign that never sends has no sending day, and asking ends', () => {
    expect(sendingDays(campaign({ window: { from: '09:00', to: '17:00', days: [] } }), '2026-03-23', 3)).toEqual([])
    expect(sendingDays(campaign(), '2026-03-23', 0)).toEqual([])
  })

  test.each([
    ['09:00', '17:00'],
    ['00:00', '24:00'],
  ])('a window from %s to %s is sane', (from, to) => {
    expect(windowProblems({ from, to, days: ['mon'] })).toEqual([])
  })

  test.each([
    [
      '22:00',
      '06:00',
      'the window 22:00–06:00 crosses midnight; let it end at 24:00, or give the night a campaign of its own',
    ],
    ['09:00', '09:00', 'the window 09:00–09:00 is empty'],
    ['9:00', '17:00', 'window.from must be a time from 00:00 to 23:59, got 9:00'],
    ['24:00', '24:00', 'window.from must be a time from 00:00 to 23:59, got 24:00'],
    ['09:00', '24:30', 'window.to must be a time from 00:01 to 24:00, got 24:30'],
    ['09:60', '17:00', 'window.from must be a time from 00:00 to 23:59, got 09:60'],
  ])('a window from %s to %s is not: %s', (from, to, problem) => {
    expect(windowProblems({ from, to, days: ['mon'] })).toEqual([problem])
  })

  test('a window without a day is told', () => {
    expect(windowProblems({ from: '09:00', to: '17:00', days: [] })).toEqual(['window.days names no day'])
  })
})
