/** The mails of a plan: those that may be planned, those that lose their slot first, and campaigns in which there is something to sweep. */
import type { MessageList, MoveReason, PlanMessage } from '../../schedule/plan-input.ts'
import { MOVE_REASONS, WAITING_CODES } from '../../schedule/plan-input.ts'
import { NEVER_TRIED } from '../../schedule/untouched-mail.ts'
import { campaignsWithRemovedSteps, joined, listOfFirstMails, listOfSlots } from './mail-lists.ts'
import * as messageReads from './message-reads.ts'
import { readMails, type Asked } from './read-mails.ts'
import * as slotReads from './slot-reads.ts'
import type { Snapshot } from './snapshot.ts'

export interface LoadedMails {
  messages: MessageList
  /** Mails with a slot that may not be mailed any more, with the reason; they are not among the messages. */
  blocked: { messageId: number; atMs: number; reason: string }[]
  /** Campaigns in which mails of removed steps still wait, to be swept; those mails are not among the messages, and keep no slot that anybody would claim. */
  unswept: number[]
  /** Campaigns of whose first mails only the first were read. */
  peekedAt: ReadonlySet<number>
  /** Some of them were read by their share of the places, which says nothing of what others leave. */
  byShare: boolean
}

/** Reads what there could be a place for, and what has one; in any order. */
export async function loadMails(snapshot: Snapshot, asked: Asked): Promise<LoadedMails> {
  const steps = await messageReads.stepsOf(
    snapshot.query,
    asked.rooms.map(({ id }) => id),
  )
  const { firstMails, slots, rows } = await readMails(snapshot, asked, steps)
  const shares = new Map(asked.rooms.flatMap(({ id, room, isShare }) => (isShare ? [[id, room]] : [])))
  const cut = firstMails.flatMap((columns) => cutShort(columns, asked, shares))
  const planned = rows.filter((row) => !row.step_is_removed)
  return {
    messages: joined([
      planned.filter(({ objection }) => objection === null).map(toMessage),
      ...firstMails.map((columns) => listOfFirstMails(columns, steps)),
      ...slots.map((columns) => listOfSlots(columns, steps)),
    ]),
    blocked: [...planned.flatMap(blockedOf), ...slots.flatMap((columns) => blockedOfSlots(columns, steps))],
    unswept: [
      ...new Set([
        ...rows.flatMap((row) => (row.step_is_removed ? (row.campaign_id ?? []) : [])),
        ...[...firstMails, ...slots].flatMap((columns) => campaignsWithRemovedSteps(columns, steps)),
      ]),
    ],
    peekedAt: new Set(cut.map(({ id }) => id)),
    byShare: cut.some(({ isShare }) => isShare),
  }
}

/** The campaigns of which so many were read as of one that waits for room, and the first of them does; or so many as are its share. */
function cutShort(
  { campaigns, said }: messageReads.FirstMails,
  { peek }: Asked,
  shares: ReadonlyMap<number, number>,
): { id: number; isShare: boolean }[] {
  const noRoom = WAITING_CODES.indexOf('no_room') + 1
  const found: { id: number; isShare: boolean }[] = []
  for (let from = 0, to = 0; from < campaigns.length; from = to) {
    while (campaigns[to] === campaigns[from]) to += 1
    const id = campaigns[from] ?? 0
    if (to - from === peek && said[from] === noRoom) found.push({ id, isShare: false })
    else if (to - from === shares.get(id)) found.push({ id, isShare: true })
  }
  return found
}

type Blocked = LoadedMails['blocked'][number]

function blockedOf({ id, at_ms: atMs, objection }: messageReads.MessageRow): Blocked[] {
  return objection === null || atMs === null ? [] : [{ messageId: id, atMs, reason: objection }]
}

function blockedOfSlots(all: slotReads.Slots, steps: ReadonlyMap<number, messageReads.StepRow>): Blocked[] {
  return [...all.objections].flatMap(([place, reason]) =>
    steps.get(all.steps[place] ?? 0)?.is_removed
      ? []
      : [{ messageId: all.ids[place] ?? 0, atMs: slotReads.atMsOf(all, place), reason }],
  )
}

/** A message as the plan sees it. */
export function toMessage(row: messageReads.MessageRow): PlanMessage {
  const slot =
    row.at_ms === null || row.mailbox_id === null || row.window_closes_ms === null
      ? null
      : {
          atMs: row.at_ms,
          mailboxId: row.mailbox_id,
          windowClosesMs: row.window_closes_ms,
          campaignVersion: row.planned_campaign_version,
          mailboxVersion: row.planned_mailbox_version ?? 0,
        }
  return {
    id: row.id,
    kind: row.kind,
    campaignId: row.campaign_id,
    leadId: row.lead_id,
    domain: row.domain,
    stepPosition: row.step_position,
    boundMailboxId: row.bound_mailbox_id,
    // Warm-up mails count on nobody.
    salespersonId: row.kind === 'warmup' ? null : row.salesperson_id,
    notBeforeMs: row.not_before_ms,
    follows: row.follows_ms === null ? null : { sentAtMs: row.follows_ms, wait: messageReads.waitOf(row) },
    order: row.id,
    triedDays: row.tried_days ?? NEVER_TRIED,
    slot,
    said: slot ? null : (WAITING_CODES.find((code) => code === row.slot_reason) ?? null),
    lost: lostSlot(row),
  }
}

/** A mail that had a slot before it lost it: where it was not missed, the first one stands for the one it lost. */
function lostSlot(row: messageReads.MessageRow): PlanMessage['lost'] {
  if (row.at_ms === null && row.missed_from_ms !== null)
    return { atMs: row.missed_from_ms, mailboxId: row.bound_mailbox_id ?? 0, reason: 'missed' }
  const reason = MOVE_REASONS.find((known): known is MoveReason => known === row.slot_reason)
  if (row.at_ms !== null || row.first_planned_ms === null || reason === undefined) return null
  return { atMs: row.first_planned_ms, mailboxId: row.bound_mailbox_id ?? 0, reason }
}
