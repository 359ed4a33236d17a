/** What happens to a simulated world, and when: drawn from its seed beforehand, so that nothing depends on how the program behaves. */
import type { KillStage } from './mail-server.ts'
import { Random } from './random.ts'
import { instantMs, type SimulatedWorld } from './world.ts'
import { Temporal } from '../../src/time.ts'

/**
 * `calm`: nothing but what people start on the first day. `faults`: outages, kills and a server that refuses. `full`: also all that people
 * and other programs do.
 */
export const WEATHERS = ['calm', 'faults', 'full'] as const
export type Weather = (typeof WEATHERS)[number]

export type Happening = { atMs: number } & (
  | { kind: 'start'; campaign: string }
  | { kind: 'outage'; how: 'stopped' | 'killed' | 'database away'; forMs: number }
  | { kind: 'kill'; stage: KillStage; backAfterMs: number; seenGone: boolean }
  | { kind: 'pause' | 'resume'; what: string }
  | { kind: 'edit' | 'lead' | 'suppress' | 'import' | 'response' | 'slot' | 'external'; draw: number }
  | { kind: 'morning' }
)

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

/** All of a world's happenings, in the order of time. */
export function drawHappenings(world: SimulatedWorld, weather: Weather): Happening[] {
  const random = new Random('happenings', world.seed)
  const late = weather === 'full' ? 'c5' : ''
  const starts: Happening[] = world.settings.campaigns.map(({ name }) => ({
    atMs: name === late ? workingMs(world, random, 12, 20) : world.startMs,
    kind: 'start',
    campaign: name,
  }))
  const all = [...starts, ...mornings(world)]
  if (weather !== 'calm') all.push(...faults(world, random))
  if (weather === 'full') all.push(...stops(world, random), ...deeds(world, random))
  return all.toSorted((one, other) => one.atMs - other.atMs)
}

/** Some instant of a day, mostly while campaigns send. */
function workingMs(world: SimulatedWorld, random: Random, fromDay = 0, toDay = 54): number {
  const day = Temporal.PlainDate.from(world.firstDay).add({ days: random.int(fromDay, toDay) })
  const ms = instantMs(day.toString(), '08:00') + random.int(0, 9 * HOUR_MS)
  return Math.max(ms, world.startMs + 1)
}

/** Somebody looks each morning at what needs a person. */
function mornings({ firstDay, startMs, endMs }: SimulatedWorld): Happening[] {
  const days = Array.from({ length: 180 }, (_, day) => Temporal.PlainDate.from(firstDay).add({ days: day }).toString())
  return days
    .map((day): Happening => ({ atMs: instantMs(day, '07:15'), kind: 'morning' }))
    .filter(({ atMs }) => atMs > startMs && atMs < endMs + 120 * 24 * HOUR_MS)
}

function faults(world: SimulatedWorld, random: Random): Happening[] {
  const outages = Array.from({ length: random.int(3, 5) }, (): Happening => {
    const forMs = random.chance(0.75) ? random.int(20 * MINUTE_MS, 5 * HOUR_MS) : random.int(8 * HOUR_MS, 36 * HOUR_MS)
    return {
      atMs: workingMs(world, random),
      kind: 'outage',
      how: random.pick(['stopped', 'killed', 'database away']),
      forMs,
    }
  })
  const kills = Array.from({ length: random.int(5, 9) }, (): Happening => ({
    atMs: workingMs(world, random),
    kind: 'kill',
    stage: random.pick(['rcpt', 'dot, taken', 'dot, lost']),
    backAfterMs: random.pick([1000, MINUTE_MS, 11 * MINUTE_MS]),
    seenGone: random.chance(0.5),
  }))
  return [...outages, ...kills]
}

/** Pauses with their ends. */
function stops(world: SimulatedWorld, random: Random): Happening[] {
  const { campaigns, mailboxes, salespeople } = world.settings
  const what = [
    ...random.sample(campaigns, 3).map(({ name }) => `campaign ${name}`),
    ...random.sample(mailboxes, 3).map(({ address }) => `mailbox ${address}`),
    `salesperson ${random.pick(salespeople).email}`,
    'all',
  ]
  return what.flatMap((name): Happening[] => {
    const atMs = workingMs(world, random)
    const forMs = name === 'all' ? random.int(MINUTE_MS, 3 * HOUR_MS) : random.int(10 * MINUTE_MS, 30 * HOUR_MS)
    return [
      { atMs, kind: 'pause', what: name },
      { atMs: atMs + forMs, kind: 'resume', what: name },
    ]
  })
}

/** What people and other programs do; what exactly is drawn when it is done. */
function deeds(world: SimulatedWorld, random: Random): Happening[] {
  const counts = { edit: 10, lead: 30, suppress: 5, import: 2, response: 15, slot: 30, external: 15 } as const
  return Object.entries(counts).flatMap(([kind, count]) =>
    Array.from({ length: count }, (_, draw): Happening => ({
      atMs: workingMs(world, random),
      kind: kind as keyof typeof counts,
      draw,
    })),
  )
}
