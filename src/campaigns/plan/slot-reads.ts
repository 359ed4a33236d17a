/**
 * What the plan reads of slots that are laid: a column each, of all of them at once. A column is one value, which costs the database half of what rows
 * do, and us a tenth; and each minute's plan reads all of them.
 */
import { assert } from '../../errors.ts'
import type { PlanMessage } from '../../schedule/plan-input.ts'
import { NEVER_TRIED } from '../../schedule/untouched-mail.ts'
import { IN_COLUMNS, OBJECTION, waitOf, type StepRow } from './message-reads.ts'
import { column, columnOf, us } from './columns.ts'
import type { Query } from './reads.ts'

/** Of each slot the same place in each column. */
export interface Slots {
  ids: number[]
  campaigns: number[]
  leads: number[]
  steps: number[]
  bound: (number | null)[]
  follows_us: (number | null)[]
  at_us: number[]
  mailboxes: number[]
  closes_us: number[]
  campaign_versions: (number | null)[]
  mailbox_versions: (number | null)[]
  /** Null: it may be mailed. Otherwise why not. */
  objections: (string | null)[]
}

/** The slots of these campaigns that are read as columns, in any order. */
export async function slots(query: Query, campaignIds: readonly number[]): Promise<Slots> {
  const [row] = (await query(SLOTS, [campaignIds])) as Record<keyof Slots, string | null>[]
  assert(row, 'columns are one row')
  return {
    ids: columnOf(row.ids),
    campaigns: columnOf(row.campaigns),
    leads: columnOf(row.leads),
    steps: columnOf(row.steps),
    bound: columnOf(row.bound),
    follows_us: columnOf(row.follows_us),
    at_us: columnOf(row.at_us),
    mailboxes: columnOf(row.mailboxes),
    closes_us: columnOf(row.closes_us),
    campaign_versions: columnOf(row.campaign_versions),
    mailbox_versions: columnOf(row.mailbox_versions),
    objections: columnOf(row.objections),
  }
}

/** The message that has the slot in this place. */
export function messageOf(all: Slots, place: number, step: StepRow | undefined): PlanMessage {
  const id = all.ids[place] ?? 0
  const followsUs = all.follows_us[place] ?? null
  return {
    id,
    kind: 'campaign',
    campaignId: all.campaigns[place] ?? null,
    leadId: all.leads[place] ?? null,
    // Columns are read only where no domain has a limit: then nobody asks for it.
    domain: null,
    stepPosition: step?.position ?? null,
    boundMailboxId: all.bound[place] ?? null,
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
      campaignVersion: all.campaign_versions[place] ?? null,
      mailboxVersion: all.mailbox_versions[place] ?? 0,
    },
    lost: null,
  }
}

/** The time of the slot in this place. */
export function atMsOf({ at_us: atUs }: Slots, place: number): number {
  return (atUs[place] ?? 0) / 1000
}

const SLOTS = `
  select ${column('m.id')} as ids, ${column('m.campaign_id')} as campaigns, ${column('m.lead_id')} as leads, ${column('m.step_id')} as steps,
         ${column('m.bound_mailbox_id')} as bound, ${column(us('m.follows_at'))} as follows_us,
         ${column(us('m.scheduled_at'))} as at_us, ${column('m.mailbox_id')} as mailboxes, ${column(us('m.window_closes_at'))} as closes_us,
         ${column('m.planned_campaign_version')} as campaign_versions, ${column('m.planned_mailbox_version')} as mailbox_versions,
         ${column(`'"' || ${OBJECTION} || '"'`)} as objections
  from goniec.message m
  left join goniec.lead l on l.id = m.lead_id
  where m.status = 'pending' and m.scheduled_at is not null and ${IN_COLUMNS} and m.campaign_id = any ($1)`
