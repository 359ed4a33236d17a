/**
 * On random worlds: if any message is claimable alone, a call claims at least one; what it claims is claimable; and whatever is called
 * how often, no limit is passed. CLAIM_SEED replays a run that failed, CLAIM_RUNS makes a longer one.
 */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { Temporal, toJsonTime } from '../../src/time.ts'
import { claimableAlone, readFacts, takenTogether, type Claimable, type Facts } from '../support/claim-oracle.ts'
import { buildWorld, worlds, type WorldPlan } from '../support/random-world.ts'
import { claim, type Claimed } from '../support/protocol.ts'
import { worldForEachTest } from '../support/rolled-back.ts'
import { NOON } from '../support/world.ts'

const here = worldForEachTest()
const seed = Number(process.env['CLAIM_SEED'] ?? Math.floor(Date.now() % 0x7fff_ffff))
const numRuns = Number(process.env['CLAIM_RUNS'] ?? 150)

test('if any message is claimable alone, a call claims at least one; what it claims is claimable, in order, and no limit is passed', async () => {
  const property = fc.asyncProperty(worlds, async (plan) => {
    await here.session.query('savepoint before')
    try {
      await buildWorld(here.world, plan)
      await callUntilNothing(plan)
    } finally {
      await here.session.query('rollback to savepoint before')
    }
  })
  const run = await fc.check(property, { seed, numRuns })
  expect(fc.defaultReportMessage(run)).toBeUndefined()
}, 300_000)

async function callUntilNothing({ batch, later }: WorldPlan): Promise<void> {
  for (;;) {
    const before = await readFacts(here.session, NOON)
    const alone = claimableAlone(before)
    const answer = await claim(here.session, here.worker, { batch })
    const after = await readFacts(here.session, NOON)
    judge(alone, answer, batch)
    expectCountersToTally(before, after)
    // A constraint that refuses what the conditions had let through sets a mail aside: then the conditions are wrong.
    expect(after.tables.message.filter(({ held_reason: held }) => held?.startsWith('claim failed'))).toEqual([])
    await here.settled()
    if (answer.messages.length > 0) continue
    expectNothingToOpenBefore(after, answer.nextAt, later)
    return
  }
}

function judge(alone: Claimable[], { messages, status }: Claimed, batch: number): void {
  expect(messages.length > 0).toBe(alone.length > 0)
  expect(status).toBe(alone.length > 0 ? 'claimed' : 'nothing')
  expect(messages.length).toBeLessThanOrEqual(batch)
  const claimed = messages.flatMap((id) => alone.find((message) => message.id === id) ?? [])
  expect(claimed).toEqual(takenTogether(alone, batch))
  expectOnePer(claimed, ({ mailbox }) => mailbox)
  expectOnePer(claimed, ({ lead }) => lead)
  expectOnePer(claimed, ({ campaign, delayed }) => (delayed ? campaign : null))
}

function expectOnePer(claimed: Claimable[], of: (message: Claimable) => number | null): void {
  const keys = claimed.map(of).filter((key) => key !== null)
  expect(new Set(keys).size).toBe(keys.length)
}

/** What the day rows count beyond what they counted before is what the attempts hold; their limits are held by CHECK constraints. */
function expectCountersToTally(before: Facts, after: Facts): void {
  const made = after.tables.attempt.filter(({ id }) => !before.tables.attempt.some((attempt) => attempt.id === id))
  const [was, is] = [countTaken(before), countTaken(after)]
  expect(is).toEqual({
    onMailboxes: was.onMailboxes + made.length,
    onCampaigns: was.onCampaigns + made.filter(({ kind }) => kind === 'campaign').length,
    onSalespeople: was.onSalespeople + made.filter(({ kind }) => kind !== 'warmup').length,
    onDomainDays: was.onDomainDays + made.filter(({ domain_hour: hour }) => hour !== null).length,
    onDomainHours: was.onDomainHours + made.filter(({ domain_hour: hour }) => hour !== null).length,
  })
}

type Counts = Record<'onMailboxes' | 'onCampaigns' | 'onSalespeople' | 'onDomainDays' | 'onDomainHours', number>

function countTaken({ tables }: Facts): Counts {
  return {
    onMailboxes: sum(tables.mailbox_day.map((row) => row.campaign_taken + row.warmup_taken + row.response_taken)),
    onCampaigns: sum(tables.campaign_day.map(({ taken }) => taken)),
    onSalespeople: sum(tables.salesperson_day.map(({ taken }) => taken)),
    onDomainDays: sum(tables.domain_day.map(({ taken }) => taken)),
    onDomainHours: sum(tables.domain_hour.map(({ taken }) => taken)),
  }
}

/** Whoever sleeps until then misses nothing. */
function expectNothingToOpenBefore(facts: Facts, nextAt: string | null, laterMs: number): void {
  const then = NOON.add({ milliseconds: laterMs })
  if (nextAt !== null && Temporal.Instant.compare(then, Temporal.Instant.from(nextAt)) >= 0) return
  const opened = claimableAlone({ ...facts, now: then })
  expect(opened, `open at ${toJsonTime(then)}, though next_at is ${nextAt ?? 'never'}`).toEqual([])
}

function sum(counts: number[]): number {
  return counts.reduce((total, count) => total + count, 0)
}
