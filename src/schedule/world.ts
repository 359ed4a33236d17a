/**
 * The world that a plan is reckoned in: the input, indexed, with all zone conversions done. It owns the counters, the timelines and
 * the contacts, and keeps them true: a mail is put in (`place`) and taken out (`remove`) here and nowhere else. Who goes where is left
 * to others.
 *
 * Days are counted from the installation's today, which is day 0. A campaign's windows are cut at the installation's midnights, so
 * that within a segment every counter that could end the sending is one and the same from its first to its last instant.
 */
import { assert } from '../errors.ts'
import type { Contacts } from './contacts.ts'
import type { DayCounter } from './counter.ts'
import { dayText } from './days.ts'
import type { Domain } from './domains.ts'
import type { Holes } from './holes.ts'
import type { MoveReason, PlanCampaign, PlanInput, PlanMailbox, PlanMessage, PlanSalesperson } from './plan-input.ts'
import type { Timeline } from './timeline.ts'

/** A message on its way through the plan. It has a place while `mailbox` is set. */
export interface Mail {
  readonly input: PlanMessage
  readonly campaign: Campaign | null
  readonly salesperson: Salesperson | null
  readonly bound: Mailbox | null
  /** Its recipient's domain; null where that has no limit, and for mail that is none of a campaign. */
  readonly domain: Domain | null
  readonly isFollowUp: boolean
  /** It goes no earlier than this. */
  dueMs: number
  /** It lost a slot at this time to another, and goes after it if it can; null: wherever it can. */
  afterMs: number | null
  /** While places are looked for: its domain's hours are full until then. */
  heldMs: number
  atMs: number
  mailbox: Mailbox | null
  segment: Segment | null
  /** Why it left its old place; null while it had none. */
  reason: MoveReason | null
  /** Its place in the line of those that are being placed. */
  rank: number
  givenUp: boolean
}

/** A stretch of sending time on one of the installation's days. */
export interface Segment {
  fromMs: number
  /** Not included. */
  toMs: number
  closesMs: number
  /** The installation's day, 0 is today. */
  day: number
  /** The campaign's own day, and its place among the campaign's sending days, by which its limit is counted. */
  localDay: number
  sendingDay: number
  /** Today or the next sending day: promises hold. */
  firm: boolean
  /** Within the horizon: new slots may be laid. Beyond it there are only slots that stay. */
  open: boolean
}

export interface Salesperson {
  readonly input: PlanSalesperson
  readonly counter: DayCounter
}

export interface Mailbox {
  readonly input: PlanMailbox
  /** Between two planned times: a mail keeps it busy, and its minimum gap counts from the fence, which comes within that time. */
  readonly gapMs: number
  readonly all: DayCounter
  readonly campaign: DayCounter
  readonly warmup: DayCounter
  readonly timeline: Timeline<Mail>
  /** Its free places on the day that is being filled. */
  holes: Holes
}

export interface Campaign {
  readonly input: PlanCampaign
  readonly salesperson: Salesperson | null
  /** Those that can be used. */
  readonly mailboxes: readonly Mailbox[]
  readonly shortestDelayMs: number
  readonly segments: readonly Segment[]
  /** By the campaign's sending days. */
  readonly counter: DayCounter
  readonly timeline: Timeline<Mail>
  /** Its free places on the day that is being filled. */
  holes: Holes
}

export interface World {
  readonly input: PlanInput
  readonly nowMs: number
  readonly today: number
  readonly days: number
  /** Whole days, for mail that no window holds. */
  readonly wholeDays: readonly Segment[]
  readonly salespeople: ReadonlyMap<number, Salesperson>
  readonly mailboxes: ReadonlyMap<number, Mailbox>
  readonly campaigns: ReadonlyMap<number, Campaign>
  readonly contacts: Contacts
  readonly mails: readonly Mail[]
}

/** Is there room for this kind of mail on the mailbox's day? */
export function mailboxHasRoom(mail: Mail, mailbox: Mailbox, day: number): boolean {
  if (!mailbox.all.hasRoom(day)) return false
  if (mail.input.kind === 'campaign') return mailbox.campaign.hasRoom(day)
  return mail.input.kind === 'response' || mailbox.warmup.hasRoom(day)
}

/** Is there room on the salesperson's day and on the campaign's? */
export function ownersHaveRoom(mail: Mail, segment: Segment): boolean {
  if (mail.salesperson && !mail.salesperson.counter.hasRoom(segment.day)) return false
  return !mail.campaign || mail.campaign.counter.hasRoom(segment.sendingDay)
}

/** Does another campaign keep this mail from its lead on the segment's day? */
export function leadIsTaken(world: World, mail: Mail, segment: Segment): boolean {
  if (!mail.campaign) return false
  return world.contacts.block(mail.input.leadId, mail.campaign.input, world.today + segment.day)
}

/** May its recipient's domain get this mail at this instant, if the other one gives way? */
export function domainHasRoom({ domain }: Mail, loser: Mail, { day }: Segment): boolean {
  // Whoever gives way to a mail of the same domain at the same instant leaves exactly the room that it needs.
  return !domain || domain === loser.domain || domain.hasRoom(day, loser.atMs)
}

/** Does its recipient's domain get no more in this stretch of time? */
export function domainIsFull({ domain, dueMs }: Mail, { day, fromMs, toMs }: Segment): boolean {
  return domain !== null && !(domain.dayHasRoom(day) && domain.openFromMs(Math.max(fromMs, dueMs)) < toMs)
}

/** Was it tried on as many days as allowed, and would this segment's day be one more? */
export function wasTriedEnough(world: World, { input }: Mail, { localDay }: Segment): boolean {
  return input.triedDays.length >= world.input.attemptDays && !input.triedDays.includes(dayText(localDay))
}

/** Gives a mail its place, and takes the room of it. */
export function place(world: World, mail: Mail, atMs: number, mailbox: Mailbox, segment: Segment): void {
  stand(mail, atMs, mailbox, segment)
  takeRoom(world, mail)
}

/** Lets a mail stand in its place, where others have to go around it, without taking room yet. */
export function stand(mail: Mail, atMs: number, mailbox: Mailbox, segment: Segment): void {
  mail.atMs = atMs
  mail.mailbox = mailbox
  mail.segment = segment
  mailbox.timeline.add(segment.day, mail)
  mail.campaign?.timeline.add(segment.day, mail)
}

/** Takes the room that a mail needs where it stands. */
export function takeRoom(world: World, mail: Mail): void {
  count(mail, 1)
  if (!mail.campaign || !mail.segment) return
  world.contacts.add(mail.input.leadId, mail.campaign.input, world.today + mail.segment.day)
}

/** Takes a mail out of its place, and gives back the room of it. */
export function remove(world: World, mail: Mail): void {
  const { mailbox, segment, campaign } = mail
  assert(mailbox && segment, 'a mail that is taken out has a place')
  count(mail, -1)
  mailbox.timeline.remove(segment.day, mail)
  campaign?.timeline.remove(segment.day, mail)
  if (campaign) world.contacts.remove(mail.input.leadId, campaign.input, world.today + segment.day)
  mail.mailbox = null
  mail.segment = null
}

function count(mail: Mail, by: 1 | -1): void {
  const { mailbox, segment } = mail
  assert(mailbox && segment, 'a mail that counts has a place')
  mailbox.all.take(segment.day, by)
  if (mail.input.kind === 'campaign') mailbox.campaign.take(segment.day, by)
  if (mail.input.kind === 'warmup') mailbox.warmup.take(segment.day, by)
  mail.salesperson?.counter.take(segment.day, by)
  mail.campaign?.counter.take(segment.sendingDay, by)
  mail.domain?.take(segment.day, mail.atMs, by)
}
