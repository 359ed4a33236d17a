/**
 * Reads what a forecast is made of: the campaigns that are asked for, and all that share mailboxes, limits or leads with them. Takes no
 * lock, and reads no more of the queue than counts for them.
 */
import { assert } from '../../errors.ts'
import { toCampaign, toMailbox } from '../../campaigns/plan/load.ts'
import * as domainReads from '../../campaigns/plan/domain-reads.ts'
import * as planReads from '../../campaigns/plan/reads.ts'
import type { ForecastCampaign, ForecastInput } from '../../schedule/forecast-input.ts'
import type { PlanCampaign } from '../../schedule/plan-input.ts'
import { runsFromMs } from '../../schedule/windows.ts'
import { neighboursOf, type Registry } from './neighbours.ts'
import { readQueue } from './queue.ts'
import * as reads from './reads.ts'

/** A forecast's input; those that only stand beside the wanted ones are in it too. */
export interface LoadedForecast {
  input: ForecastInput
  /** Names of the campaigns that were asked for. */
  wanted: string[]
  /** All that share something with them are there, over however many others. */
  whole: boolean
  /** Of all campaigns, in the order in which they were found: those asked for, then the nearest. */
  order: string[]
}

export interface LoadOptions {
  /** Those asked for; without names all that run, are scheduled or paused. */
  names?: readonly string[] | undefined
  /** Of all that share something with them only the nearest, so that there are about so many waiting mails; at least those asked for. */
  atMostMails?: number
  /** Mailboxes that are to be in it too, whoever sends from them. */
  mailboxIds?: readonly number[]
}

/** What is read before the queue is: who is there, and who shares something with those that are asked for. */
export interface Survey extends planReads.Installation {
  known: readonly reads.NamedCampaign[]
  wanted: readonly reads.NamedCampaign[]
  registry: Registry
  ids: ReadonlySet<number>
  whole: boolean
  mailboxIds: readonly number[]
  atMostMails: number
}

/** Looks who is there. */
export async function survey(query: planReads.Query, options: LoadOptions = {}): Promise<Survey> {
  const { names, atMostMails = Number.POSITIVE_INFINITY, mailboxIds = [] } = options
  const installation = await planReads.installation(query)
  const known = await reads.named(query, names)
  const registry = await readRegistry(query, known, installation)
  const wanted = known.filter(({ name }) => names?.includes(name) ?? true)
  const byDomain = installation.domainLimits.size > 0
  const related = await relatedTo(query, wanted, { registry, known, atMostMails, byDomain })
  return { ...installation, known, wanted, registry, ...related, mailboxIds, atMostMails }
}

/** Are these, with all that share something with them, so few mails that they are soon reckoned? */
export async function isSmall(query: planReads.Query, { ids, whole, atMostMails }: Survey): Promise<boolean> {
  return whole && (await reads.openMails(query, [...ids], atMostMails)) <= atMostMails
}

/** What is forecast as things stand. */
export async function loadForecast(query: planReads.Query, options: LoadOptions = {}): Promise<LoadedForecast> {
  return loadSurveyed(query, await survey(query, options))
}

/** The same, of what was looked at already. */
export async function loadSurveyed(query: planReads.Query, surveyed: Survey): Promise<LoadedForecast> {
  const { nowMs, timeZone, paused, warmupStages, salespeople, domainLimits } = surveyed
  const { known, wanted, registry, ids, whole, mailboxIds } = surveyed
  const campaigns = registry.campaigns.filter(({ id }) => ids.has(id))
  const queue = await readQueue(query, [...ids], mailboxesOf(campaigns, registry))
  const used = new Set([
    ...mailboxIds,
    ...campaigns.flatMap(({ mailboxIds }) => mailboxIds),
    ...queue.messages.flatMap(({ slot, boundMailboxId }) => [slot?.mailboxId, boundMailboxId]),
  ])
  return {
    wanted: wanted.map(({ name }) => name),
    whole,
    order: [...ids].flatMap((id) => known.find((it) => it.id === id)?.name ?? []),
    input: {
      plan: {
        nowMs,
        timeZone,
        horizonDays: 7,
        graceMs: 300_000,
        attemptDays: 3,
        warmupStages,
        salespeople,
        mailboxes: registry.mailboxes.filter(({ id }) => used.has(id)),
        campaigns,
        domainLimits,
        domainsTaken: domainLimits.size === 0 ? new Map() : await domainReads.domainsTaken(query),
        contacts: queue.contacts,
        messages: queue.messages,
      },
      campaigns: campaigns.map((campaign): ForecastCampaign => {
        const found = known.find(({ id }) => id === campaign.id)
        assert(found, 'a campaign of the plan is one of those that are known')
        const { name, status } = found
        const startMs = status === 'scheduled' && !paused ? runsFromMs(campaign, nowMs) : null
        return {
          id: campaign.id,
          name,
          status,
          runsFromMs: startMs,
          stoppedBy: stopOf(found, paused),
          ...queue.of(campaign.id),
        }
      }),
      lastMessageId: await reads.lastMessageId(query),
      slips: await reads.slips(query),
      planAfterMs: planAfterMs(queue.mails, campaigns.length),
    },
  }
}

/** What holds all mails of a campaign, the widest first. */
function stopOf({ status, salesperson_paused: salesPaused }: reads.NamedCampaign, paused: boolean): string {
  if (paused) return 'all_paused'
  return salesPaused ? 'salesperson_paused' : `campaign_${status}`
}

/** A campaign that has not begun, or is over, is asked about as if it began now. */
async function readRegistry(
  query: planReads.Query,
  known: readonly reads.NamedCampaign[],
  { paused, salespeople }: planReads.Installation,
): Promise<Registry> {
  const status = new Map(known.map((it) => [it.id, it.status]))
  const campaigns = await planReads.campaigns(query, known.map(({ id }) => id)) // prettier-ignore
  return {
    campaigns: campaigns.map((row) => {
      const campaign = toCampaign(row, paused)
      const asIf = ['draft', 'completed'].includes(status.get(row.id) ?? '')
      return asIf ? { ...campaign, running: !paused } : campaign
    }),
    mailboxes: (await planReads.mailboxes(query)).map((row) => toMailbox(row, paused)),
    salespeople,
  }
}

/** Mails of a campaign whose leads are looked for in others. */
const LEADS_LOOKED_AT = 5000

interface Relations {
  registry: Registry
  known: readonly reads.NamedCampaign[]
  atMostMails: number
  /** Domains have limits: any two campaigns may mail the same ones, and share what these may get. */
  byDomain: boolean
}

async function relatedTo(
  query: planReads.Query,
  wanted: readonly { id: number }[],
  { registry, known, atMostMails, byDomain }: Relations,
): Promise<{ ids: Set<number>; whole: boolean }> {
  const competing = new Set(known.flatMap(({ id, status }) => (['running', 'scheduled'].includes(status) ? [id] : [])))
  const competes = (id: number): boolean => competing.has(id)
  const asked = wanted.map(({ id }) => id)
  let found = neighboursOf(asked, registry, competes)
  if (byDomain) found = [...new Set([...found, ...competing])]
  for (;;) {
    const near = await nearest(query, found, { asked: asked.length, atMostMails })
    if (near.length < found.length) return { ids: new Set(near), whole: false }
    const sharing = (await reads.sharingLeads(query, found, LEADS_LOOKED_AT)).filter(competes)
    if (sharing.length === 0) return { ids: new Set(found), whole: true }
    found = neighboursOf([...found, ...sharing], registry, competes)
  }
}

/** The first of them, as many as have so many mails together; those asked for in any case. */
async function nearest(
  query: planReads.Query,
  ids: readonly number[],
  { asked, atMostMails }: { asked: number; atMostMails: number },
): Promise<readonly number[]> {
  if (atMostMails === Number.POSITIVE_INFINITY) return ids
  const counts = await reads.openCounts(query, ids, atMostMails)
  let mails = 0
  const upto = ids.findIndex((_, index) => (mails += counts[index] ?? 0) > atMostMails && index >= asked)
  return upto < 0 ? ids : ids.slice(0, upto)
}

function mailboxesOf(campaigns: readonly PlanCampaign[], { mailboxes }: Registry): Registry['mailboxes'] {
  const used = new Set(campaigns.flatMap(({ mailboxIds }) => mailboxIds))
  return mailboxes.filter(({ id }) => used.has(id))
}

/**
 * How often the forecast plans. As often as a worker where the queue is short, or campaigns share what they send from and the order of plans
 * decides who gets a place; with more mails, where each of them decides less, more rarely, so that nobody waits for long.
 */
function planAfterMs(mails: number, campaigns: number): number {
  if (mails <= 300 || (mails <= 1500 && campaigns > 1)) return 0
  return mails <= 3000 ? 1_800_000 : Number.POSITIVE_INFINITY
}
