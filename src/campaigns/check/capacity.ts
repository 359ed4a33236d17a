/**
 * How many sending days a campaign roughly takes, by its own limits and those of its mailboxes. Pure, and rough on purpose: other
 * campaigns, responses and the waits between steps are left to the plan.
 */
import type { SendingWindow } from '../../schedule/windows.ts'
import { mailboxDayLimits, type WarmupStage } from '../../schedule/warmup.ts'
import type { Campaign } from '../campaign.ts'
import type { CheckedMailbox } from './senders.ts'

export interface CapacityInput {
  campaign: Pick<Campaign, 'delayMs' | 'dailyLimit'>
  mailboxes: readonly CheckedMailbox[]
  salespersonLimit: number | null
  stages: readonly WarmupStage[]
  windows: readonly SendingWindow[]
  nowMs: number
}

/** The sending days until so many mails are out; null where the windows given do not suffice. */
export function sendingDays(input: CapacityInput, mails: number): number | null {
  let left = mails
  let days = 0
  for (const window of input.windows) {
    if (left <= 0) break
    const room = mailsOn(input, window)
    if (room > 0) days += 1
    left -= room
  }
  return left <= 0 ? days : null
}

/** The most mails of a whole day with this window. */
export function mailsOn(
  { campaign, mailboxes, salespersonLimit, stages, nowMs }: CapacityInput,
  window: SendingWindow,
): number {
  const spanMs = window.closesMs - Math.max(window.opensMs, nowMs)
  if (spanMs <= 0) return 0
  const ofMailboxes = mailboxes.map((mailbox) =>
    Math.min(mailboxDayLimits(mailbox, stages, window.day).campaignLimit, fitting(spanMs, mailbox.minGapMs)),
  )
  return Math.min(
    ofMailboxes.reduce((sum, room) => sum + room, 0),
    fitting(spanMs, campaign.delayMs),
    campaign.dailyLimit ?? Number.POSITIVE_INFINITY,
    salespersonLimit ?? Number.POSITIVE_INFINITY,
  )
}

/** Mails that fit a span at this distance. */
function fitting(spanMs: number, distanceMs: number): number {
  return distanceMs === 0 ? Number.POSITIVE_INFINITY : Math.ceil(spanMs / distanceMs)
}
