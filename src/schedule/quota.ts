/** What each lane may take of a shared mailbox or salesperson on a day, before the rest goes to whoever can use it. */
import type { DayCounter } from './counter.ts'
import type { Lane } from './lane.ts'
import type { Mailbox, Salesperson } from './world.ts'

/** A lane's part of what it shares with others on a day. */
export class Quota {
  salesperson: number
  readonly #byMailbox: number[]
  readonly #mailboxes: readonly Mailbox[]

  constructor(mailboxes: readonly Mailbox[], byMailbox: number[], salesperson: number) {
    this.#mailboxes = mailboxes
    this.#byMailbox = byMailbox
    this.salesperson = salesperson
  }

  /** May the lane take one more of its mailbox with this index? */
  allows(index: number): boolean {
    return (this.#byMailbox[index] ?? 0) >= 1
  }

  use(mailbox: Mailbox): void {
    const index = this.#mailboxes.indexOf(mailbox)
    if (index >= 0) this.#byMailbox[index] = (this.#byMailbox[index] ?? 0) - 1
    this.salesperson--
  }
}

/** Gives the lanes their parts, equal but for their weights. False where nobody wants more of what is shared than there is. */
export function setQuotas(lanes: readonly Lane[], day: number): boolean {
  const shared = sharedOf(lanes, day)
  if (![...shared.values()].some(isShort)) return false
  for (const lane of lanes) {
    const part = (owner: Mailbox | Salesperson | null | undefined): number => {
      const all = owner && shared.get(owner)
      return all && isShort(all) ? Math.ceil((all.room * lane.weight) / all.weight) : Number.POSITIVE_INFINITY
    }
    lane.quota = new Quota(lane.pool.mailboxes, lane.pool.mailboxes.map(part), part(lane.campaign?.salesperson))
  }
  return true
}

interface Shared {
  room: number
  lanes: number
  weight: number
  wanted: number
}

function isShort({ lanes, wanted, room }: Shared): boolean {
  return lanes > 1 && wanted > room
}

function sharedOf(lanes: readonly Lane[], day: number): Map<Mailbox | Salesperson, Shared> {
  const shared = new Map<Mailbox | Salesperson, Shared>()
  const want = (owner: Mailbox | Salesperson, room: () => number, lane: Lane, wanted: number): void => {
    const known = shared.get(owner)
    if (!known) {
      shared.set(owner, { room: room(), lanes: 1, weight: lane.weight, wanted })
      return
    }
    known.lanes++
    known.weight += lane.weight
    known.wanted += wanted
  }
  for (const lane of lanes) {
    let wanted = 0
    for (const queue of lane.queues.values()) wanted += queue.size
    for (const mailbox of lane.pool.mailboxes) want(mailbox, () => tighter(mailbox, day).room(day), lane, wanted)
    const salesperson = lane.campaign?.salesperson
    if (salesperson) want(salesperson, () => salesperson.counter.room(day), lane, wanted)
  }
  return shared
}

function tighter({ all, campaign }: Mailbox, day: number): DayCounter {
  return all.room(day) < campaign.room(day) ? all : campaign
}
