/** What was forecast on a world's first day against what came: by the mail server's record. */
import type { Forecast } from '../../src/schedule/forecast-result.ts'
import { daysBetween, localDay } from './calendar.ts'
import type { Accepted } from './record.ts'

export interface Scored {
  campaign: string
  earliest: string
  likely: string
  latest: string
  /** The day of its last mail. */
  actual: string
  exact: boolean
  /** It fell into the range. */
  held: boolean
  /** The range is no wider than a quarter of the days that remained. */
  narrow: boolean
}

/** One line for each campaign that was forecast to end. */
export function scoreForecast({ madeAt, campaigns }: Forecast, record: readonly Accepted[]): Scored[] {
  return campaigns.flatMap(({ campaign, calendar: { timeZone }, finish }) => {
    const last = record.findLast((mail) => mail.campaign === campaign)
    if (!finish || !last) return []
    const { earliest, likely, latest } = finish
    const actual = localDay(last.atMs, timeZone)
    const remaining = daysBetween(localDay(madeAt.epochMilliseconds, timeZone), likely)
    return {
      campaign,
      earliest,
      likely,
      latest,
      actual,
      exact: actual === likely,
      held: earliest <= actual && actual <= latest,
      narrow: daysBetween(earliest, latest) <= remaining / 4,
    }
  })
}
