/**
 * What the plan reads of slots that are laid: a column each, of all of them at once. A column is one value, which costs the database half of what rows
 * do, and us a tenth; and each minute's plan reads all of them.
 */
import type { PlanMessage } from '../../schedule/plan-input.ts'
import { NEVER_TRIED } from '../../schedule/untouched-mail.ts'
import { IN_COLUMNS, OBJECTION, waitOf, type StepRow } from './message-reads.ts'
import { askForColumns, column, numberAt, numbersOf, rareOf, us, type Numbers } from './columns.ts'
import type { Query } from './reads.ts'

/** Of each slot the same place in each column. */
export interface Slots {
  ids: Numbers
  campaigns: Numbers
  leads: Numbers
  steps: Numbers
  bound: Numbers
  follows_us: Numbers
  at_us: Numbers
  mailboxes: Numbers
  closes_us: Numbers
  campaign_versions: Numbers
  mailbox_versions: Numbers
  /** Of those that may not be mailed: why not. */
  objections: ReadonlyMap<number, string>
}

/** The slots of these campaigns that are read as columns, in any order. */
export async function slots(query: Query, campaignIds: readonly number[]): Promise<Slots> {
  const row = await askForColumns<keyof Slots>(query, SLOTS, [campaignIds])
  return {
    ids: numbersOf(row.ids),
    campaigns: numbersOf(row.campaigns),
    leads: numbersOf(row.leads),
    steps: numbersOf(row.steps),
    bound: numbersOf(row.bound),
    follows_us: numbersOf(row.follows_us),
    at_us: numbersOf(row.at_us),
    mailboxes: numbersOf(row.mailboxes),
    closes_us: numbersOf(row.closes_us),
    campaign_versions: numbersOf(row.campaign_versions),
    mailbox_versions: numbersOf(row.mailbox_versions),
    objections: rareOf(row.objections),
  }
}

/** The message that has the slot in this place. */
export function messageOf(all: Slots, place: number, step: StepRow | undefined): PlanMessage {
  const id = all.ids[place] ?? 0
  const followsUs = numberAt(all.follows_us, place)
  return {
    id,
    kind: 'campaign',
    campaignId: numberAt(all.campaigns, place),
    leadId: numberAt(all.leads, place),
    // Columns are read only where no domain has a limit: then nobody asks for it.
    domain: null,
    stepPosition: step?.position ?? null,
    boundMailboxId: numberAt(all.bound, place),
    // It counts on its campaign's.
    salespersonId: null,
    notBeforeMs: null,
    follows: followsUs === null ? null : { sentAtMs: followsUs / 1000, wait: waitOf(step) },
    order: id,
    triedDays: NEVER_TRIED,
    slot: {
      atMs: atMsOf(all, place),
      mailboxId: all.mailboxes[place] ?? 0,
      windowClosesMs: (all.closes_us[place] ?? 0) / 1000,
      campaignVersion: numberAt(all.campaign_versions, place),
      mailboxVersion: all.mailbox_versions[place] ?? 0,
    },
    said: null,
    lost: null,
  }
}

/** The time of the slot in this place. */
export function atMsOf({ at_us: atUs }: Slots, place: number): number {
  return (atUs[place] ?? 0) / 1000
}

/**
 * Campaign by campaign, by the index of what is open: asked for as a list, each piece would read the slots of all the others too, or all that its
 * campaigns have sent. What is asked for inside fits no other index: a planner whose statistics are from before there were slots took that of what is
 * due, and went through all slots for each campaign (a thousand campaigns with a hundred each: half a minute).
 */
const SLOTS = `
  select ${column('m.id')} as ids, ${column('m.campaign_id')} as campaigns, ${column('m.lead_id')} as leads, ${column('m.step_id')} as steps,
         ${column('m.bound_mailbox_id')} as bound, ${column(us('m.follows_at'))} as follows_us,
         ${column(us('m.scheduled_at'))} as at_us, ${column('m.mailbox_id')} as mailboxes, ${column(us('m.window_closes_at'))} as closes_us,
         ${column('m.planned_campaign_version')} as campaign_versions, ${column('m.planned_mailbox_version')} as mailbox_versions,
         ${column(`'"' || ${OBJECTION} || '"'`)} as objections
  from unnest($1::bigint[]) as wanted (campaign_id)
  cross join lateral (
    select * from goniec.message m
    where m.status in ('pending', 'sending', 'in_doubt') and m.scheduled_at >= '-infinity' and m.campaign_id = wanted.campaign_id
    offset 0
  ) m
  left join goniec.lead l on l.id = m.lead_id
  where m.status = 'pending' and ${IN_COLUMNS}`
