/**
 * Which of the stored slots stay. A slot that is still allowed stays to the millisecond, whatever else is planned; one that is not is
 * given up here, with the reason, and its mail looks for another place.
 *
 * It goes in steps, since responses come between: first each slot is looked at for itself and beside its neighbours, and responses that
 * may stay stand in their places in time; then the other responses get theirs, and whatever is in their way leaves its own; then the rest
 * takes its room, and where a day has no room for all the last of the day give way.
 */
import type { MoveReason } from './plan-input.ts'
import { leadIsTaken, mailboxHasRoom, ownersHaveRoom, stand, takeRoom, wasTriedEnough } from './world.ts'
import type { Mail, Mailbox, Segment, World } from './world.ts'

/** Names all slots that are allowed by themselves, in the order of their times; responses among them stand in their places. The others get the reason why not. */
export function standKept(world: World): Mail[] {
  const standing: Mail[] = []
  for (const mail of world.mails) {
    const { slot } = mail.input
    if (!slot) continue
    const segment = segmentAt(world, mail, slot.atMs)
    mail.reason = reasonToMove(world, mail, segment)
    if (mail.reason === null && segment) {
      mail.atMs = slot.atMs
      mail.mailbox = world.mailboxes.get(slot.mailboxId) ?? null
      mail.segment = segment
      standing.push(mail)
    }
  }
  standing.sort(byTime)
  partTooClose(standing)
  for (const mail of standing) if (mail.input.kind === 'response') standInPlace(mail)
  return standing
}

/** Lets all but responses stand in their places, too, where none of these new responses has come too close. */
export function standAside(standing: readonly Mail[], responses: readonly Mail[]): void {
  const timesOf = Map.groupBy(responses, ({ mailbox }) => mailbox)
  for (const mail of standing) {
    const { mailbox, atMs, input } = mail
    if (input.kind === 'response' || !mailbox) continue
    const isInTheWay = timesOf.get(mailbox)?.some((response) => Math.abs(response.atMs - atMs) < mailbox.gapMs)
    if (isInTheWay) giveWay(mail, 'capacity')
    else standInPlace(mail)
  }
}

function standInPlace(mail: Mail): void {
  if (mail.mailbox && mail.segment) stand(mail, mail.atMs, mail.mailbox, mail.segment)
}

/** Lets those of these kinds take their room, kind by kind in the order of their times; those without room give way. */
export function takeKeptRoom(world: World, standing: readonly Mail[], kinds: readonly Mail['input']['kind'][]): void {
  let gaveWay = false
  for (const kind of kinds) {
    for (const mail of standing) {
      const { mailbox, segment } = mail
      if (mail.input.kind !== kind || !mailbox || !segment) continue
      const fits =
        mailboxHasRoom(mail, mailbox, segment.day) &&
        ownersHaveRoom(mail, segment) &&
        mail.domain?.fits(segment.day, mail.atMs) !== false &&
        !leadIsTaken(world, mail, segment)
      if (fits) {
        takeRoom(world, mail)
        continue
      }
      giveWay(mail, isStale(mail) ? 'settings' : 'capacity')
      gaveWay = true
    }
  }
  if (!gaveWay) return
  for (const mailbox of world.mailboxes.values()) mailbox.timeline.keep(hasPlace)
  for (const campaign of world.campaigns.values()) campaign.timeline.keep(hasPlace)
}

function hasPlace({ mailbox }: Mail): boolean {
  return mailbox !== null
}

/** Was this slot planned with other settings than those in force? */
export function isStale({ input: { slot }, campaign, mailbox }: Pick<Mail, 'input' | 'campaign' | 'mailbox'>): boolean {
  if (!slot) return false
  return slot.campaignVersion !== (campaign?.input.version ?? null) || slot.mailboxVersion !== mailbox?.input.version
}

/** Is its time over without anybody having sent it? Within the grace it is still due, as long as its window is open. */
function isMissed(
  { nowMs, input }: World,
  { atMs, windowClosesMs }: { atMs: number; windowClosesMs: number },
): boolean {
  return atMs < nowMs - input.graceMs || (atMs < nowMs && windowClosesMs <= nowMs)
}

function reasonToMove(world: World, mail: Mail, segment: Segment | undefined): MoveReason | null {
  const { campaign, bound, dueMs } = mail
  const { slot, kind, notBeforeMs, boundMailboxId } = mail.input
  if (!slot) return null
  if (kind === 'campaign' && !campaign?.input.running) return 'paused'
  if (isMissed(world, slot)) return 'missed'
  const mailbox = world.mailboxes.get(slot.mailboxId)
  if (!mailbox?.input.usable || (mailbox.input.freeFromMs ?? 0) > slot.atMs) return 'mailbox'
  if (boundMailboxId !== null && mailbox !== bound) return 'mailbox'
  if ((notBeforeMs ?? 0) > slot.atMs) return 'retry'
  if (dueMs > slot.atMs || !segment || restsTooLong(world, mail, mailbox)) return 'settings'
  if (wasTriedEnough(world, mail, segment)) return 'retry'
  return campaign && boundMailboxId === null && !campaign.mailboxes.includes(mailbox) ? 'settings' : null
}

/**
 * Do the settings now ask for so much distance to the last mail that is out that this slot would be missed? It is not judged to the millisecond: a
 * fence comes a little late, and a change that has nothing to do with it moves no slot.
 */
function restsTooLong({ input: { graceMs } }: World, { input, campaign }: Mail, mailbox: Mailbox): boolean {
  if (!input.slot || !isStale({ input, campaign, mailbox })) return false
  const restedMs = Math.max(
    (mailbox.input.lastFenceMs ?? Number.NEGATIVE_INFINITY) + mailbox.input.minGapMs,
    (campaign?.input.lastFenceMs ?? Number.NEGATIVE_INFINITY) + (campaign?.shortestDelayMs ?? 0),
  )
  return restedMs > Math.min(input.slot.atMs + graceMs, input.slot.windowClosesMs)
}

/** The segment that holds an instant; they are in the order of time. */
function segmentAt(world: World, { input, campaign }: Mail, atMs: number): Segment | undefined {
  const segments = input.kind === 'campaign' ? (campaign?.segments ?? []) : world.wholeDays
  let [low, high] = [0, segments.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((segments[middle]?.toMs ?? 0) <= atMs) low = middle + 1
    else high = middle
  }
  const segment = segments[low]
  return segment && segment.fromMs <= atMs ? segment : undefined
}

/**
 * Where the settings now ask for more distance than two slots have, the later one goes. How long a mail keeps its mailbox busy is no
 * setting: it is measured anew all the time, and moves no slot.
 */
function partTooClose(standing: readonly Mail[]): void {
  const lastByMailbox = new Map<Mailbox, number>()
  const lastByCampaign = new Map<NonNullable<Mail['campaign']>, number>()
  for (const mail of standing) {
    const { mailbox, campaign, atMs } = mail
    if (!mailbox) continue
    const mailboxFreeMs = (lastByMailbox.get(mailbox) ?? Number.NEGATIVE_INFINITY) + Math.max(mailbox.input.minGapMs, 1)
    const campaignFreeMs = campaign
      ? (lastByCampaign.get(campaign) ?? Number.NEGATIVE_INFINITY) + campaign.shortestDelayMs
      : 0
    if (atMs < mailboxFreeMs || atMs < campaignFreeMs) {
      giveWay(mail, 'settings')
      continue
    }
    lastByMailbox.set(mailbox, atMs)
    if (campaign) lastByCampaign.set(campaign, atMs)
  }
}

function giveWay(mail: Mail, reason: MoveReason): void {
  mail.reason = reason
  mail.mailbox = null
  mail.segment = null
}

function byTime(a: Mail, b: Mail): number {
  return a.atMs - b.atMs || a.input.id - b.input.id
}
