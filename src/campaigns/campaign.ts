/** A campaign as operators name it: found by its name, or refused with the nearest one. */
import type { Database } from '../database/pool.ts'
import { GoniecError } from '../errors.ts'
import { didYouMean, nearest } from '../nearest.ts'
import type { SendingCalendar, Weekday } from '../schedule/windows.ts'
import type { Instant } from '../time.ts'

export type CampaignStatus = 'draft' | 'scheduled' | 'running' | 'paused' | 'completed' | 'cancelled'

export interface Campaign {
  id: number
  name: string
  status: CampaignStatus
  salespersonId: number
  startsOn: string | null
  /** Its first start; null: it has never run. */
  startedAt: Instant | null
  completedAt: Instant | null
  calendar: SendingCalendar
  delayMs: number
  jitter: number
  dailyLimit: number | null
  contactGapDays: number
  weight: number
  /** Why it is paused, where no person did it. */
  statusReason: string | null
}

/** The campaign of this name. */
export async function findCampaign(database: Pick<Database, 'query'>, name: string): Promise<Campaign> {
  const [row] = await database.query<CampaignRow>(`${SELECT} where c.name = $1`, [name])
  if (row) return toCampaign(row)
  const known = (await database.query<{ name: string }>('select name from goniec.campaign')).map((other) => other.name)
  throw unknownCampaign(name, known)
}

interface CampaignRow extends Omit<Campaign, 'calendar'> {
  timezone: string
  window_from: string
  window_to: string
  window_days: Weekday[]
  holidays: string | null
  skip_dates: string[]
}

const SELECT = `
  select c.id, c.name, c.status, c.salesperson_id as "salespersonId", c.starts_on as "startsOn", c.started_at as "startedAt",
         c.completed_at as "completedAt", c.timezone, to_char(c.window_from, 'HH24:MI') as window_from,
         case when c.window_to = '24:00' then '24:00' else to_char(c.window_to, 'HH24:MI') end as window_to,
         c.window_days, c.holidays, c.skip_dates, c.delay_ms as "delayMs", c.jitter::float as jitter, c.daily_limit as "dailyLimit",
         c.contact_gap_days as "contactGapDays", c.weight, c.status_reason as "statusReason"
  from goniec.campaign c`

function toCampaign(row: CampaignRow): Campaign {
  const {
    timezone,
    window_from: from,
    window_to: to,
    window_days: days,
    holidays,
    skip_dates: skipDates,
    ...rest
  } = row
  return {
    ...rest,
    calendar: { timeZone: timezone, startsOn: row.startsOn, window: { from, to, days }, holidays, skipDates },
  }
}

/** There is none of this name; `known` are those that there are. */
export function unknownCampaign(name: string, known: string[]): GoniecError {
  const meant = nearest(name, known)
  const hint =
    known.length === 0 ? 'goniec apply FILE, which makes campaigns from a definition file' : 'goniec campaign list'
  return new GoniecError('campaign_unknown', `there is no campaign "${name}"${didYouMean(name, known)}`, {
    hint: meant === undefined ? hint : `goniec campaign show ${shellWord(meant)}`,
  })
}

/** A name or an address as it is typed in a command: a shell makes nothing else of it, though a list of leads is anybody's text. */
export function shellWord(name: string): string {
  return /^[\w.@+-]+$/.test(name) ? name : `'${name.replaceAll("'", String.raw`'\''`)}'`
}
