import { array, assert, asyncProperty, constantFrom, nat, record, tuple, type Arbitrary } from 'fast-check'
import { expect, test } from 'vitest'
import { readQueue } from '../../src/reports/queue.ts'
import { setClock } from '../support/clock.ts'
import { createTestDatabase } from '../support/database.ts'
import { claim } from '../support/protocol.ts'
import { NOON, World } from '../support/world.ts'
import { inSession } from './in-session.ts'

const database = await createTestDatabase()
await setClock(database, NOON)
const session = await database.session()

const at = (ms: number | null): unknown => (ms === null ? null : NOON.add({ milliseconds: ms }))
const times = <Value>(count: number, value: Value): Value[] => Array.from({ length: count }, () => value)
const offset = constantFrom(...times(8, null), -90_000, -60_000, -1, 0, 1, 60_000)
/** Mostly nothing stands against a mail, so that several reasons at once do not hide each other. */
const rarely = <Value>(value: Value): Arbitrary<Value | null> => nat(24).map((dice) => (dice === 0 ? value : null))

const mailbox = record({
  status: constantFrom(...times(9, 'active'), 'paused'),
  daily_limit: constantFrom(0, ...times(5, 50)),
  min_gap_ms: constantFrom(0, 60_000),
  warmup_started: rarely('2026-12-01'),
  warmup_daily_limit: rarely(0),
  freeFrom: offset,
  lastFence: offset,
})

const campaign = record({
  status: constantFrom(...times(9, 'running'), 'paused', 'draft'),
  daily_limit: constantFrom(...times(5, null), 0),
  delay_ms: constantFrom(0, 90_000),
  contact_gap_days: constantFrom(0, 1, 2),
  lastClaim: offset,
  lastFence: offset,
})

const lead = record({
  blocked_at: rarely(NOON),
  replied_at: rarely(NOON),
  unsubscribed_at: rarely(NOON),
  takenOn: constantFrom(...times(6, null), '2026-12-01', '2026-11-30', '2026-11-29'),
  suppressed: rarely(true),
})

const mail = record({
  kind: constantFrom('campaign', 'campaign', 'response', 'warmup'),
  campaign: nat(1),
  mailbox: nat(2),
  lead,
  dueInMs: constantFrom(null, -300_001, -300_000, ...times(5, -60_000), 0, 1),
  closesInMs: constantFrom(0, 1, ...times(5, 60_000)),
  held_reason: rarely('held'),
  outdated: rarely(true),
})

const world = record({
  paused: rarely(NOON),
  salesperson: record({ paused_at: rarely(NOON), daily_limit: constantFrom(...times(7, null), 0) }),
  mailboxes: tuple(mailbox, mailbox, mailbox),
  campaigns: tuple(campaign, campaign),
  mails: array(mail, { minLength: 2, maxLength: 6 }),
})

test('a mail is due exactly if claim takes it when it is the only one', async () => {
  const seen = new Map<string, number>()
  await assert(
    asyncProperty(world, async (facts) => {
      await session.query('begin')
      try {
        const worker = await build(facts)
        for (const { id, reason } of await queue()) {
          seen.set(reason ?? '', (seen.get(reason ?? '') ?? 0) + 1)
          expect({ id, reason, claimed: await isClaimedAlone(worker, id) }).toEqual({
            id,
            reason,
            claimed: reason === 'due',
          })
        }
      } finally {
        await session.query('rollback')
      }
    }),
    { numRuns: 60 },
  )
  // The worlds are neither all open nor all shut.
  expect(seen.get('due')).toBeGreaterThan(5)
  expect(seen.size).toBeGreaterThan(8)
})

type Facts = typeof world extends Arbitrary<infer Value> ? Value : never

/** Makes the rows, and returns an incarnation that may claim. */
async function build(facts: Facts): Promise<number> {
  const world = new World(session)
  await session.query('update goniec.installation set paused_at = $1', [facts.paused])
  await world.salesperson(facts.salesperson)
  const mailboxes: number[] = []
  for (const { freeFrom, lastFence, ...columns } of facts.mailboxes) {
    const id = await world.mailbox(columns)
    await world.update('mailbox_gate', id, { free_from: at(freeFrom), last_fence_at: at(lastFence) }, 'mailbox_id')
    mailboxes.push(id)
  }
  const campaigns: number[] = []
  for (const { lastClaim, lastFence, ...columns } of facts.campaigns) {
    const id = await world.campaign(columns)
    await world.update(
      'campaign_gate',
      id,
      { last_claim_at: at(lastClaim), last_fence_at: at(lastFence) },
      'campaign_id',
    )
    campaigns.push(id)
  }
  const other = await world.campaign()
  // A draft has no day rows from the plan; with them its status alone stands against it.
  await session.query(`insert into goniec.campaign_day (campaign_id, day, daily_limit)
    select id, '2026-12-01', daily_limit from goniec.campaign on conflict do nothing`)
  for (const one of facts.mails) await addMail(world, one, { mailboxes, campaigns, other })
  return world.worker()
}

async function addMail(
  world: World,
  {
    lead: { takenOn, suppressed, ...lead },
    kind,
    outdated,
    held_reason,
    dueInMs,
    closesInMs,
    ...place
  }: Facts['mails'][number],
  { mailboxes, campaigns, other }: { mailboxes: number[]; campaigns: number[]; other: number },
): Promise<void> {
  const leadId = await world.lead(lead)
  if (takenOn !== null) await world.insert('lead_day', { lead_id: leadId, day: takenOn, campaign_id: other }, 'lead_id')
  const { id } = await world.mail({
    kind: kind as 'campaign',
    lead: leadId,
    mailbox: mailboxes[place.mailbox] ?? 0,
    ...(kind === 'campaign' ? { campaign: campaigns[place.campaign] ?? 0 } : {}),
    // A window that closes before its slot cannot be.
    dueInMs,
    closesInMs: Math.max(closesInMs, (dueInMs ?? 0) + 1),
    columns: { held_reason },
  })
  if (outdated) await session.query('update goniec.message set planned_mailbox_version = 0 where id = $1', [id])
  if (suppressed)
    await session.query('insert into goniec.suppression (value) select recipient from goniec.message where id = $1', [
      id,
    ])
}

async function queue(): Promise<{ id: number; reason: string | null }[]> {
  const found = []
  for await (const page of readQueue(inSession(session))) found.push(...page)
  return found
}

async function isClaimedAlone(worker: number, id: number): Promise<boolean> {
  await session.query('savepoint alone')
  await session.query(`update goniec.message set held_reason = 'not this one' where status = 'pending' and id <> $1`, [
    id,
  ])
  const { messages } = await claim(session, worker)
  await session.query('rollback to alone')
  return messages.includes(id)
}
