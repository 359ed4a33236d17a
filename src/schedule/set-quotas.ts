/**
 * What each lane may take of a shared mailbox or salesperson on a day, before the rest goes to whoever can use it: its part, by weight, of
 * what is free and of what these lanes have there already, less what it has itself.
 */
import type { Lane } from './lane.ts'
import { Quota } from './quota.ts'
import type { Mailbox, Salesperson } from './world.ts'

/** Gives the lanes their parts. False where nobody wants more of what is shared than there is. */
export function setQuotas(lanes: readonly Lane[], day: number): boolean {
  const standing = new Map(lanes.map((lane) => [lane, standingOf(lane, day)]))
  const shared = sharedOf(standing, day)
  if (![...shared.values()].some(isShort)) return false
  for (const [lane, own] of standing) {
    const part = (owner: Owner | null | undefined): number => {
      const all = owner && shared.get(owner)
      if (!all || !isShort(all)) return Number.POSITIVE_INFINITY
      return Math.ceil(((all.room + all.standing) * lane.weight) / all.weight) - (own.get(owner) ?? 0)
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
  lanes: number
  weight: number
  wanted: number
}

function isShort({ lanes, wanted, room }: Shared): boolean {
  return lanes > 1 && wanted > room
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
      const all = shared.get(owner) ?? { room: roomOf(owner, day), standing: 0, lanes: 0, weight: 0, wanted: 0 }
      shared.set(owner, all)
      all.standing += own.get(owner) ?? 0
      all.lanes++
      all.weight += lane.weight
      all.wanted += wanted
    }
  }
  return shared
}

function roomOf(owner: Owner, day: number): number {
  return 'counter' in owner ? owner.counter.room(day) : Math.min(owner.all.room(day), owner.campaign.room(day))
}
