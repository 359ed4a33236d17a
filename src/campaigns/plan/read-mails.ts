/**
 * Reads the mails of a plan: those that are like many others as columns, the rest one by one. Many columns are read piece by piece, in two
 * sessions.
 */
import { isLockRefused } from '../../database/given-up-locks.ts'
import type { HeldLeads } from '../../schedule/held-leads.ts'
import type { DomainLimits } from '../../schedule/plan-input.ts'
import { roomOfDomain } from '../../schedule/room.ts'
import { numberAt } from './columns.ts'
import * as domainReads from './domain-reads.ts'
import * as messageReads from './message-reads.ts'
import type { MailboxRow, Query } from './reads.ts'
import * as slotReads from './slot-reads.ts'
import type { Snapshot } from './snapshot.ts'

export interface Asked {
  /** Of each campaign how many first mails it could send within the horizon. */
  rooms: readonly Room[]
  mailboxes: readonly MailboxRow[]
  domainLimits: ReadonlyMap<string, DomainLimits>
  /** Leads that other campaigns have mailed; those for which they have slots are added. */
  held: HeldLeads
  horizonDays: number
  /** The most that all campaigns together find places for. */
  places: number
  /** Of a campaign whose first mail waits for room, as is said of it, so many first mails are read; null: all that there could be room for. */
  peek: number | null
  /** To be done while the database reads. */
  meanwhile: () => void
}

export interface Room {
  id: number
  room: number
  /** There could be room for more, were the campaign alone. */
  isShare?: boolean
}

export interface ReadMails {
  /** First mails of which nothing is known but what they are. */
  firstMails: messageReads.FirstMails[]
  slots: slotReads.Slots[]
  rows: messageReads.MessageRow[]
}

type Steps = ReadonlyMap<number, messageReads.StepRow>

/** First mails and slots as columns, and all else as rows; where domains have limits all as rows, and no more first mails than each may get. */
export async function readMails(snapshot: Snapshot, asked: Asked, steps: Steps): Promise<ReadMails> {
  const { query } = snapshot
  const { rooms, domainLimits, held, mailboxes } = asked
  const all: ReadMails = { firstMails: [], slots: [], rows: [] }
  const readRows = async (withSlots: boolean): Promise<void> => {
    const campaignIds = rooms.map(({ id }) => id)
    all.rows = await messageReads.messages(query, { campaignIds, withSlots, steps, mailboxes })
  }
  if (domainLimits.size === 0) {
    await readColumns(snapshot, asked, all, () => readRows(false))
    await readBehindHeld(query, asked, all)
    return all
  }
  await readRows(true)
  if (held.lookAhead) addSlots(held, all, () => true)
  const named = await firstMailsByDomain(query, asked)
  all.rows.push(...(await messageReads.messagesNamed(query, named, { steps, mailboxes })))
  return all
}

async function readColumns(
  { query, share }: Snapshot,
  { rooms, places, meanwhile, peek }: Asked,
  all: ReadMails,
  readRows: () => Promise<void>,
): Promise<void> {
  const pieces = inPieces(rooms)
  const readPieces = async (session: Query): Promise<void> => {
    for (let piece = pieces.shift(); piece; piece = pieces.shift()) {
      try {
        const slots = await slotReads.slots(
          session,
          piece.map(({ id }) => id),
        )
        all.firstMails.push(await messageReads.firstMails(session, piece, peek))
        all.slots.push(slots)
      } catch (error) {
        pieces.push(piece)
        throw error
      }
    }
  }
  const own = async (): Promise<void> => {
    await readPieces(query)
    await readRows()
  }
  const besides = async (): Promise<void> => meanwhile()
  if (pieces.length === 1 || places <= OF_A_PIECE) {
    await Promise.all([own(), besides()])
    return
  }
  const beside = await share()
  const helped = async (): Promise<void> => {
    try {
      // Not before the database has been asked: until then the second session has to be talked to.
      await beside((session) => Promise.all([readPieces(session), besides()]))
    } catch (error) {
      if (!isLockRefused(error)) throw error
    }
  }
  await Promise.all([own(), helped()])
  // What the second session has given up: the first one has been let into these tables already.
  await readPieces(query)
}

/**
 * First mails that are read at once: until they are numbers they are text. With places for more a second session is worth its connection and the
 * statements that begin and end it, since the database has another core.
 */
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

/** Of campaigns with mails to leads that others have, so many more mails as there is room for besides: these wait, and those behind them need not. */
async function readBehindHeld(query: Query, { rooms, held }: Asked, all: ReadMails): Promise<void> {
  let asked = held.anyContact || held.lookAhead ? rooms : []
  for (let lists = all.firstMails; asked.length > 0; all.firstMails.push(...lists)) {
    const lines = linesOf(lists, asked)
    if (held.lookAhead) {
      const leads = new Set<number>()
      eachOf(lists, (leadId, campaignId) => lines.has(campaignId) && leads.add(leadId))
      addSlots(held, all, (leadId) => leads.has(leadId))
    }
    eachOf(lists, (leadId, campaignId) => {
      const line = lines.get(campaignId)
      if (line && held.isHeld(leadId, campaignId)) line.held += 1
    })
    // Twice as many, so that it is soon at the end of however many there are.
    asked = [...lines].flatMap(([id, line]) =>
      line.held === 0 ? [] : [{ id, room: 2 * line.held, behind: line.lastId }],
    )
    lists = asked.length === 0 ? [] : [await messageReads.firstMails(query, asked)]
  }
}

interface ReadLine {
  mails: number
  lastId: number
  held: number
}

/** By campaign how far its first mails are read: of those of which so many were found as were asked for. */
function linesOf(lists: readonly messageReads.FirstMails[], asked: readonly Room[]): Map<number, ReadLine> {
  const lines = new Map<number, ReadLine>(asked.map(({ id }) => [id, { mails: 0, lastId: 0, held: 0 }]))
  eachOf(lists, (_leadId, campaignId, id) => {
    const line = lines.get(campaignId)
    if (!line) return
    line.mails += 1
    line.lastId = Math.max(line.lastId, id)
  })
  for (const { id, room } of asked) if (lines.get(id)?.mails !== room) lines.delete(id)
  return lines
}

function eachOf(
  lists: readonly messageReads.FirstMails[],
  look: (leadId: number, campaignId: number, id: number) => void,
): void {
  for (const { ids, campaigns, leads } of lists) {
    for (let place = 0; place < ids.length; place += 1) look(leads[place] ?? 0, campaigns[place] ?? 0, ids[place] ?? 0)
  }
}

/** Tells of slots that campaigns have for these leads. */
function addSlots(held: HeldLeads, { slots, rows }: ReadMails, isWanted: (leadId: number) => boolean): void {
  const add = (leadId: number | null, campaignId: number | null): void => {
    if (leadId !== null && campaignId !== null && isWanted(leadId)) held.add(leadId, campaignId)
  }
  for (const { leads, campaigns } of slots) {
    for (let place = 0; place < leads.length; place += 1) add(numberAt(leads, place), numberAt(campaigns, place))
  }
  for (const row of rows) if (row.at_ms !== null) add(row.lead_id, row.campaign_id)
}

/** Their ids, and no more to a domain than it may get. */
async function firstMailsByDomain(query: Query, { rooms, domainLimits, horizonDays, held }: Asked): Promise<number[]> {
  const mostTo = (domain: string): number => roomOfDomain(domainLimits, domain, horizonDays)
  const named: number[] = []
  for (const { id, room } of rooms)
    named.push(...(await domainReads.firstMails(query, { campaignId: id, room, mostTo, held })))
  return named
}
