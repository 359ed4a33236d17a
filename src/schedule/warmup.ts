/**
 * What a mailbox may send on a day: one limit over all kinds of mail, and while it is warming up tighter ones for campaign mail and
 * for warm-up mail. Plan asks this for each day ahead; apply writes the answer beside the day's counters.
 */
import { dayNumber } from './days.ts'

/** From this day of the warm-up on, these limits hold; null: none. */
export interface WarmupStage {
  fromDay: number
  warmupLimit: number | null
  campaignLimit: number | null
}

/** The first day of a warm-up is its day 1. `dailyLimit` caps warm-up mail and campaign mail, each for itself. */
export interface Warmup {
  started: string
  dailyLimit: number | null
}

/** The limits of a mailbox on one day. `warmupDay` is null where the mailbox is not warming up. */
export interface MailboxDayLimits {
  dailyLimit: number
  campaignLimit: number
  warmupLimit: number
  warmupDay: number | null
}

/**
 * The limits of a mailbox on a day (`YYYY-MM-DD`). A warm-up that starts later has not begun: the mailbox is not warming yet, and
 * only its daily limit holds. Nor is it any longer once a last stage without limits is reached; a last stage that has limits lasts.
 */
export function mailboxDayLimits(
  mailbox: { dailyLimit: number; warmup: Warmup | null },
  stages: readonly WarmupStage[],
  day: string,
): MailboxDayLimits {
  const { dailyLimit, warmup } = mailbox
  const warmupDay = warmup === null ? null : dayNumber(day) - dayNumber(warmup.started) + 1
  const stage = warmupDay === null ? undefined : stageOf(stages, warmupDay)
  if (warmup === null || warmupDay === null || warmupDay < 1 || stage === 'warm') {
    return { dailyLimit, campaignLimit: dailyLimit, warmupLimit: dailyLimit, warmupDay: null }
  }
  const cap = Math.min(dailyLimit, warmup.dailyLimit ?? dailyLimit)
  return {
    dailyLimit,
    campaignLimit: Math.min(cap, stage?.campaignLimit ?? cap),
    warmupLimit: Math.min(cap, stage?.warmupLimit ?? cap),
    warmupDay,
  }
}

function stageOf(stages: readonly WarmupStage[], warmupDay: number): WarmupStage | 'warm' | undefined {
  const sorted = stages.toSorted((a, b) => a.fromDay - b.fromDay)
  const stage = sorted.findLast(({ fromDay }) => fromDay <= warmupDay)
  if (!stage) return undefined
  const ends = stage === sorted.at(-1) && stage.warmupLimit === null && stage.campaignLimit === null
  return ends ? 'warm' : stage
}
