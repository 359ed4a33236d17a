import type { Forecast } from '../../schedule/forecast-result.ts'

/** A forecast as every `--json` has it: names like columns. */
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
