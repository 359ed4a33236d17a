/** What a forecast is made of: the plan's input, and what the plan need not know: steps that are still to come, and the whole of the queue. */
import type { PlanInput, PlanMessage } from './plan-input.ts'

export interface ForecastInput {
  /**
   * The plan's input as of now. Of the first mails that have never had a slot none is among its messages: they stand in `waiting`. A
   * campaign that does not run yet, or is only asked about, stands in it with `running` as of now.
   */
  plan: PlanInput
  campaigns: readonly ForecastCampaign[]
  /** No id that a message has already is above it: those of mails to come are. They decide nothing but ties and the spread of delays. */
  lastMessageId: number
  /** How far late the installation was with what it had forecast, as parts of the time forecast; see `forecast-range.ts`. */
  slips: readonly number[]
  /**
   * How long after a mail went the next plan is made; by default at the end of the day. A worker does it within seconds: with 0 the forecast is
   * slow, and exact to the mail also where campaigns fight for every place.
   */
  planAfterMs?: number
  /** Days after which it is reckoned no further. */
  longestDays?: number
}

export interface ForecastCampaign {
  /** Of a campaign of the plan's. */
  id: number
  name: string
  status: string
  sent: number
  /** Those in use, in order. A position belongs to the step of that place in the sequence. */
  steps: readonly ForecastStep[]
  /** It begins to run at this instant; null: it runs, or does not, as the plan's input says. */
  runsFromMs: number | null
  /** What its mails wait for where it does not run: a reason of the queue. */
  stoppedBy: string
  /** First mails that have never had a slot, in their order. */
  waiting: WaitingMails
  /** Mails that are out or on their way, and whose next step is still to be made; taken as accepted. */
  underWay: readonly MailOut[]
  /** Mails that the plan may not have (held, doubtful, to leads who may not be mailed), by reason. */
  never: readonly { reason: string; mails: number }[]
}

export interface ForecastStep {
  position: number
  wait: { days: number } | { ms: number }
}

/** A long queue, of which each mail is made when it is needed. */
export interface WaitingMails {
  size: number
  at(index: number): PlanMessage
}

/** A mail that went out: what its follow-up needs to know. */
export interface MailOut {
  message: PlanMessage
  mailboxId: number
  sentAtMs: number
}
