/**
 * Events as they happen. Their ids are given when they are written and seen when they are committed, so that a later one is often seen
 * before an earlier one: "everything behind the last id" would lose those that commit late.
 *
 * So whoever follows keeps, beside the last id that it saw, the gaps before it: ids that nobody has seen yet. They are asked for each time,
 * and forgotten only when they can no longer be filled: when every transaction that was under way as the gap was noticed has ended
 * (what was rolled back leaves a gap for ever). Between two ids a gap is one stretch, however long, so that the write of a long plan costs
 * no more than one mail's.
 */
import type { Database } from '../database/pool.ts'
import { readAtOnce, type ReadLimits } from '../database/read-at-once.ts'
import { conditionsOf, queryEvents, type EventFilter, type RecordedEvent } from './events.ts'

interface Gap {
  from: number
  to: number
  /** Transactions from here on began too late to fill it. Known from the second look on: then each has its number. */
  until: bigint | undefined
}

/** Most events that one look brings; what is behind them comes with the next. */
const MOST = 5000
/** How far back of the newest event gaps are looked for in the beginning. */
const LOOK_BACK = 20_000

export class EventStream {
  #filter: EventFilter
  #last: number
  #gaps: Gap[]

  private constructor(filter: EventFilter, last: number, gaps: Gap[]) {
    this.#filter = filter
    this.#last = last
    this.#gaps = gaps
  }

  /** Begins behind everything that is committed now. */
  static async open(database: Pick<Database, 'query'>, filter: EventFilter): Promise<EventStream> {
    const [newest] = await database.query<{ id: number }>('select coalesce(max(id), 0) as id from goniec.event')
    const last = newest?.id ?? 0
    const gaps = await database.query<{ from: number; to: number }>(
      `select e.before + 1 as "from", e.id - 1 as "to"
       from (select id, lag(id) over (order by id) as before from goniec.event where id > $1) as e
       where e.id > e.before + 1`,
      [last - LOOK_BACK],
    )
    return new EventStream(
      filter,
      last,
      gaps.map((gap) => ({ ...gap, until: undefined })),
    )
  }

  /** Gaps that may still be filled. */
  get openGaps(): number {
    return this.#gaps.length
  }

  /**
   * What has been committed since the last look, by id. `more`: look again at once. A look that fails, at its very end too, is none: what it would
   * have brought comes with the next one.
   */
  async read(
    database: Pick<Database, 'pool'>,
    limits: ReadLimits,
  ): Promise<{ events: RecordedEvent[]; more: boolean }> {
    const look = await readAtOnce(database, limits, (at) => this.#look(at))
    this.#note(look)
    return look
  }

  async #look(database: Pick<Database, 'query'>): Promise<Look> {
    const stretches = [...this.#gaps, { from: this.#last + 1, to: Number.MAX_SAFE_INTEGER }]
    const bounds = [stretches.map(({ from }) => from), stretches.map(({ to }) => to)]
    const snapshot = await readSnapshot(database)
    const seen = await database.query<{ id: number }>(`select e.id ${WITHIN} order by e.id limit ${MOST + 1}`, bounds)
    const ids = seen.slice(0, MOST).map(({ id }) => id)
    const events = await this.#readFitting(database, bounds, ids.at(-1))
    return { events, more: seen.length > MOST, ids, snapshot }
  }

  async #readFitting(
    database: Pick<Database, 'query'>,
    bounds: unknown[],
    upTo: number | undefined,
  ): Promise<RecordedEvent[]> {
    if (upTo === undefined) return []
    const values = [...bounds, upTo]
    const conditions = ['e.id <= $3', ...conditionsOf(this.#filter, values)]
    return await queryEvents(database, `select e.* ${WITHIN} where ${conditions.join(' and ')}`, values)
  }

  /** The gaps as they are now. Where more is to come, those behind it were not looked at, and are kept as they are. */
  #note({ ids, snapshot: { oldest, next }, more }: Look): void {
    const lookedUpTo = more ? (ids.at(-1) ?? 0) : Number.MAX_SAFE_INTEGER
    const last = Math.max(this.#last, ids.at(-1) ?? 0)
    const noticed = this.#gaps.flatMap((gap) => {
      if (gap.from > lookedUpTo) return [gap]
      // It was looked at with a snapshot in which all that could fill it have ended.
      if (gap.until !== undefined && oldest >= gap.until && gap.to <= lookedUpTo) return []
      return without(gap, ids).map((rest) => ({ ...rest, until: gap.until ?? next }))
    })
    const fresh = without({ from: this.#last + 1, to: last }, ids).map((gap) => ({ ...gap, until: undefined }))
    this.#gaps = [...noticed, ...fresh]
    this.#last = last
  }
}

const WITHIN = `
  from unnest($1::bigint[], $2::bigint[]) as stretch ("from", "to")
  join goniec.event e on e.id between stretch."from" and stretch."to"`

interface Look {
  events: RecordedEvent[]
  more: boolean
  /** Of all events, those that nobody wants to see too. */
  ids: number[]
  snapshot: Snapshot
}

interface Snapshot {
  /** The oldest transaction that is under way, and the one that will be next. */
  oldest: bigint
  next: bigint
}

async function readSnapshot(database: Pick<Database, 'query'>): Promise<Snapshot> {
  const [row] = await database.query<{ oldest: string; next: string }>(
    `select pg_snapshot_xmin(s)::text as oldest, pg_snapshot_xmax(s)::text as next from pg_current_snapshot() s`,
  )
  return { oldest: BigInt(row?.oldest ?? 0), next: BigInt(row?.next ?? 0) }
}

/** What is left of a stretch without these ids, which are in order. */
function without(stretch: { from: number; to: number }, ids: readonly number[]): { from: number; to: number }[] {
  const rest: { from: number; to: number }[] = []
  let from = stretch.from
  for (const id of ids) {
    if (id < from) continue
    if (id > stretch.to) break
    if (id > from) rest.push({ from, to: id - 1 })
    from = id + 1
  }
  if (from <= stretch.to) rest.push({ from, to: stretch.to })
  return rest
}
