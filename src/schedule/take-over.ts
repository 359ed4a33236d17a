/**
 * Follow-ups before first mails, on later days too: there a follow-up that finds no place on the day takes over the slot of a first mail
 * of its campaign and mailbox, exactly as it stands, so that nothing else moves. The last first mail of the day gives way: it moves the
 * least, to a place after the one it lost, and those before it keep their order. Today and the next sending day are firm, and a promise is not moved for less than a day.
 */
import { takeHead, type Lane } from './lane.ts'
import type { Queue } from './queue.ts'
import { domainHasRoom, leadIsTaken, place, remove, wasTriedEnough } from './world.ts'
import type { Campaign, Mail, Segment, World } from './world.ts'

/** Lets the mails of a lane that are still waiting on a day take over slots, once all that is free is taken. Says how many did. */
export function takeOver(world: World, lane: Lane, day: number): number {
  const { campaign } = lane
  let count = 0
  if (!campaign) return count
  for (const segment of lane.segments.get(day) ?? []) {
    if (segment.firm) continue
    for (const queue of lane.queues.values()) count += takeOverIn(world, { lane, campaign, queue }, segment)
  }
  return count
}

function takeOverIn(
  world: World,
  { lane, campaign, queue }: { lane: Lane; campaign: Campaign; queue: Queue },
  segment: Segment,
): number {
  queue.reopen()
  const followUp = queue.head(segment.toMs - 1)
  const losers = followUp ? losersOn(campaign, followUp, segment) : []
  if (losers.length === 0) return 0
  let count = 0
  for (
    let mail = queue.head(segment.toMs - 1);
    mail && mail.dueMs < segment.toMs;
    mail = queue.head(segment.toMs - 1)
  ) {
    const loser = loserFor(mail, losers, segment)
    // What was missed displaces nobody.
    if (!loser || mail.reason === 'missed' || leadIsTaken(world, mail, segment)) {
      queue.setHeadAside()
      continue
    }
    takeHead(lane, queue)
    if (wasTriedEnough(world, mail, segment)) {
      mail.givenUp = true
      continue
    }
    losers.splice(losers.lastIndexOf(loser), 1)
    const { atMs, mailbox } = loser
    if (!mailbox) continue
    remove(world, loser)
    loser.reason ??= 'priority'
    loser.afterMs = atMs
    place(world, mail, atMs, mailbox, segment)
    count++
  }
  queue.reopen()
  return count
}

/** The last one whose place this mail could take; for most mails that is the last one. */
function loserFor(mail: Mail, losers: readonly Mail[], segment: Segment): Mail | undefined {
  if ((losers.at(-1)?.atMs ?? Number.NEGATIVE_INFINITY) < mail.dueMs) return undefined
  return losers.findLast((loser) => loser.atMs >= mail.dueMs && domainHasRoom(mail, loser, segment))
}

/** First mails that stand on this mailbox in the segment, earliest first. */
function losersOn(campaign: Campaign, followUp: Mail, segment: Segment): Mail[] {
  return campaign.timeline
    .on(segment.day)
    .filter(
      (mail) =>
        !mail.isFollowUp &&
        mail.mailbox === followUp.bound &&
        mail.segment === segment &&
        mail.input.boundMailboxId === null,
    )
}
