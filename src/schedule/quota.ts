/** What each lane may take of a shared mailbox or salesperson on a day, before the rest goes to whoever can use it. */
import type { Lane } from './lane.ts'
import type { DayCounter } from './counter.ts'
import type { Mailbox, Salesperson } from './world.ts'

/** Gives the lanes their shares, equal but for their weights. False where nothing with a limit is shared. */
export function setQuotas(lanes: readonly Lane[], day: number): boolean {
  const weights = new Map<Mailbox | Salesperson, { weight: number; lanes: number }>()
  for (const lane of lanes) for (const owner of ownersOf(lane)) addWeight(weights, owner, lane.weight)
  if (![...weights.values()].some((it) => it.lanes > 1)) return false
  for (const lane of lanes) {
    const share = (owner: Mailbox | Salesperson | null, counter: DayCounter | undefined): number => {
      const all = owner && weights.get(owner)
      if (!all || !counter || all.lanes === 1) return Number.POSITIVE_INFINITY
      return Math.ceil((counter.room(day) * lane.weight) / all.weight)
    }
    const salesperson = lane.campaign?.salesperson ?? null
    lane.quota = {
      byMailbox: new Map(lane.campaign?.mailboxes.map((mailbox) => [mailbox, share(mailbox, tighter(mailbox, day))])),
      salesperson: share(salesperson, salesperson?.counter),
    }
  }
  return true
}

function ownersOf({ campaign }: Lane): (Mailbox | Salesperson)[] {
  if (!campaign) return []
  return campaign.salesperson ? [...campaign.mailboxes, campaign.salesperson] : [...campaign.mailboxes]
}

function addWeight(
  weights: Map<Mailbox | Salesperson, { weight: number; lanes: number }>,
  owner: Mailbox | Salesperson,
  weight: number,
): void {
  const known = weights.get(owner)
  weights.set(owner, { weight: (known?.weight ?? 0) + weight, lanes: (known?.lanes ?? 0) + 1 })
}

function tighter({ all, campaign }: Mailbox, day: number): DayCounter {
  return all.room(day) < campaign.room(day) ? all : campaign
}
