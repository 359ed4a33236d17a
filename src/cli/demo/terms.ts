/** What the demo's definition promises, as the recorder can check it: limits of the day, gaps, windows. Taken from the definition, not from the database. */
import type { CampaignDefinition, Definition, MailboxDefinition } from '../../campaigns/definition/definition.ts'
import type { PlainDate } from '../../time.ts'

export interface Terms {
  timeZone: string
  mailboxes: MailboxTerms[]
  /** By their addresses. */
  salespeople: { email: string; dailyLimit: number | null }[]
  campaigns: CampaignTerms[]
}

export interface MailboxTerms {
  address: string
  /** Most campaign mails of the day: the daily limit, or what its warm-up allows. */
  most: number
  /** Day of its warm-up; null: it is not warming. */
  warmupDay: number | null
  minGapMs: number
}

export interface CampaignTerms {
  name: string
  salesperson: string
  /** The steps' keys, in order. */
  steps: string[]
  dailyLimit: number | null
  /** Nobody is mailed whom another campaign has mailed today. */
  keepsContactGap: boolean
  /** The delay less its spread. */
  shortestDelayMs: number
  /** Local times, `HH:MM`. */
  window: { from: string; to: string }
}

/** The terms of this definition on this day. */
export function termsOf(definition: Definition, { timeZone, today }: { timeZone: string; today: PlainDate }): Terms {
  return {
    timeZone,
    mailboxes: definition.mailboxes.map((mailbox) => mailboxTerms(mailbox, definition, today)),
    salespeople: definition.salespeople.map(({ email, dailyLimit }) => ({ email, dailyLimit })),
    campaigns: definition.campaigns.map(campaignTerms),
  }
}

function mailboxTerms(mailbox: MailboxDefinition, { warmupStages }: Definition, today: PlainDate): MailboxTerms {
  const { address, dailyLimit, minGapMs, warmup } = mailbox
  if (warmup === null) return { address, most: dailyLimit, warmupDay: null, minGapMs }
  const warmupDay = today.since(warmup.started).days + 1
  const stage = (warmupStages ?? []).filter(({ fromDay }) => fromDay <= warmupDay).at(-1)
  const limits = [dailyLimit, warmup.dailyLimit, stage?.campaignLimit]
  return { address, most: Math.min(...limits.map((limit) => limit ?? Infinity)), warmupDay, minGapMs }
}

function campaignTerms({
  name,
  salesperson,
  steps,
  dailyLimit,
  delayMs,
  jitter,
  window,
  contactGapDays,
}: CampaignDefinition): CampaignTerms {
  return {
    name,
    salesperson,
    steps: steps.map(({ key }, i) => key ?? `step-${i + 1}`),
    dailyLimit,
    keepsContactGap: contactGapDays > 0,
    shortestDelayMs: Math.floor(delayMs * (1 - jitter)),
    window: { from: window.from, to: window.to },
  }
}
