/**
 * The world that a rehearsal is reckoned in: what a database has, or nothing, with the things of the definition in it as if they had been
 * applied, and the leads as if they had been imported. Pure; nothing of it is ever written.
 */
import { WEEKDAYS } from '../../campaigns/definition/campaign.ts'
import type { CampaignDefinition, Definition, MailboxDefinition } from '../../campaigns/definition/definition.ts'
import { assert } from '../../errors.ts'
import type { ForecastCampaign, ForecastInput, WaitingMails } from '../../schedule/forecast-input.ts'
import type { PlanCampaign, PlanInput, PlanMailbox, PlanMessage, PlanSalesperson } from '../../schedule/plan-input.ts'
import { untouchedMail } from '../../schedule/untouched-mail.ts'
import { runsFromMs, type SendingCalendar } from '../../schedule/windows.ts'
import type { RehearsedLeads } from './leads.ts'

/** What is there already, and which ids its things have. */
export interface Present {
  input: ForecastInput
  salespeople: ReadonlyMap<string, number>
  mailboxes: ReadonlyMap<string, number>
  /** Above all ids of campaigns. */
  nextCampaignId: number
}

/** The input of a forecast with the campaign in it, and its id there. */
export function worldWith(
  present: Present,
  definition: Definition,
  campaign: CampaignDefinition,
  leads: Pick<RehearsedLeads, 'leadIds' | 'domains'>,
): { input: ForecastInput; campaignId: number } {
  const { input } = present
  const ids = {
    salespeople: withNewIds(present.salespeople, definition.salespeople.map(({ email }) => email)), // prettier-ignore
    mailboxes: withNewIds(present.mailboxes, definition.mailboxes.map(({ address }) => address)), // prettier-ignore
  }
  const campaignId = present.nextCampaignId
  const planned = planCampaign(campaign, campaignId, ids)
  const own = forecastCampaign(campaign, planned, { input, leads })
  return {
    campaignId,
    input: {
      ...input,
      plan: {
        ...input.plan,
        timeZone: definition.timezone ?? input.plan.timeZone,
        warmupStages: definition.warmupStages?.toSorted((a, b) => a.fromDay - b.fromDay) ?? input.plan.warmupStages,
        domainLimits: domainLimitsOf(definition) ?? input.plan.domainLimits,
        salespeople: merged(input.plan.salespeople, definition.salespeople.map(({ email, dailyLimit }) => { // prettier-ignore
          const id = idOf(ids.salespeople, email)
          return { taken: new Map(), ...input.plan.salespeople.find((it) => it.id === id), id, dailyLimit } satisfies PlanSalesperson
        })), // prettier-ignore
        mailboxes: merged(
          input.plan.mailboxes,
          definition.mailboxes.map((mailbox) =>
            planMailbox(mailbox, idOf(ids.mailboxes, mailbox.address), input.plan.mailboxes),
          ),
        ),
        campaigns: [...input.plan.campaigns, planned],
      },
      campaigns: [...input.campaigns, own],
      lastMessageId: input.lastMessageId + leads.leadIds.length,
      // A year from its start on, however far away that is.
      longestDays: LONGEST_DAYS + Math.ceil(((own.runsFromMs ?? 0) - input.plan.nowMs) / 86_400_000),
    },
  }
}

const LONGEST_DAYS = 400

function domainLimitsOf({ domainLimits }: Definition): PlanInput['domainLimits'] | undefined {
  return domainLimits && new Map(domainLimits.map(({ domain, ...limits }) => [domain, limits]))
}

/** Windows, days off and first day of a definition, as the schedule has them. */
function calendarOf({ timezone, startsOn, window, holidays, skipDates }: CampaignDefinition): SendingCalendar {
  return {
    timeZone: timezone,
    startsOn,
    window: { ...window, days: WEEKDAYS.filter((_, i) => window.days.includes(i + 1)) },
    holidays,
    skipDates,
  }
}

interface Ids {
  salespeople: ReadonlyMap<string, number>
  mailboxes: ReadonlyMap<string, number>
}

/** Those that are known keep theirs. */
function withNewIds(known: ReadonlyMap<string, number>, names: readonly string[]): ReadonlyMap<string, number> {
  const ids = new Map(known)
  let last = Math.max(0, ...known.values())
  for (const name of names) if (!ids.has(name)) ids.set(name, ++last)
  return ids
}

function idOf(ids: ReadonlyMap<string, number>, name: string): number {
  const id = ids.get(name)
  assert(id !== undefined, `${name} is defined: mistakes were refused`)
  return id
}

/** In place of those with the same id, or behind all others. */
function merged<Thing extends { id: number }>(there: readonly Thing[], defined: readonly Thing[]): Thing[] {
  const ids = new Set(defined.map(({ id }) => id))
  return [...there.filter(({ id }) => !ids.has(id)), ...defined]
}

/** What it has sent today, and whether it works, stays as it is. */
function planMailbox(
  { dailyLimit, minGapMs, warmup }: MailboxDefinition,
  id: number,
  there: readonly PlanMailbox[],
): PlanMailbox {
  // prettier-ignore
  const fresh = { version: 1, usable: true, freeFromMs: null, lastFenceMs: null, occupiesMs: 20, taken: new Map() }
  return { ...fresh, ...there.find((mailbox) => mailbox.id === id), id, dailyLimit, minGapMs, warmup }
}

function planCampaign(campaign: CampaignDefinition, id: number, ids: Ids): PlanCampaign {
  const { salesperson, mailboxes, delayMs, jitter, dailyLimit, contactGapDays, weight } = campaign
  return {
    ...calendarOf(campaign),
    id,
    version: 1,
    salespersonId: idOf(ids.salespeople, salesperson),
    mailboxIds: mailboxes.map((address) => idOf(ids.mailboxes, address)).toSorted((a, b) => a - b),
    delayMs,
    jitter,
    dailyLimit,
    contactGapDays,
    running: false,
    weight,
    lastFenceMs: null,
    taken: new Map(),
  }
}

function forecastCampaign(
  { name, steps }: CampaignDefinition,
  planned: PlanCampaign,
  { input, leads }: { input: ForecastInput; leads: Pick<RehearsedLeads, 'leadIds' | 'domains'> },
): ForecastCampaign {
  return {
    id: planned.id,
    name,
    status: 'rehearsed',
    sent: 0,
    steps: steps.map(({ wait }, i) => ({ position: i + 1, wait: wait ?? { days: 0 } })),
    runsFromMs: runsFromMs(planned, input.plan.nowMs),
    stoppedBy: 'campaign_not_running',
    waiting: waitingMails(planned.id, input.lastMessageId, leads),
    underWay: [],
    never: [],
  }
}

/** Each mail is made when it is asked for: of a long list only the part that has a place is. */
function waitingMails(
  campaignId: number,
  lastMessageId: number,
  { leadIds, domains }: Pick<RehearsedLeads, 'leadIds' | 'domains'>,
): WaitingMails {
  // prettier-ignore
  return {
    size: leadIds.length,
    at: (index): PlanMessage => {
      const id = lastMessageId + 1 + index
      return untouchedMail({ id, order: id, campaignId, leadId: leadIds[index] ?? null, domain: domains[index] ?? null, stepPosition: 1 })
    },
  }
}
