/**
 * Everything that would go wrong with a campaign, named before anything goes out. It changes nothing, but for asking a worker to try
 * the logins.
 */
import type { Database } from '../../database/pool.ts'
import { assert } from '../../errors.ts'
import type { LoginCheckOptions } from '../../mailboxes/login-check.ts'
import type { WarmupStage } from '../../schedule/warmup.ts'
import type { SendingWindow } from '../../schedule/windows.ts'
import type { Instant } from '../../time.ts'
import { findCampaign, type Campaign } from '../campaign.ts'
import { checkCalendar } from './calendar.ts'
import { mailsOn, sendingDays, type CapacityInput } from './capacity.ts'
import { checkLeads, type LeadCheckOptions } from './leads.ts'
import type { Capacity, CheckReport, Finding, LeadsChecked } from './report.ts'
import { checkLogins, checkSenders, type Senders } from './senders.ts'
import { checkSteps, type CheckedStep } from './steps.ts'

export interface CheckOptions extends LeadCheckOptions {
  /** How long to wait for a worker; undefined: the logins are not tried. */
  logins: LoginCheckOptions | undefined
  /** Told when the wait for a worker begins. */
  onLogins?: () => void
}

/** Checks a campaign, whatever state it is in. */
export async function checkCampaign(database: Database, name: string, options: CheckOptions): Promise<CheckReport> {
  const campaign = await findCampaign(database, name)
  const { now, today, stages } = await readFrame(database, campaign)
  const { steps, problems: ofSteps } = await checkSteps(database, campaign.id)
  const senders = await checkSenders(database, campaign.id)
  const { windows, problems: ofCalendar } = checkCalendar(campaign.calendar, today)
  const { leads, problems: ofLeads } = await checkLeads(database, campaign, steps, options)
  const input = {
    campaign,
    mailboxes: senders.usable,
    salespersonLimit: senders.salespersonLimit,
    stages,
    windows,
    nowMs: now.epochMilliseconds,
  }
  const capacity = await reckonCapacity(database, campaign, input, leads)
  if (options.logins && senders.usable.length > 0) options.onLogins?.()
  const ofLogins =
    options.logins && senders.usable.length > 0
      ? await checkLogins(database, senders.usable, options.logins)
      : NO_LOGINS
  return {
    name: campaign.name,
    status: campaign.status,
    problems: [
      ...ofLeads,
      ...ofSteps,
      ...senders.problems,
      ...ofCalendar,
      ...capacityProblems(capacity, senders),
      ...ofLogins.problems,
    ],
    warnings: [
      ...senders.warnings,
      ...capacityWarnings(capacity, leads),
      ...replyWarnings(steps),
      ...ofLogins.warnings,
    ],
    leads,
    capacity,
    logins: ofLogins.logins,
  }
}

const NO_LOGINS = { logins: [], problems: [], warnings: [] }

async function readFrame(
  database: Database,
  { calendar }: Campaign,
): Promise<{ now: Instant; today: string; stages: WarmupStage[] }> {
  const [row] = await database.query<{ now: Instant; today: string }>(
    `select now.now, (now.now at time zone $1)::date as today from (select goniec.now()) as now`,
    [calendar.timeZone],
  )
  const stages = await database.query<WarmupStage & Record<string, unknown>>(
    `select from_day as "fromDay", warmup_limit as "warmupLimit", campaign_limit as "campaignLimit" from goniec.warmup_stage order by from_day`,
  )
  assert(row, 'a query of no table returns a row')
  return { ...row, stages }
}

/** Null where there is no window or no mailbox to reckon with: that is a problem of its own. */
async function reckonCapacity(
  database: Database,
  { id }: Campaign,
  input: CapacityInput,
  { mails }: LeadsChecked,
): Promise<Capacity | null> {
  const fullDay = input.windows.find(({ opensMs }) => opensMs >= input.nowMs)
  if (!fullDay || input.mailboxes.length === 0) return null
  const [row] = await database.query<{ others: number }>(
    `select count(distinct c.id) as others
     from goniec.campaign_mailbox mine
     join goniec.campaign_mailbox theirs on theirs.mailbox_id = mine.mailbox_id and theirs.campaign_id <> mine.campaign_id
     join goniec.campaign c on c.id = theirs.campaign_id and c.status in ('scheduled', 'running')
     where mine.campaign_id = $1`,
    [id],
  )
  return {
    sendingDays: sendingDays(input, mails),
    mailsPerDay: mailsOnFullDay(input, fullDay),
    sharedWith: row?.others ?? 0,
  }
}

function mailsOnFullDay(input: CapacityInput, window: SendingWindow): number {
  return mailsOn(
    { ...input, stages: [], mailboxes: input.mailboxes.map((mailbox) => ({ ...mailbox, warmup: null })) },
    window,
  )
}

function capacityProblems(capacity: Capacity | null, { usable }: Senders): Finding[] {
  if (capacity === null || capacity.mailsPerDay > 0 || usable.length === 0) return []
  const text = 'the limits leave no room for a single mail a day'
  return [
    {
      code: 'no_capacity',
      text,
      hint: 'raise the daily_limit of campaign, mailboxes or salesperson, and goniec apply FILE',
    },
  ]
}

/** Seven sending days are planned ahead; a campaign that takes longer is worth a word before it starts. */
const PLANNED_DAYS = 7

function capacityWarnings(capacity: Capacity | null, { mails }: LeadsChecked): Finding[] {
  if (capacity === null || capacity.mailsPerDay === 0) return []
  const { sendingDays: days, mailsPerDay, sharedWith } = capacity
  if (days !== null && days <= PLANNED_DAYS) return []
  const others = sharedWith === 0 ? '' : `, and ${sharedWith} other campaigns use the same mailboxes`
  const text = `${mails} mails at up to ${mailsPerDay} a day take ${days === null ? 'more than a year' : `about ${days} sending days`}${others}`
  return [{ code: 'capacity', text, hint: 'more mailboxes, higher limits, a shorter delay, or a wider window' }]
}

/** Nothing reads the mailboxes' replies yet. */
function replyWarnings(steps: readonly CheckedStep[]): Finding[] {
  if (steps.filter(({ retired }) => !retired).length < 2) return []
  const text =
    'replies are marked by hand only: whoever has answered and is not marked gets the follow-ups all the same'
  return [{ code: 'replies_by_hand', text, hint: 'goniec lead replied ADDRESS…, daily' }]
}
