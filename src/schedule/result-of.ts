/** Reads the finished world: what changes against the stored slots, and what waits. */
import { bindingsOf } from './binding.ts'
import { isStale } from './keep.ts'
import { FRONT } from './plan-input.ts'
import type { Plan } from './plan-result.ts'
import { lacksOnlyRoom, waitingOf } from './waiting.ts'
import type { Mail, World } from './world.ts'

/** What a plan says about its world. */
export function resultOf(world: World): Plan {
  const withoutRoom = new Set<number>()
  const inFront = new Map<number, number>()
  const result: Plan = {
    slots: [],
    withdrawals: [],
    restamps: [],
    waiting: [],
    reasons: [],
    giveUps: [],
    bindings: bindingsOf(world),
    withoutRoom,
  }
  for (const mail of world.mails) {
    if (mail.givenUp) result.giveUps.push({ messageId: mail.input.id })
    else if (mail.mailbox) addPlaced(result, mail)
    else addWaiting(result, world, mail, inFront)
  }
  for (const mail of world.mails) {
    const campaignId = mail.campaign?.input.id
    if (campaignId === undefined || mail.mailbox || mail.givenUp || withoutRoom.has(campaignId)) continue
    if (isUntouched(mail) && lacksOnlyRoom(world, mail)) withoutRoom.add(campaignId)
  }
  result.slots.sort((a, b) => a.atMs - b.atMs || a.messageId - b.messageId)
  return result
}

/** A first mail of which nothing is known but that it is there. */
function isUntouched({ input, isFollowUp }: Mail): boolean {
  const { kind, boundMailboxId, notBeforeMs, slot, lost } = input
  return kind === 'campaign' && !isFollowUp && !slot && !lost && boundMailboxId === null && notBeforeMs === null
}

function addPlaced(result: Plan, mail: Mail): void {
  const { input, mailbox, segment, campaign, atMs } = mail
  if (!mailbox || !segment) return
  const stamp = {
    messageId: input.id,
    windowClosesMs: segment.closesMs,
    campaignVersion: campaign?.input.version ?? null,
    mailboxVersion: mailbox.input.version,
  }
  const stays = input.slot?.atMs === atMs && input.slot.mailboxId === mailbox.input.id
  if (!stays) {
    const from = input.slot ?? input.lost
    result.slots.push({
      ...stamp,
      atMs,
      mailboxId: mailbox.input.id,
      move: mail.reason,
      from: from && { atMs: from.atMs, mailboxId: from.mailboxId },
    })
  } else if (isStale(mail) || input.slot?.windowClosesMs !== segment.closesMs) {
    result.restamps.push(stamp)
  }
}

function addWaiting(result: Plan, world: World, mail: Mail, inFront: Map<number, number>): void {
  const { id, slot, said } = mail.input
  const waiting = waitingOf(world, mail)
  result.waiting.push(waiting)
  const speaksItself = waiting.code !== 'no_room' || !isBehindFront(mail, inFront)
  if (speaksItself && (slot || said !== waiting.code)) result.reasons.push({ messageId: id, code: waiting.code })
  if (!slot) return
  const from = { atMs: slot.atMs, mailboxId: slot.mailboxId }
  result.withdrawals.push({ messageId: id, reason: mail.reason ?? 'capacity', from })
}

/** Nothing is said of it yet, and so many first mails of its campaign that wait for room stand before it that they say it for it; `inFront`: how many. */
function isBehindFront(mail: Mail, inFront: Map<number, number>): boolean {
  const campaignId = mail.campaign?.input.id
  if (campaignId === undefined || !isUntouched(mail)) return false
  const before = inFront.get(campaignId) ?? 0
  inFront.set(campaignId, before + 1)
  return before >= FRONT && mail.input.said === null
}
