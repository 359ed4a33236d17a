/** How many first mails are looked at: no fewer than could find a place. */
import { expect, test } from 'vitest'
import { roomOf } from '../../src/schedule/room.ts'
import { windowsOf } from '../../src/schedule/windows.ts'
import { campaign, mailbox } from './worlds.ts'

const WEEK = 7

test.each(['2026-03-23', '2026-06-01', '2026-10-19', '2026-12-21'])(
  'from %s on there is room for each mail that the delay lets go in seven days, whatever the clock does',
  (fromDay) => {
    const everyDay = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const
    const spring = campaign({
      window: { from: '00:00', to: '24:00', days: everyDay },
      delayMs: 1000,
      jitter: 0,
      dailyLimit: null,
    })
    const openMs = windowsOf(spring, fromDay, WEEK).reduce((sum, { opensMs, closesMs }) => sum + closesMs - opensMs, 0)
    const mailboxes = new Map(spring.mailboxIds.map((id) => [id, mailbox({ id, dailyLimit: 1_000_000 })]))
    expect(roomOf(spring, mailboxes, WEEK)).toBeGreaterThanOrEqual(openMs / 1000)
  },
)

test('mailboxes that cannot be used are no room, and neither are those of others', () => {
  const spring = campaign({ mailboxIds: [1, 2], delayMs: 0, dailyLimit: null })
  const room = (...mailboxes: ReturnType<typeof mailbox>[]): number =>
    roomOf(spring, new Map(mailboxes.map((it) => [it.id, it])), WEEK)
  const [one, two, other] = [mailbox({ id: 1 }), mailbox({ id: 2, dailyLimit: 70 }), mailbox({ id: 3 })]
  expect(room(one, two, other) - room(one, { ...two, usable: false }, other)).toBe(70 * (WEEK + 1))
  expect(room(one, two, other)).toBe(room(one, two))
})
