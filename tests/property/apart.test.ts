/** A plan in parts against the plan of the whole, on two random worlds that lie side by side in one. */
import { boolean, check, defaultReportMessage, property } from 'fast-check'
import { expect, test } from 'vitest'
import { apart } from '../../src/schedule/apart.ts'
import type { PlanInput } from '../../src/schedule/plan-input.ts'
import type { Plan } from '../../src/schedule/plan-result.ts'
import { plan } from '../../src/schedule/plan.ts'
import { after, freshWorld, shock } from '../schedule/random-worlds.ts'
import { campaign, firstMail, mailbox, world } from '../schedule/worlds.ts'

/** PLAN_SEED replays a run that failed; PLAN_RUNS makes a longer one. */
const seed = Number(process.env['PLAN_SEED'] ?? Math.floor(Date.now() % 0x7fff_ffff))
const numRuns = Number(process.env['PLAN_RUNS'] ?? 200)
/** Ids of the second world. */
const BEYOND = 1_000_000

let [worlds, inParts] = [0, 0]

test(`the parts of a plan are the plan of the whole (PLAN_SEED=${seed})`, { timeout: 60_000 + numRuns * 400 }, () => {
  const holds = property(freshWorld, freshWorld, boolean(), shock, shock, (one, other, sameLeads, first, second) => {
    let input = sideBySide(one, other, sameLeads)
    for (const next of [first, second, null]) {
      const whole = plan(input)
      const parts = [...apart(input, 1)]
      worlds++
      if (parts.length > 1) inParts++
      expect(parts.flatMap(({ messages }) => messages.map(({ id }) => id)).toSorted((a, b) => a - b)).toEqual(
        input.messages.map(({ id }) => id).toSorted((a, b) => a - b),
      )
      expect(told(parts.map(plan))).toEqual(told([whole]))
      if (next) input = after(input, whole, next)
    }
  })
  expect(defaultReportMessage(check(holds, { seed, numRuns })) ?? 'none').toBe('none')
  expect(inParts, `of ${worlds} worlds`).toBeGreaterThan(worlds / 4)
})

test('what shares mailboxes, a limited salesperson or a lead is one part; an unlimited one is shared by all', () => {
  expect(sizes(() => ({}))).toEqual([1, 1, 1, 1])
  expect(sizes(({ campaigns }) => ({ campaigns: campaigns.map((it) => (it.id === 4 ? { ...it, mailboxIds: [4, 1] } : it)) }))).toEqual([2, 1, 1]) // prettier-ignore
  expect(sizes(({ messages }) => ({ messages: messages.map((it) => (it.campaignId === 3 ? { ...it, leadId: 2 } : it)) }))).toEqual([1, 2, 1]) // prettier-ignore
  expect(sizes(({ salespeople }) => ({ salespeople: salespeople.map((it) => ({ ...it, dailyLimit: 9 })) }))).toEqual([4]) // prettier-ignore
  expect(sizes(() => ({ domainLimits: new Map([['*', { dailyLimit: 1, hourlyLimit: null }]]) }))).toEqual([4])
})

const FOUR = [1, 2, 3, 4]
const four = world({
  mailboxes: FOUR.map((id) => mailbox({ id })),
  campaigns: FOUR.map((id) => campaign({ id, mailboxIds: [id] })),
  messages: FOUR.map((id) => firstMail(id, { campaignId: id })),
})

function id<Id extends number | null>(it: Id): Id {
  return (it === null ? it : it + BEYOND) as Id
}

/** The other world's things get ids of their own; the clock and the zone are the one's. Domains have no limits: what has is never apart. */
function sideBySide(one: PlanInput, other: PlanInput, sameLeads: boolean): PlanInput {
  return {
    ...one,
    domainLimits: new Map(),
    salespeople: [...one.salespeople, ...other.salespeople.map((it) => ({ ...it, id: id(it.id) }))],
    mailboxes: [...one.mailboxes, ...other.mailboxes.map((it) => ({ ...it, id: id(it.id) }))],
    campaigns: [
      ...one.campaigns,
      ...other.campaigns.map((it) => ({
        ...it,
        id: id(it.id),
        salespersonId: id(it.salespersonId),
        mailboxIds: it.mailboxIds.map(id),
      })),
    ],
    messages: [
      ...one.messages,
      ...other.messages.map((it) => ({
        ...it,
        id: id(it.id),
        order: id(it.order),
        campaignId: id(it.campaignId),
        leadId: sameLeads ? it.leadId : id(it.leadId),
        boundMailboxId: id(it.boundMailboxId),
        salespersonId: id(it.salespersonId),
      })),
    ],
  }
}

/** What plans say together, in one order. */
function told(plans: readonly Plan[]): unknown {
  return {
    slots: byMessage(plans.flatMap(({ slots }) => slots)),
    withdrawals: byMessage(plans.flatMap(({ withdrawals }) => withdrawals)),
    restamps: byMessage(plans.flatMap(({ restamps }) => restamps)),
    waiting: byMessage(plans.flatMap(({ waiting }) => waiting)),
    giveUps: byMessage(plans.flatMap(({ giveUps }) => giveUps)),
    bindings: plans
      .flatMap(({ bindings }) => bindings)
      .toSorted((a, b) => a.campaignId - b.campaignId || (a.day < b.day ? -1 : 1)),
  }
}

function byMessage<Row extends { messageId: number }>(rows: Row[]): Row[] {
  return rows.toSorted((a, b) => a.messageId - b.messageId)
}

/** How many campaigns each part of the four has, once something of them is different. */
function sizes(over: (input: PlanInput) => Partial<PlanInput>): number[] {
  return Array.from(apart({ ...four, ...over(four) }, 1), ({ campaigns }) => campaigns.length)
}
