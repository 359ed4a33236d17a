import { expect, test } from 'vitest'
import { drawBars, screenOf, type Screen } from '../../../src/cli/drawing/bars.ts'
import { CALENDAR, campaignOf, drawn, nineMonths, threeDays } from './samples.ts'

const PLAIN: Screen = { columns: 80, mostRows: 100, dim: (text) => text }

test('each sending day has a bar, its count and its limit; first mails and follow-ups differ without colour', () => {
  expect(drawBars(threeDays(), PLAIN).join('\n')).toBe(`spring-offer
  to go            232 mails
  sent before      18 mails
  first day        Fri 2026-11-27
  first mails end  Mon 2026-11-30
  follow-ups end   Tue 2026-12-01
  finished         Tue 2026-12-01
  80 % range       Tue 2026-12-01 to Thu 2026-12-03

█ first mails · ░ follow-ups · right: the limit that binds
Fri 2026-11-27  120  ███████████████████████████████████  limit of the mailboxes
Sat–Sun           ·
Mon 2026-11-30  100  █████████████████░░░░░░░░░░░░        limit of the campaign
Tue 2026-12-01   12  ░░░░                                 no limit`)
})

test('a campaign of which nothing will go is never finished, and one without mails has no such line', () => {
  const never = [{ reason: 'campaign_paused', mails: 12 }]
  const lines = drawBars(drawn([{ ...campaignOf('waits', []), never }, campaignOf('idle', [])]), PLAIN)
  expect(lines.filter((line) => line.includes('finished'))).toEqual(['  finished     never'])
})

test('a holiday has its name, a skipped date its reason, and a day on which nothing is due says so', () => {
  const days = ['2026-12-22', '2026-12-23', '2026-12-28', '2027-01-04'].map((day) => ({
    day,
    firstMails: 5,
    followUps: 0,
    mails: 5,
    binding: 'campaign_limit' as const,
  }))
  const lines = drawBars(drawn([campaignOf('x', days)]), PLAIN)
  expect(lines.slice(-11)).toEqual([
    expect.stringMatching(/^Wed 2026-12-23 {2}5 {2}█+ {2}limit of the campaign$/),
    'Thu 2026-12-24  ·  Wigilia Bożego Narodzenia',
    'Fri 2026-12-25  ·  Pierwszy dzień Bożego Narodzenia',
    'Sat 2026-12-26  ·  Drugi dzień Bożego Narodzenia',
    'Sun 2026-12-27  ·',
    expect.stringMatching(/^Mon 2026-12-28/),
    'Tue–Wed         ·  nothing is due (29 Dec to 30 Dec)',
    'Thu 2026-12-31  ·  skipped date',
    'Fri 2027-01-01  ·  Nowy Rok',
    'Sat–Sun         ·',
    expect.stringMatching(/^Mon 2027-01-04/),
  ])
})

test('a day on which clocks are put forward over the window says so', () => {
  const window = { from: '02:00', to: '03:00', days: ['sat', 'sun', 'mon'] as const }
  const days = ['2027-03-27', '2027-03-29'].map((day) => ({
    day,
    firstMails: 5,
    followUps: 0,
    mails: 5,
    binding: 'campaign_limit' as const,
  }))
  const lines = drawBars(drawn([campaignOf('x', days, { ...CALENDAR, holidays: null, window })]), PLAIN)
  expect(lines).toContain('Sun 2027-03-28  ·  clocks skip its window')
})

test('what does not fit by day is folded by week, and then by month', () => {
  const [long] = nineMonths().campaigns
  const fold = (mostRows: number): string[] => drawBars(drawn(long ? [long] : []), { ...PLAIN, mostRows })
  expect(fold(500)).toContain('Fri 2026-12-25    ·  Pierwszy dzień Bożego Narodzenia')
  expect(fold(50).filter((line) => /^\d{4}-\d\d-\d\d /.test(line))).toHaveLength(41)
  expect(fold(50).join('\n')).toMatch(/^weeks from Monday/m)
  expect(fold(20).join('\n')).toMatch(/^December 2026 {2}3,000 {2}█+░+ {2,}limit of the mailboxes$/m)
})

test('nothing is wider than the screen, in the narrowest window too', () => {
  for (const columns of [36, 40, 79, 80, 200]) {
    for (const mostRows of [20, 50, 500]) {
      const lines = drawBars(nineMonths(), { ...PLAIN, columns, mostRows }).filter((line) => /[█░·]/.test(line))
      expect(lines.length).toBeGreaterThan(0)
      expect(Math.max(...lines.map((line) => Array.from(line).length))).toBeLessThanOrEqual(columns)
    }
  }
})

test('a narrow window has the limit on a line of its own, each time it changes', () => {
  const lines = drawBars(threeDays(), { ...PLAIN, columns: 40 })
  expect(lines.slice(-8)).toEqual([
    '█ first mails, ░ follow-ups',
    '  limit of the mailboxes:',
    'Fri 27 Nov  120  ███████████████████████',
    'Sat–Sun       ·',
    '  limit of the campaign:',
    'Mon 30 Nov  100  ███████████░░░░░░░░',
    '  no limit:',
    'Tue 1 Dec    12  ░░',
  ])
})

test('the smallest share is seen', () => {
  const days = [
    { day: '2026-11-27', firstMails: 9999, followUps: 1, mails: 10_000, binding: 'window' as const },
    { day: '2026-11-30', firstMails: 1, followUps: 0, mails: 1, binding: 'window' as const },
    { day: '2026-12-01', firstMails: 1, followUps: 1999, mails: 2000, binding: 'window' as const },
  ]
  const [first, , second, third] = drawBars(drawn([campaignOf('x', days, CALENDAR)]), PLAIN).slice(-4)
  expect(first).toMatch(/█░ /)
  expect(second).toMatch(/ {2}█ /)
  expect(third).toMatch(/ █░+ /)
})

test('a name cannot draw on the terminal', () => {
  expect(drawBars(threeDays('a\u001b[2Jb\nc'), PLAIN)[0]).toBe('a [2Jb c')
})

test('a pipe has a width of its own, a terminal its own one', () => {
  expect(screenOf({ isTTY: false, columns: 300, rows: 80 }, String)).toMatchObject({ columns: 80, mostRows: 100 })
  expect(screenOf({ isTTY: true, columns: 120, rows: 30 }, String)).toMatchObject({ columns: 120, mostRows: 60 })
  expect(screenOf({ isTTY: true, columns: 10, rows: 5 }, String)).toMatchObject({ columns: 36, mostRows: 20 })
})
