/**
 * Writes slots while others are still being reckoned. What is due first is written first, and goes out while the rest is written: a hundred
 * thousand slots take their time.
 *
 * Promises   that a slot is written only where message, mailbox, campaign and their settings are as the plan read them; each batch is a
 *            transaction of its own, so that messages are locked for a moment only, and dispatch is woken with it.
 */
import type { Database } from '../../database/pool.ts'
import { Heap } from '../../schedule/heap.ts'
import type { PlannedSlot } from '../../schedule/plan-result.ts'
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
  /** The time of the slot that a message had as it was read; null: it had none. */
  readonly #wasAtMs: (messageId: number) => number | null
  readonly #runs = new Heap<Run>((one, other) => dueMs(one) < dueMs(other))
  #waiting = 0
  #isComplete = false
  #hasFailed = false
  #news = Promise.withResolvers<void>()
  readonly #lanes: Promise<void[]>

  constructor(database: Database, wasAtMs: (messageId: number) => number | null) {
    this.#database = database
    this.#wasAtMs = wasAtMs
    this.#lanes = Promise.all(Array.from({ length: LANES }, () => this.#lane()))
    // Whoever adds slots need not wait for them: what fails is told by `finish`.
    this.#lanes.catch(() => undefined)
  }

  /** Has these written, which are in the order of their times. */
  add(slots: readonly PlannedSlot[]): void {
    if (slots.length === 0) return
    this.#runs.push({ slots, next: 0 })
    this.#waiting += slots.length
    this.#announce()
  }

  /** Resolves when all are written that could be. */
  async finish(): Promise<void> {
    this.#isComplete = true
    this.#announce()
    await this.#lanes
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
  #take(): PlannedSlot[] {
    const slots: PlannedSlot[] = []
    for (let run = this.#runs.pop(); run; run = this.#runs.pop()) {
      const to = Math.min(run.next + STRETCH, run.next + BATCH - slots.length, run.slots.length)
      slots.push(...run.slots.slice(run.next, to))
      run.next = to
      if (run.next < run.slots.length) this.#runs.push(run)
      if (slots.length === BATCH) break
    }
    this.#waiting -= slots.length
    return slots
  }

  async #write(slots: readonly PlannedSlot[]): Promise<void> {
    try {
      await this.#store(slots)
    } catch (error) {
      this.#hasFailed = true
      this.#announce()
      throw error
    }
  }

  async #store(slots: readonly PlannedSlot[]): Promise<void> {
    const [row] = await this.#database.query<{ planned: number; moved: number }>(WRITE_SLOTS, [
      listOf(slots, ({ messageId }) => messageId),
      listOf(slots, ({ messageId }) => this.#wasAtMs(messageId)),
      listOf(slots, ({ atMs }) => atMs),
      listOf(slots, ({ mailboxId }) => mailboxId),
      listOf(slots, ({ windowClosesMs }) => windowClosesMs),
      listOf(slots, ({ campaignVersion }) => campaignVersion),
      listOf(slots, ({ mailboxVersion }) => mailboxVersion),
      listOf(slots, ({ move }) => move),
    ])
    this.planned += row?.planned ?? 0
    this.moved += row?.moved ?? 0
    // Not in the same transaction: those that notify commit one after the other, and each waits for the disk meanwhile.
    await this.#database.query(`select pg_notify('goniec', 'dispatch')`)
  }
}

/** Slots of one part of the plan, the first ones of them taken. */
interface Run {
  readonly slots: readonly PlannedSlot[]
  next: number
}

function dueMs({ slots, next }: Run): number {
  return slots[next]?.atMs ?? Number.POSITIVE_INFINITY
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
