/** What binds a day, over random worlds: the limit it names is reached, and no mail waits on a day that nothing binds. */
import { check, defaultReportMessage, property } from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Binding } from '../../src/schedule/binding.ts'
import { plan } from '../../src/schedule/plan.ts'
import type { PlanInput } from '../../src/schedule/plan-input.ts'
import type { Plan } from '../../src/schedule/plan-result.ts'
import { betterPlace, dayCounts, dueMs, localDay, standingOf, windowOn, type Standing } from '../schedule/checker.ts'
import { after, freshWorld, shock } from '../schedule/random-worlds.ts'

const seed = Number(process.env['PLAN_SEED'] ?? Math.floor(Date.now() % 0x7fff_ffff))
const numRuns = Number(process.env['PLAN_RUNS'] ?? 100)

function counterexample(judge: (input: PlanInput, result: Plan) => string[]): string {
  const holds = property(freshWorld, shock, shock, (fresh, first, second) => {
    let input = fresh
    for (const next of [first, second, null]) {
      const result = plan(input)
      expect(judge(input, result)).toEqual([])
      if (next) input = after(input, result, next)
    }
  })
  return defaultReportMessage(check(holds, { seed, numRuns })) ?? 'none'
}

describe(`over random worlds (PLAN_SEED=${seed})`, { timeout: 60_000 + numRuns * 400 }, () => {
  test('the counter that binds a day is full', () => {
    const found = counterexample((input, result) => {
      const standing = standingOf(input, result)
      return result.bindings.filter((binding) => !isReached(input, standing, binding)).map((it) => JSON.stringify(it))
    })
    expect(found).toBe('none')
  })

  test('with the limit that binds a day out of the way, either another one binds it or one more mail finds a place', () => {
    const found = counterexample((input, result) => {
      const standing = standingOf(input, result)
      return result.bindings.flatMap((binding) => {
        const lifted = lift(input, binding)
        if (!lifted) return []
        const again = plan({ ...lifted, messages: withSlots(input, standing) })
        const code = again.bindings.find(
          ({ campaignId, day }) => campaignId === binding.campaignId && day === binding.day,
        )?.code
        return code === binding.code ? [`${JSON.stringify(binding)} binds although it was lifted`] : []
      })
    })
    expect(found).toBe('none')
  })

  test('no mail that waits without a place is due on a day that nothing binds', () => {
    const found = counterexample((input, result) => {
      const free = new Set(
        result.bindings
          .filter(({ code }) => code === 'all_planned')
          .map(({ campaignId, day }) => `${campaignId} ${day}`),
      )
      return result.waiting.flatMap(({ messageId, code }) => {
        const message = input.messages.find(({ id }) => id === messageId)
        const campaign = input.campaigns.find(({ id }) => id === message?.campaignId)
        if (!message || !campaign || message.kind !== 'campaign') return []
        return result.bindings
          .filter(({ campaignId, day }) => campaignId === campaign.id && free.has(`${campaignId} ${day}`))
          .filter(({ day }) => dueMs(message, campaign) < (windowOn(campaign, day)?.closesMs ?? 0))
          .map(({ day }) => `message ${messageId} (${code}) waits, and nothing binds ${day}`)
      })
    })
    expect(found).toBe('none')
  })

  test('what binds a day keeps somebody: not every later mail could stand on it', () => {
    const found = counterexample((input, result) => {
      const standing = standingOf(input, result)
      return result.bindings.flatMap((binding) => {
        const campaign = input.campaigns.find(({ id }) => id === binding.campaignId)
        const closesMs = (campaign && windowOn(campaign, binding.day)?.closesMs) ?? 0
        if (!campaign || binding.code === 'all_planned') return []
        const late = standing.filter(
          ({ message, slot }) =>
            message.kind === 'campaign' && message.campaignId === campaign.id && slot.atMs >= closesMs,
        )
        // What binds keeps at least one mail, so not every later one could stand on that day.
        if (late.length === 0 || result.waiting.length > 0) return []
        const all = late.every(({ message }) => {
          const place = betterPlace(input, standing, message, closesMs)
          return place && localDay(place.atMs, campaign.timeZone) === binding.day
        })
        return all ? [`${JSON.stringify(binding)} binds nobody`] : []
      })
    })
    expect(found).toBe('none')
  })
})

/** Is the named counter full? Gaps, windows and contacts are looked at by lifting them. */
function isReached(input: PlanInput, standing: readonly Standing[], { campaignId, day, code }: Binding): boolean {
  const campaign = input.campaigns.find(({ id }) => id === campaignId)
  if (!campaign) return false
  const counts = dayCounts(input, standing)
  const full = (key: string, limit: number, taken: number): boolean => taken + (counts.get(key)?.slots ?? 0) >= limit
  if (code === 'campaign_limit')
    return full(`campaign ${campaignId} on ${day}`, campaign.dailyLimit ?? Infinity, campaign.taken.get(day) ?? 0)
  if (code !== 'salesperson_limit') return true
  const person = input.salespeople.find(({ id }) => id === campaign.salespersonId)
  const window = windowOn(campaign, day)
  const days = [window?.opensMs ?? 0, (window?.closesMs ?? 0) - 1, input.nowMs].map((at) =>
    localDay(at, input.timeZone),
  )
  return days.some((own) =>
    full(`salesperson ${person?.id} on ${own}`, person?.dailyLimit ?? Infinity, person?.taken.get(own) ?? 0),
  )
}

/** The world without the limit that binds; null where it is not a setting. */
function lift(input: PlanInput, { campaignId, code }: Binding): PlanInput | null {
  const campaign = input.campaigns.find(({ id }) => id === campaignId)
  const campaigns = (over: object): PlanInput => ({
    ...input,
    campaigns: input.campaigns.map((it) => (it.id === campaignId ? { ...it, ...over } : it)),
  })
  const mailboxes = (over: object): PlanInput => ({
    ...input,
    mailboxes: input.mailboxes.map((it) => ({ ...it, ...over })),
  })
  if (code === 'campaign_limit') return campaigns({ dailyLimit: null })
  if (code === 'window') return campaigns({ delayMs: 0 })
  if (code === 'mailbox_limit') return mailboxes({ dailyLimit: 10_000 })
  if (code === 'warmup_limit') return mailboxes({ warmup: null })
  if (code === 'mailbox_gap') return mailboxes({ minGapMs: 0, occupiesMs: 0 })
  if (code !== 'salesperson_limit') return null
  return {
    ...input,
    salespeople: input.salespeople.map((it) => (it.id === campaign?.salespersonId ? { ...it, dailyLimit: null } : it)),
  }
}

function withSlots(input: PlanInput, standing: readonly Standing[]): PlanInput['messages'] {
  const slots = new Map(standing.map(({ message, slot }) => [message.id, slot]))
  return input.messages.map((message) => ({ ...message, slot: slots.get(message.id) ?? null, lost: null }))
}
