/** Why a mail has no slot. */
import type { WaitingCode } from './plan-input.ts'
import type { Waiting } from './plan-result.ts'
import type { Mail, Segment, World } from './world.ts'
import { domainIsFull, leadIsTaken } from './world.ts'

/** What keeps a mail from any place, whatever is free; null if nothing does. */
export function whyNoPlace(mail: Mail): WaitingCode | null {
  const { campaign, bound, input } = mail
  if (input.kind === 'campaign' && !campaign?.input.running) return 'campaign_not_running'
  if (input.kind === 'campaign' && campaign?.segments.length === 0) return 'no_sending_day'
  const usable = input.boundMailboxId === null ? (campaign?.mailboxes.length ?? 0) > 0 : bound?.input.usable
  return usable ? null : 'no_usable_mailbox'
}

/** May it go before the days are over for which there is a plan? One that may not has no part of what campaigns share. */
export function isDueInTime(world: World, mail: Mail): boolean {
  const last = segmentsOf(world, mail).findLast(({ open }) => open)
  return last !== undefined && last.toMs > freeFromMs(mail)
}

function segmentsOf(world: World, { campaign }: Mail): readonly Segment[] {
  return campaign?.segments ?? world.wholeDays
}

function freeFromMs({ dueMs, bound }: Mail): number {
  return Math.max(dueMs, bound?.input.freeFromMs ?? 0)
}

/** Could a mail that has no place go on any of the days ahead, if only there were room? */
export function lacksOnlyRoom(world: World, mail: Mail): boolean {
  if (waitingOf(world, mail).code !== 'no_room') return false
  return segmentsOf(world, mail).every((segment) => !leadIsTaken(world, mail, segment) && !domainIsFull(mail, segment))
}

/** The reason of a mail that has no slot. */
export function waitingOf(world: World, mail: Mail): Waiting {
  const messageId = mail.input.id
  const code = whyNoPlace(mail)
  if (code) return { messageId, code, untilMs: null }
  const untilMs = freeFromMs(mail)
  if (!isDueInTime(world, mail)) return { messageId, code: 'not_due', untilMs }
  const ahead = segmentsOf(world, mail).filter(({ open, toMs }) => open && toMs > untilMs)
  const taken = ahead.every((segment) => leadIsTaken(world, mail, segment))
  if (taken) return { messageId, code: 'lead_taken', untilMs: null }
  const domainFull = ahead.every((segment) => domainIsFull(mail, segment))
  return { messageId, code: domainFull ? 'domain_limit' : 'no_room', untilMs: null }
}
