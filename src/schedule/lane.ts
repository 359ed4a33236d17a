/**
 * A lane is one sender's line of mails on its way through the days: a campaign's, or that of a mailbox for responses or warm-up. It
 * knows where its next mail could go, given all that stands already; `fill.ts` lets the lanes take turns.
 */
import type { Domain } from './domains.ts'
import type { Holes } from './holes.ts'
import type { Quota } from './quota.ts'
import { Queue, startMsOf } from './queue.ts'
import type { Campaign, Mail, Mailbox, Segment, World } from './world.ts'
import { leadIsTaken, mailboxHasRoom, ownersHaveRoom } from './world.ts'

/** Where a lane's next mail goes; without a mailbox it is only known that it goes no earlier. */
export interface Place {
  atMs: number
  mailbox: Mailbox | null
  segment: Segment
  queue: Queue
  mail: Mail
}

export interface Lane {
  readonly id: number
  readonly campaign: Campaign | null
  readonly pool: Pool
  /** By the mailbox that their mails are bound to. */
  readonly queues: Map<number | 'any', Queue>
  /** The mailboxes that some of its mails are bound to. */
  readonly bound: Set<Mailbox>
  /** How many of its mails wait for limited domains. */
  readonly domains: Map<Domain, number>
  readonly weight: number
  /** By the installation's day. */
  readonly segments: ReadonlyMap<number, readonly Segment[]>
  /** The segments of the day that is being filled, and the one of them that it is at. */
  today: readonly Segment[]
  at: number
  /** Nothing of this lane can go before. */
  cursorMs: number
  /** What it may still take of what it shares in this pass; null: whatever there is. */
  quota: Quota | null
}

/** Mailboxes that first mails may leave from. Lanes with the same ones share a pool, and what is known about it. */
export interface Pool {
  readonly mailboxes: readonly Mailbox[]
  /** None of them can send before. */
  freeFromMs: number
}

/** The segment that a lane is at. */
export function segmentOf(lane: Lane): Segment | undefined {
  return lane.today[lane.at]
}

/** The next place of a lane on the day that is being filled; null when there is none. */
export function seek(world: World, lane: Lane): Place | null {
  for (let segment = segmentOf(lane); segment; segment = segmentOf(lane)) {
    const fromMs = Math.max(lane.cursorMs, segment.fromMs)
    let first: Place | null = null
    for (const queue of lane.queues.values()) {
      const place = fromMs < segment.toMs ? placeOf(world, lane, queue, segment, fromMs) : null
      if (place && (!first || comesFirst(place, first))) first = place
    }
    if (first) return first
    lane.at++
    for (const queue of lane.queues.values()) queue.reopen()
  }
  return null
}

/** Takes the head out of one of a lane's lines. */
export function takeHead({ domains }: Lane, queue: Queue): Mail | undefined {
  const mail = queue.takeHead()
  if (mail?.domain) domains.set(mail.domain, (domains.get(mail.domain) ?? 0) - 1)
  return mail
}

/** Earlier places first; at one instant, whoever stands first in the line. */
function comesFirst(a: Place, b: Place): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.mail.rank < b.mail.rank)
}

function placeOf(world: World, lane: Lane, queue: Queue, segment: Segment, fromMs: number): Place | null {
  while (!queue.closed) {
    const mail = queue.head(fromMs)
    if (!mail || startMsOf(mail) >= segment.toMs) return null
    if (leadIsTaken(world, mail, segment) || !domainAllows(lane, mail, segment)) {
      queue.setHeadAside()
      continue
    }
    const startMs = Math.max(fromMs, startMsOf(mail))
    const openMs = mail.domain?.openFromMs(startMs) ?? startMs
    if (openMs > startMs) {
      queue.holdHead(openMs)
      continue
    }
    const allowed = ownersHaveRoom(mail, segment) && (!lane.quota || lane.quota.salesperson >= 1)
    const found = allowed ? earliest(lane, mail, segment, startMs) : null
    const laterMs = (found?.mailbox && mail.domain?.openFromMs(found.atMs)) ?? Number.NEGATIVE_INFINITY
    if (found && laterMs <= found.atMs) return { ...found, segment, queue, mail }
    if (found) {
      queue.holdHead(laterMs)
      continue
    }
    if (queue.uniform) queue.closed = true
    else queue.setHeadAside()
  }
  return null
}

/** Does the recipient's domain get more on the segment's day, and of it this lane? */
function domainAllows({ quota }: Lane, { domain }: Mail, { day }: Segment): boolean {
  return !domain || (domain.dayHasRoom(day) && (!quota || quota.allows(domain)))
}

function earliest(lane: Lane, mail: Mail, segment: Segment, fromMs: number): Pick<Place, 'atMs' | 'mailbox'> | null {
  if (mail.bound && lane.quota?.allows(mail.bound) === false) return null
  if (mail.bound) return earliestOf(lane, mail, segment, [mail.bound], fromMs)
  const { pool } = lane
  // Of many lanes that wait for the same mailboxes one looks, and the others only wait until that time.
  if (pool.freeFromMs > lane.cursorMs)
    return pool.freeFromMs < segment.toMs ? { atMs: pool.freeFromMs, mailbox: null } : null
  return earliestOf(lane, mail, segment, pool.mailboxes, fromMs)
}

/** The mailbox that can send this mail first; among equals the one it had, then the one with the lightest day, then the lowest id. */
function earliestOf(
  lane: Lane,
  mail: Mail,
  segment: Segment,
  mailboxes: readonly Mailbox[],
  fromMs: number,
): Pick<Place, 'atMs' | 'mailbox'> | null {
  const holes = lane.campaign?.holes ?? null
  const startMs = holes ? holes.first(fromMs) : fromMs
  const ownId = (mail.input.slot ?? mail.input.lost)?.mailboxId
  let best: Mailbox | null = null
  let bestMs = segment.toMs
  let bestLoad = 0
  let freeFromMs = Number.POSITIVE_INFINITY
  for (let index = 0; index < mailboxes.length; index++) {
    const mailbox = mailboxes[index]
    if (!mailbox) continue
    const freeMs = mailbox.holes.first(startMs)
    if ((freeMs > bestMs && freeMs >= freeFromMs) || !mailboxHasRoom(mail, mailbox, segment.day)) continue
    if (freeMs < freeFromMs) freeFromMs = freeMs
    if (freeMs > bestMs || (lane.quota && !mail.bound && !lane.quota.allowsAt(index))) continue
    const atMs = meet(holes, mailbox.holes, freeMs, segment.toMs)
    if (atMs >= segment.toMs || atMs > bestMs) continue
    const load = mailbox.input.id === ownId ? -1 : mailbox.campaign.load(segment.day)
    if (best && atMs === bestMs && (load > bestLoad || (load === bestLoad && mailbox.input.id > best.input.id)))
      continue
    best = mailbox
    bestMs = atMs
    bestLoad = load
  }
  // A lane whose turn it is stands at the present instant of the pass: what is not free from there on is free for no lane.
  if (!mail.bound && startMs === lane.cursorMs) lane.pool.freeFromMs = Math.max(startMs, freeFromMs)
  return best && { atMs: bestMs, mailbox: best }
}

/** The first instant that is free on both sides, from one that is free for the mailbox; Infinity if there is none before the end. */
export function meet(campaign: Holes | null, mailbox: Holes, freeMs: number, toMs: number): number {
  if (!campaign) return freeMs
  let atMs = freeMs
  while (atMs < toMs) {
    const campaignMs = campaign.first(atMs)
    if (campaignMs === atMs) return atMs
    atMs = mailbox.first(campaignMs)
  }
  return Number.POSITIVE_INFINITY
}

/**
 * The lanes of these mails, which are ranked already, by id: what is left over of shares goes round among them, and the order in which mails
 * came must not have a say in that. With `one` line all of a lane go strictly by rank; else each mailbox has its own, so that mails bound to
 * a busy one hold up no others.
 */
export function lanesOf(world: World, mails: readonly Mail[], line: 'one' | 'by mailbox'): Lane[] {
  const lanes = new Map<string, Lane>()
  const pools = new Map<string, Pool>()
  for (const mail of mails) {
    const { campaign, bound, salesperson } = mail
    const key = campaign ? `campaign ${campaign.input.id}` : `mailbox ${bound?.input.id} for ${salesperson?.input.id}`
    const lane = lanes.get(key) ?? laneOf(world, mail, pools)
    lanes.set(key, lane)
    const mailboxId = line === 'one' ? 'any' : (bound?.input.id ?? 'any')
    const queue = lane.queues.get(mailboxId) ?? new Queue(line === 'by mailbox')
    lane.queues.set(mailboxId, queue)
    queue.add(mail, world.nowMs)
    if (bound) lane.bound.add(bound)
    if (mail.domain) lane.domains.set(mail.domain, (lane.domains.get(mail.domain) ?? 0) + 1)
  }
  return [...lanes.values()].toSorted((a, b) => a.id - b.id)
}

function laneOf(world: World, { campaign, bound }: Mail, pools: Map<string, Pool>): Lane {
  const segments = (campaign?.segments ?? world.wholeDays).filter(({ open }) => open)
  const mailboxes = campaign?.mailboxes ?? []
  const poolKey = mailboxes.map(({ input }) => input.id).join(' ')
  const pool = pools.get(poolKey) ?? { mailboxes, freeFromMs: world.nowMs }
  pools.set(poolKey, pool)
  return {
    id: campaign?.input.id ?? bound?.input.id ?? 0,
    campaign,
    pool,
    queues: new Map(),
    bound: new Set(),
    domains: new Map(),
    weight: campaign?.input.weight ?? 1,
    segments: Map.groupBy(segments, ({ day }) => day),
    today: [],
    at: 0,
    cursorMs: world.nowMs,
    quota: null,
  }
}
