/**
 * Lays slots for a set of mails into what is free. Day by day, and within a day forward in time: the lane whose next possible place is
 * the earliest goes first; of several at one instant the one that has had the least of this day, by weight. A place that another
 * lane took in the meantime is looked for again. So a mail that can go nowhere holds up nobody, and no place stays empty that a
 * mail could have.
 *
 * Where lanes share a mailbox or a salesperson, a limit a day would go to whoever may send earlier in the day. So with `fair` each
 * day is filled twice: first every lane may take its share of what is shared, then whatever is left goes to whoever can use it.
 */
import { delayAfterMs, openCampaignDay, openMailboxDay } from './free-places.ts'
import { Heap } from './heap.ts'
import { lanesOf, seek, segmentOf } from './lane.ts'
import type { Lane, Place } from './lane.ts'
import { setQuotas } from './quota.ts'
import { takeOver } from './take-over.ts'
import { leadIsTaken, mailboxHasRoom, ownersHaveRoom, place, wasTriedEnough } from './world.ts'
import type { Mail, World } from './world.ts'

export interface FillOptions {
  /** `one` line keeps mails of a lane strictly in rank; `by mailbox` lets those with a free mailbox go ahead. */
  line: 'one' | 'by mailbox'
  fair?: boolean
  /** Mails that find no place on a later day may take over one of a first mail of their campaign and mailbox. */
  mayTakeOver?: boolean
}

/** Places what can be placed, ranked as given, and returns what cannot. */
export function fill(
  world: World,
  mails: readonly Mail[],
  { line, fair = false, mayTakeOver = false }: FillOptions,
): Mail[] {
  for (const [rank, mail] of mails.entries()) mail.rank = rank
  const lanes = lanesOf(world, mails, line)
  for (let day = 0; day < world.days; day++) {
    const active = lanes.filter((lane) => lane.segments.has(day) && waits(lane))
    if (active.length === 0) continue
    if (fair && setQuotas(active, day)) {
      fillDay(world, active, day)
      for (const lane of active) lane.quota = null
    }
    fillDay(world, active, day)
    if (mayTakeOver) for (const lane of active) takeOver(world, lane, day)
  }
  return lanes
    .flatMap((lane) => [...lane.queues.values()].flatMap((queue) => queue.drain()))
    .toSorted((a, b) => a.rank - b.rank)
}

function waits(lane: Lane): boolean {
  for (const queue of lane.queues.values()) if (queue.size > 0) return true
  return false
}

/** One way forward through a day. */
function fillDay(world: World, lanes: readonly Lane[], day: number): void {
  for (const mailbox of world.mailboxes.values()) openMailboxDay(mailbox, day, world.nowMs)
  const turns = new Heap<Lane>(goesBefore)
  for (const lane of lanes) {
    startDay(world, lane, day)
    seek(world, lane)
    if (lane.next) turns.push(lane)
  }
  for (let lane = turns.pop(); lane; lane = turns.pop()) {
    if (lane.next) lane.cursorMs = lane.next.atMs
    if (isStillFree(world, lane)) serve(world, lane)
    seek(world, lane)
    if (lane.next) turns.push(lane)
  }
}

function startDay(world: World, lane: Lane, day: number): void {
  lane.today = lane.segments.get(day) ?? []
  lane.at = 0
  lane.cursorMs = world.nowMs
  for (const queue of lane.queues.values()) queue.reopen()
  if (lane.campaign) openCampaignDay(lane.campaign, day, world.nowMs)
}

/** Earlier first; at one instant the lane that had the least of its day, by weight; then the lower id, so that it is always the same. */
function goesBefore(a: Lane, b: Lane): boolean {
  const [aMs, bMs] = [a.next?.atMs ?? 0, b.next?.atMs ?? 0]
  if (aMs !== bMs) return aMs < bMs
  const [aServed, bServed] = [served(a), served(b)]
  return aServed === bServed ? a.id < b.id : aServed < bServed
}

function served(lane: Lane): number {
  const segment = segmentOf(lane)
  return lane.campaign && segment ? lane.campaign.counter.used(segment.sendingDay) / lane.weight : 0
}

/** Others may have taken the place, the room or the lead since this lane looked. */
function isStillFree(world: World, lane: Lane): boolean {
  const segment = segmentOf(lane)
  if (!lane.next || !segment) return false
  const { atMs, mailbox, queue, mail } = lane.next
  return (
    queue.head(atMs) === mail &&
    mailbox.holes.first(atMs) === atMs &&
    mailboxHasRoom(mail, mailbox, segment.day) &&
    ownersHaveRoom(mail, segment) &&
    !leadIsTaken(world, mail, segment)
  )
}

function serve(world: World, lane: Lane): void {
  const segment = segmentOf(lane)
  if (!lane.next || !segment) return
  const { atMs, mailbox, queue, mail }: Place = lane.next
  queue.takeHead()
  if (wasTriedEnough(world, mail, segment)) {
    mail.givenUp = true
    return
  }
  place(world, mail, atMs, mailbox, segment)
  mailbox.holes.take(atMs, atMs + mailbox.gapMs)
  if (!lane.campaign) return
  if (lane.campaign.input.delayMs > 0) lane.campaign.holes.take(atMs, atMs + delayAfterMs(lane.campaign, mail))
  if (!lane.quota) return
  const left = lane.quota.byMailbox.get(mailbox)
  if (left !== undefined) lane.quota.byMailbox.set(mailbox, left - 1)
  lane.quota.salesperson--
}
