import { describe, expect, test } from 'vitest'
import { plan } from '../../src/schedule/plan.ts'
import type { PlanInput } from '../../src/schedule/plan-input.ts'
import { drawnDelayMs, shortestDelayMs } from '../../src/schedule/spread.ts'
import {
  campaign,
  firstMail,
  firstMails,
  followUp,
  inWarsaw,
  mailbox,
  response,
  salesperson,
  stored,
  timesOf,
  warmupMail,
  warsaw,
  world,
} from './worlds.ts'

const instantly = { delayMs: 0 }

/** Two campaigns with mailboxes of their own that share a lead; the second has another one besides. */
function twoCampaigns(gap: number, otherGap = gap): PlanInput {
  return world({
    mailboxes: [mailbox(), mailbox({ id: 2 })],
    campaigns: [campaign({ contactGapDays: gap }), campaign({ id: 2, mailboxIds: [2], contactGapDays: otherGap })],
    messages: [
      firstMail(1, { leadId: 5 }),
      firstMail(2, { leadId: 5, campaignId: 2 }),
      firstMail(3, { leadId: 6, campaignId: 2 }),
    ],
  })
}

describe('a campaign', () => {
  test('begins when its window opens, and keeps its delay', () => {
    const result = plan(world({ messages: firstMails(1, 3) }))
    expect(timesOf(result)).toEqual({ 1: '2026-03-23 09:00:00', 2: '2026-03-23 09:01:30', 3: '2026-03-23 09:03:00' })
    expect(result.slots[0]).toMatchObject({
      windowClosesMs: warsaw('2026-03-23 17:00'),
      campaignVersion: 1,
      mailboxVersion: 1,
      move: null,
      from: null,
    })
  })

  test('goes on at once within its window, after the delay to its last mail', () => {
    const nowMs = warsaw('2026-03-23 10:00')
    const late = world({ nowMs, campaigns: [campaign({ lastFenceMs: nowMs - 30_000 })], messages: firstMails(1, 1) })
    expect(timesOf(plan(late))).toEqual({ 1: '2026-03-23 10:01:00' })
  })

  test('spreads its delays to both sides, by the ids alone', () => {
    const delays = Array.from({ length: 1000 }, (_, id) => drawnDelayMs(90_000, 0.2, id + 1))
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(72_000)
    expect(Math.max(...delays)).toBeLessThanOrEqual(108_000)
    const mean = delays.reduce((sum, delay) => sum + delay, 0) / delays.length
    expect(Math.abs(mean - 90_000)).toBeLessThan(1000)
    expect(new Set(delays).size).toBeGreaterThan(900)
    expect(drawnDelayMs(90_000, 0.2, 7)).toBe(drawnDelayMs(90_000, 0.2, 7))
    expect(shortestDelayMs(90_000, 0.2)).toBe(72_000)
  })

  test('sends so many mails a day, and skips weekends and holidays', () => {
    const input = world({
      nowMs: warsaw('2026-04-02 12:00'),
      campaigns: [campaign({ dailyLimit: 2, taken: new Map([['2026-04-02', 1]]) })],
      messages: firstMails(1, 5),
    })
    // Good Friday is a working day in Poland, Easter Monday is none.
    expect(timesOf(plan(input))).toEqual({
      1: '2026-04-02 12:00:00',
      2: '2026-04-03 09:00:00',
      3: '2026-04-03 09:01:30',
      4: '2026-04-07 09:00:00',
      5: '2026-04-07 09:01:30',
    })
  })

  test('is planned for seven sending days, and what is beyond waits', () => {
    const input = world({ campaigns: [campaign({ dailyLimit: 1 })], messages: firstMails(1, 9) })
    const result = plan(input)
    expect(result.slots.map(({ atMs }) => inWarsaw(atMs).slice(0, 10))).toEqual([
      '2026-03-23',
      '2026-03-24',
      '2026-03-25',
      '2026-03-26',
      '2026-03-27',
      '2026-03-30',
      '2026-03-31',
    ])
    expect(result.waiting).toEqual([
      { messageId: 8, code: 'no_room', untilMs: null },
      { messageId: 9, code: 'no_room', untilMs: null },
    ])
    expect(result.reasons).toEqual([
      { messageId: 8, code: 'no_room' },
      { messageId: 9, code: 'no_room' },
    ])
    const again = stored(input, result)
    expect(plan(again).reasons).toEqual([])
    const stopped = plan({ ...again, campaigns: [campaign({ running: false })] })
    expect(new Set(stopped.reasons.map(({ code }) => code))).toEqual(new Set(['campaign_not_running']))
    expect(stopped.reasons).toHaveLength(9)
  })

  test('sends on both sides of a clock change by the clock on the wall', () => {
    const everyDay = campaign({ dailyLimit: 1, window: { from: '09:00', to: '17:00', days: ['sat', 'sun', 'mon'] } })
    const input = world({ nowMs: warsaw('2026-10-24 08:00'), campaigns: [everyDay], messages: firstMails(1, 3) })
    const [first, second, third] = plan(input).slots.map(({ atMs }) => atMs)
    expect(((second ?? 0) - (first ?? 0)) / 3_600_000).toBe(25)
    expect(((third ?? 0) - (second ?? 0)) / 3_600_000).toBe(24)
  })

  test('that does not run has no slots', () => {
    const input = world({ messages: firstMails(1, 2) })
    const paused = { ...stored(input, plan(input)), campaigns: [campaign({ running: false })] }
    const result = plan(paused)
    expect(result.slots).toEqual([])
    expect(result.withdrawals).toMatchObject([
      { messageId: 1, reason: 'paused', from: { atMs: warsaw('2026-03-23 09:00'), mailboxId: 1 } },
      { messageId: 2, reason: 'paused' },
    ])
    expect(result.waiting.map(({ code }) => code)).toEqual(['campaign_not_running', 'campaign_not_running'])
  })

  test('that is resumed gives mails that have lost their slots new ones, and says why they had lost them', () => {
    const messages = firstMails(1, 2).map((message, index) => ({
      ...message,
      lost: { atMs: warsaw('2026-03-23 09:00') + index * 90_000, mailboxId: 1, reason: 'paused' as const },
    }))
    const resumed = plan(world({ messages }))
    expect(resumed.slots.map(({ move, from }) => [move, inWarsaw(from?.atMs ?? 0)])).toEqual([
      ['paused', '2026-03-23 09:00:00'],
      ['paused', '2026-03-23 09:01:30'],
    ])
  })
})

describe('a mailbox', () => {
  test('keeps its gap, and for as long as a mail occupies it sends no other', () => {
    const slow = { campaigns: [campaign(instantly)], messages: firstMails(1, 3) }
    expect(timesOf(plan(world(slow)))).toEqual({
      1: '2026-03-23 09:00:00',
      2: '2026-03-23 09:01:00',
      3: '2026-03-23 09:02:00',
    })
    const [first, second] = plan(world({ ...slow, mailboxes: [mailbox({ minGapMs: 0, occupiesMs: 700 })] })).slots
    expect((second?.atMs ?? 0) - (first?.atMs ?? 0)).toBe(700)
  })

  test('has one limit for all that leaves from it', () => {
    const taken = new Map([['2026-03-23', { campaign: 1, warmup: 1, response: 1 }]])
    const input = world({ mailboxes: [mailbox({ dailyLimit: 4, taken })], messages: firstMails(1, 2) })
    expect(timesOf(plan(input))).toEqual({ 1: '2026-03-23 09:00:00', 2: '2026-03-24 09:00:00' })
  })

  test('that is warming sends 12 campaign mails where its limits are 50, 30 and 12, and 5 warm-up mails are taken', () => {
    const warming = mailbox({
      warmup: { started: '2026-03-16', dailyLimit: 30 },
      taken: new Map([['2026-03-23', { campaign: 0, warmup: 5, response: 0 }]]),
    })
    const warmupStages = [{ fromDay: 8, warmupLimit: 20, campaignLimit: 12 }]
    const result = plan(
      world({
        mailboxes: [warming],
        warmupStages,
        messages: [...firstMails(1, 40), ...Array.from({ length: 40 }, (_, id) => warmupMail(100 + id))],
      }),
    )
    const today = result.slots.filter(({ atMs }) => inWarsaw(atMs) < '2026-03-24')
    expect(today.filter(({ messageId }) => messageId < 100)).toHaveLength(12)
    expect(today.filter(({ messageId }) => messageId >= 100)).toHaveLength(15)
  })

  test('that is held back sends from then on, and one that cannot be used sends nothing', () => {
    const freeFromMs = warsaw('2026-03-23 11:00')
    expect(timesOf(plan(world({ mailboxes: [mailbox({ freeFromMs })], messages: firstMails(1, 1) })))).toEqual({
      1: '2026-03-23 11:00:00',
    })
    const broken = plan(world({ mailboxes: [mailbox({ usable: false })], messages: firstMails(1, 1) }))
    expect(broken.waiting).toEqual([{ messageId: 1, code: 'no_usable_mailbox', untilMs: null }])
  })

  test('is chosen by who can send first, then by the lightest day', () => {
    const boxes = [mailbox({ dailyLimit: 10 }), mailbox({ id: 2, dailyLimit: 40 }), mailbox({ id: 3, usable: false })]
    const input = world({
      mailboxes: boxes,
      campaigns: [campaign({ mailboxIds: [1, 2, 3] })],
      messages: firstMails(1, 10),
    })
    const counts = Map.groupBy(plan(input).slots, ({ mailboxId }) => mailboxId)
    expect([counts.get(1)?.length, counts.get(2)?.length]).toEqual([2, 8])
  })

  test('that becomes unusable loses its first mails to others, and its follow-ups wait', () => {
    const boxes = [mailbox(), mailbox({ id: 2 })]
    const before = world({
      mailboxes: boxes,
      campaigns: [campaign({ mailboxIds: [1, 2] })],
      messages: [firstMail(1), firstMail(2), followUp(3, warsaw('2026-03-20 12:00'))],
    })
    const input = { ...stored(before, plan(before)), mailboxes: [mailbox({ usable: false }), mailbox({ id: 2 })] }
    const result = plan(input)
    expect(result.slots.map(({ messageId, mailboxId, move }) => [messageId, mailboxId, move])).toEqual([
      [2, 2, 'mailbox'],
    ])
    expect(result.withdrawals).toMatchObject([{ messageId: 3, reason: 'mailbox' }])
    expect(result.waiting).toMatchObject([{ messageId: 3, code: 'no_usable_mailbox' }])
  })
})

describe('a salesperson', () => {
  test('has a limit over all campaigns and responses', () => {
    const input = world({
      salespeople: [salesperson({ dailyLimit: 3 })],
      mailboxes: [mailbox(), mailbox({ id: 2 })],
      campaigns: [campaign(), campaign({ id: 2, mailboxIds: [2] })],
      messages: [...firstMails(1, 3), ...firstMails(11, 13, { campaignId: 2 }), response(20)],
    })
    const days = Map.groupBy(plan(input).slots, ({ atMs }) => inWarsaw(atMs).slice(0, 10))
    expect(Array.from(days, ([day, slots]) => [day, slots.length])).toEqual([
      ['2026-03-23', 3],
      ['2026-03-24', 3],
      ['2026-03-25', 1],
    ])
  })
})

describe('a follow-up', () => {
  test('waits whole days in the zone of its campaign, or an exact time', () => {
    const sentAtMs = warsaw('2026-03-20 23:30')
    const newYork = campaign({
      id: 2,
      timeZone: 'America/New_York',
      mailboxIds: [2],
      window: { from: '00:00', to: '24:00', days: ['mon', 'tue'] },
    })
    const input = world({
      nowMs: warsaw('2026-03-22 12:00'),
      mailboxes: [mailbox(), mailbox({ id: 2 })],
      campaigns: [campaign({ window: { from: '00:00', to: '24:00', days: ['mon', 'tue'] } }), newYork],
      messages: [
        followUp(1, sentAtMs),
        // In New York it was sent at half past six in the evening.
        followUp(2, sentAtMs, { campaignId: 2, boundMailboxId: 2 }),
        followUp(3, sentAtMs, { follows: { sentAtMs, wait: { ms: 72 * 3_600_000 } } }),
      ],
    })
    expect(timesOf(plan(input))).toEqual({
      1: '2026-03-23 00:00:00',
      2: '2026-03-23 05:00:00',
      3: '2026-03-23 23:30:00',
    })
  })

  test('goes before first mails, from its mailbox, and one that is not due holds up nobody', () => {
    const sentAtMs = warsaw('2026-03-20 12:00')
    const result = plan(
      world({
        messages: [
          ...firstMails(1, 2),
          followUp(3, sentAtMs),
          followUp(4, sentAtMs, { notBeforeMs: warsaw('2026-03-23 09:02') }),
        ],
      }),
    )
    expect(timesOf(result)).toEqual({
      3: '2026-03-23 09:00:00',
      4: '2026-03-23 09:02:00',
      1: '2026-03-23 09:03:30',
      2: '2026-03-23 09:05:00',
    })
  })

  test('that waits for its mailbox does not hold up first mails on others', () => {
    const boxes = [mailbox({ freeFromMs: warsaw('2026-03-23 12:00') }), mailbox({ id: 2 })]
    const input = world({
      mailboxes: boxes,
      campaigns: [campaign({ mailboxIds: [1, 2] })],
      messages: [firstMail(1), followUp(2, warsaw('2026-03-20 12:00'))],
    })
    expect(timesOf(plan(input))).toEqual({ 1: '2026-03-23 09:00:00', 2: '2026-03-23 12:00:00' })
  })

  test('takes over the slot of the last first mail of a later day that is full, and of none on a firm day', () => {
    const oneADay = { mailboxes: [mailbox({ dailyLimit: 2 })], messages: firstMails(1, 8) }
    const before = world(oneADay)
    const stands = stored(before, plan(before))
    const result = plan({ ...stands, messages: [...stands.messages, followUp(20, warsaw('2026-03-20 12:00'))] })
    expect(
      result.slots.map(({ messageId, atMs, move, from }) => [
        messageId,
        inWarsaw(atMs),
        move,
        from && inWarsaw(from.atMs),
      ]),
    ).toEqual([
      [20, '2026-03-25 09:01:30', null, null],
      [6, '2026-03-27 09:00:00', 'priority', '2026-03-25 09:01:30'],
    ])
  })
})

describe('a response', () => {
  test('is held by no window, pause or delay, and goes first', () => {
    const nowMs = warsaw('2026-03-22 20:00')
    const input = world({
      nowMs,
      campaigns: [campaign({ running: false })],
      messages: [response(1, { campaignId: 1 }), firstMail(2)],
    })
    const result = plan(input)
    expect(result.slots).toMatchObject([
      { messageId: 1, atMs: nowMs, windowClosesMs: warsaw('2026-03-23 00:00'), campaignVersion: null },
    ])
  })

  test('goes at its time, or after it', () => {
    const notBeforeMs = warsaw('2026-03-25 07:30')
    expect(timesOf(plan(world({ messages: [response(1, { notBeforeMs })] })))).toEqual({ 1: '2026-03-25 07:30:00' })
    const far = plan(world({ messages: [response(1, { notBeforeMs: warsaw('2026-05-25 07:30') })] }))
    expect(far.waiting).toEqual([{ messageId: 1, code: 'not_due', untilMs: warsaw('2026-05-25 07:30') }])
  })

  test('goes at its time from a mailbox that is busy all day: the mail in its way goes behind the others', () => {
    const before = world({ mailboxes: [mailbox({ dailyLimit: 300 })], messages: firstMails(1, 200) })
    const stands = stored(before, plan(before))
    const notBeforeMs = warsaw('2026-03-23 10:00')
    const result = plan({ ...stands, messages: [...stands.messages, response(999, { notBeforeMs })] })
    expect(result.slots.map(({ messageId, atMs, move }) => [messageId, inWarsaw(atMs), move])).toEqual([
      [999, '2026-03-23 10:00:00', null],
      [41, '2026-03-23 14:00:04', 'capacity'],
    ])
  })

  test('takes the room of the last campaign mail of a full day', () => {
    const before = world({ mailboxes: [mailbox({ dailyLimit: 3 })], messages: firstMails(1, 3) })
    const stands = stored(before, plan(before))
    const result = plan({ ...stands, messages: [...stands.messages, response(9)] })
    expect(result.slots.map(({ messageId, atMs, move }) => [messageId, inWarsaw(atMs), move])).toEqual([
      [9, '2026-03-23 08:00:00', null],
      [3, '2026-03-24 09:00:00', 'capacity'],
    ])
  })
})

describe('the contact gap', () => {
  test('of one day keeps two campaigns from a lead on the same day, and holds up nobody else', () => {
    expect(timesOf(plan(twoCampaigns(1)))).toEqual({
      1: '2026-03-23 09:00:00',
      3: '2026-03-23 09:00:00',
      2: '2026-03-24 09:00:00',
    })
  })

  test('of three days leaves two days between', () => {
    expect(timesOf(plan(twoCampaigns(3)))).toMatchObject({ 1: '2026-03-23 09:00:00', 2: '2026-03-26 09:00:00' })
  })

  test('of no days is off', () => {
    expect(timesOf(plan(twoCampaigns(0)))).toMatchObject({ 1: '2026-03-23 09:00:00', 2: '2026-03-23 09:00:00' })
  })

  test('looks back to mails that are out, and forward to those that are planned', () => {
    const input = twoCampaigns(2)
    const contacts = new Map([[5, [{ day: '2026-03-23', campaignId: 2 }]]])
    expect(timesOf(plan({ ...input, contacts }))).toMatchObject({ 1: '2026-03-25 09:00:00', 2: '2026-03-23 09:00:00' })
    // The second campaign's mail stands on Wednesday with a gap of three days: the first one's goes after it.
    const planned = twoCampaigns(1, 3)
    const later = plan({ ...planned, messages: planned.messages.slice(1, 2), nowMs: warsaw('2026-03-25 08:00') })
    const stands = stored({ ...planned, messages: planned.messages.slice(1, 2) }, later)
    expect(timesOf(plan({ ...stands, messages: [...stands.messages, firstMail(1, { leadId: 5 })] }))).toEqual({
      1: '2026-03-26 09:00:00',
    })
  })
})

describe('a stored slot', () => {
  const before = world({ messages: firstMails(1, 5) })
  const stands = stored(before, plan(before))

  test('stays to the millisecond, whatever comes', () => {
    const more = [
      ...stands.messages,
      ...firstMails(6, 9, { order: 0 }),
      followUp(10, warsaw('2026-03-20 12:00')),
      response(11, { notBeforeMs: warsaw('2026-03-23 08:30') }),
    ]
    const moved = plan({ ...stands, messages: more }).slots.filter(({ messageId }) => messageId <= 5)
    expect(moved).toEqual([])
  })

  test('is stamped anew where other settings still allow it', () => {
    const result = plan({
      ...stands,
      campaigns: [campaign({ version: 2, window: { from: '09:00', to: '18:00', days: ['mon', 'tue'] } })],
    })
    expect(result.slots).toEqual([])
    expect(result.restamps).toHaveLength(5)
    expect(result.restamps[0]).toEqual({
      messageId: 1,
      campaignVersion: 2,
      mailboxVersion: 1,
      windowClosesMs: warsaw('2026-03-23 18:00'),
    })
  })

  test('moves where settings no longer allow it', () => {
    const result = plan({
      ...stands,
      campaigns: [campaign({ version: 2, window: { from: '09:03', to: '17:00', days: ['mon'] } })],
    })
    expect(timesOf(result)).toEqual({ 1: '2026-03-23 09:07:30', 2: '2026-03-23 09:09:00' })
    expect(result.slots.map(({ move }) => move)).toEqual(['settings', 'settings'])
  })

  test.each([
    ['delay', { campaigns: [campaign({ version: 2, delayMs: 3_600_000, lastFenceMs: warsaw('2026-03-23 08:50') })] }],
    ['gap', { mailboxes: [mailbox({ version: 2, minGapMs: 3_600_000, lastFenceMs: warsaw('2026-03-23 08:50') })] }],
  ])('moves at once where a longer %s after the last mail that is out would let it be missed', (_, settings) => {
    const result = plan({ ...stands, nowMs: warsaw('2026-03-23 08:59'), ...settings })
    expect(result.slots.slice(0, 2).map(({ messageId, move }) => [messageId, move])).toEqual([
      [1, 'settings'],
      [2, 'settings'],
    ])
    expect(timesOf(result)).toMatchObject({ 1: '2026-03-23 09:50:00' })
  })

  test('stays where other settings changed and the last mail went a moment late', () => {
    const late = { version: 2, lastFenceMs: warsaw('2026-03-23 08:59') }
    const input = {
      ...stands,
      nowMs: warsaw('2026-03-23 08:59'),
      campaigns: [campaign(late)],
      mailboxes: [mailbox(late)],
    }
    expect(plan(input).slots).toEqual([])
  })

  test('gives way on a day whose room another program took, the last first', () => {
    const taken = new Map([['2026-03-23', { campaign: 0, warmup: 47, response: 0 }]])
    const result = plan({ ...stands, mailboxes: [mailbox({ taken })] })
    expect(result.slots.map(({ messageId, move, atMs }) => [messageId, move, inWarsaw(atMs)])).toEqual([
      [4, 'capacity', '2026-03-24 09:00:00'],
      [5, 'capacity', '2026-03-24 09:01:30'],
    ])
  })

  test('that is due a moment ago stays, and one that was missed takes the first free place, in order', () => {
    const nowMs = warsaw('2026-03-23 09:07')
    const result = plan({ ...stands, nowMs })
    expect(timesOf(result)).toEqual({ 1: '2026-03-23 09:07:30', 2: '2026-03-23 09:09:00' })
    expect(result.slots.map(({ move }) => move)).toEqual(['missed', 'missed'])
    const closed = plan({ ...stands, nowMs: warsaw('2026-03-23 17:00') })
    expect(Object.values(timesOf(closed))).toEqual([
      '2026-03-24 09:00:00',
      '2026-03-24 09:01:30',
      '2026-03-24 09:03:00',
      '2026-03-24 09:04:30',
      '2026-03-24 09:06:00',
    ])
  })

  test('that was missed on a mailbox that is held back holds up no other', () => {
    const two = world({
      mailboxes: [mailbox(), mailbox({ id: 2 })],
      campaigns: [campaign({ mailboxIds: [1, 2] })],
      messages: [followUp(1, warsaw('2026-03-20 12:00')), ...firstMails(2, 3)],
    })
    const mailboxes = [mailbox({ freeFromMs: warsaw('2026-03-23 14:00') }), mailbox({ id: 2 })]
    const result = plan({ ...stored(two, plan(two)), mailboxes, nowMs: warsaw('2026-03-23 10:00') })
    expect(timesOf(result)).toEqual({
      1: '2026-03-23 14:00:00',
      2: '2026-03-23 10:00:00',
      3: '2026-03-23 10:01:30',
    })
  })

  test('that was missed displaces nobody, and is not burst out', () => {
    const all = world({ messages: firstMails(1, 300), mailboxes: [mailbox({ dailyLimit: 500 })] })
    const outage = plan({ ...stored(all, plan(all)), nowMs: warsaw('2026-03-23 11:00') })
    const missed = outage.slots.map(({ messageId }) => messageId)
    expect(missed).toEqual(Array.from({ length: 77 }, (_, index) => index + 1))
    expect(new Set(outage.slots.map(({ move }) => move))).toEqual(new Set(['missed']))
    // The last stored slot is of 16:28: after it there is room.
    expect(inWarsaw(outage.slots[0]?.atMs ?? 0)).toBe('2026-03-23 16:30:06')
    expect(inWarsaw(outage.slots.at(-1)?.atMs ?? 0).slice(0, 10)).toBe('2026-03-24')
  })
})

describe('a retry', () => {
  test('waits until its time, and is recorded as a move', () => {
    const lost = { atMs: warsaw('2026-03-23 09:00'), mailboxId: 1, reason: 'retry' as const }
    const notBeforeMs = warsaw('2026-03-23 09:05')
    const result = plan(
      world({
        nowMs: warsaw('2026-03-23 09:00:10'),
        messages: [firstMail(1, { notBeforeMs, lost, triedDays: ['2026-03-23'] })],
      }),
    )
    expect(result.slots).toMatchObject([{ atMs: notBeforeMs, move: 'retry', from: { atMs: lost.atMs, mailboxId: 1 } }])
  })

  test('on a fourth day is given up, and on the third day it is tried again', () => {
    const triedDays = ['2026-03-19', '2026-03-20', '2026-03-23']
    const input = world({
      nowMs: warsaw('2026-03-23 16:00'),
      messages: [firstMail(1, { triedDays, notBeforeMs: warsaw('2026-03-23 16:15') })],
    })
    expect(timesOf(plan(input))).toEqual({ 1: '2026-03-23 16:15:00' })
    const tomorrow = plan({
      ...input,
      messages: [firstMail(1, { triedDays, notBeforeMs: warsaw('2026-03-23 20:00') })],
    })
    expect(tomorrow.giveUps).toEqual([{ messageId: 1 }])
    expect([...tomorrow.slots, ...tomorrow.waiting]).toEqual([])
  })
})
