import { describe, expect, test } from 'vitest'
import { fitColumns } from '../../src/cli/status/columns.ts'
import { bar, countdown } from '../../src/cli/status/moments.ts'
import { describeStatus } from '../../src/cli/status/show.ts'
import { cutTo, displayWidth, fit, harmless } from '../../src/cli/text-width.ts'
import { NOON } from '../support/world.ts'
import { campaign, event, statusOf } from './status-fixture.ts'

const show = (width: number): string => `\n${describeStatus(statusOf(), width).join('\n')}\n`

test('in a pipe nothing is cut', () => {
  expect(show(Number.POSITIVE_INFINITY)).toMatchInlineSnapshot(`
    "
    goniec at 2026-12-01 12:00:00, Europe/Warsaw

    To see to
      mailbox bartek@firma.example is broken: 535 5.7.8 bad login
        Try: goniec mailbox test bartek@firma.example
      1 mail is in doubt, the oldest since 2026-12-01 11:00
        Try: goniec doubt list

    Workers
      sender-1 sends 2 · sender-2 waits

    Campaigns
      spring-offer  ███████░░░░░░░░░░░░░  130 of 400  40 of 120 today  next in 1m 20s  done 2026-12-18
      dach          ░░░░░░░░░░░░░░░░░░░░  0 of 1,240          0 today  paused                           1 in doubt

    Next mails
        2s late  11:59:58          ewa@klient.example           response            from anna@firma.example  its mailbox’s gap has not passed
      in 1m 20s  12:01:20          jan.kowalski@klient.example  spring-offer intro  from anna@firma.example
          in 1d  2026-12-02 12:00  zofia@klient.example         spring-offer intro  from anna@firma.example

    Mailboxes today
      bartek@firma.example  ██████░░░░░░  25 of 50                           broken: 535 5.7.8 bad login
      anna@firma.example    ██████░░░░░░  25 of 50  warm-up day 8: 24 of 30  next in 1m 20s

    Last events
      11:59:40          spring-offer intro → ewa@klient.example  sent from anna@firma.example
      11:59:00          spring-offer                             312 × planned
      2026-11-30 12:00  dach                                     the campaign was paused
    "
  `)
})

test('in a window of eighty columns texts become shorter, and nothing is wider', () => {
  expect(show(80)).toMatchInlineSnapshot(`
    "
    goniec at 2026-12-01 12:00:00, Europe/Warsaw

    To see to
      mailbox bartek@firma.example is broken: 535 5.7.8 bad login
        Try: goniec mailbox test bartek@firma.example
      1 mail is in doubt, the oldest since 2026-12-01 11:00
        Try: goniec doubt list

    Workers
      sender-1 sends 2 · sender-2 waits

    Campaigns
      spring-offer  ██████░░░░░░░░░░░░░  130 of 400  40 of 120 today  next in 1m 20s
      dach          ░░░░░░░░░░░░░░░░░░░  0 of 1,240          0 today  paused

    Next mails
        2s late  ewa@klient.example      response            its mailbox’s gap has …
      in 1m 20s  jan.kowalski@klient.e…  spring-offer intro
          in 1d  zofia@klient.example    spring-offer intro

    Mailboxes today
      bartek@firma.example  25 of 50                           broken: 535 5.7.8 ba…
      anna@firma.example    25 of 50  warm-up day 8: 24 of 30  next in 1m 20s

    Last events
      11:59:40          spring-offer intro → ewa@klie…  sent from anna@firma.example
      11:59:00          spring-offer                    312 × planned
      2026-11-30 12:00  dach                            the campaign was paused
    "
  `)
})

test('in a narrow window what matters least is left out', () => {
  expect(show(40)).toMatchInlineSnapshot(`
    "
    goniec at 2026-12-01 12:00:00, Europe/W…

    To see to
      mailbox bartek@firma.example is broke…
        Try: goniec mailbox test bartek@fir…
      1 mail is in doubt, the oldest since …
        Try: goniec doubt list

    Workers
      sender-1 sends 2 · sender-2 waits

    Campaigns
      spring-of…  130 of 400  next in 1m 20s
      dach        0 of 1,240  paused

    Next mails
        2s late  ewa@klient.ex…  response
      in 1m 20s  jan.kowalski@…  spring-off…
          in 1d  zofia@klient.…  spring-off…

    Mailboxes today
      bartek@firm…  25 of 50  broken: 535 5…
      anna@firma.…  25 of 50  next in 1m 20s

    Last events
      spring-offer int…  sent from anna@fir…
      spring-offer       312 × planned
      dach               the campaign was p…
    "
  `)
})

describe('a text on a terminal', () => {
  test.each([
    ['Anna', 4],
    ['Łódź', 4],
    ['e\u0301', 1],
    ['東京', 4],
    ['🚀', 2],
    ['👩‍👩‍👧', 2],
    ['한국', 4],
    ['', 0],
  ])('%s takes %i columns', (text, width) => expect(displayWidth(text)).toBe(width))

  test('is cut between characters, never inside one', () => {
    expect(cutTo('東京都', 5)).toBe('東京…')
    expect(cutTo('東京都', 4)).toBe('東…')
    expect(fit('東京都', 4)).toBe('東… ')
    expect(fit('e\u0301e\u0301e\u0301', 2)).toBe('e\u0301…')
    expect(fit('12', 4, true)).toBe('  12')
    expect(cutTo('abc', 0)).toBe('')
  })

  test('draws nothing by itself: no control characters, no line ends, no change of direction', () => {
    expect(harmless('a\u001b[2Jb\nc\u202ed\u200be\ud800\u2028f')).toBe('a [2Jb cde\ufffd f')
  })
})

test('a forecast that names a day gone by is not told', () => {
  const finish = { made_on: '2026-11-20', earliest: '2026-11-29', likely: '2026-11-30', latest: '2026-12-20' }
  const shown = (likely: string): string =>
    describeStatus(statusOf({ campaigns: [campaign({ finish: { ...finish, likely } })] }), 200).join('\n')
  expect(shown('2026-12-01')).toContain('done 2026-12-01')
  expect(shown('2026-11-30')).not.toContain('done')
})

test('what happened to many mails at once is said as of one: a slot that was withdrawn is not a mail that a worker has taken', () => {
  const events = ['withdrawn', 'planned', 'cancelled'].map((type) => ({ ...event({ type, data: {} }), times: 50 }))
  const shown = describeStatus(statusOf({ events }), 200).join('\n')
  for (const words of ['50 × taken off its slot', '50 × planned', '50 × cancelled'])
    expect(`${shown}\n`).toContain(`${words}\n`)
})

test('however narrow it is, no row is wider than its window, and names of any kind keep the columns in place', () => {
  const names = ['東京キャンペーン', '🚀🚀🚀🚀🚀🚀', 'Łódź\u001b[31m', 'plain', '']
  const campaigns = names.map((name) => campaign({ name }))
  for (let width = 1; width < 130; width++) {
    for (const line of describeStatus(statusOf({ campaigns }), width))
      expect(displayWidth(line)).toBeLessThanOrEqual(width)
  }
  const starts = describeStatus(statusOf({ campaigns }), 90)
    .filter((line) => line.includes('of 400'))
    .map((line) => displayWidth(line.slice(0, line.indexOf('█'))))
  expect(new Set(starts).size).toBe(1)
})

test('a column that does not fit is left out by its rank, those that have none stay', () => {
  const columns = [
    { value: () => 'aaaa', rank: 0 },
    { value: () => 'bbbb', rank: 2 },
    { value: () => 'cccc', rank: 1, least: 2 },
  ]
  expect([16, 15, 14, 13, 10, 8, 7, 3].map((width) => fitColumns([1], columns, width)[0])).toEqual([
    'aaaa  bbbb  cccc',
    'aaaa  bbbb  cc…',
    'aaaa  bbbb  c…',
    'aaaa  cccc',
    'aaaa  cccc',
    'aaaa  c…',
    'aaaa',
    'aa…',
  ])
})

test('a bar is full only where all is done, and empty only where nothing is', () => {
  expect([0, 1, 50, 99, 100].map((part) => bar(part, 100, 4))).toEqual(['░░░░', '█░░░', '██░░', '███░', '████'])
  expect(bar(0, 0, 4)).toBe('░░░░')
})

test.each([
  [80_000, 'in 1m 20s'],
  [500, 'now'],
  [-900, 'now'],
  [-30_000, '30s late'],
])('a countdown of %i ms is: %s', (ms, words) => expect(countdown(NOON.add({ milliseconds: ms }), NOON)).toBe(words))

test.each([
  { shown: 20, more: 'and 1,980 more: --limit 100, or goniec campaign list' },
  { shown: 300, more: 'and 1,700 more: --limit 1000, or goniec campaign list' },
  { shown: 1000, more: 'and 1,000 more: goniec campaign list' },
])('of 2,000 campaigns $shown are shown, and how to see the others', ({ shown, more }) => {
  const campaigns = Array.from({ length: shown }, () => campaign({}))
  const lines = describeStatus(statusOf({ campaigns, campaigns_total: 2000 }), 200)
  expect(lines).toContain(`  ${more}`)
})
