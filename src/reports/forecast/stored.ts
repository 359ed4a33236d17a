/** Forecasts that a worker has stored. */
import type { Query } from '../../campaigns/plan/reads.ts'
import type { CampaignForecast, Forecast } from '../../schedule/forecast-result.ts'
import * as planReads from '../../campaigns/plan/reads.ts'
import { Temporal } from '../../time.ts'
import * as reads from './reads.ts'

/** The last ones, made today or yesterday; null where there is none. */
export async function readStored(query: Query, names: readonly string[] | undefined): Promise<Forecast | null> {
  const rows = await reads.stored(query, names)
  const [oldest] = rows.map((row) => row.made_at).toSorted((a, b) => Temporal.Instant.compare(a, b))
  if (!oldest) return null
  const { timeZone } = await planReads.installation(query)
  return { madeAt: oldest, timeZone, campaigns: rows.map(toForecast) }
}

function toForecast({ earliest, likely, latest, extrapolated, ...row }: reads.StoredRow): CampaignForecast {
  const whole = earliest !== null && likely !== null && latest !== null
  return {
    campaign: row.campaign,
    status: row.status,
    calendar: row.calendar,
    sent: row.sent,
    mails: row.mails,
    days: row.days.map(({ day, first_mails: firstMails, follow_ups: followUps, binding }) => {
      return { day, firstMails, followUps, mails: firstMails + followUps, binding }
    }),
    firstMailsEnd: row.first_mails_end,
    followUpsEnd: row.follow_ups_end,
    finish: whole ? { earliest, likely, latest, extrapolated } : null,
    never: row.never,
  }
}
