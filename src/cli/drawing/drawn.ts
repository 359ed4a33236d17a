/** What is drawn: a forecast with the calendar of each campaign, whichever command it came from. */
import type { BindingCode } from '../../schedule/binding.ts'
import type { SendingCalendar } from '../../schedule/windows.ts'
import type { Instant } from '../../time.ts'

export interface Drawn {
  madeAt: Instant
  /** The installation's. */
  timeZone: string
  campaigns: readonly DrawnCampaign[]
  /** Of a rehearsal: what the list of leads is worth. */
  leads?: DrawnLeads
}

export interface DrawnCampaign {
  campaign: string
  status: string
  calendar: SendingCalendar
  /** Mails that went out before. */
  sent: number
  /** Mails still to go. */
  mails: number
  days: readonly DrawnDay[]
  /** Local days; null: there are none to come. */
  firstMailsEnd: string | null
  followUpsEnd: string | null
  /** The likely last day, and the 80 % range around it; null: it never ends. */
  finish: { earliest: string; likely: string; latest: string } | null
  never: readonly { reason: string; mails: number }[]
}

/** A day on which mails go out. */
export interface DrawnDay {
  day: string
  firstMails: number
  followUps: number
  mails: number
  binding: BindingCode
}

export interface DrawnLeads {
  file: string
  rows: number
  valid: number
  rejected: number
  /** The first ones, to be shown. */
  rejects: readonly { line: number; reason: string }[]
  failing: number
  failures: readonly { lead: string; line: number; what: string }[]
}
