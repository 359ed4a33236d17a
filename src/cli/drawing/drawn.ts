/** What is drawn: a forecast, and of a rehearsal what its list of leads is worth. */
import type { CampaignForecast, Forecast } from '../../schedule/forecast-result.ts'

export interface Drawn extends Omit<Forecast, 'campaigns'> {
  campaigns: readonly DrawnCampaign[]
  /** Of a rehearsal. */
  leads?: DrawnLeads
}

export type DrawnCampaign = CampaignForecast
export type { ForecastDay as DrawnDay } from '../../schedule/forecast-result.ts'

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
