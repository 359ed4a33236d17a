/**
 * Lays slots for a set of mails into what is free. Day by day, and within a day forward in time: the lane whose next possible place is
 * the earliest goes first; of several at one instant the one that has had the least of this day, by weight. A place that another
 * lane took in the meantime is looked for again. So a mail that can go nowhere holds up nobody, and no place stays empty that a
 * mail could have.
 *
 * Where lanes share a mailbox, a salesperson or a recipient's domain, a limit a day would go to whoever may send earlier in the day. So with `fair` each
 * day is filled twice: first every lane may take its share of what is shared, then whatever is left goes to whoever can use it.
 */
import { delayAfterMs, openCampaignDay, openMailboxDay } from './free-places.ts'
import { lanesOf, seek, takeHead } from './lane.ts'
import type { Lane, Place } from './lane.ts'
import { setQuotas } from './set-quotas.ts'
import { takeOver } from './take-over.ts'
import { Turns } from './turns.ts'
import { place, wasTriedEnough } from './world.ts'
import type { Mail, Mailbox, World } from './world.ts'

export interface FillOptions {
  /** `one` line keeps mails of a lane strictly in rank; `by mailbox` lets those with a free mailbox go ahead. */
  line: 'one' | 'by mailbox'
  fair?: boolean
  /** Mails that find no place on a later day may take over one of a first mail of their campaign and mailbox. */
  mayTakeOver?: boolean
}

/** Places what can be placed, ranked as given. Returns how many slots were taken over. */
export function fill(
  world: World,
  mails: readonly Mail[],
  { line, fair = false, mayTakeOver = false }: FillOptions,
): number {
  for (const [rank, mail] of mails.entries()) {
    mail.rank = rank
    mail.heldMs = Number.NEGATIVE_INFINITY
  }
  const lanes = lanesOf(world, mails, line)
  let takeOvers = 0
  for (let day = 0; day < world.days; day++) {
    const active = lanes.filter((lane) => lane.segments.has(day) && waits(lane))
    if (active.length === 0) continue
    if (fair && setQuotas(active, day, world.today)) {
      fillDay(world, active, day)
      for (const lane of active) lane.quota = null
    }
    fillDay(world, active, day)
    if (mayTakeOver) for (const lane of active) takeOvers += takeOver(world, lane, day)
  }
  return takeOvers
}

function waits(lane: Lane): boolean {
  for (const queue of lane.queues.values()) if (queue.size > 0) return true
  return false
}

/**
 * One way forward through a day. A lane in the heap stands at an instant before which it can send nothing; only when its turn comes is
 * its next place looked for, and taken if it is at that instant. So a place that was looked for is never gone by the time it is taken.
 */
function fillDay(world: World, lanes: readonly Lane[], day: number): void {
  for (const mailbox of world.mailboxes.values()) openMailboxDay(mailbox, day, world.nowMs)
  const turns = new Turns()
  for (const lane of lanes) {
    startDay(world, lane, day)
    turns.push(lane)
  }
  for (let lane = turns.pop(); lane; lane = turns.pop()) {
    takeTurn(world, lane, turns)
    turns.hadTurn(lane)
  }
}

function takeTurn(world: World, lane: Lane, turns: Turns): void {
  const next = seek(world, lane)
  if (!next) return
  if (next.mailbox && next.atMs === lane.cursorMs) serve(world, lane, next, next.mailbox)
  else if (waitsForPool(lane, next)) return turns.park(lane)
  else lane.cursorMs = next.atMs
  turns.push(lane)
}

/** One that has mails of particular mailboxes too may do something else before; one that enters another segment meanwhile may have had less of its day. */
function waitsForPool({ pool, bound, at, today }: Lane, { atMs }: Place): boolean {
  return atMs <= pool.freeFromMs && bound.size === 0 && at === today.length - 1
}

function startDay(world: World, lane: Lane, day: number): void {
  lane.today = lane.segments.get(day) ?? []
  lane.at = 0
  lane.cursorMs = Math.max(world.nowMs, lane.today[0]?.fromMs ?? world.nowMs)
  lane.pool.freeFromMs = world.nowMs
  for (const queue of lane.queues.values()) queue.reopen()
  if (lane.campaign) openCampaignDay(lane.campaign, day, world.nowMs)
}

function serve(world: World, lane: Lane, { atMs, queue, mail, segment }: Place, mailbox: Mailbox): void {
  takeHead(lane, queue)
  if (wasTriedEnough(world, mail, segment)) {
    mail.givenUp = true
    return
  }
  place(world, mail, atMs, mailbox, segment)
  mailbox.holes.take(atMs, atMs + mailbox.gapMs)
  if (!lane.campaign) return
  lane.quota?.use(mailbox, mail.domain)
  if (lane.campaign.input.delayMs === 0) return
  lane.campaign.holes.take(atMs, atMs + delayAfterMs(lane.campaign, mail))
  lane.cursorMs = Math.min(lane.campaign.holes.first(atMs), segment.toMs)
}
