/** What the plan reads as columns is what it would have read as rows; COLUMNS_SEED replays a run that failed, COLUMNS_RUNS makes a longer one. */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { loadMails, toMessage, type LoadedMails } from '../../src/campaigns/plan/load-mails.ts'
import { firstMails, messages, stepsOf, type MessageRow } from '../../src/campaigns/plan/message-reads.ts'
import * as reads from '../../src/campaigns/plan/reads.ts'
import { atMsOf, messageOf, slots } from '../../src/campaigns/plan/slot-reads.ts'
import { HeldLeads } from '../../src/schedule/held-leads.ts'
import { buildWorld, worlds } from '../support/random-world.ts'
import { worldForEachTest } from '../support/rolled-back.ts'

const here = worldForEachTest()
const seed = Number(process.env['COLUMNS_SEED'] ?? Math.floor(Date.now() % 0x7fff_ffff))
const numRuns = Number(process.env['COLUMNS_RUNS'] ?? 60)

const NOBODY_HELD = new HeldLeads({ timeZone: 'Europe/Warsaw', nowMs: 0, campaigns: [], contacts: new Map() })

/** Each slot as the plan is told of it, by id; one that may not be mailed with the reason why not. */
type Told = Map<number, unknown>

const query: reads.Query = async (text, values) => (await here.session.query(text, values)).rows

test('a slot is told in columns as it is in rows, and none is told twice or not at all', async () => {
  const seen = { columns: 0, rows: 0, blocked: 0 }
  await inRandomWorlds(async () => {
    const [campaignIds, mailboxes] = [(await reads.campaigns(query)).map(({ id }) => id), await reads.mailboxes(query)]
    const asked = { campaignIds, steps: await stepsOf(query, campaignIds), mailboxes }
    const byRows = toldBy(await messages(query, { ...asked, withSlots: true }))
    const rest = toldBy(await messages(query, { ...asked, withSlots: false }))
    const columns = await inColumns(campaignIds, asked.steps)
    expect([...columns.keys()].filter((id) => rest.has(id))).toEqual([])
    expect(byId(new Map([...columns, ...rest]))).toEqual(byId(byRows))
    seen.columns += columns.size
    seen.rows += rest.size
    seen.blocked += [...columns.values()].filter((told) => Array.isArray(told)).length
  })
  expect(Math.min(seen.columns, seen.rows, seen.blocked)).toBeGreaterThan(0)
}, 120_000)

test('what is read piece by piece, in two sessions, is what would have been read as rows', async () => {
  const seen = { messages: 0, blocked: 0, unswept: 0 }
  await inRandomWorlds(async () => {
    await here.session.query('update goniec.step set retired_at = goniec.now() where id % 2 = 0')
    const inPieces = await loaded(new Map())
    expect(inPieces).toEqual(await loaded(new Map([['nowhere.example', { dailyLimit: 1, hourlyLimit: null }]])))
    seen.messages += inPieces.messages.length
    seen.blocked += inPieces.blocked.length
    seen.unswept += inPieces.unswept.length
  })
  expect(Math.min(seen.messages, seen.blocked, seen.unswept)).toBeGreaterThan(0)
}, 120_000)

test('where there is nothing columns are empty', async () => {
  const [none, nobody] = [await slots(query, [1]), await firstMails(query, [{ id: 1, room: 10 }])]
  expect([none.ids.length, none.at_us.length, none.objections.size, nobody.ids.length]).toEqual([0, 0, 0, 0])
})

/** Looks at one world after the other, in none of which a domain has a limit: where any has, nothing is read as columns. */
async function inRandomWorlds(look: () => Promise<void>): Promise<void> {
  const property = fc.asyncProperty(worlds, async (plan) => {
    await here.session.query('savepoint before')
    try {
      await buildWorld(here.world, plan)
      await here.session.query(MORE)
      await here.session.query('delete from goniec.domain_limit')
      await look()
    } finally {
      await here.session.query('rollback to savepoint before')
    }
  })
  expect(fc.defaultReportMessage(await fc.check(property, { seed, numRuns }))).toBeUndefined()
}

/** Follow-ups bound to their mailbox, mails that come back from a try, times between milliseconds, reasons why there is no slot, and steps with and without days. */
const MORE = `
  with said as (
    update goniec.message m
    set slot_reason = (array['no_room', 'not_due', 'missed'])[1 + m.id % 4]
    where m.status = 'pending' and m.scheduled_at is null
  ), changed as (
    update goniec.message m
    set follows_at = case when m.id % 3 = 0 then goniec.now() - interval '1 day 2345 microseconds' end,
        bound_mailbox_id = case when m.id % 3 = 0 then m.mailbox_id else m.bound_mailbox_id end,
        not_before = case when m.id % 7 = 0 then goniec.now() end,
        tried_days = case when m.id % 11 = 0 then '{2026-11-30}'::date[] else '{}' end,
        scheduled_at = m.scheduled_at - (m.id % 5) * interval '123 microseconds'
    where m.status = 'pending' and m.scheduled_at is not null
  )
  update goniec.step set wait_days = case when id % 2 = 0 then 3 end, wait_ms = case when id % 2 = 1 then 90000 end`

function toldBy(rows: readonly MessageRow[]): Told {
  const withSlots = rows.filter(({ at_ms: atMs }) => atMs !== null)
  return new Map(
    withSlots.map((row) => [row.id, row.objection === null ? ofCampaign(toMessage(row)) : [row.at_ms, row.objection]]),
  )
}

async function inColumns(campaignIds: readonly number[], steps: Awaited<ReturnType<typeof stepsOf>>): Promise<Told> {
  const all = await slots(query, campaignIds)
  return new Map(
    Array.from(all.ids, (id, place) => {
      const objection = all.objections.get(place) ?? null
      const message = (): unknown => ofCampaign(messageOf(all, place, steps.get(all.steps[place] ?? 0)))
      return [id, objection === null ? message() : [atMsOf(all, place), objection]]
    }),
  )
}

/** All that is loaded, in order. Each campaign has so much room that it is a piece of its own; where any domain has a limit there are no pieces. */
async function loaded(
  domainLimits: Parameters<typeof loadMails>[1]['domainLimits'],
): Promise<Omit<LoadedMails, 'messages' | 'peekedAt' | 'byShare'> & { messages: unknown[] }> {
  const rooms = (await reads.campaigns(query)).map(({ id }) => ({ id, room: 20_000 }))
  const snapshot = {
    query,
    share:
      async () =>
      <Result>(work: (other: reads.Query) => Promise<Result>) =>
        work(query),
  }
  const asked = {
    rooms,
    mailboxes: (await reads.mailboxes(query)).map((mailbox) => ({ ...mailbox, daily_limit: 20_000 })),
    domainLimits,
    held: NOBODY_HELD,
    horizonDays: 7,
    places: 1_000_000,
    peek: null,
    meanwhile: () => {},
  }
  const { messages, blocked, unswept } = await loadMails(snapshot, asked)
  const all = Array.from({ length: messages.length }, (_, place) => messages.at(place)).flatMap((it) => it ?? [])
  expect(all).toHaveLength(messages.length)
  return {
    messages: all.toSorted((a, b) => a.id - b.id).map(ofCampaign),
    blocked: blocked.toSorted((a, b) => a.messageId - b.messageId),
    unswept: unswept.toSorted((a, b) => a - b),
  }
}

/** Whose mailbox a campaign's mail is bound to is of no account: it counts on its campaign's salesperson. */
function ofCampaign(message: ReturnType<typeof toMessage>): unknown {
  return message.kind === 'campaign' ? { ...message, salespersonId: null } : message
}

function byId(told: Told): [number, unknown][] {
  return [...told].toSorted(([a], [b]) => a - b)
}
