/**
 * A lane is one sender's line of mails on its way through the days: a campaign's, or that of a mailbox for responses or warm-up. It
 * knows where its next mail could go, given all that stands already; `fill.ts` lets the lanes take turns.
 */
import type { Holes } from './holes.ts'
import { Queue } from './queue.ts'
import type { Campaign, Mail, Mailbox, Segment, World } from './world.ts'
import { leadIsTaken, mailboxHasRoom, ownersHaveRoom } from './world.ts'

/** Where a lane's next mail would go. */
export interface Place {
  atMs: number
  mailbox: Mailbox
  queue: Queue
  mail: Mail
}

export interface Lane {
  readonly id: number
  readonly campaign: Campaign | null
  /** By the mailbox that their mails are bound to. */
  readonly queues: Map<number | 'any', Queue>
  readonly weight: number
  /** By the installation's day. */
  readonly segments: ReadonlyMap<number, readonly Segment[]>
  /** The segments of the day that is being filled, and the one of them that it is at. */
  today: readonly Segment[]
  at: number
  /** Nothing of this lane can go before. */
  cursorMs: number
  next: Place | null
  /** What it may still take of a shared mailbox or salesperson in this pass; null: whatever there is. */
  quota: Quota | null
}

export interface Quota {
  byMailbox: Map<Mailbox, number>
  salesperson: number
}

/** The segment that a lane is at. */
export function segmentOf(lane: Lane): Segment | undefined {
  return lane.today[lane.at]
}

/** Looks for the next place of a lane on the day that is being filled: `next` is null when there is none. */
export function seek(world: World, lane: Lane): void {
  lane.next = null
  for (let segment = segmentOf(lane); segment; segment = segmentOf(lane)) {
    const fromMs = Math.max(lane.cursorMs, segment.fromMs)
    for (const queue of lane.queues.values()) {
      const place = fromMs < segment.toMs ? placeOf(world, lane, queue, segment, fromMs) : null
      if (place && (!lane.next || comesFirst(place, lane.next))) lane.next = place
    }
    if (lane.next) return
    lane.at++
    for (const queue of lane.queues.values()) queue.reopen()
  }
}

/** Earlier places first; at one instant, whoever stands first in the line. */
function comesFirst(a: Place, b: Place): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.mail.rank < b.mail.rank)
}

function placeOf(world: World, lane: Lane, queue: Queue, segment: Segment, fromMs: number): Place | null {
  while (!queue.closed) {
    const mail = queue.head(fromMs)
    if (!mail || mail.dueMs >= segment.toMs) return null
    if (leadIsTaken(world, mail, segment)) {
      queue.setHeadAside()
      continue
    }
    const found =
      ownersHaveRoom(mail, segment) && (lane.quota?.salesperson ?? 1) >= 1
        ? earliest(lane, mail, segment, Math.max(fromMs, mail.dueMs))
        : null
    if (found) return { ...found, queue, mail }
    if (queue.uniform) queue.closed = true
    else queue.setHeadAside()
  }
  return null
}

/** The mailbox that can send this mail first; among equals the one it had, then the one with the lightest day, then the lowest id. */
function earliest(lane: Lane, mail: Mail, segment: Segment, fromMs: number): { atMs: number; mailbox: Mailbox } | null {
  const mailboxes = mail.bound ? [mail.bound] : (lane.campaign?.mailboxes ?? [])
  const ownId = (mail.input.slot ?? mail.input.lost)?.mailboxId
  let best: Mailbox | null = null
  let bestMs = segment.toMs
  const startMs = lane.campaign ? lane.campaign.holes.first(fromMs) : fromMs
  for (const mailbox of mailboxes) {
    if (mailbox.holes.first(startMs) > bestMs || !mailboxHasRoom(mail, mailbox, segment.day)) continue
    if (lane.quota && (lane.quota.byMailbox.get(mailbox) ?? 1) < 1) continue
    const atMs = meet(lane.campaign?.holes ?? null, mailbox.holes, startMs, segment.toMs)
    if (atMs >= segment.toMs || atMs > bestMs) continue
    if (best && atMs === bestMs && !isPreferred(mailbox, best, ownId, segment.day)) continue
    best = mailbox
    bestMs = atMs
  }
  return best && { atMs: bestMs, mailbox: best }
}

/** The first instant that is free on both sides; Infinity if there is none before the end. */
function meet(campaign: Holes | null, mailbox: Holes, fromMs: number, toMs: number): number {
  let atMs = fromMs
  while (atMs < toMs) {
    const mailboxMs = mailbox.first(atMs)
    if (!campaign) return mailboxMs
    atMs = campaign.first(mailboxMs)
    if (atMs === mailboxMs) return atMs
  }
  return Number.POSITIVE_INFINITY
}

function isPreferred(mailbox: Mailbox, other: Mailbox, ownId: number | undefined, day: number): boolean {
  if (other.input.id === ownId) return false
  if (mailbox.input.id === ownId) return true
  const [load, otherLoad] = [mailbox.campaign.load(day), other.campaign.load(day)]
  return load < otherLoad || (load === otherLoad && mailbox.input.id < other.input.id)
}

/**
 * The lanes of these mails, which are ranked already. With `one` line all of a lane go strictly by rank; else each mailbox has its own, so
 * that mails bound to a busy one hold up no others.
 */
export function lanesOf(world: World, mails: readonly Mail[], line: 'one' | 'by mailbox'): Lane[] {
  const lanes = new Map<string, Lane>()
  for (const mail of mails) {
    const { campaign, bound, salesperson } = mail
    const key = campaign ? `campaign ${campaign.input.id}` : `mailbox ${bound?.input.id} for ${salesperson?.input.id}`
    const lane = lanes.get(key) ?? laneOf(world, mail)
    lanes.set(key, lane)
    const mailboxId = line === 'one' ? 'any' : (bound?.input.id ?? 'any')
    const queue = lane.queues.get(mailboxId) ?? new Queue(line === 'by mailbox')
    lane.queues.set(mailboxId, queue)
    queue.add(mail, world.nowMs)
  }
  return [...lanes.values()]
}

function laneOf(world: World, { campaign, bound }: Mail): Lane {
  const segments = (campaign?.segments ?? world.wholeDays).filter(({ open }) => open)
  return {
    id: campaign?.input.id ?? bound?.input.id ?? 0,
    campaign,
    queues: new Map(),
    weight: campaign?.input.weight ?? 1,
    segments: Map.groupBy(segments, ({ day }) => day),
    today: [],
    at: 0,
    cursorMs: world.nowMs,
    next: null,
    quota: null,
  }
}
