/**
 * The record of forecasts: one of each campaign a day. It is written after everything is reckoned, group by group in short transactions, and
 * waits for nobody. When a campaign is over, and after two weeks, it is noted how far late it was: the next ranges are learnt from that.
 */
import type { Database } from '../../database/pool.ts'
import type { CampaignForecast } from '../../schedule/forecast-result.ts'
import { forecastGroups } from './forecast.ts'
import { slipByProgress, slipOfEnd } from './slip.ts'

/** Makes the day's forecasts unless they are made, or another worker is at it. Resolves with how many were made. */
export async function recordForecasts(database: Database): Promise<number> {
  const client = await database.pool.connect()
  try {
    const { rows } = await client.query<{ mine: boolean }>(
      `select pg_try_advisory_lock(goniec.lock_key('forecast')) as mine`,
    )
    if (rows[0]?.mine !== true) return 0
    const made = (await isMade(database)) ? 0 : await makeAll(database)
    await client.query(`select pg_advisory_unlock(goniec.lock_key('forecast'))`)
    return made
  } finally {
    // The lock goes with the connection, whatever has become of it.
    client.release(true)
  }
}

async function isMade(database: Database): Promise<boolean> {
  const rows = await database.query(`select from goniec.forecast f where f.made_on = ${TODAY} limit 1`)
  return rows.length > 0
}

async function makeAll(database: Database): Promise<number> {
  const groups: CampaignForecast[] = []
  for await (const group of forecastGroups(database)) groups.push(...group)
  for (let from = 0; from < groups.length; from += 100) await store(database, groups.slice(from, from + 100))
  await noteEnds(database)
  await noteProgress(database)
  await database.query(FORGET)
  return groups.length
}

async function store(database: Database, campaigns: readonly CampaignForecast[]): Promise<void> {
  const rows = campaigns.map(({ finish, days, ...it }) => ({
    campaign: it.campaign,
    status: it.status,
    sent: it.sent,
    mails: it.mails,
    first_mails_end: it.firstMailsEnd,
    follow_ups_end: it.followUpsEnd,
    earliest: finish?.earliest ?? null,
    likely: finish?.likely ?? null,
    latest: finish?.latest ?? null,
    extrapolated: finish?.extrapolated ?? false,
    days: days.map(({ day, firstMails, followUps, binding }) => {
      return { day, first_mails: firstMails, follow_ups: followUps, binding }
    }),
    never: it.never,
  }))
  await database.query(STORE, [JSON.stringify(rows)])
}

/** Campaigns that have ended since: how far late, of each forecast. */
async function noteEnds(database: Database): Promise<void> {
  const ended = await database.query<{ campaign_id: number; made_on: string; likely: string; ended_on: string }>(ENDED)
  const slips = ended.map((row) => slipOfEnd({ madeOn: row.made_on, likely: row.likely, endedOn: row.ended_on }))
  await database.query(NOTE, [
    ended.map((row) => row.campaign_id),
    ended.map((row) => row.made_on),
    ended.map((row) => row.ended_on),
    slips,
  ])
}

/** Campaigns that go on: how far behind they are by what had gone. */
async function noteProgress(database: Database): Promise<void> {
  const going = await database.query<{
    campaign_id: number
    made_on: string
    today: string
    sent: number
    days: { day: string; first_mails: number; follow_ups: number }[]
  }>(GOING)
  const slips = going.map(({ today, sent, days }) => {
    const mails = days.map(({ day, first_mails: first, follow_ups: more }) => ({ day, mails: first + more }))
    return slipByProgress({ today, sent, days: mails })
  })
  await database.query(NOTE, [
    going.map((row) => row.campaign_id),
    going.map((row) => row.made_on),
    going.map(() => null),
    slips,
  ])
}

const TODAY = `(goniec.now() at time zone (select i.timezone from goniec.installation i))::date`

const STORE = `
  insert into goniec.forecast (campaign_id, made_on, status, sent, mails, first_mails_end, follow_ups_end, earliest, likely, latest,
                               extrapolated, days, never)
  select c.id, ${TODAY}, f.status, f.sent, f.mails, f.first_mails_end, f.follow_ups_end, f.earliest, f.likely, f.latest, f.extrapolated, f.days, f.never
  from jsonb_to_recordset($1::jsonb) as f (campaign text, status text, sent integer, mails integer, first_mails_end date, follow_ups_end date,
    earliest date, likely date, latest date, extrapolated boolean, days jsonb, never jsonb)
  join goniec.campaign c on c.name = f.campaign
  on conflict do nothing`

const ENDED = `
  select f.campaign_id, f.made_on, f.likely, last.day as ended_on
  from goniec.forecast f
  join goniec.campaign c on c.id = f.campaign_id and c.status = 'completed'
  cross join lateral (
    select goniec.local_day(max(m.sent_at), c.timezone) as day
    from goniec.message m where m.campaign_id = c.id and m.status = 'sent' and m.kind = 'campaign'
  ) last
  where f.ended_on is null and f.likely is not null and last.day >= f.made_on`

const GOING = `
  select f.campaign_id, f.made_on, ${TODAY} as today, now_known.sent - f.sent as sent, f.days
  from goniec.forecast f
  join goniec.forecast now_known on now_known.campaign_id = f.campaign_id and now_known.made_on = ${TODAY}
  where f.made_on = ${TODAY} - 14 and f.slip is null and f.likely is not null and f.status = 'running'`

const NOTE = `
  update goniec.forecast f
  set ended_on = coalesce(given.ended_on, f.ended_on), slip = given.slip
  from unnest($1::bigint[], $2::date[], $3::date[], $4::real[]) as given (campaign_id, made_on, ended_on, slip)
  where f.campaign_id = given.campaign_id and f.made_on = given.made_on`

const FORGET = `
  delete from goniec.forecast f
  where f.made_on < ${TODAY} - 400 or (f.made_on < ${TODAY} - 35 and extract(isodow from f.made_on) <> 1)`
