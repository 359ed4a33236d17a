/** What a worker that was away, a campaign that is new, and settings that have changed do to times that were planned: what they must, and no more. */
import { expect, test } from 'vitest'
import { createTestDatabase } from '../support/database.ts'
import { localDay } from './calendar.ts'
import { checkDistances, checkMailboxDays, checkOwnersDays } from './check-limits.ts'
import { checkOnce, checkWindows } from './check-mails.ts'
import {
  addresses,
  DELAY_SECONDS,
  MAILBOXES,
  MONDAY,
  plainCampaign,
  startDrill,
  type Drill,
  type Slot,
} from './drill.ts'
import { readRecord } from './record.ts'
import { instantMs } from './world.ts'

const ZONE = 'Europe/Warsaw'
const TUESDAY = '2026-11-17'
const STOPPED_MS = instantMs(TUESDAY, '11:00')
const BACK_MS = instantMs(TUESDAY, '13:00')
const GRACE_MS = 300_000

test('a worker that was stopped for two hours at midday moves what was missed, behind the rest, and nothing else', async () => {
  const outage = { atMs: STOPPED_MS, kind: 'outage', how: 'stopped', forMs: BACK_MS - STOPPED_MS } as const
  await using drill = await startDrill(await createTestDatabase(), [outage], 400)
  const { driver } = drill
  const before = await slotsAt(drill, STOPPED_MS - 1)
  await driver.runUntil(BACK_MS)
  const moves = await drill.moves()
  const after = new Map((await drill.slots()).map((slot) => [slot.id, slot]))

  const missed = before.filter(({ atMs }) => atMs < BACK_MS - GRACE_MS)
  expect(missed.length).toBeGreaterThan(40)
  expect([...moves.keys()].toSorted(byNumber)).toEqual(missed.map(({ id }) => id).toSorted(byNumber))
  expect(new Set(moves.values())).toEqual(new Set(['missed']))
  const others = before.filter(({ id, atMs }) => !moves.has(id) && atMs > BACK_MS)
  expect(others.map(({ id }) => after.get(id))).toEqual(others)
  for (const campaign of ['first', 'second']) {
    const moved = missed.filter((slot) => slot.campaign === campaign).flatMap(({ id }) => after.get(id) ?? [])
    expect(moved.map(({ atMs }) => atMs)).toEqual(moved.map(({ atMs }) => atMs).toSorted(byNumber))
    expect(longestHoleMs([...after.values()], campaign, moved.at(-1)?.atMs ?? 0)).toBeLessThan(2 * DELAY_SECONDS * 1000)
  }

  await driver.runUntil(instantMs('2026-11-18', '00:00'))
  expect(broken(drill)).toEqual([])
  expect((await drill.slots()).filter(({ id }) => moves.has(id))).toEqual([])
  const hours = Map.groupBy(
    readRecord(drill.server.offers),
    ({ atMs, campaign }) => `${campaign} ${Math.floor(atMs / 3_600_000)}`,
  )
  const most = 3600 / (DELAY_SECONDS * 0.8) + 1
  expect(Math.max(...[...hours.values()].map((mails) => mails.length))).toBeLessThanOrEqual(most)
})

test('a campaign that is added moves no mail of the firm days, and later ones for its share only', async () => {
  await using drill = await startDrill(await createTestDatabase(), [], 400)
  const { driver } = drill
  const before = await slotsAt(drill, instantMs(TUESDAY, '10:30'))
  await driver.acts.apply({ campaigns: [plainCampaign('third', MAILBOXES)] })
  await driver.acts.import('third', addresses('third', 400))
  await driver.acts.start('third')
  await driver.plan()

  const moves = await drill.moves()
  const after = await drill.slots()
  expect(before.filter(isFirm).length).toBeGreaterThan(150)
  expect(after.filter(isFirm)).toEqual(before.filter(isFirm))
  expect(new Set(moves.values())).toEqual(new Set(['share']))
  expect(after.filter(({ campaign }) => campaign === 'third').length).toBeGreaterThan(50)
})

test('settings of a campaign that change move its own mails, and no other campaign’s by a millisecond', async () => {
  await using drill = await startDrill(await createTestDatabase(), [], 250)
  const { driver } = drill
  const before = await slotsAt(drill, instantMs(MONDAY, '10:30'))
  await driver.acts.apply({
    campaigns: [{ ...plainCampaign('first', MAILBOXES), from: '12:00', to: '15:00', delaySeconds: 180 }],
  })
  await driver.plan()

  const moves = await drill.moves()
  const after = await drill.slots()
  const known = new Set(before.map(({ id }) => id))
  const others = (slots: readonly Slot[]): Slot[] =>
    slots.filter(({ id, campaign }) => campaign === 'second' && known.has(id))
  expect(others(before).length).toBeGreaterThan(100)
  expect(others(after)).toEqual(others(before))
  expect(new Set(moves.values())).toEqual(new Set(['settings']))
  const own = new Set(before.filter(({ campaign }) => campaign === 'first').map(({ id }) => id))
  expect([...moves.keys()].filter((id) => !own.has(id))).toEqual([])
})

/** Of Tuesday or Wednesday, and of a campaign that was there before. */
function isFirm({ atMs, campaign }: Slot): boolean {
  return localDay(atMs, ZONE) <= '2026-11-18' && campaign !== 'third'
}

/** What is planned at that instant, everything that has happened before it taken into account. */
async function slotsAt({ driver, slots, moves }: Drill, ms: number): Promise<Slot[]> {
  await driver.runUntil(ms)
  await driver.plan()
  await moves()
  return slots()
}

function byNumber(one: number, other: number): number {
  return one - other
}

/** Between neighbours of a campaign, from the worker's return to the last mail that was missed. */
function longestHoleMs(slots: readonly Slot[], campaign: string, lastMs: number): number {
  const times = slots
    .filter((slot) => slot.campaign === campaign && slot.atMs <= lastMs && localDay(slot.atMs, ZONE) === TUESDAY)
    .map(({ atMs }) => atMs)
    .toSorted(byNumber)
  return Math.max(0, ...times.slice(1).map((atMs, index) => atMs - (times[index] ?? atMs)))
}

function broken({ driver: { journal }, server }: Drill): string[] {
  const record = readRecord(server.offers)
  const complaints: string[] = []
  const complain = (_atMs: number, what: string): void => void complaints.push(what)
  checkOnce(record, complain)
  checkWindows(record, journal, complain)
  checkDistances(record, journal, complain)
  checkMailboxDays(record, journal, ZONE, complain)
  checkOwnersDays(record, journal, ZONE, complain)
  return complaints
}
