/**
 * A campaign that does not exist yet, played through to its end: its calendar, the limits that bind it, the leads that fail. Reads files and,
 * if there is one, a database; writes nothing but the file of rejected lines, if that is asked for.
 *
 * It is the real schedule with the real import's judgement: lines are read, judged and refused by the code that imports, texts are made by the
 * code that checks a campaign before its start, and the days are laid by the code that plans.
 */
import type { Readable } from 'node:stream'
import type { Finding } from '../../campaigns/check/report.ts'
import type { Definition } from '../../campaigns/definition/definition.ts'
import type { Database } from '../../database/pool.ts'
import { forecast } from '../../schedule/forecast.ts'
import type { CampaignForecast, Forecast } from '../../schedule/forecast-result.ts'
import type { Instant } from '../../time.ts'
import { describeNever } from '../reason-words.ts'
import { inSnapshot } from '../forecast/snapshot.ts'
import { readList, type ListOptions, type RehearsedLeads } from './leads.ts'
import { nothingPresent, readPresent } from './present.ts'
import { chooseCampaign, refuseKnown, refuseMistakes, stepsOf } from './rehearsed.ts'
import { worldWith } from './world.ts'

export interface RehearseOptions extends ListOptions {
  /** Of several campaigns in the definition the one that gets the leads. */
  campaign: string | undefined
  /** Where there is no database: the clock. */
  now: Instant
  /** Told when the list has been read and the days are being laid. */
  onPlan: () => void
}

export interface Rehearsal {
  /** Of this one campaign. */
  forecast: Forecast
  leads: RehearsedLeads
  /** Campaigns that would end on another day if this one were there. */
  others: Other[]
  /** What would keep it from starting, or from ending. */
  problems: Finding[]
}

export interface Other {
  campaign: string
  /** Its likely last day as things are, and with the rehearsed campaign beside it; null: it does not end. */
  without: string | null
  with: string | null
}

/** Plays a campaign of the definition through. Without a database it is alone in the world. */
export async function rehearse(
  database: Database | null,
  definition: Definition,
  input: string | Readable,
  { campaign: name, now, onPlan, ...options }: RehearseOptions,
): Promise<Rehearsal> {
  const campaign = chooseCampaign(definition, name)
  await refuseMistakes(database, definition)
  if (database !== null) await refuseKnown(database, campaign.name)
  const leads = await readList(database, input, stepsOf(campaign), options)
  onPlan()
  const present =
    database === null
      ? nothingPresent(now.epochMilliseconds)
      : await inSnapshot(database, (query) => readPresent(query, campaign, leads.leadIds))
  const made = forecast(worldWith(present, definition, campaign, leads).input)
  const own = made.campaigns.filter((other) => other.campaign === campaign.name)
  return {
    forecast: { ...made, campaigns: own },
    leads,
    others: othersOf(forecast(present.input), made),
    problems: [...leads.findings, ...nobody(leads), ...own.flatMap(stranded)],
  }
}

/** Alone in the world it moves nobody, and then nothing is reckoned. */
function othersOf(before: Forecast, after: Forecast): Other[] {
  return before.campaigns.flatMap(({ campaign, finish }) => {
    const without = finish?.likely ?? null
    const beside = after.campaigns.find((other) => other.campaign === campaign)?.finish?.likely ?? null
    return beside === without ? [] : [{ campaign, without, with: beside }]
  })
}

function nobody({ valid, rows }: RehearsedLeads): Finding[] {
  if (valid > 0) return []
  const text = rows === 0 ? 'the list has no leads' : `the list has nobody to send to: all ${rows} lines are rejected`
  return [{ code: 'no_leads', text, hint: 'mend the lines, or name another list' }]
}

function stranded({ never }: CampaignForecast): Finding[] {
  return never.map(({ reason, mails }) => {
    return { code: 'never', text: `${mails} mails would never go out: ${describeNever(reason)}` }
  })
}
