/**
 * Campaigns that share mailboxes, over random worlds: none starves, whatever the others' weights, delays, limits and lists are.
 *
 * A campaign's floor on a day is what it is due of the mailboxes that it may use, by weight, whole mails only; less, where its own limit a day or
 * its delay allow less. Over many days it gets most of its fractions too: of a place a day that two share, each has about every other one.
 */
import { check, constantFrom, defaultReportMessage, integer, property, record, subarray, tuple } from 'fast-check'
import type { Arbitrary } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { plan } from '../../src/schedule/plan.ts'
import type { PlanCampaign, PlanInput } from '../../src/schedule/plan-input.ts'
import { WEEKDAYS } from '../../src/schedule/windows.ts'
import { localDay, sendingDays, standingOf, windowOn } from '../schedule/checker.ts'
import { campaign, firstMails, mailbox, stored, warsaw, world } from '../schedule/worlds.ts'

/** PLAN_SEED replays a run that failed; PLAN_RUNS makes a longer one. */
const seed = Number(process.env['PLAN_SEED'] ?? Math.floor(Date.now() % 0x7fff_ffff))
const numRuns = Number(process.env['PLAN_RUNS'] ?? 60)
const DAYS = 12
const MAILS = 500

function campaignOf(id: number, boxes: number): Arbitrary<PlanCampaign> {
  return record({
    mailboxIds: subarray(
      Array.from({ length: boxes }, (_, index) => index + 1),
      { minLength: 1 },
    ),
    weight: constantFrom(1, 1, 1, 2, 3, 10),
    delayMs: constantFrom(0, 0, 90_000, 3_600_000),
    dailyLimit: constantFrom(null, null, null, 1, 3),
    closes: constantFrom('11:00', '13:00', '17:00'),
  }).map(({ closes, ...over }) =>
    campaign({ id, jitter: 0.2, window: { from: '09:00', to: closes, days: [...WEEKDAYS] }, holidays: null, ...over }),
  )
}

/** Each has more first mails than it can send; a third of them go to a domain that gets one mail a day. */
const sharing: Arbitrary<PlanInput> = tuple(integer({ min: 2, max: 6 }), integer({ min: 1, max: 3 })).chain(
  ([campaigns, boxes]) =>
    record({
      campaigns: tuple(...numbered(campaigns, (id) => campaignOf(id, boxes))),
      limits: tuple(...numbered(boxes, () => integer({ min: 1, max: 9 }))),
    }).map((it) =>
      world({
        horizonDays: DAYS,
        mailboxes: it.limits.map((dailyLimit, index) => mailbox({ id: index + 1, dailyLimit })),
        campaigns: it.campaigns,
        domainLimits: new Map([['gmail.com', { dailyLimit: 1, hourlyLimit: null }]]),
        messages: it.campaigns.flatMap(({ id }) =>
          firstMails(id * 1000, id * 1000 + MAILS, { campaignId: id }).map((mail) => {
            return mail.id % 3 === 0 ? { ...mail, domain: 'gmail.com' } : mail
          }),
        ),
      }),
    ),
)

function numbered<Item>(count: number, make: (id: number) => Item): Item[] {
  return Array.from({ length: count }, (_, index) => make(index + 1))
}

interface Due {
  /** Whole mails on each day. */
  floor: number
  /** With fractions, on an average day. */
  part: number
}

/** What a campaign is due of a day, by weight, unless it cannot use so much itself. */
function dueOf(input: PlanInput, own: PlanCampaign, day: string): Due {
  const shares = input.mailboxes
    .filter(({ id }) => own.mailboxIds.includes(id))
    .map(({ id, dailyLimit }) => {
      const weights = input.campaigns.filter(({ mailboxIds }) => mailboxIds.includes(id)).map(({ weight }) => weight)
      return (dailyLimit * own.weight) / weights.reduce((sum, weight) => sum + weight, 0)
    })
  const window = windowOn(own, day)
  const openMs = window ? window.closesMs - window.opensMs : 0
  // The longest delay that can be drawn, and a mailbox's gap on top, should another campaign's mail stand there.
  const byDelay = own.delayMs === 0 ? Infinity : Math.floor(openMs / (own.delayMs * (1 + own.jitter) + 61_000))
  const most = Math.min(own.dailyLimit ?? Infinity, byDelay)
  return {
    floor: Math.min(
      most,
      shares.reduce((sum, share) => sum + Math.floor(share + 1e-9), 0),
    ),
    part: Math.min(
      most,
      shares.reduce((sum, share) => sum + share, 0),
    ),
  }
}

function fallsShort(input: PlanInput): string[] {
  const standing = standingOf(input, plan(input))
  return input.campaigns.flatMap((own) => {
    const days = sendingDays(input, own)
    const counts = days.map(
      (day) =>
        standing.filter(
          ({ message, slot }) => message.campaignId === own.id && localDay(slot.atMs, own.timeZone) === day,
        ).length,
    )
    const dues = days.map((day) => dueOf(input, own, day))
    const short = days.flatMap((day, index) => {
      const [count = 0, due] = [counts[index], dues[index]]
      return due && count < due.floor ? [`campaign ${own.id} has ${count} of ${due.floor} on ${day}`] : []
    })
    const all = counts.reduce((sum, count) => sum + count, 0)
    const part = dues.reduce((sum, due) => sum + due.part, 0)
    // One mail of two is what remains in the worst case of fractions and turns; most campaigns have their part exactly.
    return all < Math.floor(part / 2) ? [...short, `campaign ${own.id} has ${all} of ${part} in ${DAYS} days`] : short
  })
}

/** The first world in which something is found, told by what is found: the world itself, with all its mails, fills pages. */
function counterexample(judge: (input: PlanInput) => string[]): unknown {
  const { counterexample: found } = check(
    property(sharing, (input) => judge(input).length === 0),
    { seed, numRuns },
  )
  if (found === null) return 'none'
  const { mailboxes, campaigns } = found[0]
  const told = campaigns.map(({ id, mailboxIds, weight, delayMs, dailyLimit, window }) => {
    return { id, mailboxIds, weight, delayMs, dailyLimit, to: window.to }
  })
  return { found: judge(found[0]), limits: mailboxes.map(({ dailyLimit }) => dailyLimit), campaigns: told }
}

describe(`over random worlds (PLAN_SEED=${seed})`, { timeout: 60_000 + numRuns * 1500 }, () => {
  test('on each day every campaign that has mails left gets its floor of what it shares, and in twelve days at least half of its part', () => {
    expect(counterexample(fallsShort)).toEqual('none')
  })

  test('turns at two mailboxes do not fall together: a campaign that sends one mail a day has most of both', () => {
    const pairs = Array.from({ length: 8 }, (_, one) =>
      Array.from({ length: 7 - one }, (_, more) => [one + 1, one + more + 2]),
    )
    const few = pairs.flat().flatMap(([one = 0, other = 0]) => {
      const input = world({
        horizonDays: 40,
        mailboxes: [one, other].map((id) => mailbox({ id, dailyLimit: 1 })),
        campaigns: [
          campaign({ id: 1, mailboxIds: [one, other], dailyLimit: 1, holidays: null }),
          campaign({ id: 2, mailboxIds: [one], holidays: null }),
          campaign({ id: 3, mailboxIds: [other], holidays: null }),
        ],
        messages: [1, 2, 3].flatMap((id) => firstMails(id * 1000, id * 1000 + 60, { campaignId: id })),
      })
      const mails = standingOf(input, plan(input)).filter(({ message }) => message.campaignId === 1).length
      // Every other day at each: both on the same days would be twenty, on days of their own forty.
      return mails < 26 ? [`${mails} of 40 at ${one} and ${other}`] : []
    })
    expect(few).toEqual([])
  })

  test('a campaign that starts moves no mail of today and the next sending day, and later ones only for its share', () => {
    const holds = property(sharing, ({ messages, ...rest }) => {
      const input = { ...rest, horizonDays: 6 }
      const last = Math.max(...input.campaigns.map(({ id }) => id))
      const before = { ...input, messages: messages.filter(({ campaignId }) => campaignId !== last) }
      const stands = stored(before, plan(before))
      const joining = messages.filter(({ campaignId }) => campaignId === last)
      const result = plan({ ...stands, messages: [...stands.messages, ...joining] })
      const moved = [
        ...result.slots.filter(({ from }) => from).map(({ move, from }) => ({ move, atMs: from?.atMs ?? 0 })),
        ...result.withdrawals.map(({ reason, from }) => ({ move: reason, atMs: from.atMs })),
      ]
      expect(moved.filter(({ move }) => move !== 'share')).toEqual([])
      expect(moved.filter(({ atMs }) => atMs < warsaw('2026-03-25 00:00'))).toEqual([])
    })
    expect(defaultReportMessage(check(holds, { seed, numRuns })) ?? 'none').toBe('none')
  })
})
