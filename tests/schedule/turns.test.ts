import { expect, test } from 'vitest'
import { buildWorld } from '../../src/schedule/build-world.ts'
import { lanesOf, type Lane } from '../../src/schedule/lane.ts'
import type { PlanMessage } from '../../src/schedule/plan-input.ts'
import { plan } from '../../src/schedule/plan.ts'
import { Turns } from '../../src/schedule/turns.ts'
import { campaign, firstMail, firstMails, mailbox, timesOf, warsaw, world } from './worlds.ts'

/** Lanes of campaigns that have had so many mails of the day; those with the same mailbox share a pool. */
function lanesThatHad(had: readonly { mails: number; mailbox?: number }[]): Lane[] {
  const campaigns = had.map(({ mailbox: id = 1 }, index) => campaign({ id: index + 1, mailboxIds: [id] }))
  const input = world({
    mailboxes: [mailbox({ id: 1 }), mailbox({ id: 2 })],
    campaigns,
    messages: campaigns.flatMap(({ id }) => firstMails(id * 100, id * 100 + 9, { campaignId: id })),
  })
  const built = buildWorld(input)
  const lanes = lanesOf(built, built.mails, 'by mailbox')
  for (const lane of lanes) {
    lane.today = [...lane.segments.values()][0] ?? []
    lane.campaign?.counter.take(lane.today[0]?.sendingDay ?? 0, had[lane.id - 1]?.mails ?? 0)
  }
  return lanes
}

test('of those that wait for one pool only the one that had the least stands among the others, and the next one behind its turn', () => {
  const lanes = lanesThatHad([{ mails: 2 }, { mails: 0 }, { mails: 1 }])
  const turns = new Turns()
  for (const lane of lanes) turns.park(lane)
  const order: (number | undefined)[] = []
  for (const lane of [turns.pop(), turns.pop()]) order.push(lane?.id)
  // The first one to wait stands there still, and had stood there first.
  expect(order).toEqual([2, 1])
  expect(turns.pop()).toBeUndefined()
  for (const lane of lanes.filter(({ id }) => id === 2)) turns.hadTurn(lane)
  expect(turns.pop()?.id).toBe(3)
})

test('who waits goes when its pool is free, and not when it was said to be', () => {
  const [first, second, other] = lanesThatHad([{ mails: 0 }, { mails: 1 }, { mails: 5, mailbox: 2 }])
  if (!first || !second || !other) throw new Error('three campaigns have three lanes')
  const turns = new Turns()
  first.pool.freeFromMs = 1000
  turns.park(first)
  turns.park(second)
  other.cursorMs = 1500
  turns.push(other)
  expect(turns.pop()).toBe(first)
  first.pool.freeFromMs = 2000
  turns.hadTurn(first)
  expect(turns.pop()).toBe(other)
  expect(turns.pop()).toBe(second)
  expect(second.cursorMs).toBe(2000)
})

test('a campaign whose own day begins anew while it waits has had nothing of that day', () => {
  const window = { from: '00:00', to: '24:00', days: ['mon' as const, 'tue' as const] }
  const zones = ['Asia/Tokyo', 'Europe/Warsaw', 'Europe/Warsaw']
  const input = world({
    nowMs: warsaw('2026-03-23 10:00'),
    mailboxes: [mailbox({ minGapMs: 3 * 3_600_000, occupiesMs: 0 })],
    campaigns: zones.map((timeZone, index) => campaign({ id: index + 1, window, timeZone, holidays: null })),
    messages: [firstMail(1), firstMail(2), firstMail(3, { campaignId: 2 }), firstMail(4, { campaignId: 3 })],
  })
  // At four in Warsaw it is midnight in Tokyo.
  const times = {
    1: '2026-03-23 10:00:00',
    3: '2026-03-23 13:00:00',
    2: '2026-03-23 16:00:00',
    4: '2026-03-23 19:00:00',
  }
  expect(timesOf(plan(input))).toEqual(times)
})

test('a missed mail that is bound to a free mailbox does not wait with those before it that are not', () => {
  const bound = missed(1, 1, { boundMailboxId: 2, notBeforeMs: warsaw('2026-03-23 10:30') })
  const input = world({
    nowMs: warsaw('2026-03-23 10:00'),
    mailboxes: [mailbox({ minGapMs: 3_600_000, occupiesMs: 0 }), mailbox({ id: 2 })],
    campaigns: [campaign(), campaign({ id: 2 }), campaign({ id: 3 })],
    messages: [bound, missed(2, 1), missed(3, 1), missed(4, 2), missed(5, 3)],
  })
  expect(timesOf(plan(input))).toMatchObject({ 1: '2026-03-23 11:00:00', 5: '2026-03-23 12:00:00' })
})

function missed(id: number, campaignId: number, over: Partial<PlanMessage> = {}): PlanMessage {
  const lost = { atMs: warsaw('2026-03-20 10:00') + id * 1000, mailboxId: 1, reason: 'missed' as const }
  return firstMail(id, { campaignId, lost, ...over })
}
