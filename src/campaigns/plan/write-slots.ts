/**
 * Writes slots while others are still being reckoned. What is due first is written first, and goes out while the rest is written: a hundred
 * thousand slots take their time.
 *
 * Promises   that a slot is written only where message, mailbox, campaign and their settings are as the plan read them; each batch is a
 *            transaction of its own, so that messages are locked for a moment only, and dispatch is woken with it.
 */
import type { Database } from '../../database/pool.ts'
import { Heap } from '../../schedule/heap.ts'
import { MOVE_REASONS } from '../../schedule/plan-input.ts'
import type { PlannedSlot } from '../../schedule/plan-result.ts'
import { numberAt, packed, type Numbers } from './columns.ts'
import { AS_READ, instant, listOf } from './parameters.ts'

/** Rows of one statement. */
const BATCH = 2000

/** Slots of one part that are taken at once: some minutes of what is due. One at a time, merging the parts was a tenth of what goniec does for a plan. */
const STRETCH = 20

/** Batches at a time, each in a session of its own: no message is in two, and while one waits for the disk the database's cores have the others. */
const LANES = 3

export class SlotWriter {
  planned = 0
  moved = 0
  readonly #database: Database
  readonly #runs = new Heap<Run>((one, other) => dueMs(one) < dueMs(other))
  #waiting = 0
  #isComplete = false
  #hasFailed = false
  #news = Promise.withResolvers<void>()
  readonly #lanes: Promise<void[]>

  constructor(database: Database) {
    this.#database = database
    this.#lanes = Promise.all(Array.from({ length: LANES }, () => this.#lane()))
    // Whoever adds slots need not wait for them: what fails is told by `finish`.
    this.#lanes.catch(() => undefined)
  }

  /** Has these written, which are in the order of their times; a message that had a slot as it was read, only if it still has that one. */
  add(slots: readonly PlannedSlot[], wasAtMs: (messageId: number) => number | null): void {
    if (slots.length === 0) return
    this.#runs.push({ columns: columnsOf(slots, wasAtMs), length: slots.length, next: 0 })
    this.#waiting += slots.length
    this.#announce()
  }

  /** Resolves when all are written that could be. */
  async finish(): Promise<void> {
    this.#isComplete = true
    this.#announce()
    await this.#lanes
  }

  /** The plan is over by something else that failed: no other batch begins. */
  giveUp(): void {
    this.#hasFailed = true
    this.#announce()
  }

  #announce(): void {
    this.#news.resolve()
    this.#news = Promise.withResolvers()
  }

  /** With the first batch that fails no other begins: the plan is over then, and the next one may be under way. */
  async #lane(): Promise<void> {
    while (!this.#hasFailed) {
      if (this.#waiting >= BATCH || (this.#isComplete && this.#waiting > 0)) await this.#write(this.#take())
      else if (this.#isComplete) return
      else await this.#news.promise
    }
  }

  /** The next ones that are due, a stretch of each run at a time. */
  #take(): Stretch[] {
    const stretches: Stretch[] = []
    let free = BATCH
    for (let run = this.#runs.pop(); run; run = this.#runs.pop()) {
      const to = Math.min(run.next + STRETCH, run.next + free, run.length)
      stretches.push({ columns: run.columns, from: run.next, to })
      free -= to - run.next
      run.next = to
      if (run.next < run.length) this.#runs.push(run)
      if (free === 0) break
    }
    this.#waiting -= BATCH - free
    return stretches
  }

  async #write(stretches: readonly Stretch[]): Promise<void> {
    try {
      await this.#store(stretches)
    } catch (error) {
      this.giveUp()
      throw error
    }
  }

  async #store(stretches: readonly Stretch[]): Promise<void> {
    const lists = COLUMNS.map((column) => listOf(valuesOf(stretches, column)))
    const [row] = await this.#database.query<{ planned: number; moved: number }>(WRITE_SLOTS, lists)
    this.planned += row?.planned ?? 0
    this.moved += row?.moved ?? 0
    // Not in the same transaction: those that notify commit one after the other, and each waits for the disk meanwhile.
    await this.#database.query(`select pg_notify('goniec', 'dispatch')`)
  }
}

/** Slots of one part of the plan, the first ones of them taken. They wait as columns of numbers, since there may be a million. */
interface Run {
  readonly columns: Columns
  readonly length: number
  next: number
}

interface Stretch {
  readonly columns: Columns
  readonly from: number
  readonly to: number
}

/** In the order of the statement's values. */
const COLUMNS = ['ids', 'wasAt', 'at', 'mailboxes', 'closes', 'campaignVersions', 'mailboxVersions', 'moves'] as const

/** A move is the place of its reason among all, counted from 1. */
type Columns = Record<(typeof COLUMNS)[number], Numbers>

function columnsOf(slots: readonly PlannedSlot[], wasAtMs: (messageId: number) => number | null): Columns {
  return {
    ids: packed(slots.map(({ messageId }) => messageId)),
    wasAt: packed(slots.map(({ messageId }) => wasAtMs(messageId))),
    at: packed(slots.map(({ atMs }) => atMs)),
    mailboxes: packed(slots.map(({ mailboxId }) => mailboxId)),
    closes: packed(slots.map(({ windowClosesMs }) => windowClosesMs)),
    campaignVersions: packed(slots.map(({ campaignVersion }) => campaignVersion)),
    mailboxVersions: packed(slots.map(({ mailboxVersion }) => mailboxVersion)),
    moves: packed(slots.map(({ move }) => (move === null ? null : MOVE_REASONS.indexOf(move) + 1))),
  }
}

function valuesOf(stretches: readonly Stretch[], column: keyof Columns): (number | string | null)[] {
  const values: (number | string | null)[] = []
  for (const { columns, from, to } of stretches) {
    for (let place = from; place < to; place += 1) {
      const value = numberAt(columns[column], place)
      values.push(column === 'moves' && value !== null ? (MOVE_REASONS[value - 1] ?? null) : value)
    }
  }
  return values
}

function dueMs({ columns, next }: Run): number {
  return columns.at[next] ?? Number.POSITIVE_INFINITY
}

/** Each of them is looked at once, as it is locked, and written where it stood then; what somebody else holds, or has just changed, is left to the next plan. */
const WRITE_SLOTS = `
  with mine as (
    select given.*, m.ctid as place
    from unnest($1::bigint[], $2::float8[], $3::float8[], $4::bigint[], $5::float8[], $6::bigint[], $7::bigint[], $8::text[])
         as given (id, was_at, at, mailbox_id, closes_at, campaign_version, mailbox_version, move)
    join goniec.message m on m.id = given.id
    join goniec.mailbox b on b.id = given.mailbox_id and b.version = given.mailbox_version
    where m.status = 'pending' and m.held_reason is null and ${AS_READ}
      and (given.campaign_version is null
           or exists (select from goniec.campaign c where c.id = m.campaign_id and c.status = 'running' and c.version = given.campaign_version))
    order by m.id
    for no key update of m skip locked
  ),
  written as (
    update goniec.message m
    set scheduled_at = ${instant('given.at')}, mailbox_id = given.mailbox_id, window_closes_at = ${instant('given.closes_at')},
        planned_campaign_version = given.campaign_version, planned_mailbox_version = given.mailbox_version,
        first_planned_at = coalesce(m.first_planned_at, ${instant('given.at')}), slot_reason = given.move, missed_from = null
    from mine given
    where m.ctid = given.place
    returning given.move is not null as moved
  )
  select count(*) filter (where not w.moved) as planned, count(*) filter (where w.moved) as moved from written w`
