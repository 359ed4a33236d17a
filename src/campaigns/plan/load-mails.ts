/** Reads the mails of a plan: those that are like many others as columns, the rest one by one. */
import type { DomainLimits, MoveReason, PlanMessage } from '../../schedule/plan-input.ts'
import { MOVE_REASONS } from '../../schedule/plan-input.ts'
import { roomOfDomain } from '../../schedule/room.ts'
import { NEVER_TRIED, untouchedMail } from '../../schedule/untouched-mail.ts'
import * as domainReads from './domain-reads.ts'
import * as messageReads from './message-reads.ts'
import type { MailboxRow, Query } from './reads.ts'
import * as slotReads from './slot-reads.ts'
import type { Slots } from './slot-reads.ts'
import type { Snapshot } from './snapshot.ts'

export interface LoadedMails {
  messages: PlanMessage[]
  /** Mails with a slot that may not be mailed any more, with the reason; they are not among the messages. */
  blocked: { messageId: number; atMs: number; reason: string }[]
  /** Campaigns in which mails of removed steps still wait, to be swept; those mails are not among the messages, and keep no slot that anybody would claim. */
  unswept: number[]
}

/** Reads what there could be a place for, and what has one; by id. */
export async function loadMails(snapshot: Snapshot, asked: Rooms): Promise<LoadedMails> {
  const { query } = snapshot
  const campaignIds = asked.rooms.map(({ id }) => id)
  const steps = await messageReads.stepsOf(query, campaignIds)
  const { firstMails, slots, rows } = await read(snapshot, asked, (named, withSlots) =>
    messageReads.messages(query, { campaignIds, named, withSlots, steps, mailboxes: asked.mailboxes }),
  )
  const unswept = new Set(rows.flatMap((row) => (row.step_is_removed ? (row.campaign_id ?? []) : [])))
  const planned = rows.filter((row) => !row.step_is_removed)
  const messages = planned.filter(({ objection }) => objection === null).map(toMessage)
  for (const { campaign_id: campaignId, ids, leads, steps: stepIds } of firstMails) {
    for (const [index, id] of ids.entries()) {
      const step = steps.get(stepIds[index] ?? 0)
      if (step?.is_removed) unswept.add(campaignId)
      // Columns are read only where no domain has a limit: then nobody asks for it.
      else messages.push(untouchedMail({ id, order: id, campaignId, leadId: leads[index] ?? null, domain: null, stepPosition: step?.position ?? null })) // prettier-ignore
    }
  }
  const blocked = planned.flatMap(({ id, at_ms: atMs, objection }) =>
    objection === null || atMs === null ? [] : [{ messageId: id, atMs, reason: objection }],
  )
  for (const columns of slots) {
    for (const [place, messageId] of columns.ids.entries()) {
      const step = steps.get(columns.steps[place] ?? 0)
      const reason = columns.objections[place] ?? null
      if (step?.is_removed) unswept.add(columns.campaigns[place] ?? 0)
      else if (reason !== null) blocked.push({ messageId, atMs: slotReads.atMsOf(columns, place), reason })
      else messages.push(slotReads.messageOf(columns, place, step))
    }
  }
  return { messages: messages.sort((a, b) => a.id - b.id), blocked, unswept: [...unswept] }
}

interface Columns {
  /** First mails of which nothing is known but what they are. */
  firstMails: messageReads.FirstMails[]
  slots: Slots[]
}

interface Read extends Columns {
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
  const [some, others] = halves(asked.rooms)
  const own = async (): Promise<Read> => ({ ...(await readColumns(query, some)), rows: await readRows([], false) })
  const meanwhile = async (): Promise<void> => asked.meanwhile()
  if (others.length === 0) {
    const [all] = await Promise.all([own(), meanwhile()])
    return all
  }
  const beside = await share()
  const [mine, [theirs]] = await Promise.all([
    own(),
    // Not before it has been asked: until then the second session has to be talked to.
    beside((session) => Promise.all([readColumns(session, others), meanwhile()])),
  ])
  return {
    firstMails: [...mine.firstMails, ...theirs.firstMails],
    slots: [...mine.slots, ...theirs.slots],
    rows: mine.rows,
  }
}

async function readColumns(query: Query, rooms: readonly Room[]): Promise<Columns> {
  const slots = await slotReads.slots(
    query,
    rooms.map(({ id }) => id),
  )
  return { slots: [slots], firstMails: await messageReads.firstMails(query, rooms) }
}

/** Their ids, and no more to a domain than it may get. */
async function firstMailsByDomain(query: Query, { rooms, domainLimits, horizonDays }: Rooms): Promise<number[]> {
  const mostTo = (domain: string): number => roomOfDomain(domainLimits, domain, horizonDays)
  const named: number[] = []
  for (const { id, room } of rooms)
    named.push(...(await domainReads.firstMails(query, { campaignId: id, room, mostTo })))
  return named
}

/** First mails that are read by one session: with more a second one is worth its connection, since the database has another core. */
const OF_ONE_SESSION = 20_000

type Room = Rooms['rooms'][number]

function halves(rooms: readonly Room[]): [Room[], Room[]] {
  const all = rooms.reduce((sum, { room }) => sum + room, 0)
  if (all <= OF_ONE_SESSION) return [[...rooms], []]
  let sum = 0
  const half = rooms.findIndex(({ room }) => (sum += room) >= all / 2)
  return [rooms.slice(0, half), rooms.slice(half)]
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
