/**
 * Limits, gaps and windows, checked from the recorder's own record. What goniec promises holds for the instant of the fence, which lies
 * between the server's 354 and the first byte of the content: a breach is what no instant in between could excuse.
 */
import { instantAt } from '../../time.ts'
import type { RecordedMail } from './recorder.ts'
import type { CampaignTerms, Terms } from './terms.ts'

/** A recorded mail of which it is known what it is. */
export interface IdentifiedMail extends RecordedMail {
  campaign: string
  recipient: string
  step: string
}

export interface Breaches {
  /** Mails beyond a limit of the day: of a mailbox (and its warm-up), a campaign, a salesperson; or from two campaigns to one lead. */
  over_limit: number
  outside_window: number
  /** Mails sooner after the one before than the mailbox's gap or the campaign's delay allows. */
  too_close: number
}

/** Counts mails that break the terms. All of them are of one day. */
export function countBreaches(mails: readonly IdentifiedMail[], terms: Terms): Breaches {
  const { mailboxes, salespeople, campaigns } = terms
  const ofCampaign = (name: string) => mails.filter(({ campaign }) => campaign === name)
  const ofMailbox = (address: string) => mails.filter(({ from }) => from === address)
  const names = (email: string) => campaigns.filter(({ salesperson }) => salesperson === email).map(({ name }) => name)
  return {
    over_limit: sum([
      ...mailboxes.map(({ address, most }) => excess(ofMailbox(address), most)),
      ...campaigns.map(({ name, dailyLimit }) => excess(ofCampaign(name), dailyLimit)),
      ...salespeople.map(({ email, dailyLimit }) => excess(names(email).flatMap(ofCampaign), dailyLimit)),
      ...campaigns.filter(({ keepsContactGap }) => keepsContactGap).map((campaign) => afterOthers(mails, campaign)),
    ]),
    outside_window: sum(campaigns.map((campaign) => outside(ofCampaign(campaign.name), campaign, terms.timeZone))),
    too_close: sum([
      ...mailboxes.map(({ address, minGapMs }) => tooClose(ofMailbox(address), minGapMs)),
      ...campaigns.map(({ name, shortestDelayMs }) => tooClose(ofCampaign(name), shortestDelayMs)),
    ]),
  }
}

function excess(mails: readonly unknown[], most: number | null): number {
  return most === null ? 0 : Math.max(0, mails.length - most)
}

/** The contact gap, on its first day: mails to a lead whom another campaign has mailed before. */
function afterOthers(mails: readonly IdentifiedMail[], { name }: CampaignTerms): number {
  return mails.filter(
    (mail) =>
      mail.campaign === name &&
      mails.some(({ campaign, recipient, askedAtMs }) => {
        return campaign !== name && recipient === mail.recipient && askedAtMs < mail.askedAtMs
      }),
  ).length
}

function outside(mails: readonly IdentifiedMail[], { window }: CampaignTerms, timeZone: string): number {
  const isOpen = (ms: number): boolean => {
    const time = instantAt(ms).toZonedDateTimeISO(timeZone).toPlainTime().toString({ smallestUnit: 'minute' })
    return window.from <= time && time < window.to
  }
  return mails.filter(({ askedAtMs, contentAtMs }) => !isOpen(askedAtMs) && !isOpen(contentAtMs)).length
}

function tooClose(mails: readonly IdentifiedMail[], gapMs: number): number {
  const inOrder = mails.toSorted((a, b) => a.contentAtMs - b.contentAtMs)
  return inOrder.filter((mail, i) => {
    const before = inOrder[i - 1]
    return before !== undefined && widest(before, mail) < gapMs
  }).length
}

/** The widest gap that two fences can have had, whichever came first. */
function widest(one: RecordedMail, other: RecordedMail): number {
  return Math.max(other.contentAtMs - one.askedAtMs, one.contentAtMs - other.askedAtMs)
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
