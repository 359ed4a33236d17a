/**
 * The fair share of a campaign that came late: on later days the others may have filled the mailboxes that it shares with them. There
 * it takes over slots of their first mails, exactly as they stand and spread evenly over the day, until it has its part by weight of
 * what campaigns send from that mailbox on that day. Nobody falls below its own part. Slots of today and of
 * the next sending day of the campaign that would lose them are firm.
 */
import { delayAfterMs, delayOverMs } from './free-places.ts'
import { Parts } from './parts.ts'
import { startMsOf } from './queue.ts'
import { domainHasRoom, leadIsTaken, ownersHaveRoom, place, remove, wasTriedEnough } from './world.ts'
import type { Campaign, Mail, Mailbox, Segment, World } from './world.ts'

/** Lets first mails that found no place take over slots, in their order. Says how many did. */
export function takeShares(world: World, waiting: readonly Mail[]): number {
  let count = 0
  const days = new Map<Mailbox, Map<number, Parts>>()
  const byId = waiting.toSorted((a, b) => (a.campaign?.input.id ?? 0) - (b.campaign?.input.id ?? 0))
  const lines = Map.groupBy(byId, (mail) => mail.campaign)
  // All that wait for a mailbox have a part of it, though another day may be theirs: a part is never taken from a turn.
  const waitingFor = (mailbox: Mailbox): Campaign[] =>
    [...lines.keys()].filter((one): one is Campaign => one?.mailboxes.includes(mailbox) ?? false)
  for (const [campaign, mails] of lines) {
    if (!campaign) continue
    const line = [...mails]
    for (const segment of campaign.segments) {
      if (!segment.open) continue
      for (const mailbox of campaign.mailboxes) {
        const parts = partsOn(days, mailbox, segment.day, waitingFor)
        if (parts.missing(campaign) > 0) count += takeShare(world, campaign, mailbox, segment, line, parts)
      }
    }
  }
  return count
}

function takeShare(
  world: World,
  campaign: Campaign,
  mailbox: Mailbox,
  segment: Segment,
  line: Mail[],
  parts: Parts,
): number {
  parts.join(campaign)
  const wanted = Math.min(parts.missing(campaign), line.length)
  const losers = mailbox.timeline
    .on(segment.day)
    .filter((mail) => mayLose(mail, segment) && mail.campaign && parts.missing(mail.campaign) < 0)
  let count = 0
  let turn = 0
  for (const loser of losers) {
    turn += wanted
    if (turn < losers.length || !loser.campaign || parts.missing(loser.campaign) >= 0) continue
    const taker = takerAt(world, campaign, loser, segment, line)
    if (!taker) continue
    const { atMs } = loser
    parts.pass(loser.campaign, campaign)
    remove(world, loser)
    loser.reason ??= 'share'
    loser.afterMs = atMs
    place(world, taker, atMs, mailbox, segment)
    line.splice(line.indexOf(taker), 1)
    turn -= losers.length
    count++
  }
  return count
}

function partsOn(
  days: Map<Mailbox, Map<number, Parts>>,
  mailbox: Mailbox,
  day: number,
  waitingFor: (mailbox: Mailbox) => Campaign[],
): Parts {
  const byDay = days.get(mailbox) ?? new Map<number, Parts>()
  days.set(mailbox, byDay)
  const known = byDay.get(day)
  if (known) return known
  const parts = new Parts(mailbox.timeline.on(day))
  for (const campaign of waitingFor(mailbox)) parts.join(campaign)
  byDay.set(day, parts)
  return parts
}

function mayLose(mail: Mail, { fromMs, toMs }: Segment): boolean {
  if (mail.isFollowUp || mail.input.boundMailboxId !== null || mail.segment?.firm !== false) return false
  return mail.atMs >= fromMs && mail.atMs < toMs
}

/** The first in the line that could stand where the loser does. */
function takerAt(
  world: World,
  campaign: Campaign,
  loser: Mail,
  segment: Segment,
  line: readonly Mail[],
): Mail | undefined {
  const head = line[0]
  if (!head || !campaign.counter.hasRoom(segment.sendingDay)) return undefined
  if (campaign.salesperson !== loser.salesperson && !ownersHaveRoom(head, segment)) return undefined
  if (!keepsDelay(world, campaign, loser, segment.day)) return undefined
  return line.find(
    (mail) =>
      startMsOf(mail) <= loser.atMs &&
      domainHasRoom(mail, loser, segment) &&
      !leadIsTaken(world, mail, segment) &&
      !wasTriedEnough(world, mail, segment),
  )
}

/** Is the campaign's delay kept to both sides of the loser's time? */
function keepsDelay(world: World, campaign: Campaign, { atMs, mailbox }: Mail, day: number): boolean {
  if (campaign.input.delayMs === 0) return true
  const { timeline } = campaign
  const today = timeline.on(day)
  const before = today.findLast((mail) => mail.atMs <= atMs) ?? timeline.lastBefore(day)
  const next = today.find((mail) => mail.atMs > atMs) ?? timeline.firstAfter(day)
  if (atMs < delayOverMs(campaign, world.nowMs)) return false
  if (before && atMs < before.atMs + delayAfterMs(campaign, before)) return false
  return !next || atMs + campaign.shortestDelayMs + (mailbox?.input.occupiesMs ?? 0) <= next.atMs
}
