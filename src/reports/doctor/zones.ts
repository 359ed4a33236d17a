/**
 * Whether server and host have the same idea of every time zone in use. The plan reckons with the host's, claim and fence compare with the
 * server's: where they differ, as after a change of law that only one of them has heard of, windows open an hour off.
 */
import type { Database } from '../../database/pool.ts'
import { isDatabaseAway } from '../../database/failures.ts'
import { Temporal } from '../../time.ts'
import { ok, problem, type Checked } from './checked.ts'

/** Compared are two years, day by day. */
const DAYS = 731

/** Zones of the installation and of campaigns that are not over. */
export async function checkZones(database: Pick<Database, 'query'>): Promise<Checked[]> {
  const name = 'time zones'
  const zones = await database.query<{ zone: string }>(
    `select timezone as zone from goniec.installation
     union
     select timezone from goniec.campaign where status not in ('completed', 'cancelled')
     order by 1`,
  )
  const wrong: Checked[] = []
  for (const { zone } of zones) {
    const flaw = await flawOf(database, zone)
    if (flaw !== undefined) wrong.push(problem(`time zone ${zone}`, flaw, REMEDY))
  }
  if (wrong.length > 0) return wrong
  const named = zones.map(({ zone }) => zone).join(', ')
  return [ok(name, `server and host agree on ${named}, for two years`)]
}

const REMEDY =
  'update the older of the two (tzdata on the server, Node on this host), or write a zone as Europe/Warsaw in the definition file'

async function flawOf(database: Pick<Database, 'query'>, zone: string): Promise<string | undefined> {
  const days = await offsetsOfServer(database, zone)
  if (days === undefined) return 'the server does not know it'
  try {
    const differing = days.find(({ at, seconds }) => offsetOfHost(at, zone) !== seconds)
    if (differing === undefined) return undefined
    const day = Temporal.Instant.fromEpochMilliseconds(differing.at * 1000)
      .toString()
      .slice(0, 10)
    return `on ${day} it is ${inHours(differing.seconds)} from UTC on the server, and ${inHours(offsetOfHost(differing.at, zone))} on this host`
  } catch (error) {
    if (error instanceof RangeError) return 'this host does not know it'
    throw error
  }
}

function inHours(seconds: number): string {
  return `${seconds < 0 ? '−' : '+'}${Math.abs(seconds) / 3600} h`
}

interface Offset {
  /** Seconds since 1970. */
  at: number
  seconds: number
}

/** Undefined: it does not know the zone. */
async function offsetsOfServer(database: Pick<Database, 'query'>, zone: string): Promise<Offset[] | undefined> {
  try {
    return await database.query<Offset & Record<string, unknown>>(
      `select extract(epoch from at.at)::double precision as at,
         extract(epoch from (at.at at time zone $1) - (at.at at time zone 'UTC'))::integer as seconds
       from generate_series(0, $2::integer - 1) as day (number)
       cross join lateral (select date_trunc('day', goniec.now()) + day.number * interval '24 hours' as at) as at`,
      [zone, DAYS],
    )
  } catch (error) {
    if (isDatabaseAway(error) || !(error instanceof Error && 'code' in error && error.code === '22023')) throw error
    return undefined
  }
}

function offsetOfHost(at: number, zone: string): number {
  return Temporal.Instant.fromEpochMilliseconds(at * 1000).toZonedDateTimeISO(zone).offsetNanoseconds / 1e9
}
