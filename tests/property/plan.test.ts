import { check, defaultReportMessage, property } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { plan } from '../../src/schedule/plan.ts'
import type { MoveReason, PlanCampaign, PlanInput } from '../../src/schedule/plan-input.ts'
import type { Plan } from '../../src/schedule/plan-result.ts'
import { Temporal } from '../../src/time.ts'
import { betterPlace, dayCounts, localDay, sendingDays, standingOf, violations } from '../schedule/checker.ts'
import type { Standing } from '../schedule/checker.ts'
import { after, freshWorld, sharedWorld, shock } from '../schedule/random-worlds.ts'
import { stored } from '../schedule/worlds.ts'

/** PLAN_SEED replays a run that failed; PLAN_RUNS makes a longer one. */
const seed = Number(process.env['PLAN_SEED'] ?? Math.floor(Date.now() % 0x7fff_ffff))
const numRuns = Number(process.env['PLAN_RUNS'] ?? 100)

/** A world in which something is found, with the seed; `none` if there is no such world among those tried. */
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
  test('a plan breaks no window, no holiday, no limit, no delay and no gap', () => {
    expect(counterexample((input, result) => violations(input, standingOf(input, result)))).toBe('none')
  })

  test('a second plan changes nothing', () => {
    const found = counterexample((input, result) => {
      const again = plan(stored(input, result))
      return [...again.slots, ...again.withdrawals, ...again.restamps, ...again.giveUps].map((it) => JSON.stringify(it))
    })
    expect(found).toBe('none')
  })

  test('no mail is left without a place that is free', () => {
    const found = counterexample((input, result) => {
      const standing = standingOf(input, result)
      const waiting = new Map(result.waiting.map(({ messageId, code }) => [messageId, code]))
      return input.messages.flatMap((message) => {
        const code = waiting.get(message.id)
        const place = code && betterPlace(input, standing, message, Infinity)
        return place
          ? [`message ${message.id} waits (${code}), and could go at ${place.atMs} from ${place.mailboxId}`]
          : []
      })
    })
    expect(found).toBe('none')
  })

  test('no mail is planned for a later day than it could have', () => {
    const found = counterexample((input, result) => {
      // Mails that give way free places behind those who looked before; the places they leave are not looked at again.
      const reasons = [...result.slots.map(({ move }) => move), ...result.withdrawals.map(({ reason }) => reason)]
      if (reasons.some((reason) => reason === 'priority' || reason === 'capacity' || reason === 'share')) return []
      const standing = standingOf(input, result)
      return standing.flatMap((one) => {
        if (!one.isNew) return []
        const midnight = startOfDay(input, one)
        const place = betterPlace(input, standing, one.message, midnight)
        return place
          ? [`message ${one.message.id} at ${one.slot.atMs} could go at ${place.atMs} from ${place.mailboxId}`]
          : []
      })
    })
    expect(found).toBe('none')
  })

  test('mails that cannot go within its days, and the order in which mails are named, change nothing', () => {
    const found = counterexample((input, result) => {
      const early = new Set(result.waiting.filter(({ code }) => code === 'not_due').map(({ messageId }) => messageId))
      const fewer = plan({ ...input, messages: input.messages.filter(({ id }) => !early.has(id)).toReversed() })
      expect(asTexts(fewer.slots)).toEqual(asTexts(result.slots.filter(({ messageId }) => !early.has(messageId))))
      return []
    })
    expect(found).toBe('none')
  })

  test('every waiting mail has a place or one reason', () => {
    const found = counterexample((input, result) => {
      const named = [
        ...standingOf(input, result).map(({ message }) => message.id),
        ...result.waiting.map(({ messageId }) => messageId),
      ]
      const all = [...named, ...result.giveUps.map(({ messageId }) => messageId)].toSorted((a, b) => a - b)
      expect(all).toEqual(input.messages.map(({ id }) => id).toSorted((a, b) => a - b))
      return []
    })
    expect(found).toBe('none')
  })

  test('a slot moves only for a reason that holds', () => {
    const found = counterexample((input, result) => {
      const standing = standingOf(input, result)
      const moves = [
        ...result.slots.filter(({ from }) => from),
        ...result.withdrawals.map((it) => ({ ...it, move: it.reason })),
      ]
      return moves.flatMap(({ messageId, move }) => {
        const objection = unfounded(input, standing, messageId, move)
        return objection !== null ? [`message ${messageId} moved (${move}): ${objection}`] : []
      })
    })
    expect(found).toBe('none')
  })

  test('a campaign that comes late gets its part of the later days, and none falls below its own', () => {
    const holds = property(sharedWorld, ({ input, joining }) => {
      const stands = stored(input, plan(input))
      const joined = { ...stands, messages: [...stands.messages, ...joining] }
      const result = plan(joined)
      const standing = standingOf(joined, result)
      expect(violations(joined, standing)).toEqual([])
      expect(result.slots.filter(({ from }) => from).map(({ move }) => move)).not.toContain(null)
      expect(plan(stored(joined, result)).slots).toEqual([])
      expect(belowTheirPart(joined, standing)).toEqual([])
    })
    expect(defaultReportMessage(check(holds, { seed, numRuns })) ?? 'none').toBe('none')
  })

  test('missed mails keep their order', () => {
    const found = counterexample((input, result) => {
      const missed = result.slots.filter(({ move, from }) => move === 'missed' && from)
      const messages = new Map(input.messages.map((message) => [message.id, message]))
      return missed.flatMap((one) =>
        missed.flatMap((other) => {
          const [a, b] = [messages.get(one.messageId), messages.get(other.messageId)]
          const [aFrom, bFrom] = [one.from?.atMs ?? 0, other.from?.atMs ?? 0]
          if (!a || !b || a.campaignId !== b.campaignId || a.kind !== 'campaign' || b.kind !== 'campaign') return []
          // On later days a follow-up may take over the slot of one of them at once.
          const campaign = input.campaigns.find(({ id }) => id === a.campaignId)
          if (!campaign || localDay(one.atMs, campaign.timeZone) > lastFirmDay(input, campaign)) return []
          // A lead that another campaign keeps, and a domain that gets no more, hold their own mail up, and no other.
          const free = [a, b].every(
            ({ leadId, boundMailboxId, domain }) =>
              (leadId ?? 0) > 100 && boundMailboxId === null && (input.domainLimits.size === 0 || domain === null),
          )
          return free && aFrom < bFrom && one.atMs > other.atMs ? [`${a.id} was before ${b.id}`] : []
        }),
      )
    })
    expect(found).toBe('none')
  })
})

function asTexts(slots: Plan['slots']): string[] {
  return slots.map((slot) => JSON.stringify(slot)).toSorted()
}

function startOfDay(input: PlanInput, { slot }: Standing): number {
  return Temporal.PlainDate.from(localDay(slot.atMs, input.timeZone)).toZonedDateTime(input.timeZone).epochMilliseconds
}

function lastFirmDay(input: PlanInput, campaign: PlanCampaign): string {
  const today = localDay(input.nowMs, campaign.timeZone)
  return sendingDays(input, campaign).find((day) => day > today) ?? today
}

/** Campaigns that have less than their part, by weight, of a mailbox's later day. */
function belowTheirPart(input: PlanInput, standing: readonly Standing[]): string[] {
  const weights = input.campaigns.reduce((sum, { weight }) => sum + weight, 0)
  const days = Map.groupBy(
    standing,
    ({ slot }) => `mailbox ${slot.mailboxId} on ${localDay(slot.atMs, input.timeZone)}`,
  )
  return [...days].flatMap(([name, slots]) => {
    const firm = slots.some(({ slot }) => localDay(slot.atMs, input.timeZone) <= '2026-03-24')
    if (firm) return []
    return input.campaigns.flatMap((campaign) => {
      const count = slots.filter(({ message }) => message.campaignId === campaign.id).length
      const part = Math.floor((slots.length * campaign.weight) / weights)
      return count < part ? [`campaign ${campaign.id} has ${count} of ${slots.length} of ${name}`] : []
    })
  })
}

/** Why this reason does not hold for this message; null if it does. */
function unfounded(
  input: PlanInput,
  standing: readonly Standing[],
  messageId: number,
  move: MoveReason | null,
): string | null {
  const message = input.messages.find(({ id }) => id === messageId)
  const slot = message?.slot
  if (!message || !slot) return message?.lost?.reason === move ? null : 'it had no slot'
  const campaign = input.campaigns.find(({ id }) => id === message.campaignId && message.kind === 'campaign')
  const mailbox = input.mailboxes.find(({ id }) => id === slot.mailboxId)
  const stale = slot.campaignVersion !== (campaign?.version ?? null) || slot.mailboxVersion !== mailbox?.version
  if (move === null) return 'no reason is given'
  const taker = standing.find((one) => one.slot.atMs === slot.atMs && one.slot.mailboxId === slot.mailboxId)
  const isFirm = campaign && localDay(slot.atMs, campaign.timeZone) <= lastFirmDay(input, campaign)
  const objections: Record<MoveReason, () => string | false> = {
    missed: () =>
      !(slot.atMs < input.nowMs && (slot.atMs < input.nowMs - input.graceMs || slot.windowClosesMs <= input.nowMs)) &&
      'it is not missed',
    paused: () => campaign?.running === true && 'its campaign runs',
    mailbox: () => mailbox?.usable === true && (mailbox.freeFromMs ?? 0) <= slot.atMs && 'its mailbox can be used',
    settings: () => !stale && 'its settings did not change',
    retry: () => (message.notBeforeMs ?? 0) <= slot.atMs && 'it was not held back',
    capacity: () => {
      const counts = dayCounts(input, [...standing, { message, slot, isNew: false }])
      const isInTheWay = standing.some(
        (one) =>
          one.message.kind === 'response' &&
          one.slot.mailboxId === slot.mailboxId &&
          Math.abs(one.slot.atMs - slot.atMs) < (mailbox ? mailbox.minGapMs + mailbox.occupiesMs : 0),
      )
      if (isInTheWay) return false
      return ![...counts.values()].some(({ limit, taken, slots }) => taken + slots > limit) && 'there is room'
    },
    priority: () => {
      const isFollowUp = (taker?.message.stepPosition ?? 1) > 1 && taker?.message.campaignId === message.campaignId
      return isFollowUp ? isFirm === true && 'its day is firm' : 'no follow-up took its place'
    },
    share: () => {
      // A follow-up of the one that took the place may have taken it over in turn.
      const isOther = taker?.message.kind === 'campaign' && taker.message.campaignId !== message.campaignId
      return isOther && taker.isNew ? isFirm === true && 'its day is firm' : 'no other campaign took its place'
    },
  }
  return objections[move]() || null
}
