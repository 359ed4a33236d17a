/** How many first mails of a campaign there could be places for: what is beyond need not be looked at. */
import { dayText, zoneDays } from './days.ts'
import type { DomainLimits, PlanCampaign, PlanMailbox } from './plan-input.ts'
import { windowsOf } from './windows.ts'

/** The most mails that a campaign could send within the horizon, with a margin. */
export function roomOf(
  campaign: PlanCampaign,
  mailboxes: readonly PlanMailbox[],
  { nowMs, horizonDays }: { nowMs: number; horizonDays: number },
): number {
  if (!campaign.running) return 0
  const windows = windowsOf(campaign, dayText(zoneDays(campaign.timeZone).dayAt(nowMs)), horizonDays)
  const ofMailboxes = mailboxes
    .filter(({ id, usable }) => usable && campaign.mailboxIds.includes(id))
    .reduce((sum, { dailyLimit }) => sum + dailyLimit, 0)
  const perDay = Math.min(ofMailboxes, campaign.dailyLimit ?? Number.POSITIVE_INFINITY)
  const shortestMs = campaign.delayMs * (1 - campaign.jitter)
  const openMs = windows.reduce((sum, { opensMs, closesMs }) => sum + closesMs - opensMs, 0)
  const byDelay = shortestMs > 0 ? Math.ceil(openMs / shortestMs) : Number.POSITIVE_INFINITY
  // A window can touch one more of the mailboxes' days than it has days itself.
  return Math.min(perDay * (windows.length + 1), byDelay) + MARGIN
}

/** Mails beyond the room, for those whose leads are taken or that are given up. */
const MARGIN = 500

/**
 * The most mails that a recipient domain could get within the horizon. The first of a campaign's mails may all go to one domain, and leave no
 * room to look at the others: of each domain no more are looked at than this.
 */
export function roomOfDomain(
  domainLimits: ReadonlyMap<string, DomainLimits>,
  domain: string | null,
  horizonDays: number,
): number {
  const limits = domain === null ? undefined : (domainLimits.get(domain) ?? domainLimits.get('*'))
  // A window can touch one more of the installation's days than it has days itself.
  return (horizonDays + 1) * Math.min(limits?.dailyLimit ?? Infinity, (limits?.hourlyLimit ?? Infinity) * 24)
}
