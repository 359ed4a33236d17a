/** How campaigns share mailboxes. */
import { describe, expect, test } from 'vitest'
import { plan } from '../../src/schedule/plan.ts'
import type { PlanCampaign, PlanInput, PlanMessage } from '../../src/schedule/plan-input.ts'
import {
  campaign,
  firstMail,
  firstMails,
  followUp,
  inWarsaw,
  mailbox,
  salesperson,
  stored,
  timesOf,
  warsaw,
  world,
} from './worlds.ts'

const instantly = { delayMs: 0 }

/** Campaigns that share one mailbox for a day; the mails of the second one begin at 1001, and so on. */
function sharing(over: Partial<PlanCampaign>[], mails: number, limit = 50): PlanInput {
  return world({
    horizonDays: 1,
    mailboxes: [mailbox({ dailyLimit: limit })],
    campaigns: over.map((it, index) => campaign({ id: index + 1, ...it })),
    messages: over.flatMap((_, index) => firstMails(index * 1000 + 1, index * 1000 + mails, { campaignId: index + 1 })),
  })
}

function countsOf(input: PlanInput): number[] {
  const { slots } = plan(input)
  return input.campaigns.map(
    ({ id }) => slots.filter(({ messageId }) => Math.floor(messageId / 1000) === id - 1).length,
  )
}

describe('campaigns that share a mailbox', () => {
  test('take turns', () => {
    const result = plan(sharing([instantly, instantly], 3))
    expect(result.slots.map(({ messageId }) => messageId)).toEqual([1, 1001, 2, 1002, 3, 1003])
  })

  test('have equal parts of a day, also where one could be faster or earlier than the other', () => {
    expect(countsOf(sharing([instantly, {}], 100))).toEqual([25, 25])
    expect(countsOf(sharing([{}, { window: { from: '14:00', to: '17:00', days: ['mon'] } }], 100))).toEqual([25, 25])
    expect(countsOf(sharing([{}, { weight: 4 }], 100))).toEqual([10, 40])
  })

  test('take turns at a day’s only place, whoever’s list began earlier', () => {
    const campaigns = [campaign(), campaign({ id: 2 })]
    const turnsOf = (first: number, second: number): (number | null | undefined)[] => {
      const messages = [...firstMails(1, 9, { campaignId: first }), ...firstMails(11, 19, { campaignId: second })]
      const { slots } = plan(world({ mailboxes: [mailbox({ dailyLimit: 1 })], campaigns, messages }))
      const inTime = slots.toSorted((a, b) => a.atMs - b.atMs)
      return inTime.map(({ messageId }) => messages.find(({ id }) => id === messageId)?.campaignId)
    }
    expect(new Set(turnsOf(1, 2))).toEqual(new Set([1, 2]))
    expect(turnsOf(2, 1)).toEqual(turnsOf(1, 2))
  })

  test('share later days with one that comes late, and no firm one', () => {
    const first = { ...sharing([{}, {}], 0, 4), horizonDays: 5, messages: firstMails(1, 30) }
    const stands = stored(first, plan(first))
    const late = { ...stands, messages: [...stands.messages, ...firstMails(1001, 1030, { campaignId: 2 })] }
    const result = plan(late)
    const moved = result.slots.filter(({ from }) => from)
    expect(
      [...moved, ...result.withdrawals.map((it) => ({ ...it, move: it.reason }))].map(({ messageId, move }) => [
        messageId,
        move,
      ]),
    ).toEqual([10, 12, 14, 16, 18, 20].map((id) => [id, 'share']))
    expect(result.slots.map(({ messageId, atMs }) => [messageId, inWarsaw(atMs)])).toEqual([
      [1001, '2026-03-25 09:01:30'],
      [1002, '2026-03-25 09:04:30'],
      [1003, '2026-03-26 09:01:30'],
      [1004, '2026-03-26 09:04:30'],
      [1005, '2026-03-27 09:01:30'],
      [1006, '2026-03-27 09:04:30'],
    ])
    expect(plan(stored(late, result)).slots).toEqual([])
  })

  test('give no part to one whose mails cannot go within the days that are planned', () => {
    const first = { ...sharing([{}, {}, {}], 0, 4), horizonDays: 5, messages: firstMails(1, 30) }
    const late = [...stored(first, plan(first)).messages, ...firstMails(1001, 1030, { campaignId: 2 })]
    const held = firstMails(2001, 2009, { campaignId: 3, notBeforeMs: warsaw('2026-06-01 09:00') })
    const taken = (messages: PlanMessage[]): number[] =>
      plan({ ...first, messages }).slots.map(({ messageId }) => messageId)
    expect(taken([...late, ...held])).toEqual(taken(late))
  })

  test('are asked twice a day: who was due late in it the first time holds up nobody the second time', () => {
    const notBeforeMs = warsaw('2026-03-23 16:00')
    const input = world({
      horizonDays: 1,
      mailboxes: [mailbox({ dailyLimit: 4 }), mailbox({ id: 2, dailyLimit: 1, freeFromMs: notBeforeMs })],
      campaigns: [campaign({ mailboxIds: [1, 2] }), campaign({ id: 2 })],
      messages: [
        ...firstMails(1, 2, { notBeforeMs }),
        ...firstMails(3, 5),
        // The other campaign leaves half of its part of the mailbox.
        firstMail(1001, { campaignId: 2 }),
      ],
    })
    expect(timesOf(plan(input))).toEqual({
      3: '2026-03-23 09:00:00',
      1001: '2026-03-23 09:01:00',
      4: '2026-03-23 09:02:00',
      5: '2026-03-23 09:03:30',
      1: '2026-03-23 16:00:00',
    })
  })

  test('leave to others what they cannot use', () => {
    expect(countsOf(sharing([{}, { dailyLimit: 5 }], 100))).toEqual([45, 5])
  })
})

/** How many mails of each campaign stand in the plan. */
function countsIn(input: PlanInput): number[] {
  const { slots } = plan(input)
  const campaignOf = new Map(input.messages.map(({ id, campaignId }) => [id, campaignId]))
  return input.campaigns.map(({ id }) => slots.filter(({ messageId }) => campaignOf.get(messageId) === id).length)
}

function toGmail(campaignId: number): PlanMessage[] {
  return firstMails(campaignId * 1000, campaignId * 1000 + 99, { campaignId, domain: 'gmail.com' })
}

function followUpsOf(campaignId: number): PlanMessage[] {
  const sentAtMs = warsaw('2026-03-10 12:00')
  return Array.from({ length: 100 }, (_, index) => followUp(campaignId * 1000 + index, sentAtMs, { campaignId }))
}

describe('of campaigns of which one may send earlier in the day, none waits until another is done', () => {
  const everyDay = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const
  const early = campaign({ holidays: null, window: { from: '08:00', to: '17:00', days: everyDay } })
  const late = campaign({ id: 2, holidays: null, window: { from: '10:00', to: '17:00', days: everyDay } })
  const midnight = { nowMs: warsaw('2026-03-23 00:30'), campaigns: [early, late] }

  test('where a domain gets so many mails a day', () => {
    const domainLimits = new Map([['gmail.com', { dailyLimit: 4, hourlyLimit: null }]])
    const input = world({ ...midnight, domainLimits, messages: [...toGmail(1), ...toGmail(2)] })
    expect(countsIn(input)).toEqual([14, 14])
    // What one does not need goes to the other.
    expect(countsIn({ ...input, messages: [...toGmail(1), ...toGmail(2).slice(0, 1)] })).toEqual([27, 1])
  })

  test('where mailbox and salesperson send one mail a day, whatever their ids', () => {
    for (let id = 1; id <= 30; id++) {
      const input = world({
        ...midnight,
        horizonDays: 20,
        salespeople: [salesperson({ dailyLimit: 1 })],
        mailboxes: [mailbox({ id, dailyLimit: 1 })],
        campaigns: [early, late].map((one) => ({ ...one, mailboxIds: [id] })),
        messages: [...firstMails(1, 30), ...firstMails(1001, 1030, { campaignId: 2 })],
      })
      for (const count of countsIn(input)) expect(count).toBeGreaterThanOrEqual(8)
    }
  })

  test('where more follow-ups are due than their mailbox sends', () => {
    const input = world({
      ...midnight,
      mailboxes: [mailbox({ dailyLimit: 5 })],
      messages: [...followUpsOf(1), ...followUpsOf(2)],
    })
    const [first = 0, second = 0] = countsIn(input)
    expect(first + second).toBe(35)
    expect(Math.min(first, second)).toBeGreaterThanOrEqual(16)
  })
})
