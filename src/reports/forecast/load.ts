/**
 * Reads what a forecast is made of: the campaigns that are asked for, and all that share mailboxes, limits or leads with them. Takes no
 * lock, and reads no more of the queue than counts for them.
 */
import { toCampaign, toMailbox } from '../../campaigns/plan/load.ts'
import * as domainReads from '../../campaigns/plan/domain-reads.ts'
import * as planReads from '../../campaigns/plan/reads.ts'
import { dayNumber, zoneDays } from '../../schedule/days.ts'
import type { ForecastCampaign, ForecastInput } from '../../schedule/forecast-input.ts'
import type { PlanCampaign } from '../../schedule/plan-input.ts'
import { neighboursOf, type Registry } from './neighbours.ts'
import { readQueue } from './queue.ts'
import * as reads from './reads.ts'

/** A forecast's input; those that only stand beside the wanted ones are in it too. */
export interface LoadedForecast {
  input: ForecastInput
  /** Names of the campaigns that were asked for. */
  wanted: string[]
}

/** What is forecast as things stand; without names of all campaigns that run, are scheduled or paused. */
export async function loadForecast(query: planReads.Query, names?: readonly string[]): Promise<LoadedForecast> {
  const [installation] = await planReads.installation(query)
  const { now_ms: nowMs = 0, timezone: timeZone = 'Europe/Warsaw', paused = false } = installation ?? {}
  const known = await reads.named(query, names)
  const registry = await readRegistry(query, known, paused)
  const wanted = known.filter(({ name }) => names?.includes(name) ?? true)
  const domainLimits = new Map((await domainReads.domainLimits(query)).map(({ domain, ...limits }) => [domain, limits]))
  // Any two campaigns may mail the same domains, and share what these may get.
  const ids =
    domainLimits.size > 0 ? new Set(known.map(({ id }) => id)) : await relatedTo(query, wanted, registry, known)
  const campaigns = registry.campaigns.filter(({ id }) => ids.has(id))
  const queue = await readQueue(query, [...ids], mailboxesOf(campaigns, registry))
  const used = new Set([
    ...campaigns.flatMap(({ mailboxIds }) => mailboxIds),
    ...queue.messages.flatMap(({ slot, boundMailboxId }) => [slot?.mailboxId, boundMailboxId]),
  ])
  return {
    wanted: wanted.map(({ name }) => name),
    input: {
      plan: {
        nowMs,
        timeZone,
        horizonDays: 7,
        graceMs: 300_000,
        attemptDays: 3,
        warmupStages: await planReads.warmupStages(query),
        salespeople: registry.salespeople,
        mailboxes: registry.mailboxes.filter(({ id }) => used.has(id)),
        campaigns,
        domainLimits,
        domainsTaken: domainLimits.size === 0 ? new Map() : await domainReads.domainsTaken(query),
        contacts: queue.contacts,
        messages: queue.messages,
      },
      campaigns: campaigns.map((campaign): ForecastCampaign => {
        const { name, status } = known.find(({ id }) => id === campaign.id) ?? { name: '', status: '' }
        const runsFromMs = status === 'scheduled' && !paused ? startOf(campaign, nowMs) : null
        return { id: campaign.id, name, status, runsFromMs, ...queue.of(campaign.id) }
      }),
      lastMessageId: await reads.lastMessageId(query),
      slips: [],
    },
  }
}

/** A campaign that has not begun, or is over, is asked about as if it began now. */
async function readRegistry(
  query: planReads.Query,
  known: readonly reads.NamedCampaign[],
  paused: boolean,
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
    salespeople: (await planReads.salespeople(query)).map((row) => {
      return { id: row.id, dailyLimit: row.daily_limit, taken: new Map(Object.entries(row.taken)) }
    }),
  }
}

/** Mails of a campaign whose leads are looked for in others. */
const LEADS_LOOKED_AT = 5000

async function relatedTo(
  query: planReads.Query,
  wanted: readonly { id: number }[],
  registry: Registry,
  known: readonly reads.NamedCampaign[],
): Promise<Set<number>> {
  const competing = new Set(known.flatMap(({ id, status }) => (['running', 'scheduled'].includes(status) ? [id] : [])))
  const options = { competes: (id: number): boolean => competing.has(id) }
  let found = neighboursOf(wanted.map(({ id }) => id), registry, options) // prettier-ignore
  for (;;) {
    const sharing = (await reads.sharingLeads(query, found, LEADS_LOOKED_AT)).filter((id) => competing.has(id))
    if (sharing.length === 0) return new Set(found)
    found = neighboursOf([...found, ...sharing], registry, options)
  }
}

function mailboxesOf(campaigns: readonly PlanCampaign[], { mailboxes }: Registry): Registry['mailboxes'] {
  const used = new Set(campaigns.flatMap(({ mailboxIds }) => mailboxIds))
  return mailboxes.filter(({ id }) => used.has(id))
}

function startOf({ startsOn, timeZone }: PlanCampaign, nowMs: number): number {
  return startsOn === null ? nowMs : Math.max(nowMs, zoneDays(timeZone).startMs(dayNumber(startsOn)))
}
