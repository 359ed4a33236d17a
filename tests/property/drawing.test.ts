import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { drawBars } from '../../src/cli/drawing/bars.ts'
import { drawPage } from '../../src/cli/drawing/page.ts'
import type { DrawnCampaign, DrawnDay } from '../../src/cli/drawing/drawn.ts'
import { dayNumber, dayText } from '../../src/schedule/days.ts'
import { windowsOf, WEEKDAYS, type SendingCalendar } from '../../src/schedule/windows.ts'
import { campaignOf, drawn } from '../cli/drawing/samples.ts'
import { readWellFormed, textOf } from '../support/well-formed.ts'

const BINDINGS = ['window', 'campaign_limit', 'mailbox_limit', 'domain_limit', 'contact_gap', 'all_planned'] as const

const calendar: fc.Arbitrary<SendingCalendar> = fc.record({
  timeZone: fc.constantFrom('Europe/Warsaw', 'America/New_York', 'Pacific/Kiritimati'),
  startsOn: fc.option(fc.constantFrom('2026-10-24', '2027-03-01'), { nil: null }),
  window: fc.record({
    from: fc.constant('09:00'),
    to: fc.constantFrom('17:00', '24:00'),
    days: fc.subarray([...WEEKDAYS], { minLength: 1 }),
  }),
  holidays: fc.option(fc.constantFrom('PL', 'DE-BY'), { nil: null }),
  skipDates: fc.subarray(['2026-12-31', '2027-01-05']),
})

const counts = fc.oneof(fc.constant(0), fc.integer({ max: 9, min: 1 }), fc.integer({ min: 1, max: 99_999 }))

const campaign: fc.Arbitrary<DrawnCampaign> = fc
  .record({
    name: fc.oneof(fc.string({ unit: 'binary', maxLength: 100 }), fc.constant('<b>&amp;"żółć"</b>')),
    calendar,
    days: fc.array(fc.tuple(counts, counts, fc.constantFrom(...BINDINGS)), { maxLength: 150, size: 'max' }),
    late: fc.integer({ min: 0, max: 30 }),
    extrapolated: fc.boolean(),
  })
  .map(({ name, calendar: of, days, late, extrapolated }) => {
    const dates = windowsOf(of, '2026-11-26', days.length).map(({ day }) => day)
    const drawnDays = dates.map((day, i): DrawnDay => {
      const [firstMails, followUps, binding] = days[i] ?? [0, 0, 'all_planned']
      return { day, firstMails, followUps, mails: firstMails + followUps, binding }
    })
    const made = campaignOf(name, drawnDays, of)
    const { finish } = made
    const latest = finish && dayText(dayNumber(finish.likely) + late)
    return { ...made, finish: finish && latest !== null ? { ...finish, latest, extrapolated } : null }
  })

test('whatever is drawn fits the screen, and every mail is in exactly one row', () => {
  fc.assert(
    fc.property(
      campaign,
      fc.integer({ min: 36, max: 250 }),
      fc.integer({ min: 20, max: 400 }),
      (of, columns, mostRows) => {
        const lines = drawBars(drawn([of]), { columns, mostRows, dim: (text) => text })
        const rows = lines.slice(lines.indexOf('') + 1).filter((line) => /[█░·]/.test(line))
        for (const row of rows) expect(Array.from(row).length).toBeLessThanOrEqual(columns)
        if (!lines.includes('')) return
        const shown = rows.flatMap((row) => /^.*?([\d,]+) {2}[█░]/.exec(row)?.[1]?.replaceAll(',', '') ?? [])
        expect(shown.reduce((sum, count) => sum + Number(count), 0)).toBe(
          of.days.reduce((sum, { mails }) => sum + mails, 0),
        )
      },
    ),
    { numRuns: 80 },
  )
})

test('whatever is drawn is a well-formed page with a cell for each of its days', () => {
  fc.assert(
    fc.property(fc.array(campaign, { maxLength: 3 }), (campaigns) => {
      const page = drawPage(drawn(campaigns))
      const cells = readWellFormed(page).flatMap(({ attributes }) => attributes['data-day'] ?? [])
      for (const { days } of campaigns) for (const { day } of days) expect(cells).toContain(day)
      expect(textOf(page)).not.toMatch(/NaN|undefined|Infinity/)
      expect(page.replaceAll(/<title>[^<]*<\/title>/g, '')).not.toMatch(/="[^"]*(NaN|undefined|Infinity)/)
    }),
    { numRuns: 25 },
  )
})
