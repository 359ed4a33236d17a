/**
 * What a plan is made of: plain data, read from the database in one snapshot. Instants are epoch milliseconds, days `YYYY-MM-DD`,
 * ids numbers that stay the same for ever (the spread of delays and every tie are decided by them). Nothing that is not here is
 * known to the plan; nothing here is changed by it.
 */
import type { Warmup, WarmupStage } from './warmup.ts'
import type { SendingCalendar } from './windows.ts'

/** Mails whose capacity was taken on a day, by the day. Past days may be left out. */
export type TakenByDay = ReadonlyMap<string, number>

export interface PlanInput {
  nowMs: number
  /** The installation's zone: days of mailboxes, salespeople and contact gaps. */
  timeZone: string
  /** Sending days to plan for each campaign, today included if it is one; calendar days for other mail. */
  horizonDays: number
  /** A slot older than this is missed; a younger one is still due. */
  graceMs: number
  /** Days with counted attempts after which a mail is given up rather than tried on another one. */
  attemptDays: number
  warmupStages: readonly WarmupStage[]
  salespeople: readonly PlanSalesperson[]
  mailboxes: readonly PlanMailbox[]
  /** Those that run, and those that have slots; a message of any other campaign is taken as one of a campaign that does not run. */
  campaigns: readonly PlanCampaign[]
  /** Most campaign mails to one recipient domain, by domain; `*`: to each of the others. Empty: none is limited. */
  domainLimits: ReadonlyMap<string, DomainLimits>
  /** What campaigns have sent to limited domains: by the installation's day, and by the first instant of the hour. */
  domainsTaken: ReadonlyMap<string, { days: TakenByDay; hours: ReadonlyMap<number, number> }>
  /** By lead, which campaigns took it on which of the installation's days. Older than the widest contact gap may be left out. */
  contacts: ReadonlyMap<number, readonly { day: string; campaignId: number }[]>
  /** All that are `pending`, in any order. Those in flight are not here: they stand in the counters, contacts and last fences. */
  messages: readonly PlanMessage[]
}

/** Null: no limit. An hour is one of the clock's, from its first instant on. */
export interface DomainLimits {
  dailyLimit: number | null
  hourlyLimit: number | null
}

export interface PlanSalesperson {
  id: number
  dailyLimit: number | null
  taken: TakenByDay
}

export interface PlanMailbox {
  id: number
  /** Of its settings. A slot is stamped with it. */
  version: number
  dailyLimit: number
  minGapMs: number
  warmup: Warmup | null
  /** Active, not paused or broken, its salesperson not stopped. */
  usable: boolean
  /** The end of a back-off or of a doubt's quarantine. */
  freeFromMs: number | null
  lastFenceMs: number | null
  /** How long one mail keeps it busy. */
  occupiesMs: number
  taken: ReadonlyMap<string, { campaign: number; warmup: number; response: number }>
}

export interface PlanCampaign extends SendingCalendar {
  id: number
  version: number
  salespersonId: number
  /** Where its first mails may leave from. */
  mailboxIds: readonly number[]
  delayMs: number
  /** 0 to 1: the spread of the delay to both sides. */
  jitter: number
  dailyLimit: number | null
  /** A lead is left alone for so many of the installation's days after another campaign took it; 1 is the same day only, 0 is off. */
  contactGapDays: number
  running: boolean
  /** Its part of shared mailboxes, against the other campaigns' weights. */
  weight: number
  lastFenceMs: number | null
  /** By its own local day. */
  taken: TakenByDay
}

/** What is to be planned, before it is taken apart: there may be a million mails, of which not each has to be an object all the time. */
export interface WholePlanInput extends Omit<PlanInput, 'messages'> {
  messages: MessageList
}

/** Mails, each made when it is looked at; an array of them is one. */
export interface MessageList {
  readonly length: number
  at(place: number): PlanMessage | undefined
}

export type MessageKind = 'response' | 'campaign' | 'warmup'

export interface PlanMessage {
  id: number
  kind: MessageKind
  /** Null but for campaign mail. A response may name its campaign: it is not held by it. */
  campaignId: number | null
  leadId: number | null
  /** What stands behind the @ of its recipient. */
  domain: string | null
  /** 1 is a first mail, more is a follow-up; null but for campaign mail. */
  stepPosition: number | null
  /** The only mailbox it may leave from: that of its thread, or the one it was written for. */
  boundMailboxId: number | null
  /** Whose day it counts on; null for warm-up mail. For campaign mail the campaign's salesperson, whatever stands here. */
  salespersonId: number | null
  notBeforeMs: number | null
  /** The mail that this one follows, and the wait: whole days in the campaign's zone, or an exact time. */
  follows: { sentAtMs: number; wait: { days: number } | { ms: number } } | null
  /** First mails go by it, lowest first. */
  order: number
  /** The distinct days on which an attempt counted: the campaign's days for campaign mail, else the installation's. */
  triedDays: readonly string[]
  slot: PlanSlot | null
  /** Why it has no slot, as it is said of it already; null: nothing is, or it has one. */
  said: WaitingCode | null
  /** A slot it lost before, with the reason: the next one is then recorded as a move from it. One that was missed stays so until there is another. */
  lost: { atMs: number; mailboxId: number; reason: MoveReason } | null
}

export interface PlanSlot {
  atMs: number
  mailboxId: number
  windowClosesMs: number
  /** The settings it was planned with; the campaign's is null but for campaign mail. */
  campaignVersion: number | null
  mailboxVersion: number
}

/** Why a planned time moved. */
export const MOVE_REASONS = [
  'missed', // its time passed and nobody sent it
  'settings', // what was applied since no longer allows it
  'mailbox', // its mailbox cannot be used, or not yet
  'capacity', // another program or a response took the room of its day, a response its place, or another campaign its lead
  'paused', // its campaign does not run
  'retry', // it waits after a failed attempt
  'priority', // a follow-up took its place on a later day
  'share', // a campaign that shares the mailbox took its fair part of a later day
] as const
export type MoveReason = (typeof MOVE_REASONS)[number]

/**
 * Of a campaign that waits for room so many first mails are looked at by each plan, and say so, for those behind them too (`goniec.why_no_slot`). Few enough that ten thousand
 * campaigns which share full mailboxes cost little, and more than a minute frees by itself.
 */
export const FRONT = 10

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
