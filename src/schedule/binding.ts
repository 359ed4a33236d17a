/**
 * Which limit binds a campaign's day: what keeps one more of its waiting mails from going on it. Asked of the finished world, with the
 * same questions that laid it: each mail that could be due by then, and stands later or nowhere, is tried on that day once more.
 *
 * Where mails are kept by different things (a follow-up by its own mailbox, first mails by the campaign's limit), the day is named after
 * what keeps most of them. A mail that could go and stands later nevertheless, since a promise is kept, is kept by nothing. Where a
 * campaign's day lies on two days of the calendar by which mailboxes are counted, that which one part of it lets go no other part keeps.
 */
import { dayText } from './days.ts'
import { openCampaignDay, openMailboxDay } from './free-places.ts'
import { meet } from './lane.ts'
import type { Campaign, Mail, Mailbox, Segment, World } from './world.ts'
import { domainIsFull, leadIsTaken, mailboxHasRoom } from './world.ts'

/** What can bind a day, in the order in which claim checks it. Of two that keep as many mails the first is named. */
const BINDING_CODES = [
  'no_usable_mailbox', // its mailbox, or all of the campaign's, cannot be used on that day
  'contact_gap', // other campaigns keep the leads
  'mailbox_limit', // the mailboxes have sent what they may
  'warmup_limit', // a mailbox could send more, but for its warm-up
  'campaign_limit',
  'salesperson_limit',
  'domain_limit', // the recipients' domains get no more
  'window', // with the campaign's delay the day's sending time is full
  'mailbox_gap', // with the mailboxes' gaps it is
  'all_planned', // nothing waits that could go
] as const
export type BindingCode = (typeof BINDING_CODES)[number]

/** A sending day of a campaign (its own local day), and what binds it. */
export interface Binding {
  campaignId: number
  day: string
  code: BindingCode
}

/** What binds each campaign on each of its sending days within the horizon. Campaigns that do not run have none. */
export function bindingsOf(world: World): Binding[] {
  const votes = votesByDay(world)
  const mails = Map.groupBy(
    world.mails.filter((mail) => !mail.givenUp && mail.campaign),
    ({ campaign }) => campaign,
  )
  for (let day = 0; day < world.days; day++) {
    const waiting = waitingOn(world, mails, day)
    if (waiting.length === 0) continue
    for (const mailbox of world.mailboxes.values()) openMailboxDay(mailbox, day, world.nowMs)
    for (const { campaign, segment, late } of waiting) {
      openCampaignDay(campaign, day, world.nowMs)
      vote(late, segment, votes.get(campaign)?.get(segment.localDay))
    }
  }
  return Array.from(votes, ([{ input }, days]) =>
    Array.from(days, ([day, groups]) => ({ campaignId: input.id, day: dayText(day), code: mostOf(groups.values()) })),
  ).flat()
}

/** By the mailbox that the mails are bound to: what each part of the day does with them. */
type Votes = Map<Mailbox | null, Part[]>

/** How many mails are kept by what, and how many nothing keeps. */
interface Part {
  kept: readonly (readonly [code: BindingCode, mails: number])[]
  letGo: number
}

function votesByDay(world: World): Map<Campaign, Map<number, Votes>> {
  return new Map(
    Array.from(world.campaigns.values(), (campaign) => [
      campaign,
      new Map(campaign.segments.filter(({ open }) => open).map(({ localDay }) => [localDay, new Map()])),
    ]),
  )
}

interface Waiting {
  campaign: Campaign
  segment: Segment
  late: ReadonlyMap<Mailbox | null, Late>
}

/** Mails that leave from the same mailboxes, are due before a segment's end, and not planned before it either. */
interface Late {
  mails: number
  /** Those that no other campaign keeps, and of these those whose domain gets more. */
  untaken: number
  free: number
  /** Of the free ones the first that is due. */
  first: Mail | null
}

function waitingOn(world: World, mails: ReadonlyMap<Campaign | null, Mail[]>, day: number): Waiting[] {
  const waiting: Waiting[] = []
  for (const campaign of world.campaigns.values()) {
    for (const segment of campaign.segments) {
      if (segment.day !== day || !segment.open) continue
      const late = lateOf(world, mails.get(campaign) ?? [], segment)
      if (late.size > 0) waiting.push({ campaign, segment, late })
    }
  }
  return waiting
}

/** By the mailbox that they are bound to. They are counted and not listed: it is most of a queue, on each of its days. */
function lateOf(world: World, mails: readonly Mail[], segment: Segment): Map<Mailbox | null, Late> {
  const groups = new Map<Mailbox | null, Late>()
  for (const mail of mails) {
    if (!isLate(mail, segment)) continue
    let late = groups.get(mail.bound)
    if (!late) groups.set(mail.bound, (late = { mails: 0, untaken: 0, free: 0, first: null }))
    late.mails++
    if (leadIsTaken(world, mail, segment)) continue
    late.untaken++
    if (mail.domain && domainIsFull(mail, onceFree(mail, segment))) continue
    late.free++
    if (!late.first || mail.dueMs < late.first.dueMs) late.first = mail
  }
  return groups
}

/** What is left of a segment once one of its mailboxes is free: a domain's hours before are of no use to it. */
function onceFree(mail: Mail, segment: Segment): Segment {
  const usable = mailboxesOf(mail).filter((mailbox) => isUsable(mailbox, segment))
  const freeFromMs = usable.length === 0 ? 0 : freeFromOf(usable)
  return { ...segment, fromMs: Math.max(segment.fromMs, freeFromMs) }
}

function freeFromOf(mailboxes: readonly Mailbox[]): number {
  return Math.min(...mailboxes.map(({ input }) => input.freeFromMs ?? 0))
}

function isLate(mail: Mail, { sendingDay, toMs }: Segment): boolean {
  return (!mail.segment || mail.segment.sendingDay > sendingDay) && mail.dueMs < toMs
}

/** Mails that leave from the same mailboxes are kept by the same limits: one of them is asked. */
function vote(groups: ReadonlyMap<Mailbox | null, Late>, segment: Segment, votes: Votes | undefined): void {
  for (const [bound, { mails, untaken, free, first }] of groups) {
    const code = first && whatKeeps(first, segment)
    const kept: Part['kept'] = [
      [code ?? 'all_planned', code ? free : 0],
      ['domain_limit', untaken - free],
      ['contact_gap', mails - untaken],
    ]
    votes?.set(bound, [...(votes.get(bound) ?? []), { kept, letGo: code ? 0 : free }])
  }
}

function mostOf(groups: Iterable<Part[]>): BindingCode {
  const counts = new Map<BindingCode, number>()
  for (const parts of groups) {
    for (const [code, mails] of keptBy(parts)) counts.set(code, (counts.get(code) ?? 0) + mails)
  }
  let most: BindingCode = 'all_planned'
  for (const code of BINDING_CODES) if ((counts.get(code) ?? 0) > (counts.get(most) ?? 0)) most = code
  return most
}

/** Each part's count, less what another part lets go. */
function keptBy(parts: readonly Part[]): [BindingCode, number][] {
  const letGo = Math.max(...parts.map((part) => part.letGo))
  return parts.flatMap((part) => {
    let elsewhere = letGo - part.letGo
    return part.kept.map(([code, mails]): [BindingCode, number] => {
      const gone = Math.min(mails, elsewhere)
      elsewhere -= gone
      return [code, mails - gone]
    })
  })
}

/** What keeps a mail from a segment, whose free places are open; null if nothing does. */
function whatKeeps(mail: Mail, segment: Segment): BindingCode | null {
  const { campaign, salesperson } = mail
  const usable = mailboxesOf(mail).filter((mailbox) => isUsable(mailbox, segment))
  if (!campaign || usable.length === 0) return 'no_usable_mailbox'
  const withRoom = usable.filter((mailbox) => mailboxHasRoom(mail, mailbox, segment.day))
  if (withRoom.length === 0)
    return usable.some((mailbox) => isHeldByWarmup(mailbox, segment)) ? 'warmup_limit' : 'mailbox_limit'
  if (!campaign.counter.hasRoom(segment.sendingDay)) return 'campaign_limit'
  if (salesperson && !salesperson.counter.hasRoom(segment.day)) return 'salesperson_limit'
  // Before a mailbox is free again, it is not the gaps that keep anybody.
  const fromMs = Math.max(segment.fromMs, mail.dueMs, freeFromOf(withRoom))
  const startMs = campaign.holes.first(fromMs)
  if (startMs >= segment.toMs) return 'window'
  const free = withRoom.some(
    ({ holes }) => meet(campaign.holes, holes, holes.first(startMs), segment.toMs) < segment.toMs,
  )
  return free ? null : 'mailbox_gap'
}

function mailboxesOf({ input, bound, campaign }: Mail): readonly Mailbox[] {
  if (input.boundMailboxId === null) return campaign?.mailboxes ?? []
  return bound?.input.usable ? [bound] : []
}

/** Not one that is held back until the segment is over. */
function isUsable({ input }: Mailbox, { toMs }: Segment): boolean {
  return (input.freeFromMs ?? 0) < toMs
}

function isHeldByWarmup({ all, campaign }: Mailbox, { day }: Segment): boolean {
  return all.hasRoom(day) && !campaign.hasRoom(day)
}
