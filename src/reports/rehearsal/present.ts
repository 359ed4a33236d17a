/** What is there already when a campaign is rehearsed: in a database, or nothing but the clock and goniec's defaults. */
import * as planReads from '../../campaigns/plan/reads.ts'
import { toMailbox } from '../../campaigns/plan/load.ts'
import type { CampaignDefinition } from '../../campaigns/definition/definition.ts'
import type { WarmupStage } from '../../schedule/warmup.ts'
import { loadForecast } from '../forecast/load.ts'
import * as forecastReads from '../forecast/reads.ts'
import type { Present } from './world.ts'

/** Nothing: as a new installation is. */
export function nothingPresent(nowMs: number): Present {
  return {
    input: {
      plan: {
        nowMs,
        timeZone: 'Europe/Warsaw',
        horizonDays: 7,
        graceMs: 300_000,
        attemptDays: 3,
        warmupStages: FIRST_STAGES,
        salespeople: [],
        mailboxes: [],
        campaigns: [],
        domainLimits: new Map(),
        domainsTaken: new Map(),
        contacts: new Map(),
        messages: [],
      },
      campaigns: [],
      lastMessageId: 0,
      slips: [],
    },
    salespeople: new Map(),
    mailboxes: new Map(),
    nextCampaignId: 1,
  }
}

/** The warm-up of a new installation, as migration 000001 writes it. */
const FIRST_STAGES: readonly WarmupStage[] = [
  { fromDay: 1, warmupLimit: 10, campaignLimit: 5 },
  { fromDay: 8, warmupLimit: 20, campaignLimit: 10 },
  { fromDay: 15, warmupLimit: 30, campaignLimit: 20 },
  { fromDay: 22, warmupLimit: 30, campaignLimit: 30 },
  { fromDay: 29, warmupLimit: null, campaignLimit: null },
]

/** What a database has that could stand in the campaign's way: all campaigns that share mailboxes, salesperson or leads with it. */
export async function readPresent(
  query: planReads.Query,
  { salesperson, mailboxes }: CampaignDefinition,
  leadIds: readonly number[],
): Promise<Present> {
  const known = leadIds.filter((id) => id > 0)
  const names = await sharing(query, { salesperson, mailboxes, leadIds: known })
  const { input } = await loadForecast(query, { names })
  const { paused, salespeople } = await planReads.installation(query)
  const contacts = new Map(input.plan.contacts)
  for (const { lead_id: lead, day, campaign_id: campaignId } of await forecastReads.contacts(query, known)) {
    const there = contacts.get(lead) ?? []
    if (!there.some((contact) => contact.day === day && contact.campaignId === campaignId))
      contacts.set(lead, [...there, { day, campaignId }])
  }
  return {
    input: {
      ...input,
      plan: {
        ...input.plan,
        contacts,
        mailboxes: (await planReads.mailboxes(query)).map((row) => toMailbox(row, paused)),
        salespeople,
      },
    },
    ...(await ids(query)),
  }
}

/** Leads of a list that are looked for in other campaigns: of a longer one its first ones tell as much. */
const LEADS_LOOKED_FOR = 20_000

async function sharing(
  query: planReads.Query,
  {
    salesperson,
    mailboxes,
    leadIds,
  }: { salesperson: string; mailboxes: readonly string[]; leadIds: readonly number[] },
): Promise<string[]> {
  const rows: { name: string }[] = await query(
    `select c.name from goniec.campaign c
     where c.status in ('running', 'scheduled')
       and (c.salesperson_id = (select s.id from goniec.salesperson s where s.email = $1)
            or exists (select from goniec.campaign_mailbox cm join goniec.mailbox b on b.id = cm.mailbox_id
                       where cm.campaign_id = c.id and b.address = any ($2))
            or c.id in (select e.campaign_id from goniec.enrollment e where e.lead_id = any ($3)))`,
    [salesperson, mailboxes, leadIds.slice(0, LEADS_LOOKED_FOR)],
  )
  return rows.map(({ name }) => name)
}

async function ids(query: planReads.Query): Promise<Pick<Present, 'salespeople' | 'mailboxes' | 'nextCampaignId'>> {
  const salespeople: { id: number; name: string }[] = await query('select id, email as name from goniec.salesperson')
  const mailboxes: { id: number; name: string }[] = await query('select id, address as name from goniec.mailbox')
  const [campaigns]: { next: number }[] = await query('select coalesce(max(id), 0) + 1 as next from goniec.campaign')
  return {
    salespeople: new Map(salespeople.map(({ id, name }) => [name, id])),
    mailboxes: new Map(mailboxes.map(({ id, name }) => [name, id])),
    nextCampaignId: campaigns?.next ?? 1,
  }
}
