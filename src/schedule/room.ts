/** How many first mails of a campaign there could be places for: what is beyond need not be looked at. */
import { FRONT, type DomainLimits, type PlanCampaign, type PlanMailbox } from './plan-input.ts'
import { lengthMs } from './windows.ts'

/**
 * The most mails that a campaign could send within the horizon, with a margin. It is asked of no calendar: which days they are makes no difference,
 * and whoever reads the mails need not wait until calendars are opened.
 */
export function roomOf(
  campaign: PlanCampaign,
  mailboxes: ReadonlyMap<number, PlanMailbox>,
  horizonDays: number,
): number {
  if (!campaign.running) return 0
  let ofMailboxes = 0
  for (const id of campaign.mailboxIds) {
    const mailbox = mailboxes.get(id)
    if (mailbox?.usable) ofMailboxes += mailbox.dailyLimit
  }
  const perDay = Math.min(ofMailboxes, campaign.dailyLimit ?? Number.POSITIVE_INFINITY)
  const shortestMs = campaign.delayMs * (1 - campaign.jitter)
  const openMs = horizonDays * lengthMs(campaign.window) + CLOCK_CHANGE_MS
  const byDelay = shortestMs > 0 ? Math.ceil(openMs / shortestMs) : Number.POSITIVE_INFINITY
  // A window can touch one more of the mailboxes' days than it has days itself.
  return Math.min(perDay * (horizonDays + 1), byDelay) + MARGIN
}

/** The most that all campaigns together find places for: each alone has room for as many, where they share mailboxes. */
export function placesOf(mailboxes: readonly PlanMailbox[], horizonDays: number): number {
  // A window can touch one more of the mailboxes' days than it has days itself.
  return mailboxes.reduce((sum, { dailyLimit }) => sum + dailyLimit, 0) * (horizonDays + 1)
}

/**
 * What of all places within the horizon would be a campaign's, by weight, were every one of the campaigns that share its mailboxes to fill them: twice
 * of it, since some have less to send than others.
 */
export function sharesOf(
  campaigns: readonly PlanCampaign[],
  mailboxes: ReadonlyMap<number, PlanMailbox>,
  horizonDays: number,
): (campaign: PlanCampaign) => number {
  const running = campaigns.filter(({ running: runs }) => runs)
  const weights = new Map<number, number>()
  for (const { mailboxIds, weight } of running) {
    for (const id of mailboxIds) weights.set(id, (weights.get(id) ?? 0) + weight)
  }
  return ({ mailboxIds, weight }) => {
    const perDay = mailboxIds
      .map((id) => ((mailboxes.get(id)?.dailyLimit ?? 0) * weight) / (weights.get(id) ?? weight))
      .reduce((sum, places) => sum + places, 0)
    return Math.ceil(2 * perDay * (horizonDays + 1)) + FRONT
  }
}

/** One of the windows may be longer: that of the night on which the clock is put back. */
const CLOCK_CHANGE_MS = 3_600_000

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
  // And one, which is told that there is no more for it, and for those behind it.
  return (horizonDays + 1) * Math.min(limits?.dailyLimit ?? Infinity, (limits?.hourlyLimit ?? Infinity) * 24) + 1
}
