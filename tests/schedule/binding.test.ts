/** Which limit the plan says binds a campaign's day. */
import { describe, expect, test } from 'vitest'
import { plan } from '../../src/schedule/plan.ts'
import type { PlanInput } from '../../src/schedule/plan-input.ts'
import { campaign, firstMail, firstMails, followUp, mailbox, salesperson, stored, warsaw, world } from './worlds.ts'

/** By day, the codes of one campaign. */
function codesOf(input: PlanInput, id = 1): Record<string, string> {
  const own = plan(input).bindings.filter(({ campaignId }) => campaignId === id)
  return Object.fromEntries(own.map(({ day, code }) => [day, code]))
}

/** Monday and Tuesday only, so that a table stays short. */
function twoDays(over: Partial<PlanInput>): PlanInput {
  return world({ horizonDays: 2, messages: firstMails(1, 400), ...over })
}

describe('a day is bound by', () => {
  test('the campaign’s limit until the last of its mails is planned, and then by nothing', () => {
    const input = world({ campaigns: [campaign({ dailyLimit: 20 })], horizonDays: 3, messages: firstMails(1, 45) })
    expect(codesOf(input)).toEqual({
      '2026-03-23': 'campaign_limit',
      '2026-03-24': 'campaign_limit',
      '2026-03-25': 'all_planned',
    })
  })

  test('the mailboxes’ limits', () => {
    const input = twoDays({ mailboxes: [mailbox({ dailyLimit: 5 }), mailbox({ id: 2, dailyLimit: 7 })] })
    input.campaigns = [campaign({ mailboxIds: [1, 2], dailyLimit: 100 })]
    expect(codesOf(input)).toEqual({ '2026-03-23': 'mailbox_limit', '2026-03-24': 'mailbox_limit' })
  })

  test('the warm-up, where a mailbox could send more but for it', () => {
    const warming = mailbox({ warmup: { started: '2026-03-16', dailyLimit: 30 } })
    const warmupStages = [{ fromDay: 8, warmupLimit: 20, campaignLimit: 12 }]
    const input = twoDays({ mailboxes: [warming, mailbox({ id: 2, dailyLimit: 3 })], warmupStages })
    input.campaigns = [campaign({ mailboxIds: [1, 2] })]
    expect(codesOf(input)).toEqual({ '2026-03-23': 'warmup_limit', '2026-03-24': 'warmup_limit' })
  })

  test('the salesperson’s limit', () => {
    const input = twoDays({ salespeople: [salesperson({ dailyLimit: 10 })] })
    expect(codesOf(input)).toEqual({ '2026-03-23': 'salesperson_limit', '2026-03-24': 'salesperson_limit' })
  })

  test('the window, where the campaign’s delay fills it', () => {
    const input = twoDays({ mailboxes: [mailbox({ dailyLimit: 1000 })], campaigns: [campaign({ delayMs: 3_600_000 })] })
    expect(codesOf(input)).toEqual({ '2026-03-23': 'window', '2026-03-24': 'window' })
  })

  test('the mailboxes’ gaps, where they fill the window', () => {
    const input = twoDays({ mailboxes: [mailbox({ dailyLimit: 1000, minGapMs: 3_600_000 })] })
    expect(codesOf(input)).toEqual({ '2026-03-23': 'mailbox_gap', '2026-03-24': 'mailbox_gap' })
  })

  test('a domain’s hours, of which none is left when the mailbox is free again', () => {
    const input = twoDays({
      mailboxes: [mailbox({ freeFromMs: warsaw('2026-03-23 16:10') })],
      domainLimits: new Map([['klient.example', { dailyLimit: null, hourlyLimit: 1 }]]),
      messages: firstMails(1, 12).map((message) => ({ ...message, domain: 'klient.example' })),
    })
    expect(codesOf(input)).toMatchObject({ '2026-03-23': 'domain_limit' })
  })

  test('the contact gap, where other campaigns have the leads', () => {
    const contacts = new Map([[1, [{ day: '2026-03-23', campaignId: 2 }]]])
    const input = twoDays({ contacts, messages: [firstMail(1)] })
    expect(codesOf(input)).toEqual({ '2026-03-23': 'contact_gap', '2026-03-24': 'all_planned' })
  })

  test('its mailboxes, where none can be used, or not before the day is over', () => {
    const stopped = twoDays({ mailboxes: [mailbox({ usable: false })] })
    expect(codesOf(stopped)).toEqual({ '2026-03-23': 'no_usable_mailbox', '2026-03-24': 'no_usable_mailbox' })
    const resting = twoDays({ mailboxes: [mailbox({ freeFromMs: warsaw('2026-03-23 18:00') })] })
    expect(codesOf(resting)).toEqual({ '2026-03-23': 'no_usable_mailbox', '2026-03-24': 'mailbox_limit' })
  })

  test('what keeps most of its mails: a follow-up whose mailbox is full does not name a day that others fill', () => {
    const messages = [followUp(1, warsaw('2026-03-20 10:00')), ...firstMails(11, 40)]
    const mailboxes = [mailbox({ dailyLimit: 0 }), mailbox({ id: 2 })]
    const campaigns = [campaign({ mailboxIds: [1, 2], dailyLimit: 10 })]
    expect(codesOf(twoDays({ messages, mailboxes, campaigns }))['2026-03-23']).toBe('campaign_limit')
    const alone = twoDays({ messages: messages.slice(0, 5), mailboxes, campaigns })
    expect(codesOf(alone)['2026-03-23']).toBe('mailbox_limit')
  })

  test('nothing, where mails that are not due yet are all that waits', () => {
    const messages = [followUp(1, warsaw('2026-03-23 07:00'))]
    expect(codesOf(twoDays({ messages }))).toEqual({ '2026-03-23': 'all_planned', '2026-03-24': 'all_planned' })
  })

  test('nothing, where room came after mails were promised a later day', () => {
    const before = twoDays({ campaigns: [campaign({ dailyLimit: 5 })], messages: firstMails(1, 10) })
    expect(codesOf(before)['2026-03-23']).toBe('campaign_limit')
    const raised = { ...stored(before, plan(before)), campaigns: [campaign({ dailyLimit: 50, version: 2 })] }
    expect(codesOf(raised)).toEqual({ '2026-03-23': 'all_planned', '2026-03-24': 'all_planned' })
  })

  test('nothing, where one part of its day is full and the other, on the mailboxes’ next day, has room', () => {
    const around = { from: '00:00', to: '24:00', days: ['mon' as const, 'tue' as const] }
    // In New York it is still the day before, until 05:00 in Warsaw.
    const before = twoDays({
      timeZone: 'America/New_York',
      nowMs: warsaw('2026-03-23 00:00'),
      campaigns: [campaign({ window: around, delayMs: 5 * 3_600_000, dailyLimit: 1 })],
      messages: firstMails(1, 2),
    })
    expect(codesOf(before)['2026-03-23']).toBe('campaign_limit')
    const [only] = before.campaigns
    const raised = { ...stored(before, plan(before)), campaigns: [campaign({ ...only, dailyLimit: 5, version: 2 })] }
    expect(codesOf(raised)['2026-03-23']).toBe('all_planned')
  })
})

test('a campaign that does not run has no binding, and one whose window of today is over none for today', () => {
  expect(plan(twoDays({ campaigns: [campaign({ running: false })] })).bindings).toEqual([])
  const evening = twoDays({ nowMs: warsaw('2026-03-23 18:00') })
  expect(Object.keys(codesOf(evening))).toEqual(['2026-03-24'])
})
