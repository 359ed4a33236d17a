/** The forecast of campaigns as they stand in the database. */
import type { Database } from '../../database/pool.ts'
import { forecast } from '../../schedule/forecast.ts'
import type { Forecast } from '../../schedule/forecast-result.ts'
import { loadForecast } from './load.ts'
import { inSnapshot } from './snapshot.ts'

/** Reckons it now; without a name for all campaigns that run, are scheduled or paused. */
export async function forecastNow(database: Database, name?: string): Promise<Forecast> {
  const { input, wanted } = await inSnapshot(database, (query) =>
    loadForecast(query, name === undefined ? undefined : [name]),
  )
  const told = forecast(input)
  return { ...told, campaigns: told.campaigns.filter(({ campaign }) => wanted.includes(campaign)) }
}

/** As every `--json` has it: names like columns. */
export function forecastJson({ madeAt, timeZone, campaigns }: Forecast): object {
  return {
    made_at: madeAt,
    time_zone: timeZone,
    campaigns: campaigns.map(({ campaign, status, calendar, firstMailsEnd, followUpsEnd, days, ...told }) => ({
      campaign,
      status,
      timezone: calendar.timeZone,
      ...told,
      days: days.map(({ firstMails, followUps, ...day }) => ({
        ...day,
        first_mails: firstMails,
        follow_ups: followUps,
      })),
      first_mails_end: firstMailsEnd,
      follow_ups_end: followUpsEnd,
    })),
  }
}
