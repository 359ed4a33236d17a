/** Past forecasts against what happened. */
import type { Database } from '../../database/pool.ts'
import { dayNumber } from '../../schedule/days.ts'

/** One campaign's forecasts, or all campaigns' together. */
export interface Score {
  /** Null: all together. */
  campaign: string | null
  /** Forecasts of campaigns that have ended. */
  forecasts: number
  /** Of their likely finish, in days; late is positive. Null: none has ended. */
  mean_error_days: number | null
  mean_distance_days: number | null
  /** How many of their ranges held, as a share. */
  held: number | null
  /** Mails on past days, as forecast on the morning of each, and as they went. */
  mails_forecast: number
  mails_sent: number
}

/** The score of each campaign with a past, then that of all. */
export async function scoreForecasts(database: Database, name?: string): Promise<Score[]> {
  const ends = await database.query<EndRow>(ENDS, [name ?? null])
  const days = await database.query<DayRow>(DAYS, [name ?? null])
  const names = [...new Set([...ends, ...days].map(({ campaign }) => campaign))].toSorted()
  const scores = names.map((campaign) =>
    scoreOf(
      campaign,
      ends.filter((row) => row.campaign === campaign),
      days.filter((row) => row.campaign === campaign),
    ),
  )
  return names.length === 1 ? scores : [...scores, ...(names.length === 0 ? [] : [scoreOf(null, ends, days)])]
}

interface EndRow {
  campaign: string
  earliest: string
  likely: string
  latest: string
  ended_on: string
}

interface DayRow {
  campaign: string
  forecast: number
  sent: number
}

function scoreOf(campaign: string | null, ends: readonly EndRow[], days: readonly DayRow[]): Score {
  const errors = ends.map(({ likely, ended_on: ended }) => dayNumber(ended) - dayNumber(likely))
  const held = ends.filter(({ earliest, latest, ended_on: ended }) => earliest <= ended && ended <= latest).length
  return {
    campaign,
    forecasts: ends.length,
    mean_error_days: mean(errors),
    mean_distance_days: mean(errors.map(Math.abs)),
    held: ends.length === 0 ? null : held / ends.length,
    mails_forecast: days.reduce((sum, { forecast }) => sum + forecast, 0),
    mails_sent: days.reduce((sum, { sent }) => sum + sent, 0),
  }
}

function mean(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length
}

const ENDS = `
  select c.name as campaign, f.earliest, f.likely, f.latest, f.ended_on
  from goniec.forecast f
  join goniec.campaign c on c.id = f.campaign_id
  where f.ended_on is not null and f.made_on <= f.ended_on and ($1::text is null or c.name = $1)
  order by c.name, f.made_on`

/** Each past day as it was forecast on that very day, against the mails of the campaign that went on it. */
const DAYS = `
  select c.name as campaign, coalesce((told.day ->> 'first_mails')::int + (told.day ->> 'follow_ups')::int, 0) as forecast, went.mails as sent
  from goniec.forecast f
  join goniec.campaign c on c.id = f.campaign_id
  left join lateral (select d as day from jsonb_array_elements(f.days) d where d ->> 'day' = f.made_on::text) told on true
  cross join lateral (
    select count(*)::int as mails from goniec.message m
    where m.campaign_id = c.id and m.status = 'sent' and m.kind = 'campaign'
      and m.sent_at >= f.made_on::timestamp at time zone c.timezone and m.sent_at < (f.made_on + 1)::timestamp at time zone c.timezone
  ) went
  where f.made_on < (goniec.now() at time zone (select i.timezone from goniec.installation i))::date and ($1::text is null or c.name = $1)`
