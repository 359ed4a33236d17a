/**
 * The forecast of campaigns as they stand in the database. What one campaign shares with others decides its days, so they are reckoned
 * with it. Where those are too many to reckon while somebody waits, the day's stored forecast answers (a worker makes it once a day); where there
 * is none, the campaign's nearest neighbours have to stand for all of them.
 */
import type { Database } from '../../database/pool.ts'
import { forecast } from '../../schedule/forecast.ts'
import type { CampaignForecast, Finish, Forecast } from '../../schedule/forecast-result.ts'
import { instantAt } from '../../time.ts'
import { isSmall, loadForecast, loadSurveyed, survey, type LoadedForecast } from './load.ts'
import * as planReads from '../../campaigns/plan/reads.ts'
import * as reads from './reads.ts'
import { inSnapshot } from './snapshot.ts'
import { readStored } from './stored.ts'

/** A forecast, and where it comes from. */
export interface Answer {
  forecast: Forecast
  /** `stored`: made by a worker earlier today, or yesterday; `near`: reckoned with the nearest neighbours only. */
  source: 'reckoned' | 'near' | 'stored'
}

/** Waiting mails that are reckoned while somebody waits: within a second. */
const MOST_MAILS = 1500

/** Waiting mails that are reckoned together where nobody waits, or somebody wants to. */
const THOROUGH_MAILS = 25_000

/** Waiting mails of a campaign whose finish is told beside something else: a second or two. */
export const MOST_FRESH_MAILS = 25_000

/** Without a name for all campaigns that run, are scheduled or paused. `fresh` reckons, however long it takes. */
export async function answerForecast(
  database: Database,
  { name, fresh = false }: { name?: string | undefined; fresh?: boolean },
): Promise<Answer> {
  const names = name === undefined ? undefined : [name]
  const found = await inSnapshot(database, (query) => find(query, names, fresh))
  if (found === 'too many') return { forecast: await forecastAll(database), source: 'reckoned' }
  if ('madeAt' in found) return { forecast: found, source: 'stored' }
  const { input, wanted, whole } = found
  const told = forecast(input)
  const campaigns = told.campaigns.filter(({ campaign }) => wanted.includes(campaign))
  return { forecast: { ...told, campaigns }, source: whole ? 'reckoned' : 'near' }
}

/**
 * When a campaign will be done as things stand now, whatever is on record; null: never. `too many`: so many of its mails wait that nobody would wait for
 * the answer, nor have the memory for it.
 */
export async function freshFinish(
  database: Database,
  { id, name }: { id: number; name: string },
): Promise<Finish | null | 'too many'> {
  const open = await inSnapshot(database, (query) => reads.openMails(query, [id], MOST_FRESH_MAILS))
  if (open > MOST_FRESH_MAILS) return 'too many'
  const { forecast: told } = await answerForecast(database, { name, fresh: true })
  return told.campaigns.find(({ campaign }) => campaign === name)?.finish ?? null
}

/** What answers: few mails are reckoned, of many what is stored is told, or else as much reckoned as may be. */
async function find(
  query: planReads.Query,
  names: readonly string[] | undefined,
  fresh: boolean,
): Promise<LoadedForecast | Forecast | 'too many'> {
  const surveyed = await survey(query, { names, atMostMails: MOST_MAILS })
  if (await isSmall(query, surveyed)) return loadSurveyed(query, surveyed)
  const stored = fresh ? null : await readStored(query, names)
  if (stored) return stored
  if (names === undefined) return 'too many'
  const { input, ...loaded } = fresh
    ? await loadForecast(query, { names, atMostMails: THOROUGH_MAILS })
    : await loadSurveyed(query, surveyed)
  return { ...loaded, input: { ...input, planAfterMs: Number.POSITIVE_INFINITY } }
}

async function forecastAll(database: Database): Promise<Forecast> {
  const { nowMs, timeZone } = await inSnapshot(database, planReads.installation)
  const campaigns: CampaignForecast[] = []
  for await (const group of forecastGroups(database)) campaigns.push(...group)
  return {
    madeAt: instantAt(nowMs),
    timeZone,
    campaigns: campaigns.toSorted((a, b) => (a.campaign < b.campaign ? -1 : 1)),
  }
}

/**
 * All campaigns that run, are scheduled or paused, group by group as they share something with each other, each group read for itself. Of
 * a group that is only a part of one that is too large the inner half is told: it has all its near neighbours about it.
 */
export async function* forecastGroups(database: Database): AsyncGenerator<CampaignForecast[]> {
  const names = (await inSnapshot(database, (query) => reads.named(query, undefined))).map(({ name }) => name)
  const told = new Set<string>()
  for (const name of names) {
    if (told.has(name)) continue
    const options = { names: [name], atMostMails: THOROUGH_MAILS }
    const { input, order, whole } = await inSnapshot(database, (query) => loadForecast(query, options))
    const inner = new Set(whole ? order : order.slice(0, Math.ceil(order.length / 2)))
    const group = forecast(input).campaigns.filter(({ campaign }) => inner.has(campaign) && !told.has(campaign))
    for (const { campaign } of group) told.add(campaign)
    told.add(name)
    yield group
  }
}
