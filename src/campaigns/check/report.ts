/** What a check of a campaign finds. Problems refuse a start; warnings do not. */

export interface Finding {
  /** For programs; does not change. */
  code: string
  text: string
  /** The way out: a command, or a sentence. */
  hint?: string
}

/** What a lead's mail lacks, in one of the campaign's texts. */
export interface LeadProblem {
  lead: string
  step: string
  variant: string
  /** Fields that the lead does not have, or has blank. */
  missing: string[]
  /** What else is wrong with it, in a sentence. */
  problem: string | null
}

export interface LeadsChecked {
  /** Leads whose next mail is open and may go out. */
  toMail: number
  /** Leads with an open mail who may not be mailed: blocked, replied, unsubscribed, bounced, suppressed. */
  notMailable: number
  /** Mails to all of them, follow-ups included, if nobody replies. */
  mails: number
  /** Leads that miss something. */
  incomplete: number
  /** The first ones, as many as were asked for. */
  problems: LeadProblem[]
}

export interface Capacity {
  /** Rough: the sending days until all mails are out; null: more than can be foreseen, or never. */
  sendingDays: number | null
  /** Most mails on a full sending day, warm-up aside. */
  mailsPerDay: number
  /** Other running or scheduled campaigns that use the same mailboxes. */
  sharedWith: number
}

export interface LoginResult {
  mailbox: string
  /** Null: not tried. */
  ok: boolean | null
  response: string | null
}

export interface CheckReport {
  name: string
  status: string
  problems: Finding[]
  warnings: Finding[]
  leads: LeadsChecked
  capacity: Capacity | null
  logins: LoginResult[]
}
