/**
 * What a change means for campaigns that run: how many of their mails get another time, and when they will be done, before and after. Both
 * are reckoned by the real plan; nothing is written, and no lock is taken.
 */
import { sql } from 'kysely'
import type { Database } from '../../database/pool.ts'
import { forecast } from '../../schedule/forecast.ts'
import type { ForecastInput } from '../../schedule/forecast-input.ts'
import type { CampaignForecast, Finish } from '../../schedule/forecast-result.ts'
import { plan } from '../../schedule/plan.ts'
import { isSmall, loadForecast, survey } from '../../reports/forecast/load.ts'
import { inSnapshot } from '../../reports/forecast/snapshot.ts'
import type { Definition } from '../definition/definition.ts'
import { judge } from './apply.ts'
import { changedInput } from './outlook-input.ts'

export interface CampaignOutlook {
  campaign: string
  /** Mails with a slot that get another time or mailbox, or have none any more. */
  moved: number
  /** Mails still to go. */
  mails: { before: number; after: number }
  /** Null: nothing of it would go. */
  finish: { before: Finish | null; after: Finish | null }
  /** Leads who have had what was the last step, and do not get the steps that are added behind it. */
  past_the_end: number
}

/** Waiting mails that are looked at: with more only those campaigns that share most with the changed ones. */
const MOST_MAILS = 5000

/** Of the campaigns that are changed, and of those that it makes later or earlier. */
export async function outlookOf(database: Database, definition: Definition): Promise<CampaignOutlook[]> {
  const { changes, stored, names, changed, mailboxIds, ended } = await database.transaction(async (tx) => {
    await sql`set transaction isolation level repeatable read, read only`.execute(tx)
    const judged = await judge(tx, definition)
    return { ...judged, ...(await concernedBy(tx, judged)) }
  })
  if (names.length === 0 || (await areTooMany(database, names))) return []
  const { input } = await inSnapshot(database, (query) =>
    loadForecast(query, { names, mailboxIds, atMostMails: MOST_MAILS }),
  )
  const after = changedInput(input, changes, {
    mailboxes: idsByName(stored.mailboxes),
    salespeople: idsByName(stored.salespeople),
  })
  const moved = movedBy(input, after)
  const told = new Map(forecast(after).campaigns.map((it) => [it.campaign, it]))
  return forecast(input).campaigns.flatMap((before): CampaignOutlook[] => {
    const it = outlook(before, told.get(before.campaign) ?? before, {
      moved: moved.get(before.campaign) ?? 0,
      ended: ended.get(before.campaign) ?? 0,
    })
    return changed.has(before.campaign) || isDifferent(it) ? [it] : []
  })
}

/** What concerns very many mails at once (a time zone) is not reckoned while somebody waits: that would be minutes. */
async function areTooMany(database: Database, names: readonly string[]): Promise<boolean> {
  if (names.length <= 20) return false
  return inSnapshot(
    database,
    async (query) => !(await isSmall(query, await survey(query, { names, atMostMails: MOST_MAILS }))),
  )
}

function idsByName(things: Map<string, { id: number }>): Map<string, number> {
  return new Map(Array.from(things, ([name, { id }]) => [name, id]))
}

function outlook(
  before: CampaignForecast,
  after: CampaignForecast,
  { moved, ended }: { moved: number; ended: number },
): CampaignOutlook {
  return {
    campaign: before.campaign,
    moved,
    mails: { before: before.mails, after: after.mails },
    finish: { before: before.finish, after: after.finish },
    past_the_end: ended,
  }
}

function isDifferent({ moved, finish }: CampaignOutlook): boolean {
  return moved > 0 || finish.before?.likely !== finish.after?.likely
}

/** By campaign, how many slots the next plan would not leave where they are, because of the change alone. */
function movedBy(before: ForecastInput, after: ForecastInput): Map<string, number> {
  const anyway = new Set(movesOf(before))
  const names = new Map(before.campaigns.map(({ id, name }) => [id, name]))
  const campaigns = new Map(before.plan.messages.map(({ id, campaignId }) => [id, names.get(campaignId ?? Number.NaN)]))
  const counts = new Map<string, number>()
  const there = new Set(after.plan.messages.map(({ id }) => id))
  const lost = before.plan.messages.filter(({ id, slot }) => slot && !there.has(id)).map(({ id }) => id)
  const rebuilt = after.plan.messages.filter(({ id, slot }) => !slot && campaigns.has(id)).map(({ id }) => id)
  const had = new Set(before.plan.messages.filter(({ slot }) => slot).map(({ id }) => id))
  for (const id of new Set([...lost, ...rebuilt.filter((it) => had.has(it)), ...movesOf(after)])) {
    const name = campaigns.get(id)
    if (name !== undefined && had.has(id) && !anyway.has(id)) counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  return counts
}

function movesOf({ plan: input }: ForecastInput): number[] {
  const { slots, withdrawals } = plan(input)
  return [...slots.filter(({ from }) => from !== null), ...withdrawals].map(({ messageId }) => messageId)
}

/** The campaigns under way that are changed, or send from what is changed; and who is past the end of those that get more steps. */
async function concernedBy(
  tx: Parameters<typeof judge>[0],
  { changes, stored: known }: Awaited<ReturnType<typeof judge>>,
): Promise<{ names: string[]; changed: Set<string>; mailboxIds: number[]; ended: Map<string, number> }> {
  const { installation, salespeople, mailboxes, campaigns } = changes
  // A campaign that is to send from a mailbox shares it with whoever does already.
  const joined = campaigns.flatMap((it) => (it.change === 'changed' ? (it.mailboxes ?? []) : []))
  const mailboxIds = joined.flatMap((address) => known.mailboxes.get(address)?.id ?? [])
  const { rows } = await sql<{ name: string }>`
    select c.name from goniec.campaign c
    where c.status in ('running', 'scheduled', 'paused')
      and (c.id = any (${idsOf(campaigns)}) or c.salesperson_id = any (${idsOf(salespeople)}) or ${installation.change === 'changed'}
           or exists (select from goniec.campaign_mailbox cm where cm.campaign_id = c.id and cm.mailbox_id = any (${[...idsOf(mailboxes), ...mailboxIds]})))
    order by c.name`.execute(tx)
  const ended = new Map<string, number>()
  for (const { name, steps } of campaigns) {
    const stored = known.campaigns.get(name)
    const last = stored?.steps.findLast(({ retired }) => !retired)
    const place = steps.wanted.find(({ key }) => key === last?.key)?.position ?? 0
    const added = steps.wanted.some((step) => step.stored === undefined && step.position > place)
    if (stored === undefined || last === undefined || !added) continue
    const { rows: counts } = await sql<{ leads: number }>`
      select count(*)::int as leads from goniec.message m
      where m.campaign_id = ${stored.id} and m.status = 'sent' and m.kind = 'campaign' and m.step_key = ${last.key}`.execute(
      tx,
    )
    ended.set(name, counts[0]?.leads ?? 0)
  }
  const changed = new Set(campaigns.flatMap(({ change, name }) => (change === 'changed' ? [name] : [])))
  return { names: rows.map(({ name }) => name), changed, mailboxIds, ended }
}

/** Of those that are stored, and whose slots are void with the change. */
function idsOf(
  changes: readonly { change: string; voidsSlots: boolean; stored: { id: number } | undefined }[],
): number[] {
  return changes.flatMap(({ change, voidsSlots, stored }) => {
    return change === 'changed' && voidsSlots && stored ? [stored.id] : []
  })
}
