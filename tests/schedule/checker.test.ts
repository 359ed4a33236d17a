import { describe, expect, test } from 'vitest'
import { plan } from '../../src/schedule/plan.ts'
import type { PlanInput } from '../../src/schedule/plan-input.ts'
import { betterPlace, standingOf, violations } from './checker.ts'
import type { Standing } from './checker.ts'
import { campaign, firstMail, firstMails, followUp, mailbox, salesperson, warsaw, warmupMail, world } from './worlds.ts'

/** Ten mails over two campaigns, two mailboxes and two days, with a limit on everything. */
const busy: PlanInput = world({
  salespeople: [salesperson({ dailyLimit: 8 })],
  mailboxes: [
    mailbox({ dailyLimit: 3 }),
    mailbox({ id: 2, dailyLimit: 5, warmup: { started: '2026-03-20', dailyLimit: null } }),
  ],
  warmupStages: [{ fromDay: 1, warmupLimit: 1, campaignLimit: 3 }],
  campaigns: [
    campaign({ mailboxIds: [1, 2], dailyLimit: 4, skipDates: ['2026-03-25'] }),
    campaign({ id: 2, mailboxIds: [1, 2], contactGapDays: 2, startsOn: '2026-03-24' }),
  ],
  messages: [
    ...firstMails(1, 6),
    ...firstMails(7, 8, { campaignId: 2, leadId: 3 }).slice(0, 1),
    followUp(9, warsaw('2026-03-21 12:00')),
    warmupMail(10, { boundMailboxId: 2 }),
  ],
})
const standing = standingOf(busy, plan(busy))

function changed(id: number, over: Partial<Standing['slot']>): Standing[] {
  return standing.map((one) => (one.message.id === id ? { ...one, slot: { ...one.slot, ...over } } : one))
}

function slotOf(id: number): Standing['slot'] {
  const one = standing.find(({ message }) => message.id === id)
  if (!one) throw new TypeError(`message ${id} has no slot`)
  return one.slot
}

describe('the checker', () => {
  test('finds nothing wrong with the plan as it is', () => {
    expect(standing).toHaveLength(9)
    expect(violations(busy, standing)).toEqual([])
  })

  test.each([
    ['outside its window', changed(1, { atMs: warsaw('2026-03-23 08:59') })],
    ['outside its window', changed(1, { atMs: warsaw('2026-03-23 17:00') })],
    ['on a day without a window', changed(1, { atMs: warsaw('2026-03-25 10:00') })],
    ['on a day without a window', changed(1, { atMs: warsaw('2026-03-28 10:00') })],
    ['on a day without a window', changed(1, { atMs: warsaw('2026-04-06 10:00') })],
    ['on a day without a window', changed(7, { atMs: warsaw('2026-03-23 10:00') })],
    ['planned in the past', changed(1, { atMs: warsaw('2026-03-20 10:00') })],
    ['not due yet', changed(9, { atMs: warsaw('2026-03-23 16:00') })],
    ['left its mailbox', changed(9, { mailboxId: 2 })],
    ['closer than the delay', changed(2, { atMs: slotOf(1).atMs + 89_000 })],
    ['closer than the gap', changed(10, { atMs: slotOf(2).atMs + 59_000, mailboxId: slotOf(2).mailboxId })],
    ['break the contact gap', changed(7, { atMs: slotOf(3).atMs + 24 * 3_600_000 })],
    ['wrong end of its window', changed(1, { windowClosesMs: 0 })],
    ['old campaign version', changed(1, { campaignVersion: 0 })],
    ['old mailbox version', changed(1, { mailboxVersion: 0 })],
    ['cannot be used', changed(1, { mailboxId: 3 })],
  ])('says of a wrong slot: %s', (text, wrong) => {
    expect(violations(busy, wrong).join('\n')).toContain(text)
  })

  test.each([
    ['mailbox 1', { ...busy, mailboxes: busy.mailboxes.map((one) => ({ ...one, dailyLimit: 1 })) }],
    ['salesperson 1', { ...busy, salespeople: [salesperson({ dailyLimit: 3 })] }],
    ['campaign 1', { ...busy, campaigns: busy.campaigns.map((one) => ({ ...one, dailyLimit: 3 })) }],
    ['campaign mail of mailbox 2', { ...busy, warmupStages: [{ fromDay: 1, warmupLimit: 1, campaignLimit: 0 }] }],
    ['warm-up of mailbox 2', { ...busy, warmupStages: [{ fromDay: 1, warmupLimit: 0, campaignLimit: 3 }] }],
  ])('counts the day of %s', (name, tighter) => {
    expect(violations(tighter, standing).join('\n')).toContain(`${name} on 2026-03-2`)
  })

  test('finds the place that a mail could have had', () => {
    const message = firstMail(6)
    const without = standing.filter((one) => one.message.id !== 6)
    expect(betterPlace(busy, without, message, Number.POSITIVE_INFINITY)).toMatchObject({ atMs: slotOf(6).atMs })
    expect(betterPlace(busy, standing, message, slotOf(6).atMs)).toBeUndefined()
  })
})
