/** What a plan says: which slots to write, to take back, to stamp anew, and why some mails have none. What is not named stays. */
import type { Binding } from './binding.ts'
import type { MoveReason } from './plan-input.ts'

export interface Plan {
  /** Slots to store, in planned order. */
  slots: PlannedSlot[]
  /** Messages that lose their slot and get no other; each of them is among `waiting` too. */
  withdrawals: Withdrawal[]
  /** Slots that stay where they are, but were planned with other settings. */
  restamps: Restamp[]
  /** All messages without a slot. */
  waiting: Waiting[]
  /** Of those that wait, why: where it is not said of them already. */
  reasons: Pick<Waiting, 'messageId' | 'code'>[]
  /** Messages that were tried on as many days as allowed: they fail. Some still have a slot. */
  giveUps: { messageId: number }[]
  /** What limits each campaign on each of its sending days. */
  bindings: Binding[]
}

export interface PlannedSlot {
  messageId: number
  atMs: number
  mailboxId: number
  windowClosesMs: number
  campaignVersion: number | null
  mailboxVersion: number
  /** Null for a message's first slot. */
  move: MoveReason | null
  from: { atMs: number; mailboxId: number } | null
}

export interface Withdrawal {
  messageId: number
  reason: MoveReason
  from: { atMs: number; mailboxId: number }
}

export interface Restamp {
  messageId: number
  windowClosesMs: number
  campaignVersion: number | null
  mailboxVersion: number
}

/** Why a message has no slot. */
export const WAITING_CODES = [
  'campaign_not_running',
  'no_sending_day', // the campaign's calendar names no day on which it could send
  'no_usable_mailbox', // the bound mailbox, or all of the campaign's, cannot be used
  'not_due', // it may not go before the end of the horizon
  'lead_taken', // other campaigns keep its lead on all days of the horizon
  'domain_limit', // its recipient's domain gets no more within the horizon
  'no_room', // every place within the horizon is taken
] as const
export type WaitingCode = (typeof WAITING_CODES)[number]

export interface Waiting {
  messageId: number
  code: WaitingCode
  /** From when on it could be sent at all, where that is what it waits for. */
  untilMs: number | null
}
