import { expect, test } from 'vitest'
import { mailboxDayLimits } from '../../src/schedule/warmup.ts'

const stages = [
  { fromDay: 1, warmupLimit: 10, campaignLimit: 5 },
  { fromDay: 8, warmupLimit: 20, campaignLimit: 12 },
  { fromDay: 15, warmupLimit: 40, campaignLimit: 60 },
  { fromDay: 29, warmupLimit: null, campaignLimit: null },
]
const warming = { dailyLimit: 50, warmup: { started: '2026-11-02', dailyLimit: 30 } }

test.each([
  ['before it starts', '2026-11-01', { campaignLimit: 50, warmupLimit: 50, warmupDay: null }],
  ['on its first day', '2026-11-02', { campaignLimit: 5, warmupLimit: 10, warmupDay: 1 }],
  ['on the last day of its first week', '2026-11-08', { campaignLimit: 5, warmupLimit: 10, warmupDay: 7 }],
  ['on the first day of its second week', '2026-11-09', { campaignLimit: 12, warmupLimit: 20, warmupDay: 8 }],
  ['where the stage allows more than the warm-up', '2026-11-16', { campaignLimit: 30, warmupLimit: 30, warmupDay: 15 }],
  ['once it is warm', '2026-11-30', { campaignLimit: 50, warmupLimit: 50, warmupDay: null }],
])('a mailbox %s (%s) may send so much', (_, day, expected) => {
  expect(mailboxDayLimits(warming, stages, day)).toEqual({ dailyLimit: 50, ...expected })
})

test('the daily limit is above all others', () => {
  const small = { dailyLimit: 3, warmup: { started: '2026-11-02', dailyLimit: null } }
  expect(mailboxDayLimits(small, stages, '2026-11-02')).toEqual({
    dailyLimit: 3,
    campaignLimit: 3,
    warmupLimit: 3,
    warmupDay: 1,
  })
})

test('a mailbox without a warm-up has its daily limit alone', () => {
  const limits = mailboxDayLimits({ dailyLimit: 50, warmup: null }, stages, '2026-11-02')
  expect(limits).toEqual({ dailyLimit: 50, campaignLimit: 50, warmupLimit: 50, warmupDay: null })
})

test('without stages only the limit of the warm-up itself holds, and before the first stage too', () => {
  expect(mailboxDayLimits(warming, [], '2026-12-30')).toMatchObject({ campaignLimit: 30, warmupDay: 59 })
  expect(mailboxDayLimits(warming, stages.slice(1), '2026-11-02')).toMatchObject({ campaignLimit: 30, warmupDay: 1 })
})

test('a last stage that has limits lasts', () => {
  expect(mailboxDayLimits(warming, stages.slice(0, 2), '2027-11-02')).toMatchObject({
    campaignLimit: 12,
    warmupLimit: 20,
  })
})
