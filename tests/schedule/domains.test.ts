import { describe, expect, test } from 'vitest'
import { plan } from '../../src/schedule/plan.ts'
import type { DomainLimits, PlanInput, PlanMessage } from '../../src/schedule/plan-input.ts'
import {
  campaign,
  firstMail,
  firstMails,
  followUp,
  inWarsaw,
  mailbox,
  response,
  stored,
  timesOf,
  warsaw,
  world,
} from './worlds.ts'

const gmail = { domain: 'gmail.com' }

/** One campaign without a delay, one mailbox without a gap, and these limits. */
function limited(limits: Record<string, Partial<DomainLimits>>, over: Partial<PlanInput> = {}): PlanInput {
  const domainLimits = new Map(
    Object.entries(limits).map(([domain, own]) => [domain, { dailyLimit: null, hourlyLimit: null, ...own }]),
  )
  return world({
    mailboxes: [mailbox({ minGapMs: 0 })],
    campaigns: [campaign({ delayMs: 0 })],
    horizonDays: 2,
    domainLimits,
    ...over,
  })
}

/** How many of these go in which hour of which day, in Warsaw. */
function perHour(input: PlanInput, domain: string): Record<string, number> {
  const of = new Map(input.messages.map((message) => [message.id, message.domain]))
  const counts: Record<string, number> = {}
  for (const { messageId, atMs } of plan(input).slots) {
    if (of.get(messageId) !== domain) continue
    const hour = inWarsaw(atMs).slice(0, 13)
    counts[hour] = (counts[hour] ?? 0) + 1
  }
  return counts
}

function tenTo(domain: string, from: number): PlanMessage[] {
  return firstMails(from, from + 9, { domain })
}

describe('a recipient domain', () => {
  test('gets no more in an hour and on a day than its limits, over all campaigns', () => {
    const messages = [...firstMails(1, 30, gmail), ...firstMails(101, 130, { ...gmail, campaignId: 2 })]
    const input = limited(
      { 'gmail.com': { dailyLimit: 5, hourlyLimit: 2 } },
      { messages, campaigns: [campaign({ delayMs: 0 }), campaign({ id: 2, delayMs: 0 })] },
    )
    expect(perHour(input, 'gmail.com')).toEqual({
      '2026-03-23 09': 2,
      '2026-03-23 10': 2,
      '2026-03-23 11': 1,
      '2026-03-24 09': 2,
      '2026-03-24 10': 2,
      '2026-03-24 11': 1,
    })
  })

  test('that gets no more holds up none behind it', () => {
    const messages = [...firstMails(1, 40, gmail), firstMail(41, { domain: 'stalmet.example' })]
    const input = limited({ 'gmail.com': { dailyLimit: 1 } }, { messages })
    expect(timesOf(plan(input))).toEqual({
      1: '2026-03-23 09:00:00',
      41: '2026-03-23 09:00:00',
      2: '2026-03-24 09:00:00',
    })
    const held = plan(input).waiting.map(({ code }) => code)
    expect(new Set(held)).toEqual(new Set(['domain_limit']))
  })

  test('without a limit of its own has the general one for itself; one that is named has its own, or none', () => {
    const input = limited(
      { '*': { dailyLimit: 2 }, 'gmail.com': { dailyLimit: 4 }, 'partner.example': {} },
      {
        horizonDays: 1,
        messages: [
          ...tenTo('a.example', 1),
          ...tenTo('b.example', 11),
          ...tenTo('gmail.com', 21),
          ...tenTo('partner.example', 31),
        ],
      },
    )
    expect(['a.example', 'b.example', 'gmail.com', 'partner.example'].map((domain) => perHour(input, domain))).toEqual([
      { '2026-03-23 09': 2 },
      { '2026-03-23 09': 2 },
      { '2026-03-23 09': 4 },
      { '2026-03-23 09': 10 },
    ])
  })

  test('counts what it has had today and in this hour', () => {
    const nineThirty = warsaw('2026-03-23 09:30')
    const input = limited(
      { '*': { dailyLimit: 6, hourlyLimit: 3 } },
      {
        nowMs: nineThirty,
        horizonDays: 1,
        messages: firstMails(1, 9, gmail),
        domainsTaken: new Map([
          ['gmail.com', { days: new Map([['2026-03-23', 4]]), hours: new Map([[warsaw('2026-03-23 09:00'), 2]]) }],
        ]),
      },
    )
    expect(perHour(input, 'gmail.com')).toEqual({ '2026-03-23 09': 1, '2026-03-23 10': 1 })
  })

  test('is not counted for responses, which are asked for', () => {
    const input = limited({ '*': { dailyLimit: 0 } }, { messages: [response(1, gmail), firstMail(2, gmail)] })
    const result = plan(input)
    expect(result.slots.map(({ messageId }) => messageId)).toEqual([1])
    expect(result.waiting).toEqual([{ messageId: 2, code: 'domain_limit', untilMs: null }])
  })

  test('gets nothing in the last seconds of an hour that is counted: at the fence it would be over', () => {
    const nowMs = warsaw('2026-03-23 09:59') + 56_000
    const messages = [firstMail(1, gmail), firstMail(2, { domain: 'b.example' })]
    const input = limited({ 'gmail.com': { hourlyLimit: 5 } }, { nowMs, messages })
    expect(timesOf(plan(input))).toEqual({ 1: '2026-03-23 10:00:00', 2: '2026-03-23 09:59:56' })
  })

  test('with less room than before keeps its first slots, and the others move', () => {
    const input = limited({ 'gmail.com': { dailyLimit: 4 } }, { messages: firstMails(1, 4, gmail) })
    const before = stored(input, plan(input))
    const lowered = { ...before, domainLimits: new Map([['gmail.com', { dailyLimit: 3, hourlyLimit: null }]]) }
    const result = plan(lowered)
    expect(result.slots.map(({ messageId, move }) => [messageId, move])).toEqual([[4, 'capacity']])
    expect(timesOf(result)).toEqual({ 4: '2026-03-24 09:00:00' })
  })

  test('gives a follow-up the place of a first mail to the same domain on a later day, and to no other where it is full', () => {
    const messages = [
      ...firstMails(1, 3, gmail),
      firstMail(4, { domain: 'b.example', notBeforeMs: warsaw('2026-03-25 12:00') }),
    ]
    const input = limited({ 'gmail.com': { dailyLimit: 1 } }, { messages, horizonDays: 4 })
    const before = stored(input, plan(input))
    const late = followUp(9, warsaw('2026-03-22 12:00'), { ...gmail, leadId: 900 })
    const result = plan({ ...before, messages: [...before.messages, late] })
    expect(timesOf(result)).toEqual({ 9: '2026-03-25 09:00:00', 3: '2026-03-26 09:00:00' })
    expect(result.slots.map(({ messageId, move }) => [messageId, move])).toEqual([
      [9, null],
      [3, 'priority'],
    ])
  })
})
