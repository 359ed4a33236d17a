/**
 * What is judged when everything has been sent, by the true clock and by the database's.
 *
 * Promised under a clock that jumps: nobody is mailed twice and nobody is lost, whatever jumps. Days, limits and windows are those of the
 * database's clock, which is the one clock of all (docs/architecture.md), so it is by it that the audit holds them. Delays and gaps are held by
 * true time: where the database's clock jumps ahead, the first mail behind the jump may come too early, one of each campaign and mailbox, and no
 * other. A worker's clock changes nothing.
 */
import type { ProofDatabase } from '../database.ts'
import type { Run } from '../cell.ts'
import { checkFinished } from '../invariants.ts'
import type { AcceptedMail } from '../oracle.ts'
import type { Instant } from '../../src/time.ts'
import type { Tried } from './chain.ts'
import { showTrue, type Clocks } from './clocks.ts'
import type { Disturbance } from './disturbance.ts'
import type { Place } from './place.ts'

export interface Finished {
  database: ProofDatabase
  clocks: Clocks
  cell: Disturbance
  accepted: readonly AcceptedMail[]
  tried: readonly Tried[]
}

/** The runs of a chain, each with what it broke; what nobody can be named for is held against the last one. */
export async function checkChain({ database, clocks, cell, accepted, tried }: Finished): Promise<Run[]> {
  const complaints = [
    ...(await checkFinished({
      database,
      accepted,
      faultless: true,
      allDue: true,
      excused: cell.whose === 'database' ? BY_ONE_CLOCK_ONLY : [],
    })),
    ...(await tooClose(database, clocks)),
    ...tried.flatMap(({ stuck }) => stuck),
    ...(cell.isTooLate ? await tooLate(database, tried) : []),
  ]
  const runs = tried.map(({ place, hit }): Run => ({
    seed: place.seed,
    hit,
    violations: complaints.filter((complaint) => names(complaint, place)),
    accepted: accepted.filter(({ to }) => to.endsWith(`@${place.domain}`)).length,
    doubts: 0,
  }))
  const others = complaints.filter((complaint) => !tried.some(({ place }) => names(complaint, place)))
  const last = runs.at(-1)
  return last ? [...runs.slice(0, -1), { ...last, violations: [...last.violations, ...others] }] : []
}

function names(complaint: string, { domain, campaign, mailbox }: Place): boolean {
  return complaint.includes(`@${domain}`) || complaint.includes(mailbox) || complaint.includes(`${campaign}/`)
}

/** Checks that compare instants of different rows: they hold as long as the clock that wrote them was not set back in between. */
const BY_ONE_CLOCK_ONLY: readonly string[] = [
  'an-attempt-has-the-times-of-its-state',
  'mails-of-a-mailbox-do-not-overlap',
]

interface Fence extends Record<string, unknown> {
  name: string
  id: number
  at: Instant
  least_ms: number
}

/** Two fences of a campaign, or of a mailbox, that are closer than they may be, by the true clock. */
async function tooClose(database: ProofDatabase, clocks: Clocks): Promise<string[]> {
  const fences = await database.query<Fence>(
    `select c.name || '/' as name, a.id, a.transmitting_at as at, c.shortest_delay_ms::int as least_ms
     from goniec.attempt a join goniec.campaign c on c.id = a.campaign_id where a.transmitting_at is not null
     union all
     select b.address, a.id, a.transmitting_at, b.min_gap_ms::int
     from goniec.attempt a join goniec.mailbox b on b.id = a.mailbox_id where a.transmitting_at is not null`,
  )
  return [...Map.groupBy(fences, ({ name }) => name)].flatMap(([name, of]) => {
    const ordered = of
      .map((fence) => ({ ...fence, trueMs: clocks.trueMsOf(fence.at) }))
      .sort((a, b) => a.trueMs - b.trueMs)
    return ordered.flatMap(({ id, trueMs, least_ms: leastMs }, index) => {
      const before = ordered[index - 1]
      if (!before || trueMs - before.trueMs >= leastMs) return []
      if (clocks.stepsBetween(before.trueMs, trueMs) > 0) return []
      return [
        `${name}: attempts ${before.id} and ${id} passed their fences ${trueMs - before.trueMs} ms apart (${showTrue(trueMs)}), ${leastMs} ms are promised`,
      ]
    })
  })
}

/** Attempts that should not have ended with a mail. */
async function tooLate(database: ProofDatabase, tried: readonly Tried[]): Promise<string[]> {
  const counted = await database.query<{ id: number; state: string; to: string }>(
    `select a.id, a.state, m.recipient as to from goniec.attempt a join goniec.message m on m.id = a.message_id
     where a.id = any ($1::bigint[]) and a.state in ('accepted', 'in_doubt', 'transmitting')`,
    [tried.flatMap(({ attempt }) => attempt ?? [])],
  )
  return counted.map(({ id, state, to }) => `attempt ${id} to ${to} was too late by one of the clocks, and is ${state}`)
}
