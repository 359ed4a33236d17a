/** The forecast against the plan driven mail by mail, on random worlds without any fault. */
import { check, constantFrom, defaultReportMessage, integer, property, record, tuple } from 'fast-check'
import type { Arbitrary } from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ForecastInput, ForecastStep } from '../../src/schedule/forecast-input.ts'
import { forecast } from '../../src/schedule/forecast.ts'
import type { PlanInput } from '../../src/schedule/plan-input.ts'
import { drive, type Sent } from '../schedule/naive-course.ts'
import { freshWorld } from '../schedule/random-worlds.ts'
import { campaign, firstMails, mailbox, salesperson, world } from '../schedule/worlds.ts'

/** FORECAST_SEED replays a run that failed; FORECAST_RUNS makes a longer one. */
const seed = Number(process.env['FORECAST_SEED'] ?? Math.floor(Date.now() % 0x7fff_ffff))
const numRuns = Number(process.env['FORECAST_RUNS'] ?? 25)

const wait = constantFrom<ForecastStep['wait'][]>({ days: 1 }, { days: 2 }, { days: 3 }, { days: 4 }, { days: 10 }, { ms: 30 * 3_600_000 }) // prettier-ignore
const steps: Arbitrary<ForecastStep[]> = integer({ min: 0, max: 2 }).chain((count) =>
  tuple(...Array.from({ length: count }, () => wait)).map((waits) =>
    waits.map((it, index) => ({ position: index + 2, wait: it })),
  ),
)

/** Three campaigns on shared mailboxes that are busy for weeks: here follow-ups and first mails are in each other's way every day. */
const busyWorld: Arbitrary<PlanInput> = record({
  leads: tuple(integer({ min: 5, max: 60 }), integer({ min: 5, max: 60 }), integer({ min: 5, max: 60 })),
  limits: tuple(integer({ min: 4, max: 12 }), integer({ min: 4, max: 12 })),
  daily: constantFrom(null, 4, 9),
  person: constantFrom(null, 7),
  delayMs: constantFrom(0, 90_000, 3_600_000),
  closes: constantFrom('10:00', '13:00', '17:00'),
  shared: constantFrom(0, 0, 40),
  jitter: constantFrom(0, 0.2),
}).map(({ leads, limits, daily, person, delayMs, closes, shared, jitter }) =>
  world({
    salespeople: [salesperson({ dailyLimit: person })],
    mailboxes: limits.map((dailyLimit, index) => mailbox({ id: index + 1, dailyLimit })),
    campaigns: leads.map((_, index) =>
      campaign({
        id: index + 1,
        mailboxIds: index === 2 ? [2] : [1, 2],
        dailyLimit: index === 0 ? daily : null,
        delayMs,
        jitter,
        window: { from: '09:00', to: closes, days: ['mon', 'tue', 'wed', 'thu', 'fri'] },
      }),
    ),
    messages: leads.flatMap((count, index) =>
      firstMails(index * 100 + 1, index * 100 + count, { campaignId: index + 1 }).map((mail) => ({
        ...mail,
        leadId: (mail.id % 100) + (mail.id % 100 < shared ? 0 : index * 1000),
      })),
    ),
  }),
)

function isFresh({ kind, follows, notBeforeMs, slot, stepPosition }: PlanInput['messages'][number]): boolean {
  return kind === 'campaign' && !follows && notBeforeMs === null && !slot && stepPosition === 1
}

function inputOf(plan: PlanInput, stepsOf: (id: number) => readonly ForecastStep[], planAfterMs = 0): ForecastInput {
  return {
    plan: { ...plan, messages: plan.messages.filter((message) => !isFresh(message)) },
    campaigns: plan.campaigns.map(({ id }) => {
      const waiting = plan.messages.filter((message) => isFresh(message) && message.campaignId === id)
      return {
        id,
        name: `campaign ${id}`,
        status: 'running',
        sent: 0,
        steps: stepsOf(id),
        runsFromMs: null,
        stoppedBy: 'campaign_not_running',
        // oxlint-disable-next-line typescript/no-non-null-assertion -- an index below its size
        waiting: { size: waiting.length, at: (index) => waiting[index]! },
        underWay: [],
        never: [],
      }
    }),
    lastMessageId: Math.max(0, ...plan.messages.map(({ id }) => id)),
    slips: [],
    planAfterMs,
  }
}

type Days = Record<string, Record<string, string>>

function byDay(sent: readonly Sent[]): Days {
  const days: Days = {}
  for (const { campaignId, day, stepPosition } of sent) {
    const of = (days[campaignId] ??= {})
    const [first = 0, more = 0] = (of[day] ?? '0+0').split('+').map(Number)
    of[day] = stepPosition > 1 ? `${first}+${more + 1}` : `${first + 1}+${more}`
  }
  return days
}

function forecastDays(input: ForecastInput): Days {
  const told = forecast(input).campaigns.map(({ days }, index) => {
    const counts = days.filter(({ mails }) => mails > 0)
    return [input.campaigns[index]?.id ?? 0, Object.fromEntries(counts.map(({ day, firstMails: first, followUps }) => [day, `${first}+${followUps}`]))] as const // prettier-ignore
  })
  return Object.fromEntries(told.filter(([, days]) => Object.keys(days).length > 0))
}

function counterexample(worlds: Arbitrary<PlanInput>, judge: (forecast: Days, driven: Days) => void): string {
  const holds = property(worlds, tuple(steps, steps, steps), (plan, lists) => {
    const stepsOf = (id: number): readonly ForecastStep[] => lists[id - 1] ?? []
    judge(forecastDays(inputOf(plan, stepsOf)), byDay(drive(plan, stepsOf, { days: 390 })))
  })
  return defaultReportMessage(check(holds, { seed, numRuns })) ?? 'none'
}

describe(`over random worlds (FORECAST_SEED=${seed})`, { timeout: 60_000 + numRuns * 4000 }, () => {
  test('campaigns send on each day what is forecast for it, whatever limits, clocks and holidays do', () => {
    expect(counterexample(freshWorld, (told, driven) => expect(told).toEqual(driven))).toBe('none')
  })

  test('busy campaigns that share mailboxes send on each day what is forecast for it', () => {
    expect(counterexample(busyWorld, (told, driven) => expect(told).toEqual(driven))).toBe('none')
  })
})
