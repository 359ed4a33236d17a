/**
 * What each lane may take of a shared mailbox, salesperson or recipient domain on a day, before the rest goes to whoever can use it: its part, by
 * weight, of what is free and of what these lanes have there already, less what it has itself.
 */
import { Domain } from './domains.ts'
import type { Lane } from './lane.ts'
import { Quota } from './quota.ts'
import type { Mailbox, Salesperson } from './world.ts'

/** Gives the lanes their parts. False where nobody wants more of what is shared than there is. `today` is day 0 as a date's number. */
export function setQuotas(lanes: readonly Lane[], day: number, today: number): boolean {
  const standing = new Map(lanes.map((lane) => [lane, standingOf(lane, day)]))
  const part = (lane: Lane, owner: Owner, shared: ReadonlyMap<Owner, Shared>): number => {
    const all = shared.get(owner)
    if (!all || !isShort(all)) return Number.POSITIVE_INFINITY
    return partOf(lane, all, turnOf(owner, today + day)) - (standing.get(lane)?.get(owner) ?? 0)
  }
  const people = sharedOf(standing, day, wantedOfPeople)
  const ofPeople = new Map(
    lanes.map((lane) => [lane, lane.campaign?.salesperson ? part(lane, lane.campaign.salesperson, people) : Infinity]),
  )
  // Whose salesperson has nothing for it today leaves its mailboxes to others: a turn at the one is worth nothing without the other.
  const going = new Map([...standing].filter(([lane]) => (ofPeople.get(lane) ?? 0) >= 1))
  const shared = sharedOf(going, day, wantedOfOthers)
  if (![...people.values(), ...shared.values()].some(isShort)) return false
  for (const lane of lanes) {
    const { mailboxes } = lane.pool
    const partHere = (owner: Owner): number => part(lane, owner, shared)
    lane.quota = new Quota(mailboxes, mailboxes.map(partHere), {
      salesperson: ofPeople.get(lane) ?? 0,
      others: new Map([...lane.bound, ...lane.domains.keys()].map((owner) => [owner, partHere(owner)])),
    })
  }
  return true
}

type Owner = Mailbox | Salesperson | Domain

interface Shared {
  room: number
  /** What these lanes have there already. */
  standing: number
  lanes: Lane[]
  weight: number
  wanted: number
}

/**
 * A lane's whole part, and now and then one more. What is left over when each has its whole part is less than one for each: it goes round, so that
 * on a mailbox with one place a day two campaigns have about every other day, and none waits until another is done. Each lane's fraction has a
 * stretch of a circle; a point for each place that is left is laid on it, one turn apart, and begins at another place every day.
 */
function partOf(lane: Lane, { room, standing, lanes, weight }: Shared, turn: number): number {
  const places = Math.max(0, room + standing)
  const fractionOf = (one: Lane): number => (places * one.weight) % weight
  let from = 0
  for (const one of lanes) {
    if (one === lane) break
    from += fractionOf(one)
  }
  const begin = Math.floor(turn * weight)
  const whole = Math.floor((places * lane.weight) / weight)
  const distance = (((begin - from) % weight) + weight) % weight
  return distance < fractionOf(lane) ? whole + 1 : whole
}

/**
 * Where on the circle a day begins: an irrational step a day spreads the beginnings evenly, whichever days are sending days. Each kind of owner has
 * its own step, and so have mailboxes whose numbers follow each other: with one for all, the turns of a mailbox and of its salesperson, or of two
 * mailboxes, would fall together every day, or never, and a campaign that sends one mail a day would lose one of two each time.
 */
function turnOf(owner: Owner, day: number): number {
  if (owner instanceof Domain) return (day * Math.SQRT2) % 1
  const { id } = owner.input
  const step = 'gapMs' in owner ? (STEPS[id % STEPS.length] ?? 0) : Math.sqrt(3)
  return (day * step + id * Math.SQRT2) % 1
}

/** Roots of which none is a part of another one, nor of those of domains and salespeople; the first is the golden ratio's. */
const STEPS = [(Math.sqrt(5) - 1) / 2, ...[6, 7, 11, 13, 14, 19, 21].map(Math.sqrt)]

function isShort({ lanes, wanted, room }: Shared): boolean {
  return lanes.length > 1 && wanted > room
}

/** How many mails of a lane's campaign stand on each mailbox on a day, go to each domain, and count on its salesperson. */
function standingOf({ campaign }: Lane, day: number): Map<Owner, number> {
  const counts = new Map<Owner, number>()
  const count = (owner: Owner | null): void => {
    if (owner) counts.set(owner, (counts.get(owner) ?? 0) + 1)
  }
  const mails = campaign?.timeline.on(day) ?? []
  for (const { mailbox, domain } of mails) {
    count(mailbox)
    count(domain)
  }
  if (campaign?.salesperson) counts.set(campaign.salesperson, mails.length)
  return counts
}

/** `wantedOf`: how many mails of a lane may need a place there. */
function sharedOf(
  standing: ReadonlyMap<Lane, ReadonlyMap<Owner, number>>,
  day: number,
  wantedOf: (lane: Lane) => ReadonlyMap<Owner, number>,
): Map<Owner, Shared> {
  const shared = new Map<Owner, Shared>()
  for (const [lane, own] of standing) {
    for (const [owner, wanted] of wantedOf(lane)) {
      if (wanted === 0) continue
      const all = shared.get(owner) ?? { room: roomOf(owner, day), standing: 0, lanes: [], weight: 0, wanted: 0 }
      shared.set(owner, all)
      all.standing += own.get(owner) ?? 0
      all.lanes.push(lane)
      all.weight += lane.weight
      all.wanted += wanted
    }
  }
  return shared
}

function wantedOfPeople({ campaign, queues }: Lane): Map<Owner, number> {
  let mails = 0
  for (const { size } of queues.values()) mails += size
  return new Map(campaign?.salesperson ? [[campaign.salesperson, mails]] : [])
}

/** Of mailboxes and domains. */
function wantedOfOthers({ pool, queues, bound, domains }: Lane): Map<Owner, number> {
  const forAny = queues.get('any')?.size ?? 0
  const wanted = new Map<Owner, number>(domains)
  if (forAny > 0) for (const mailbox of pool.mailboxes) wanted.set(mailbox, forAny)
  for (const mailbox of bound) {
    const only = queues.get(mailbox.input.id)?.size ?? 0
    wanted.set(mailbox, (wanted.get(mailbox) ?? 0) + only)
  }
  return wanted
}

function roomOf(owner: Owner, day: number): number {
  if (owner instanceof Domain) return owner.room(day)
  return 'gapMs' in owner ? Math.min(owner.all.room(day), owner.campaign.room(day)) : owner.counter.room(day)
}
