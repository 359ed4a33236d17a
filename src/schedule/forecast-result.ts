/** What a forecast says. Days are `YYYY-MM-DD`, a campaign's in its own zone. */
import type { Instant } from '../time.ts'
import type { BindingCode } from './binding.ts'
import type { SendingCalendar } from './windows.ts'

export interface Forecast {
  madeAt: Instant
  /** The installation's zone. */
  timeZone: string
  campaigns: CampaignForecast[]
}

export interface CampaignForecast {
  campaign: string
  status: string
  /** When it may send; its zone is the one of its days. */
  calendar: SendingCalendar
  /** Mails of it that have gone out already. */
  sent: number
  /** Mails that are still to go and will, those that do not exist yet as messages and those behind the last day included. */
  mails: number
  /** Its sending days from today on to the last mail, those without a mail of it included. */
  days: ForecastDay[]
  /** The day of the last first mail, and of the last follow-up, that is still to go; null: none is. */
  firstMailsEnd: string | null
  followUpsEnd: string | null
  /** Null: nothing of it will ever go. */
  finish: Finish | null
  /** Mails that wait, and as things stand will never go, by reason. */
  never: { reason: string; mails: number }[]
}

/** The day of the last mail: `likely` without any fault from now on, and between the other two in 80 of 100 cases. */
export interface Finish {
  earliest: string
  likely: string
  latest: string
  /** The forecast was not reckoned to its end: the days behind the last one are reckoned by the pace of those before. */
  extrapolated: boolean
}

export interface ForecastDay {
  day: string
  firstMails: number
  followUps: number
  mails: number
  /** The limit that keeps more mails from going on this day; `all_planned`: none, nothing more was there to go. */
  binding: BindingCode
}
