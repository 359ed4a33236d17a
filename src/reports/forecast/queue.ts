/** The queue of some campaigns, as a forecast needs it: what has been planned one by one, the long rest as columns of numbers. */
import { toMessage } from '../../campaigns/plan/load-mails.ts'
import type { MessageRow } from '../../campaigns/plan/message-reads.ts'
import type { Query } from '../../campaigns/plan/reads.ts'
import type { ForecastCampaign, ForecastStep, MailOut, WaitingMails } from '../../schedule/forecast-input.ts'
import type { PlanInput, PlanMailbox, PlanMessage } from '../../schedule/plan-input.ts'
import { untouchedMail } from '../../schedule/untouched-mail.ts'
import * as reads from './reads.ts'

/** Mails of a campaign's queue that are read one by one. The rest is counted: for most that is more than half a year of sending away. */
const LONGEST_QUEUE = 20_000

type Told = Pick<ForecastCampaign, 'sent' | 'steps' | 'waiting' | 'underWay' | 'never'>

export interface Queue {
  messages: PlanMessage[]
  /** How many mails there are in all. */
  mails: number
  contacts: PlanInput['contacts']
  /** What a campaign has of it. */
  of: (campaignId: number) => Told
}

/** Reads it for these campaigns, and the other mail of these mailboxes. */
export async function readQueue(
  query: Query,
  campaignIds: readonly number[],
  mailboxes: readonly PlanMailbox[],
): Promise<Queue> {
  const mailboxIds = mailboxes.map(({ id }) => id)
  const rows = await reads.messages(query, { campaignIds, mailboxIds })
  const fresh = await reads.waiting(query, campaignIds, LONGEST_QUEUE)
  const counts = await restCounts(query, fresh)
  const underWay = await reads.underWay(query, campaignIds)
  const steps = await reads.steps(query, campaignIds)
  const sent = new Map((await reads.sent(query, campaignIds)).map((row) => [row.campaign_id, row.mails]))
  const freshBy = Map.groupBy(fresh, (row) => row.campaign_id)
  return {
    messages: rows.filter(({ objection }) => objection === null).map(toMessage),
    mails: rows.length + fresh.length + [...counts.values()].reduce((sum, more) => sum + more, 0),
    contacts: await readContacts(query, [...rows, ...fresh]),
    of: (id) => {
      const own = freshBy.get(id) ?? []
      const objections = [...rows.filter((row) => row.campaign_id === id), ...own].flatMap((row) => row.objection ?? [])
      const way = underWay.filter((row) => row.campaign_id === id)
      const doubts = way.filter(({ status }) => status === 'in_doubt').map(() => 'in_doubt')
      return {
        sent: sent.get(id) ?? 0,
        steps: steps.filter((row) => row.campaign_id === id).map(toStep),
        waiting: waitingMails(id, own.filter(({ objection }) => objection === null), counts.get(id) ?? 0), // prettier-ignore
        underWay: way.filter(({ status }) => status === 'sending').flatMap(toMailOut),
        never: countsOf([...objections, ...doubts]),
      }
    },
  }
}

/** How many mails of each queue were not read. */
async function restCounts(query: Query, read: readonly reads.WaitingRow[]): Promise<Map<number, number>> {
  const counts = new Map<number, number>()
  for (const { campaign_id: id } of read) counts.set(id, (counts.get(id) ?? 0) + 1)
  const long = [...counts].flatMap(([id, count]) => (count >= LONGEST_QUEUE ? [id] : []))
  if (long.length === 0) return new Map()
  const all = await reads.waitingCounts(query, long)
  return new Map(all.map(({ campaign_id: id, mails }) => [id, mails - (counts.get(id) ?? 0)]))
}

async function readContacts(
  query: Query,
  rows: readonly Pick<MessageRow, 'lead_id'>[],
): Promise<Map<number, { day: string; campaignId: number }[]>> {
  const leads = new Set(rows.flatMap(({ lead_id: id }) => id ?? []))
  const contacts = new Map<number, { day: string; campaignId: number }[]>()
  for (const { lead_id: lead, day, campaign_id: campaignId } of await reads.contacts(query, [...leads])) {
    contacts.set(lead, [...(contacts.get(lead) ?? []), { day, campaignId }])
  }
  return contacts
}

function toStep({
  position,
  wait_days: days,
  wait_ms: ms,
}: Awaited<ReturnType<typeof reads.steps>>[number]): ForecastStep {
  // prettier-ignore
  return { position, wait: days === null ? { ms: ms ?? 0 } : { days } }
}

/** It is taken as accepted at the time it was planned for. */
function toMailOut(row: reads.UnderWayRow): MailOut[] {
  const { at_ms: sentAtMs, mailbox_id: mailboxId } = row
  return sentAtMs === null || mailboxId === null ? [] : [{ message: { ...toMessage(row), slot: null }, mailboxId, sentAtMs }] // prettier-ignore
}

/** Three numbers a mail; the mail itself is made when a plan asks for it. What was only counted gets ids and leads that nobody has. */
function waitingMails(campaignId: number, rows: readonly reads.WaitingRow[], more: number): WaitingMails {
  const [ids, leads] = [Float64Array.from(rows, ({ id }) => id), Float64Array.from(rows, (row) => row.lead_id)]
  const positions = Uint16Array.from(rows, ({ position }) => position)
  const domains = rows.map(({ domain }) => domain)
  const lastId = ids.at(-1) ?? 0
  return {
    size: rows.length + more,
    at: (index) => {
      const beyond = index - rows.length + 1
      const id = ids[index] ?? -(campaignId * 10_000_000 + beyond)
      const order = ids[index] ?? lastId + beyond / (more + 1)
      // The rest of a long list is taken to go to the same domains as its beginning.
      const domain = domains[index % Math.max(1, domains.length)] ?? null
      return untouchedMail({ id, order, campaignId, leadId: leads[index] ?? null, domain, stepPosition: positions[index] ?? 1 }) // prettier-ignore
    },
  }
}

function countsOf(reasons: readonly string[]): { reason: string; mails: number }[] {
  return Array.from(Map.groupBy(reasons, (reason) => reason), ([reason, all]) => ({ reason, mails: all.length })) // prettier-ignore
}
