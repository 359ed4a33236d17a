import { expect, test } from 'vitest'
import { buildWorld } from '../../src/schedule/build-world.ts'
import { lanesOf, type Lane } from '../../src/schedule/lane.ts'
import { Turns } from '../../src/schedule/turns.ts'
import { campaign, firstMails, mailbox, world } from './worlds.ts'

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
