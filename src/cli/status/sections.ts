/** The parts of a status as lines that fit a width: each with a heading and its rows. Pure. */
import { describeEvent } from '../../reports/event-words.ts'
import type { RecordedEvent } from '../../reports/events.ts'
import type { Mail } from '../../reports/mail.ts'
import type { MailboxSummary } from '../../reports/mailboxes.ts'
import { describeReason } from '../../reports/reason-words.ts'
import type { CampaignStatusRow } from '../../reports/status/campaigns.ts'
import type { Status } from '../../reports/status/read.ts'
import type { RecentEvent } from '../../reports/status/recent.ts'
import type { Instant } from '../../time.ts'
import { fitColumns, type FittedColumn } from './columns.ts'
import { bar, clockTime, countdown, grouped, partOf } from './moments.ts'

export interface Section {
  heading: string
  rows: string[]
}

/** `now`: of the database's clock, which may have gone on since the status was read. */
export interface View {
  status: Status
  now: Instant
  /** The columns of a row. */
  width: number
}

/** Each campaign in a row. */
export function campaignRows({ status, now, width }: View): string[] {
  const columns: FittedColumn<CampaignStatusRow>[] = [
    { value: ({ name }) => name, rank: 0, least: 10, most: 40 },
    { value: ({ sent, to_go: toGo }, w) => bar(sent, sent + toGo, w), rank: 3, least: 10, comfort: 10, most: 20 },
    { value: ({ sent, to_go: toGo }) => partOf(sent, sent + toGo), rank: 1, toRight: true },
    { value: ({ today }) => `${partOf(today.taken, today.daily_limit)} today`, rank: 4, toRight: true },
    { value: (campaign) => stateOf(campaign, status, now), rank: 2, least: 14, most: 40 },
    { value: finishOf, rank: 5 },
    { value: ({ in_doubt: n }) => (n > 0 ? `${grouped(n)} in doubt` : ''), rank: 6 },
  ]
  return fitColumns(status.campaigns, columns, width)
}

/** By the forecast that is on record. One that named a day gone by was overtaken: no worker was there to make another. */
function finishOf({ finish, today }: CampaignStatusRow): string {
  return finish === null || finish.likely < today.day ? '' : `done ${finish.likely}`
}

/** What goes out next. */
export function nextRows({ status, now, width }: View): string[] {
  const columns: FittedColumn<Mail>[] = [
    { value: ({ scheduled_at: at }) => (at ? countdown(at, now) : ''), rank: 0, toRight: true },
    { value: ({ scheduled_at: at, timezone }) => (at ? clockTime(at, now, timezone) : ''), rank: 3 },
    { value: ({ recipient }) => recipient, rank: 0, least: 14, most: 40 },
    { value: describeMail, rank: 1, least: 10, most: 30 },
    { value: ({ mailbox }) => (mailbox === null ? '' : `from ${mailbox}`), rank: 4, least: 14, most: 40 },
    { value: waitsFor, rank: 2, least: 20, most: 40 },
  ]
  return fitColumns(status.next, columns, width)
}

/** Each mailbox with its day's use and its health. */
export function mailboxRows({ status, now, width }: View): string[] {
  const columns: FittedColumn<MailboxSummary>[] = [
    { value: ({ address }) => address, rank: 0, least: 12, most: 40 },
    { value: ({ today }, w) => bar(today.taken, today.daily_limit, w), rank: 4, least: 8, comfort: 8, most: 12 },
    { value: ({ today }) => partOf(today.taken, today.daily_limit), rank: 1, toRight: true },
    { value: describeWarmup, rank: 3 },
    { value: (mailbox) => healthOf(mailbox, now), rank: 2, least: 14, most: 60 },
  ]
  return fitColumns(status.mailboxes, columns, width)
}

/** What happened last, newest first. */
export function eventRows({ status, now, width }: View): string[] {
  const columns: FittedColumn<RecentEvent>[] = [
    { value: ({ at }) => clockTime(at, now, status.timezone), rank: 2 },
    { value: (event) => (event.times === 1 ? aboutOf(event) : (event.campaign ?? '')), rank: 1, least: 10, most: 50 },
    { value: (event) => wordsOf(event, status.timezone), rank: 0, least: 12, most: 80 },
  ]
  return fitColumns(status.events, columns, width)
}

/** Workers in one line. */
export function workersLine({ workers }: Status): string {
  if (workers.length === 0) return 'none is running'
  return workers
    .map(({ name, works, in_flight: n }) => `${name} ${works ? (n > 0 ? `sends ${n}` : 'waits') : 'has vanished'}`)
    .join(' · ')
}

/** Which mail, lead, campaign or mailbox an event is about. */
export function aboutOf({
  campaign,
  lead,
  mailbox,
  message_id: id,
  kind,
  step,
  recipient,
  is_test: isTest,
}: RecordedEvent): string {
  if (id !== null) {
    const mail = isTest === true ? 'test' : kind === 'campaign' ? `${campaign} ${step}` : (kind ?? 'mail')
    return `${mail} → ${recipient}`
  }
  if (lead !== null) return campaign === null ? lead : `${lead} (${campaign})`
  return campaign ?? mailbox ?? ''
}

function wordsOf(event: RecentEvent, timeZone: string): string {
  if (event.times === 1) return describeEvent(event, timeZone)
  const first = describeEvent({ type: event.type, data: {} }, timeZone).split(/ (?:for|from) /)[0]
  return `${grouped(event.times)} × ${first?.trim()}`
}

function stateOf(campaign: CampaignStatusRow, { paused_at: braked }: Status, now: Instant): string {
  const { status, next_at: next, salesperson_paused_at: salesBraked, starts_on: starts, open } = campaign
  if (status === 'scheduled') return `starts ${starts ?? 'soon'}`
  if (status !== 'running') return status === 'draft' ? 'not started' : withReason(status, campaign.status_reason)
  if (braked !== null || salesBraked !== null) return 'braked'
  if (next !== null) return `next ${countdown(next, now)}`
  return open === 0 ? 'nothing open' : 'nothing planned'
}

function describeMail({ kind, campaign, step, is_test: isTest }: Mail): string {
  if (isTest) return 'test'
  return kind === 'campaign' ? `${campaign} ${step}` : kind
}

/** Only what is not simply its time. */
function waitsFor({ reason }: Mail): string {
  if (reason === null || ['planned', 'due'].includes(reason)) return ''
  return describeReason(reason)
}

function describeWarmup({ warmup, today }: MailboxSummary): string {
  if (warmup === null) return ''
  return `warm-up day ${warmup.day}: ${partOf(today.campaign_taken, today.campaign_limit)}`
}

function healthOf(
  { status, status_reason: reason, free_from: free, fault_reason: fault, next_at: next }: MailboxSummary,
  now: Instant,
): string {
  if (status !== 'active') return withReason(status, reason)
  if (free !== null && free.epochMilliseconds > now.epochMilliseconds)
    return `waits ${countdown(free, now).replace(/^in /, '')}${fault === null ? '' : `: ${fault}`}`
  return next === null ? '' : `next ${countdown(next, now)}`
}

function withReason(status: string, reason: string | null): string {
  return reason === null ? status : `${status}: ${reason}`
}
