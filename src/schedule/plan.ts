/**
 * The plan: when, and from which mailbox, each waiting mail goes out. A pure function of its input: no clock, no database, no chance.
 * It simulates what claim enforces, so that a planned time is a promise and not a hope. Slots are stored; the next plan starts from
 * them, and what is still allowed stays to the millisecond.
 *
 * In this order mails get their places, each in what those before it have left free:
 *
 *   1. slots that stay (`keep.ts`). They stand where they stand.
 *   2. responses. They are held by no window, and go before slots that stay: what is closer to one than its mailbox's gap gives way (a mailbox
 *      that is busy all day has no place between two mails), and where a day gets too full, its last campaign mails do.
 *   3. missed mails, in the order of their old slots, at the first free places. They displace nobody.
 *   4. follow-ups, by the time from which they are due. On later days they may take over the slot of a first mail (`take-over.ts`).
 *   5. first mails, by their order, in turns between the campaigns (`fill.ts`), and on later days a campaign that came late gets its
 *      share of the mailboxes that others had filled (`share.ts`).
 *   6. warm-up mails.
 *
 * What finds no place waits, with a code that says why (`waiting.ts`).
 */
import { buildWorld } from './build-world.ts'
import { fill } from './fill.ts'
import { standAside, standKept, takeKeptRoom } from './keep.ts'
import type { PlanInput } from './plan-input.ts'
import type { Plan } from './plan-result.ts'
import { resultOf } from './result-of.ts'
import { takeShares } from './share.ts'
import { isDueInTime, whyNoPlace } from './waiting.ts'
import type { Mail, World } from './world.ts'

/** Lays slots for the next sending days. See `plan-input.ts` for what it is told, `plan-result.ts` for what it says. */
export function plan(input: PlanInput): Plan {
  const world = buildWorld(input)
  const standing = standKept(world)
  takeKeptRoom(world, standing, ['response'])
  const responses = mailsWithoutPlace(world, 'response')
  fill(world, responses.toSorted(byOldSlotThenDue), { line: 'by mailbox' })
  standAside(standing, responses)
  takeKeptRoom(world, standing, ['campaign', 'warmup'])

  const missed = mailsWithoutPlace(world, 'campaign').filter(isMissed)
  fill(world, missed.toSorted(byOldSlotThenDue), { line: 'one' })
  fillCampaigns(world)
  fill(world, mailsWithoutPlace(world, 'warmup').toSorted(byOldSlotThenDue), { line: 'by mailbox' })
  return resultOf(world)
}

/**
 * A slot that was taken over may open a place that was none before: the delay after it is another, and the loser's lead is free for
 * other campaigns. So whoever still waits is asked again, until nobody takes over anything.
 */
function fillCampaigns(world: World): void {
  let taken: number
  do {
    const followUps = mailsWithoutPlace(world, 'campaign').filter((mail) => mail.isFollowUp)
    taken = fill(world, followUps.toSorted(byDue), { line: 'by mailbox', fair: true, mayTakeOver: true })
    fillFirstMails(world)
    const late = mailsWithoutPlace(world, 'campaign').filter((mail) => !mail.isFollowUp && !isMissed(mail))
    taken += takeShares(world, late.filter(({ input }) => input.boundMailboxId === null).toSorted(byOrder))
  } while (taken > 0)
}

/** One that lost its slot goes after it, if there is a place; else wherever there is one. */
function fillFirstMails(world: World): void {
  const firstMails = (): Mail[] => mailsWithoutPlace(world, 'campaign').filter((mail) => !mail.isFollowUp)
  const mails = firstMails().toSorted(byOrder)
  fill(world, mails, { line: 'by mailbox', fair: true })
  const losers = mails.filter((mail) => mail.afterMs !== null)
  if (losers.length === 0) return
  for (const mail of losers) mail.afterMs = null
  fill(world, firstMails().toSorted(byOrder), { line: 'by mailbox', fair: true })
}

/** Those that look for a place, and for which there is anything to look for. */
function mailsWithoutPlace(world: World, kind: Mail['input']['kind']): Mail[] {
  return world.mails.filter(
    (mail) =>
      mail.input.kind === kind &&
      !mail.mailbox &&
      !mail.givenUp &&
      whyNoPlace(mail) === null &&
      isDueInTime(world, mail),
  )
}

function isMissed({ reason }: Mail): boolean {
  return reason === 'missed'
}

function byOldSlotThenDue(a: Mail, b: Mail): number {
  return oldSlotMs(a) - oldSlotMs(b) || byOrder(a, b)
}

/** A slot that was taken back without another in its stead counts like one that is there. */
function oldSlotMs({ input, dueMs }: Mail): number {
  return (input.slot ?? input.lost)?.atMs ?? dueMs
}

function byDue(a: Mail, b: Mail): number {
  return a.dueMs - b.dueMs || byOrder(a, b)
}

function byOrder(a: Mail, b: Mail): number {
  return a.input.order - b.input.order || a.input.id - b.input.id
}
