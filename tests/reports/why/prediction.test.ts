/**
 * On random worlds: what `goniec why` says comes next is what comes next. A mail that it says is sent at an instant is claimed then and not a
 * millisecond before; one that it says waits for the plan, for a later day or for a person is not claimed, whatever the clock shows, until then; and
 * what it says of a planned mail is what the next plan says too. WHY_SEED replays a run that failed, WHY_RUNS makes a longer one.
 */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { runPlan } from '../../../src/campaigns/plan/run.ts'
import type { Database } from '../../../src/database/pool.ts'
import { readQueue } from '../../../src/reports/queue.ts'
import { explainMails, type MailWhy } from '../../../src/reports/why/mail.ts'
import { toJsonTime, type Instant } from '../../../src/time.ts'
import { setClock } from '../../support/clock.ts'
import { createTestDatabase } from '../../support/database.ts'
import { claim } from '../../support/protocol.ts'
import { buildWorld, worlds, type WorldPlan } from '../../support/random-world.ts'
import { worldForEachTest } from '../../support/rolled-back.ts'
import { NOON, World, type Sql } from '../../support/world.ts'
import { inSession } from '../in-session.ts'

const here = worldForEachTest()
const seed = Number(process.env['WHY_SEED'] ?? Math.floor(Date.now() % 0x7fff_ffff))
const numRuns = Number(process.env['WHY_RUNS'] ?? 25)

/** Codes that `why` goes behind: the slot is what comes of other reasons. */
const OF_SLOT = new Set([
  'planned',
  'not_planned',
  'no_room',
  'not_due',
  'lead_taken',
  'no_usable_mailbox',
  'campaign_not_running',
])
const MINUTE = 60_000
/** Instants at which a mail that is not to be sent is tried nevertheless. */
const PROBES = [0, 1, MINUTE, 3 * MINUTE, 10 * MINUTE, 60 * MINUTE, 24 * 60 * MINUTE]

/** Instants at and beside the edges: when a delay, a gap and a rest end, how long a slot stays due, when its window closes. */
const edges = fc.record({
  ago: fc.constantFrom(0, 10_000, 71_999, 72_000),
  freeInMs: fc.constantFrom<number | null>(null, null, 1, 30_000, 30_000, 300_000, 300_050),
  minGapMs: fc.constantFrom(0, 60_000),
  dueInMs: fc.constantFrom(-300_000, -299_000, 0, 0, 45_000),
  closesInMs: fc.constantFrom(1, 30_000, 3_600_000, 3_600_000),
})

/** Worlds in which what stands in the way is mostly a matter of time. */
const timed = fc.tuple(worlds, fc.array(edges, { minLength: 14, maxLength: 14 })).map(([facts, times]): WorldPlan => {
  const at = (index: number): (typeof times)[number] | undefined => times[index % times.length]
  return {
    ...facts,
    braked: false,
    salespeople: facts.salespeople.map(() => ({ room: 3, paused: false })),
    campaigns: facts.campaigns.map((one, index) => ({ ...one, delayMs: 90_000, claimedMsAgo: at(index)?.ago ?? 0 })),
    mailboxes: facts.mailboxes.map((one, index) => ({ ...one, ...at(index), fencedMsAgo: at(index)?.ago ?? 0 })),
    mails: facts.mails.map((one, index) => ({ ...one, ...at(index) })),
  }
})

test('what is said to be sent at an instant is claimed then, and not before; what is said to wait is not', async () => {
  const seen = new Map<string, number>()
  const property = fc.asyncProperty(fc.oneof(worlds, timed), async (facts) => {
    await here.session.query('savepoint before')
    try {
      await buildWorld(here.world, facts)
      for (const why of await explainAll(inSession(here.session))) {
        count(seen, why.next?.what ?? 'nothing')
        expect(await surprise(why, here.session, here.worker)).toBeNull()
      }
    } finally {
      await here.session.query('rollback to savepoint before')
    }
  })
  const run = await fc.check(property, { seed, numRuns })
  expect(fc.defaultReportMessage(run)).toBeUndefined()
  expect([...seen.keys()].toSorted()).toEqual(expect.arrayContaining(['nothing', 'planned', 'sent']))
}, 300_000)

test('it names the reason that the queue names, unless that is the slot itself; a mail is sendable exactly if it is due', async () => {
  const property = fc.asyncProperty(worlds, async (facts) => {
    await here.session.query('savepoint before')
    try {
      await buildWorld(here.world, facts)
      const database = inSession(here.session)
      const queue = new Map<number, string | null>()
      for await (const page of readQueue(database)) for (const { id, reason } of page) queue.set(id, reason)
      for (const why of await explainAll(database)) expect(disagreement(why, queue.get(why.id) ?? '')).toBeNull()
    } finally {
      await here.session.query('rollback to savepoint before')
    }
  })
  expect(fc.defaultReportMessage(await fc.check(property, { seed, numRuns }))).toBeUndefined()
}, 300_000)

test('after a plan: a planned mail is sent at its time, the next plan moves none, and gives none a time that is said to wait longer', async () => {
  const seen = new Map<string, number>()
  const [world] = fc.sample(worlds, { seed, numRuns: 1 })
  const more = fc.sample(worlds, { seed: seed + 1, numRuns: Math.max(3, Math.floor(numRuns / 6)) })
  for (const facts of [...(world ? [world] : []), ...more]) {
    const database = await createTestDatabase()
    await setClock(database, NOON)
    const built = new World(database.pool)
    await buildWorld(built, { ...facts, braked: false })
    await database.query(
      'insert into goniec.campaign_mailbox select c.id, b.id from goniec.campaign c, goniec.mailbox b',
    )
    const worker = await built.worker()
    const session = await database.session()
    await runPlan(database)
    const first = await explainAll(database)
    await runPlan(database)
    const again = await explainAll(database)
    // What waits for the plan has been seen by it; everything else is as it was said.
    const settled = first.filter(({ next }) => next?.what !== 'planned')
    expect(again.filter(({ id }) => settled.some((why) => why.id === id)).map(withoutGates)).toEqual(
      settled.map(withoutGates),
    )
    for (const why of first) {
      count(seen, why.next?.what ?? 'nothing')
      await session.query('begin')
      expect(await surprise(why, session, worker), `WHY_SEED=${seed}`).toBeNull()
      await session.query('rollback')
    }
  }
  expect(seen.get('sent')).toBeGreaterThan(0)
}, 300_000)

async function explainAll(database: Pick<Database, 'query'>): Promise<MailWhy[]> {
  const rows = await database.query<{ id: number }>(
    `select id from goniec.message where status = 'pending' order by id`,
  )
  return explainMails(
    database,
    rows.map(({ id }) => id),
  )
}

function withoutGates({ gates: _, ...why }: MailWhy): Omit<MailWhy, 'gates'> {
  return why
}

/** How it disagrees with the queue, or with itself: one reason at least, and either a next time or the sentence that nothing will send it. */
function disagreement({ reasons, sendable, next, never }: MailWhy, named: string): string | null {
  if (sendable !== (named === 'due'))
    return `the queue says ${named}, and why that it is ${sendable ? '' : 'not '}sendable`
  if (!OF_SLOT.has(named) && reasons[0]?.code !== named) return `the queue says ${named}, and why ${reasons[0]?.code}`
  return (next === null) === (never === null) ? `${named}: it has a next time and has none` : null
}

/** What happens otherwise than was said. Another mail's end is no matter of time: what waits for one is left out. */
async function surprise({ id, next, reasons, gates }: MailWhy, sql: Sql, worker: number): Promise<string | null> {
  if (gates.some(({ gate, open }) => (gate === 'mailbox_free' || gate === 'attempt') && !open)) return null
  const said = `${id} (${reasons.map(({ code }) => code).join(', ')}; ${next?.what ?? 'never'} ${next ? toJsonTime(next.at) : ''})`
  // Until the plan has run, it has not made the rows either that such a mail waits for.
  const waitsForRows = gates.some(({ code }) => code === 'day_not_prepared')
  const notThen =
    next?.what === 'sent'
      ? [next.at.subtract({ milliseconds: 1 })].filter(isAhead)
      : PROBES.map((ms) => NOON.add({ milliseconds: ms }))
  for (const at of notThen)
    if (await isClaimedAlone(sql, worker, { id, at, prepared: !waitsForRows }))
      return `${said} is claimed at ${toJsonTime(at)}`
  if (next?.what !== 'sent') return null
  return (await isClaimedAlone(sql, worker, { id, at: next.at, prepared: true })) ? null : `${said} is not claimed`
}

function isAhead(at: Instant): boolean {
  return at.epochMilliseconds >= NOON.epochMilliseconds
}

/** The rows of the day, as the plan makes them each minute; those that are there stay as the world has them. */
const DAY_ROWS = [
  `insert into goniec.mailbox_day (mailbox_id, day, daily_limit)
   select b.id, (goniec.now() at time zone 'Europe/Warsaw')::date, b.daily_limit from goniec.mailbox b on conflict do nothing`,
  `insert into goniec.salesperson_day (salesperson_id, day, daily_limit)
   select s.id, (goniec.now() at time zone 'Europe/Warsaw')::date, s.daily_limit from goniec.salesperson s on conflict do nothing`,
  `select goniec.make_domain_rows(array_agg(goniec.domain_of(m.recipient)), array_agg(goniec.now()))
   from goniec.message m where m.status = 'pending' and m.held_reason is null`,
  `insert into goniec.campaign_day (campaign_id, day, daily_limit)
   select c.id, goniec.local_day(goniec.now(), c.timezone), c.daily_limit from goniec.campaign c on conflict do nothing`,
]

/** Is it claimed at that instant, were it the only one? */
async function isClaimedAlone(
  sql: Sql,
  worker: number,
  { id, at, prepared }: { id: number; at: Instant; prepared: boolean },
): Promise<boolean> {
  await sql.query('savepoint alone')
  await sql.query(`update goniec.message set held_reason = 'not this one' where status = 'pending' and id <> $1`, [id])
  await sql.query('update goniec_test.clock set now = $1', [at])
  if (prepared) for (const statement of DAY_ROWS) await sql.query(statement)
  const { messages } = await claim(sql, worker)
  await sql.query('rollback to savepoint alone')
  return messages.includes(id)
}

function count(seen: Map<string, number>, what: string): void {
  seen.set(what, (seen.get(what) ?? 0) + 1)
}
