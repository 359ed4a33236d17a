import { expect, test } from 'vitest'
import { FAINT, FREE, INK, inkOn, SHADES } from '../../../src/cli/drawing/colours.ts'
import { drawPage } from '../../../src/cli/drawing/page.ts'
import { eachDay } from '../../../src/cli/drawing/rows.ts'
import { readWellFormed, textOf } from '../../support/well-formed.ts'
import { campaignOf, drawn, nineMonths, threeDays } from './samples.ts'

const EVIL = `<script>alert('x')</script> & "żółć" <img src=x onerror=alert(1)> ]]> \u0007`

test('a page is well-formed, for one campaign and for many, for short ones and for long ones', () => {
  for (const page of [threeDays(), nineMonths(), threeDays(EVIL), drawn([]), drawn([campaignOf('idle', [])])]) {
    expect(() => readWellFormed(drawPage(page))).not.toThrow()
  }
})

test('a page loads nothing and runs nothing', () => {
  const page = drawPage(nineMonths())
  const elements = readWellFormed(page)
  const loading = elements.filter(({ name, attributes }) => {
    const points = Object.keys(attributes).some((key) =>
      /^(src|href|xlink:href|srcset|data|action|style|on\w+)$/.test(key),
    )
    return points || /^(script|link|img|image|iframe|object|embed|base|form|foreignObject|use|a)$/.test(name)
  })
  expect(loading).toEqual([])
  expect(page.replaceAll('xmlns="http://www.w3.org/2000/svg"', '')).not.toMatch(/https?:|url\((?!#)|@import|@font-face/)
})

test('a name is text, whatever it is made of', () => {
  const page = drawPage({
    ...drawn([
      {
        ...campaignOf(EVIL, threeDays().campaigns[0]?.days.slice() ?? []),
        status: EVIL,
        never: [{ reason: EVIL, mails: 3 }],
      },
      campaignOf(EVIL, []),
    ]),
    leads: {
      file: EVIL,
      rows: 3,
      valid: 1,
      rejected: 1,
      rejects: [{ line: 2, reason: EVIL }],
      failing: 1,
      failures: [{ lead: EVIL, line: 3, what: EVIL }],
    },
  })
  expect(readWellFormed(page).filter(({ name }) => ['script', 'img'].includes(name))).toEqual([])
  expect(textOf(page).split(EVIL.replace('\u0007', ' ')).length).toBeGreaterThan(10)
})

test('every day from the first to the last is in the calendar, with its mails or the reason why there are none', () => {
  const page = drawPage(nineMonths())
  const [campaign] = nineMonths().campaigns
  const part = page.slice(0, page.indexOf('<h2>audyt-hal</h2>'))
  for (const day of eachDay('2026-11-27', '2027-08-31')) expect(part).toContain(`data-day="${day}"`)
  for (const { day, mails, firstMails, followUps } of campaign?.days ?? []) {
    expect(part).toContain(` ${Number(day.slice(8))} `)
    expect(cellOf(part, day)).toContain(`${mails} mails (${firstMails} first, ${followUps} follow-ups); limit: `)
  }
  expect(cellOf(part, '2026-12-25')).toContain('Fri 25 Dec 2026: Pierwszy dzień Bożego Narodzenia')
  expect(cellOf(part, '2026-12-31')).toContain('skipped date')
  expect(cellOf(part, '2026-11-28')).toContain('not a sending day')
  expect(textOf(part)).toContain('25: Pierwszy dzień Bożego Narodzenia')
})

test('the sums of a page are those of its days', () => {
  const text = textOf(drawPage(threeDays()))
  expect(text).toContain(
    '232 mails from Fri 27 Nov 2026 to Tue 1 Dec 2026: 180 mails of them first mails, 52 mails follow-ups.',
  )
  expect(text).toMatch(/Mon 30 Nov 2026\s+60\s+52\s+112\s+250\s+mostly limit of the campaign/)
  expect(text).toMatch(/limit of the mailboxes\s+1\s+120\s+another mailbox/)
})

test('pictures say what they show', () => {
  const elements = readWellFormed(drawPage(nineMonths()))
  const ids = elements.flatMap(({ attributes }) => (attributes['id'] === undefined ? [] : [attributes['id']]))
  expect(new Set(ids).size).toBe(ids.length)
  for (const { name, attributes } of elements) {
    if (name !== 'svg' || attributes['aria-hidden'] === 'true') continue
    expect(attributes['role']).toBe('img')
    for (const id of attributes['aria-labelledby']?.split(' ') ?? ['none']) expect(ids).toContain(id)
  }
})

test('a campaign that never ends says so, and why', () => {
  const text = textOf(drawPage(nineMonths()))
  expect(text).toContain('12 mails will not go out as things stand: its mailbox is broken.')
  expect(text).toMatch(/waits\s+running\s+0\s+–\s+never/)
  expect(text).toMatch(/finished\s+never\s+80 % range/)
})

test('what is reckoned by its pace alone has dates, but no place in calendar and curve', () => {
  const [campaign] = threeDays().campaigns
  const finish = { earliest: '2032-02-06', likely: '2032-03-16', latest: '2033-02-07', extrapolated: true }
  const page = drawPage(drawn(campaign ? [{ ...campaign, finish }] : []))
  expect(textOf(page)).toContain('What lies behind the last day shown is reckoned by the pace of those before.')
  expect(textOf(page)).toContain('6 Feb 2032 to 7 Feb 2033')
  expect(page).not.toContain('January 2027')
  expect(page).not.toContain('stroke-dasharray="3 3"')
})

test('a rehearsal says that nothing was written, and names the leads that fail', () => {
  const text = textOf(
    drawPage({
      ...threeDays(),
      leads: {
        file: 'leads.csv',
        rows: 30,
        valid: 20,
        rejected: 9,
        rejects: [{ line: 4, reason: 'no @' }],
        failing: 1,
        failures: [{ lead: 'a@b.example', line: 7, what: 'company' }],
      },
    }),
  )
  expect(text).toContain('Rehearsal of 2026-11-26 08:30 (Europe/Warsaw)')
  expect(text).toContain('Nothing was written and nothing was sent.')
  expect(text).toMatch(/4\s+no @/)
  expect(text).toContain('… and 8 more.')
  expect(text).toMatch(/7\s+a@b\.example\s+company/)
})

function cellOf(page: string, day: string): string {
  return new RegExp(`<g data-day="${day}">.*?</g>`).exec(page)?.[0] ?? ''
}

test('what is written on a colour has a contrast of 4.5 and more', () => {
  const pairs = [
    ...SHADES.map((shade, i) => [inkOn(i), shade] as const),
    ...['#ffffff', FREE].flatMap((ground) => [[INK, ground] as const, [FAINT, ground] as const]),
  ]
  expect(pairs.filter(([ink, ground]) => contrast(ink, ground) < 4.5)).toEqual([])
})

/** As WCAG 2 reckons it. */
function contrast(a: string, b: string): number {
  const [light = 0, dark = 0] = [luminance(a), luminance(b)].toSorted((x, y) => y - x)
  return (light + 0.05) / (dark + 0.05)
}

function luminance(colour: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255
    return part <= 0.039_28 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}
