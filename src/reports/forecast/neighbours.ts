/**
 * Whom a campaign has to share with. Campaigns that have a mailbox in common, a salesperson whose limit they could reach together, or a
 * lead whom they must not mail on the same day, decide on each other's days; all others do not, and need not be read.
 */
import type { PlanCampaign, PlanMailbox, PlanSalesperson } from '../../schedule/plan-input.ts'

export interface Registry {
  campaigns: readonly PlanCampaign[]
  mailboxes: readonly PlanMailbox[]
  salespeople: readonly PlanSalesperson[]
}

/**
 * These campaigns, and all that share with them over however many others, nearest first. `competes` says who counts beside those asked
 * for.
 */
export function neighboursOf(
  wanted: readonly number[],
  { campaigns, mailboxes, salespeople }: Registry,
  competes: (id: number) => boolean,
): number[] {
  const tight = tightSalespeople(campaigns, mailboxes, salespeople)
  const sharesOf = ({ mailboxIds, salespersonId }: PlanCampaign): string[] => [
    ...mailboxIds.map((id) => `mailbox ${id}`),
    ...(tight.has(salespersonId) ? [`salesperson ${salespersonId}`] : []),
  ]
  const byShare = new Map<string, PlanCampaign[]>()
  const byId = new Map(campaigns.map((it) => [it.id, it]))
  for (const campaign of campaigns) {
    if (!competes(campaign.id) && !wanted.includes(campaign.id)) continue
    for (const share of sharesOf(campaign)) byShare.set(share, [...(byShare.get(share) ?? []), campaign])
  }
  const found = new Set(wanted.filter((id) => byId.has(id)))
  // A set is gone through in the order in which things were put in, those put in meanwhile too.
  for (const id of found) {
    const campaign = byId.get(id)
    for (const share of campaign ? sharesOf(campaign) : []) {
      for (const other of byShare.get(share) ?? []) {
        found.add(other.id)
      }
    }
  }
  return [...found]
}

/** Those whose limit is below what all their campaigns' mailboxes may send: another one holds nobody. */
function tightSalespeople(
  campaigns: readonly PlanCampaign[],
  mailboxes: readonly PlanMailbox[],
  salespeople: readonly PlanSalesperson[],
): Set<number> {
  const limits = new Map(mailboxes.map(({ id, dailyLimit }) => [id, dailyLimit]))
  const boxes = new Map<number, Set<number>>()
  for (const { salespersonId, mailboxIds } of campaigns) {
    const own = boxes.get(salespersonId) ?? new Set<number>()
    boxes.set(salespersonId, own)
    for (const id of mailboxIds) own.add(id)
  }
  const tight = salespeople.filter(({ id, dailyLimit }) => {
    const most = [...(boxes.get(id) ?? [])].reduce((sum, box) => sum + (limits.get(box) ?? 0), 0)
    return dailyLimit !== null && dailyLimit < most
  })
  return new Set(tight.map(({ id }) => id))
}
