import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { composeScreen, type Scene } from '../../src/cli/status/frame.ts'
import { readKeys } from '../../src/cli/status/keys.ts'
import { describeStatus } from '../../src/cli/status/show.ts'
import { chosenPlace, footOf, INITIAL, onKey, type WatchState } from '../../src/cli/status/watch-state.ts'
import { displayWidth } from '../../src/cli/text-width.ts'
import { NOON } from '../support/world.ts'
import { campaign, statusOf } from './status-fixture.ts'

function draw(over: Partial<Scene> & { width: number; height: number }): string[] {
  const scene = {
    status: statusOf(),
    now: NOON.add({ seconds: 5 }),
    selected: 0,
    message: undefined,
    away: undefined,
    help: false,
  }
  return composeScreen({ ...scene, ...over }).map(({ text }) => text)
}

const picture = (over: Partial<Scene> & { width: number; height: number }): string => `\n${draw(over).join('\n')}\n`

describe('the full screen', () => {
  test('of 80 columns and 24 lines', () => {
    expect(picture({ width: 80, height: 24 })).toMatchInlineSnapshot(`
      "
      goniec  2026-12-01 12:00:05 Europe/Warsaw  sender-1 sends 2 · sender-2 waits
      mailbox bartek@firma.example is broken: 535 5.7.8 bad login: goniec mailbox tes…
      1 mail is in doubt, the oldest since 2026-12-01 11:00: goniec doubt list
      Campaigns
      ▸ spring-offer  ██████░░░░░░░░░░░░░  130 of 400  40 of 120 today  next in 1m 15s
        dach          ░░░░░░░░░░░░░░░░░░░  0 of 1,240          0 today  paused
      Next mails
           7s late  ewa@klient.example      response            its mailbox’s gap has…
         in 1m 15s  jan.kowalski@klient.e…  spring-offer intro
        in 23h 59m  zofia@klient.example    spring-offer intro
      Mailboxes today
        bartek@firma.example  25 of 50                           broken: 535 5.7.8 ba…
        anna@firma.example    25 of 50  warm-up day 8: 24 of 30  next in 1m 15s
      Last events
        11:59:40          spring-offer intro → ewa@klie…  sent from anna@firma.example
        11:59:00          spring-offer                    312 × planned
        2026-11-30 12:00  dach                            the campaign was paused






      ↑↓ choose   p pause   r resume   ? help   q quit
      "
    `)
  })

  test('of 40 columns and 12 lines', () => {
    expect(picture({ width: 40, height: 12, selected: 1 })).toMatchInlineSnapshot(`
      "
      12:00:05  sender-1 sends 2 · sender-2 w…
      mailbox bartek@firma.example is broken:…
      Campaigns
        spring-of…  130 of 400  next in 1m 15s
      ▸ dach        0 of 1,240  paused
      Next mails
           7s late  ewa@klient.ex…  response
      Mailboxes today
        bartek@firm…  25 of 50  broken: 535 5…
      Last events
        spring-offer int…  sent from anna@fir…
      ↑↓ p r ? q
      "
    `)
  })

  test('of 120 columns and 40 lines', () => {
    expect(picture({ width: 120, height: 40 })).toMatchInlineSnapshot(`
      "
      goniec  2026-12-01 12:00:05 Europe/Warsaw  sender-1 sends 2 · sender-2 waits
      mailbox bartek@firma.example is broken: 535 5.7.8 bad login: goniec mailbox test bartek@firma.example
      1 mail is in doubt, the oldest since 2026-12-01 11:00: goniec doubt list
      Campaigns
      ▸ spring-offer  ███████░░░░░░░░░░░░░  130 of 400  40 of 120 today  next in 1m 15s  done 2026-12-18
        dach          ░░░░░░░░░░░░░░░░░░░░  0 of 1,240          0 today  paused                           1 in doubt
      Next mails
           7s late  11:59:58          ewa@klient.example     response            from anna@firma.exam…  its mailbox’s gap has…
         in 1m 15s  12:01:20          jan.kowalski@klient.…  spring-offer intro  from anna@firma.exam…
        in 23h 59m  2026-12-02 12:00  zofia@klient.example   spring-offer intro  from anna@firma.exam…
      Mailboxes today
        bartek@firma.example  ██████░░░░░░  25 of 50                           broken: 535 5.7.8 bad login
        anna@firma.example    ██████░░░░░░  25 of 50  warm-up day 8: 24 of 30  next in 1m 15s
      Last events
        11:59:40          spring-offer intro → ewa@klient.example  sent from anna@firma.example
        11:59:00          spring-offer                             312 × planned
        2026-11-30 12:00  dach                                     the campaign was paused






















      ↑↓ choose   p pause   r resume   ? help   q quit
      "
    `)
  })

  test('while the database is away, and while somebody is asked', () => {
    const away = { since: NOON.add({ seconds: 3 }), why: 'the database does not answer: connect ECONNREFUSED' }
    expect(picture({ width: 80, height: 10, away, message: 'Pause spring-offer? y: yes, any other key: no' }))
      .toMatchInlineSnapshot(`
      "
      goniec  2026-12-01 12:00:05 Europe/Warsaw  as it was at 12:00:00
      database away since 12:00:03: the database does not answer: connect ECONNREFUSED
      Campaigns
      ▸ spring-offer  ██████░░░░░░░░░░░░░  130 of 400  40 of 120 today  next in 1m 15s
        dach          ░░░░░░░░░░░░░░░░░░░  0 of 1,240          0 today  paused
      Next mails
           7s late  ewa@klient.example      response            its mailbox’s gap has…
      Mailboxes today
        bartek@firma.example  25 of 50                           broken: 535 5.7.8 ba…
      Pause spring-offer? y: yes, any other key: no
      "
    `)
  })

  test('with help', () => {
    expect(picture({ width: 60, height: 8, help: true })).toMatchInlineSnapshot(`
      "
      12:00:05  sender-1 sends 2 · sender-2 waits
      mailbox bartek@firma.example is broken: 535 5.7.8 bad login…
      ↑ ↓  or k j   choose a campaign; Page Up, Page Down, Home, …
      p             pause it, r resume it; both ask first
      q             end; Ctrl-C too. Ctrl-Z stops for a while, fg…
      ?             this help; any key takes it away

      ↑↓ choose   p pause   r resume   ? help   q quit
      "
    `)
  })

  test('fills any window exactly, whatever names there are', () => {
    const campaigns = ['東京キャンペーン', '🚀🚀🚀🚀', 'a\u001b[2Jb\r\nc'].map((name) => campaign({ name }))
    for (const [width, height] of [1, 2, 7, 20, 33, 40, 80, 200].flatMap((w) =>
      [1, 2, 3, 5, 12, 50].map((h) => [w, h] as const),
    )) {
      const lines = draw({ width, height, status: statusOf({ campaigns }) })
      expect(lines).toHaveLength(height)
      for (const line of lines) {
        expect(displayWidth(line)).toBeLessThanOrEqual(width)
        expect(line).not.toMatch(/\p{Cc}/u)
      }
    }
  })

  test('keeps the chosen campaign in sight among many', () => {
    const campaigns = Array.from({ length: 20 }, (_, i) => campaign({ name: `campaign-${i + 1}` }))
    const status = statusOf({ campaigns, campaigns_total: 1000 })
    for (const selected of [0, 9, 19]) {
      const lines = draw({ width: 80, height: 24, status, selected })
      expect(lines.filter((line) => line.startsWith('▸'))).toEqual([
        expect.stringContaining(`campaign-${selected + 1} `),
      ])
    }
    expect(draw({ width: 80, height: 24, status, selected: 19 }).join('\n')).toMatch(
      /Campaigns \(20 of 1,000\), \d+ to 20\n/,
    )
  })
})

test('the screens of docs/status.md are what is drawn', () => {
  const page = readFileSync('docs/status.md', 'utf8')
  const shown = [...page.matchAll(/^```text\n(.*?)^```/gms)].map(([, block = '']) => block.trimEnd().split('\n'))
  const full = draw({ width: 80, height: 24 }).filter((line) => line !== '')
  const corner = draw({ width: 40, height: 12, selected: 1 })
  expect(shown).toEqual([describeStatus(statusOf(), Number.POSITIVE_INFINITY), full, corner])
})

describe('a key', () => {
  const campaigns = [
    { name: 'spring', status: 'running' },
    { name: 'dach', status: 'paused' },
    { name: 'draft', status: 'draft' },
  ] as const
  const press = (typed: string, from: WatchState = INITIAL): ReturnType<typeof onKey> => {
    let [state, wish]: [WatchState, ReturnType<typeof onKey>['wish']] = [from, undefined]
    for (const key of readKeys(typed)) ({ state, wish } = onKey(state, key, campaigns))
    return { state, wish }
  }

  test.each([
    ['j', 'dach'],
    ['\u001b[B\u001b[B', 'draft'],
    ['\u001bOB', 'dach'],
    ['jjjjj', 'draft'],
    ['Gk', 'dach'],
    ['\u001b[6~\u001b[5~', 'spring'],
    ['jg', 'spring'],
  ])('%j chooses %s', (typed, name) => expect(press(typed).state.chosen).toBe(name))

  test('pauses and resumes only after a yes', () => {
    expect(footOf(press('p').state)).toBe('Pause spring? y: yes, any other key: no')
    expect(press('py').wish).toEqual({ verb: 'pause', name: 'spring' })
    expect(press('jry').wish).toEqual({ verb: 'resume', name: 'dach' })
    for (const no of ['n', 'p', 'q', '\u001b', '\r', '\u001b[A']) {
      expect(press(`p${no}`)).toMatchObject({
        wish: undefined,
        state: { asking: undefined, message: 'Nothing was changed.' },
      })
    }
  })

  test('asks for nothing that the campaign cannot', () => {
    expect(footOf(press('jp').state)).toBe('dach cannot be paused: it is paused.')
    expect(footOf(press('r').state)).toBe('spring cannot be resumed: it is running.')
    expect(footOf(press('jjp').state)).toBe('draft cannot be paused: it is draft.')
    expect(footOf(onKey(INITIAL, 'pause', []).state)).toBe('There is no campaign to choose.')
  })

  test('quits, except where it answers; Ctrl-C does anywhere', () => {
    expect(press('q').wish).toBe('quit')
    expect(press('?q')).toMatchObject({ wish: undefined, state: { help: false } })
    for (const before of ['', '?', 'p']) expect(press(`${before}\u0003`).wish).toBe('quit')
  })

  test('means the campaign that was chosen, wherever it stands by now', () => {
    const { state } = press('j')
    const moved = [campaigns[1], campaigns[0]]
    expect(chosenPlace(state, moved)).toBe(0)
    expect(onKey(state, 'resume', moved).state.asking).toEqual({ verb: 'resume', name: 'dach' })
    expect(chosenPlace(state, [])).toBe(0)
  })
})
