/** Reads the mails of a plan: those that are like many others as columns, the rest one by one. */
import type { DomainLimits, MessageList, MoveReason, PlanMessage } from '../../schedule/plan-input.ts'
import { MOVE_REASONS } from '../../schedule/plan-input.ts'
import { roomOfDomain } from '../../schedule/room.ts'
import { NEVER_TRIED } from '../../schedule/untouched-mail.ts'
import * as domainReads from './domain-reads.ts'
import { campaignsWithRemovedSteps, joined, listOfFirstMails, listOfSlots } from './mail-lists.ts'
import * as messageReads from './message-reads.ts'
import type { MailboxRow, Query } from './reads.ts'
import * as slotReads from './slot-reads.ts'
import { isHeldUp, type Snapshot } from './snapshot.ts'

export interface LoadedMails {
  messages: MessageList
  /** Mails with a slot that may not be mailed any more, with the reason; they are not among the messages. */
  blocked: { messageId: number; atMs: number; reason: string }[]
  /** Campaigns in which mails of removed steps still wait, to be swept; those mails are not among the messages, and keep no slot that anybody would claim. */
  unswept: number[]
}

/** Reads what there could be a place for, and what has one; in any order. */
export async function loadMails(snapshot: Snapshot, asked: Rooms): Promise<LoadedMails> {
  const { query } = snapshot
  const campaignIds = asked.rooms.map(({ id }) => id)
  const steps = await messageReads.stepsOf(query, campaignIds)
  const { firstMails, slots, rows } = await read(snapshot, asked, (named, withSlots) =>
    messageReads.messages(query, { campaignIds, named, withSlots, steps, mailboxes: asked.mailboxes }),
  )
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
  }
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

interface Read {
  /** First mails of which nothing is known but what they are. */
  firstMails: messageReads.FirstMails[]
  slots: slotReads.Slots[]
  rows: messageReads.MessageRow[]
}

/** First mails and slots as columns, and all else as rows; where domains have limits all as rows, and no more first mails than each may get. */
async function read(
  { query, share }: Snapshot,
  asked: Rooms,
  readRows: (named: readonly number[], withSlots: boolean) => Promise<messageReads.MessageRow[]>,
): Promise<Read> {
  if (asked.domainLimits.size > 0)
    return { firstMails: [], slots: [], rows: await readRows(await firstMailsByDomain(query, asked), true) }
  const all: Read = { firstMails: [], slots: [], rows: [] }
  const pieces = inPieces(asked.rooms)
  const readPieces = async (session: Query): Promise<void> => {
    for (let piece = pieces.shift(); piece; piece = pieces.shift()) {
      try {
        const slots = await slotReads.slots(
          session,
          piece.map(({ id }) => id),
        )
        all.firstMails.push(await messageReads.firstMails(session, piece))
        all.slots.push(slots)
      } catch (error) {
        pieces.push(piece)
        throw error
      }
    }
  }
  const own = async (): Promise<void> => {
    await readPieces(query)
    all.rows = await readRows([], false)
  }
  const meanwhile = async (): Promise<void> => asked.meanwhile()
  if (pieces.length === 1) {
    await Promise.all([own(), meanwhile()])
    return all
  }
  const beside = await share()
  const helped = async (): Promise<void> => {
    try {
      // Not before the database has been asked: until then the second session has to be talked to.
      await beside((session) => Promise.all([readPieces(session), meanwhile()]))
    } catch (error) {
      if (!isHeldUp(error)) throw error
    }
  }
  await Promise.all([own(), helped()])
  // What the second session has given up: the first one has been let into these tables already.
  await readPieces(query)
  return all
}

/** Their ids, and no more to a domain than it may get. */
async function firstMailsByDomain(query: Query, { rooms, domainLimits, horizonDays }: Rooms): Promise<number[]> {
  const mostTo = (domain: string): number => roomOfDomain(domainLimits, domain, horizonDays)
  const named: number[] = []
  for (const { id, room } of rooms)
    named.push(...(await domainReads.firstMails(query, { campaignId: id, room, mostTo })))
  return named
}

type Room = Rooms['rooms'][number]

/** First mails that are read at once: until they are numbers they are text. With more a second session is worth its connection, since the database has another core. */
const OF_A_PIECE = 20_000

/** Each piece is asked for by itself; and campaigns that share mailboxes have less room than they seem to have. */
const MOST_PIECES = 40

/** One at least, in which there may be nobody. */
function inPieces(rooms: readonly Room[]): Room[][] {
  if (rooms.length === 0) return [[]]
  const all = rooms.reduce((sum, { room }) => sum + room, 0)
  const most = Math.max(OF_A_PIECE, all / MOST_PIECES)
  let sum = 0
  return [...Map.groupBy(rooms, ({ room }) => Math.floor(((sum += room) - room) / most)).values()]
}

export interface Rooms {
  /** Of each campaign how many first mails it could send within the horizon. */
  rooms: readonly { id: number; room: number }[]
  mailboxes: readonly MailboxRow[]
  domainLimits: ReadonlyMap<string, DomainLimits>
  horizonDays: number
  /** To be done while the database reads. */
  meanwhile: () => void
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
    salespersonId: row.salesperson_id,
    notBeforeMs: row.not_before_ms,
    follows: row.follows_ms === null ? null : { sentAtMs: row.follows_ms, wait: messageReads.waitOf(row) },
    order: row.id,
    triedDays: row.tried_days ?? NEVER_TRIED,
    slot,
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
