/**
 * Why a campaign sends nothing at this instant, or when it does: what stands against its next mail, which limit binds each of its days, how
 * many of its mails wait for what, and which of them nothing will ever send.
 *
 * It answers within a second whatever the queue holds: the next mail is found by index, and what waits is counted to ten thousand.
 */
import { findCampaign, shellWord, type Campaign, type CampaignStatus } from '../../campaigns/campaign.ts'
import type { Database } from '../../database/pool.ts'
import { instantAt, type Instant } from '../../time.ts'
import { isAnyWorkerRunning } from '../status/workers.ts'
import { dayAt, whyClosed, windowsFrom } from './calendar.ts'
import { readBindings } from './mail-facts.ts'
import { explainMails, type MailWhy } from './mail.ts'
import { byEnd, type Next, type Reason } from './reason.ts'

export interface CampaignWhy {
  name: string
  status: CampaignStatus
  timezone: string
  sendable: boolean
  worker_runs: boolean
  reasons: Reason[]
  next: Next | null
  /** Its next mail; null: none waits. */
  next_mail: MailWhy | null
  today: { day: string; opens_at: Instant | null; closes_at: Instant | null }
  /** What binds each of the days that are planned; none where it does not run. */
  days: { day: string; binding: string }[]
  /** How many of its pending mails wait for what; of more than ten thousand, the first ten thousand. */
  waiting: { code: string; mails: number }[]
  counted_all: boolean
  /** What nothing will ever send by itself, and what mends it. */
  never: { code: string; mails: number; todo: string }[]
}

/** Explains the campaign of this name. */
export async function explainCampaign(database: Pick<Database, 'query'>, name: string): Promise<CampaignWhy> {
  const campaign = await findCampaign(database, name)
  const { calendar, status } = campaign
  const [mail = null] = await explainMails(database, await nextMail(database, campaign.id))
  const now = await readNow(database)
  const counts = await countWaiting(database, campaign.id)
  const inDoubt = await countInDoubt(database, campaign.id)
  const bindings = await readBindings(database, campaign.id)
  const day = dayAt(now, calendar.timeZone)
  const window = windowsFrom(calendar, now, 1).find((it) => it.day === day)
  const reasons = reasonsOf({ campaign, mail, inDoubt, now })
  const byPerson = reasons.some(({ ended_by: by }) => by === 'person')
  return {
    name: campaign.name,
    status,
    timezone: calendar.timeZone,
    sendable: mail?.sendable ?? false,
    worker_runs: mail?.worker_runs ?? (await isAnyWorkerRunning(database)),
    reasons,
    next: byPerson ? null : (mail?.next ?? null),
    next_mail: mail,
    today: {
      day,
      opens_at: window ? instantAt(window.opensMs) : null,
      closes_at: window ? instantAt(window.closesMs) : null,
    },
    // Of a campaign that does not run the plan says nothing: what stands there it said before.
    days: status === 'running' ? Array.from(bindings, ([on, binding]) => ({ day: on, binding })) : [],
    ...counts,
    never: neverOf(counts.waiting, inDoubt, campaign),
  }
}

interface Asked {
  campaign: Campaign
  mail: MailWhy | null
  inDoubt: number
  now: Instant
}

/** Of a mail that is to be sent, what is not about its lead alone; where nothing waits, that. */
function reasonsOf({ campaign, mail, inDoubt, now }: Asked): Reason[] {
  if (!mail)
    return [inDoubt > 0 && campaign.status !== 'cancelled' ? onlyDoubts(campaign, inDoubt) : nothingWaits(campaign)]
  const closed = whyClosed(campaign, now)
  const common = mail.reasons.filter(({ code }) => !OF_ONE_MAIL.test(code))
  const reasons = (common.length > 0 ? common : mail.reasons).map((it) =>
    IT_IS_A_MAIL.test(it.code) ? { ...it, text: it.text.replace(/^it /, 'its next mail ') } : it,
  )
  return closed && !reasons.some(({ code }) => code === closed.code) ? [...reasons, closed].toSorted(byEnd) : reasons
}

/** What holds the next mail alone, and not the others. */
const OF_ONE_MAIL = /^(held|suppressed|lead_|contact_gap$)/

/** Reasons whose sentence begins with the mail. */
const IT_IS_A_MAIL =
  /^(planned|missed|settings|mailbox|capacity|paused|retry|priority|share|held|retry_wait|follow_up_wait)$/

/** They hold up their leads' next mails and the end of the campaign, and no time ends that. */
function onlyDoubts({ name }: Campaign, inDoubt: number): Reason {
  const mails = inDoubt === 1 ? '1 mail of it is' : `${inDoubt} mails of it are`
  return {
    code: 'in_doubt',
    text: `no mail of campaign ${name} waits to be sent, and ${mails} in doubt`,
    until: null,
    todo: SEE_DOUBTS,
    ended_by: 'person',
  }
}

const SEE_DOUBTS = 'goniec doubt list'

function nothingWaits({ name, status }: Campaign): Reason {
  const word = shellWord(name)
  const ended = status === 'completed' || status === 'cancelled'
  return {
    code: ended ? `campaign_${status}` : 'nothing_waits',
    text: ended
      ? `campaign ${name} is ${status}: nothing of it is to be sent`
      : `no mail of campaign ${name} waits to be sent`,
    until: null,
    todo:
      status === 'cancelled'
        ? null
        : `goniec lead import CSV --campaign ${word}; what has failed: goniec queue list --campaign ${word} --status failed`,
    ended_by: 'person',
  }
}

/** SQL: what only a person can take from the mail `m` to the lead `l`; null: nothing. */
const BARRED = `
  case when m.held_reason is not null then 'held'
       when l.unsubscribed_at is not null then 'lead_unsubscribed'
       when l.bounced_at is not null then 'lead_bounced'
       when l.replied_at is not null then 'lead_replied'
       when l.blocked_at is not null then 'lead_blocked'
       when exists (select from goniec.suppression x where x.value = any (l.suppression_values) offset 0) then 'suppressed' end`

/** Of more mails than these the first are looked at. */
const MOST = 10_000

/**
 * The mail that goes next: the first that has a time, else of those that have none the first that is due; one that a person has to let go only
 * where there is no other. Since it was planned a lead may have been blocked or suppressed: the next plan takes its slot.
 */
async function nextMail(database: Pick<Database, 'query'>, campaignId: number): Promise<number[]> {
  for (const statement of [nextPlanned(`${BARRED} is null`), NEXT_UNPLANNED, nextPlanned('true')]) {
    const rows = await database.query<{ id: number }>(statement, [campaignId, MOST])
    if (rows.length > 0) return rows.map(({ id }) => id)
  }
  return []
}

const nextPlanned = (where: string): string => `
  select m.id
  from (
    select m.* from goniec.message m
    where m.campaign_id = $1 and m.kind = 'campaign' and m.status in ('pending', 'sending', 'in_doubt') and m.status = 'pending'
      and m.scheduled_at is not null and m.held_reason is null
    order by m.scheduled_at, m.id limit $2
  ) as m
  join goniec.lead l on l.id = m.lead_id
  where ${where}
  order by m.scheduled_at, m.id limit 1`

const NEXT_UNPLANNED = `
  select m.id
  from (
    select m.* from goniec.message m
    where m.campaign_id = $1 and m.kind = 'campaign' and m.status = 'pending' and m.scheduled_at is null
    order by m.id limit $2
  ) as m
  join goniec.lead l on l.id = m.lead_id
  join goniec.step s on s.id = m.step_id
  order by ${BARRED} is not null,
           greatest(m.not_before, m.follows_at + coalesce(make_interval(days => s.wait_days), s.wait_ms * interval '1 millisecond')) nulls first, m.id
  limit 1`

async function readNow(database: Pick<Database, 'query'>): Promise<Instant> {
  const [row] = await database.query<{ now: Instant }>('select goniec.now() as now')
  return row?.now ?? instantAt(0)
}

async function countWaiting(
  database: Pick<Database, 'query'>,
  campaignId: number,
): Promise<Pick<CampaignWhy, 'waiting' | 'counted_all'>> {
  const waiting = await database.query<{ code: string; mails: number }>(COUNTS, [campaignId, MOST])
  return { waiting, counted_all: waiting.reduce((sum, { mails }) => sum + mails, 0) < MOST }
}

const COUNTS = `
  select code, count(*) as mails
  from (
    select coalesce(${BARRED}, case when m.scheduled_at is not null then 'planned' end, m.said, 'not_planned') as code
    from (
      select m.*, goniec.why_no_slot(m) as said from goniec.message m
      where m.campaign_id = $1 and m.kind = 'campaign' and m.status in ('pending', 'sending', 'in_doubt') and m.status = 'pending'
      limit $2
    ) as m
    join goniec.lead l on l.id = m.lead_id
  ) as waiting
  group by 1
  order by 2 desc, 1`

/** Like what waits, to ten thousand. */
async function countInDoubt(database: Pick<Database, 'query'>, campaignId: number): Promise<number> {
  const [row] = await database.query<{ mails: number }>(IN_DOUBT, [campaignId, MOST])
  return row?.mails ?? 0
}

const IN_DOUBT = `
  select count(*) as mails
  from (
    select from goniec.message m
    where m.status = 'in_doubt' and m.campaign_id = $1 and m.kind = 'campaign'
    limit $2
  ) as doubt`

function neverOf(waiting: CampaignWhy['waiting'], inDoubt: number, { name }: Campaign): CampaignWhy['never'] {
  const list = `goniec queue list --campaign ${shellWord(name)} --limit 1000`
  const never = waiting.flatMap(({ code, mails }) => {
    const todo = MENDS[code]
    return todo === undefined ? [] : [{ code, mails, todo: `${todo}; which: ${list}` }]
  })
  return inDoubt > 0 ? [...never, { code: 'in_doubt', mails: inDoubt, todo: SEE_DOUBTS }] : never
}

const MENDS: Record<string, string> = {
  held: 'goniec message retry ID, or goniec message cancel ID',
  lead_blocked: 'goniec lead unblock ADDRESS',
  lead_unsubscribed: 'goniec message cancel ID',
  lead_bounced: 'goniec message cancel ID',
  lead_replied: 'goniec message cancel ID',
  suppressed: 'goniec suppress remove VALUE',
  no_usable_mailbox: 'goniec mailbox resume ADDRESS, or goniec resume --salesperson S',
  no_sending_day: 'change window.days or skip_dates, then goniec apply FILE',
}
