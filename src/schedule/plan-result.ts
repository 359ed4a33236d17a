/** What a plan says: which slots to write, to take back, to stamp anew, and why some mails have none. What is not named stays. */
import type { Binding } from './binding.ts'
import type { MoveReason, WaitingCode } from './plan-input.ts'

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
  /** Campaigns of which a first mail that could go on any day, and by any of their mailboxes, found no place: no other one would. */
  withoutRoom: ReadonlySet<number>
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

export interface Waiting {
  messageId: number
  code: WaitingCode
  /** From when on it could be sent at all, where that is what it waits for. */
  untilMs: number | null
}
