/** How many first mails of a campaign there could be places for: what is beyond need not be looked at. */
import { dayText, zoneDays } from './days.ts'
import type { PlanCampaign, PlanMailbox } from './plan-input.ts'
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
