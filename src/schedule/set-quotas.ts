/**
 * What each lane may take of a shared mailbox or salesperson on a day, before the rest goes to whoever can use it: its part, by weight, of
 * what is free and of what these lanes have there already, less what it has itself.
 */
import type { Lane } from './lane.ts'
import { Quota } from './quota.ts'
import type { Mailbox, Salesperson } from './world.ts'

/** Gives the lanes their parts. False where nobody wants more of what is shared than there is. `today` is day 0 as a date's number. */
export function setQuotas(lanes: readonly Lane[], day: number, today: number): boolean {
  const standing = new Map(lanes.map((lane) => [lane, standingOf(lane, day)]))
  const shared = sharedOf(standing, day)
  if (![...shared.values()].some(isShort)) return false
  for (const [lane, own] of standing) {
    const part = (owner: Owner | null | undefined): number => {
      const all = owner && shared.get(owner)
      if (!all || !isShort(all)) return Number.POSITIVE_INFINITY
      return partOf(lane, all, today + day + owner.input.id) - (own.get(owner) ?? 0)
    }
    lane.quota = new Quota(lane.pool.mailboxes, lane.pool.mailboxes.map(part), part(lane.campaign?.salesperson))
  }
  return true
}

type Owner = Mailbox | Salesperson

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
 * stretch of a circle; a point for each place that is left is laid on it, one turn apart, and begins at another place every day: the golden
 * ratio spreads the beginnings as evenly as can be, whichever days are sending days.
 */
function partOf(lane: Lane, { room, standing, lanes, weight }: Shared, day: number): number {
  const places = Math.max(0, room + standing)
  const fractionOf = (one: Lane): number => (places * one.weight) % weight
  let from = 0
  for (const one of lanes) {
    if (one === lane) break
    from += fractionOf(one)
  }
  const begin = Math.floor(((day * GOLDEN) % 1) * weight)
  const whole = Math.floor((places * lane.weight) / weight)
  const distance = (((begin - from) % weight) + weight) % weight
  return distance < fractionOf(lane) ? whole + 1 : whole
}

const GOLDEN = (Math.sqrt(5) - 1) / 2

function isShort({ lanes, wanted, room }: Shared): boolean {
  return lanes.length > 1 && wanted > room
}

/** How many mails of a lane's campaign stand on each mailbox on a day, and on its salesperson. */
function standingOf({ campaign }: Lane, day: number): Map<Owner, number> {
  const counts = new Map<Owner, number>()
  const mails = campaign?.timeline.on(day) ?? []
  for (const { mailbox } of mails) if (mailbox) counts.set(mailbox, (counts.get(mailbox) ?? 0) + 1)
  if (campaign?.salesperson) counts.set(campaign.salesperson, mails.length)
  return counts
}

function sharedOf(standing: ReadonlyMap<Lane, ReadonlyMap<Owner, number>>, day: number): Map<Owner, Shared> {
  const shared = new Map<Owner, Shared>()
  for (const [lane, own] of standing) {
    let wanted = 0
    for (const queue of lane.queues.values()) wanted += queue.size
    const owners: Owner[] = [...lane.pool.mailboxes]
    if (lane.campaign?.salesperson) owners.push(lane.campaign.salesperson)
    for (const owner of owners) {
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

function roomOf(owner: Owner, day: number): number {
  return 'counter' in owner ? owner.counter.room(day) : Math.min(owner.all.room(day), owner.campaign.room(day))
}
