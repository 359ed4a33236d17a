/**
 * Writes a plan down. It writes only where message, slot and versions are still as the plan read them: whatever happened meanwhile (a
 * claim, a pause, a change of settings) wins, and the next plan sees it.
 */
import type { Database } from '../../database/pool.ts'
import type { PlanInput, WholePlanInput } from '../../schedule/plan-input.ts'
import type { Plan, Restamp } from '../../schedule/plan-result.ts'
import { AS_READ, instant } from './parameters.ts'
import { SlotWriter } from './write-slots.ts'

/** Rows of one statement, so that messages are locked for a moment only. */
const BATCH = 2000

export interface SavedPlan {
  planned: number
  moved: number
  withdrawn: number
  givenUp: number
}

/** What was reckoned of some of the messages. */
export interface PartOfPlan {
  part: Pick<PlanInput, 'messages'>
  planned: Plan
}

/** Stores slots, takes slots back, stamps versions, fails what is given up, says of each mail why it waits, and of each day what binds it. */
export class PlanWriter {
  readonly #database: Database
  readonly #hasDomainLimits: boolean
  readonly #slots: SlotWriter
  readonly #rest: Rest[] = []

  constructor(database: Database, { domainLimits }: Pick<WholePlanInput, 'domainLimits'>) {
    this.#database = database
    this.#hasDomainLimits = domainLimits.size > 0
    this.#slots = new SlotWriter(database)
  }

  /** Writes the parts of a plan, the slots of each while the next one is reckoned. Where that fails, no slot is written any more: the next plan may be under way. */
  async write(parts: AsyncIterable<PartOfPlan> | Iterable<PartOfPlan>): Promise<SavedPlan> {
    try {
      for await (const { part, planned } of parts) await this.#add(part, planned)
    } catch (error) {
      this.#slots.giveUp()
      throw error
    }
    return this.#finish()
  }

  /** Its slots are written from here on; all else is by `#finish`. */
  async #add(part: Pick<PlanInput, 'messages'>, plan: Plan): Promise<void> {
    const wasAtMs = slotTimes(part)
    const { slots, restamps } = this.#hasDomainLimits ? await this.#withDomainRows(part, plan, wasAtMs) : plan
    const { withdrawals, giveUps, reasons, bindings } = plan
    this.#slots.add(slots, wasAtMs)
    const stays = restamps.map((restamp) => ({ ...restamp, atMs: wasAtMs(restamp.messageId) }))
    this.#rest.push({ restamps: stays, withdrawals, giveUps, reasons, bindings })
  }

  async #finish(): Promise<SavedPlan> {
    const database = this.#database
    await this.#slots.finish()
    for (const rows of inBatches(this.#rest.flatMap(({ restamps }) => restamps))) {
      await database.query(RESTAMP, [
        rows.map(({ messageId }) => messageId),
        rows.map(({ atMs }) => atMs),
        rows.map(({ windowClosesMs }) => windowClosesMs),
        rows.map(({ campaignVersion }) => campaignVersion),
        rows.map(({ mailboxVersion }) => mailboxVersion),
      ])
    }
    const withdrawals = this.#rest.flatMap((part) => part.withdrawals)
    const withdrawn = await withdraw(
      database,
      withdrawals.map(({ messageId, from, reason }) => ({ messageId, atMs: from.atMs, reason })),
    )
    let givenUp = 0
    for (const rows of inBatches(this.#rest.flatMap(({ giveUps }) => giveUps))) {
      const failed = await database.query(GIVE_UP, [rows.map(({ messageId }) => messageId)])
      givenUp += failed.length
    }
    for (const rows of inBatches(this.#rest.flatMap(({ reasons }) => reasons))) {
      await database.query(SAY_WHY, [rows.map(({ messageId }) => messageId), rows.map(({ code }) => code)])
    }
    const bindings = this.#rest.flatMap((part) => part.bindings)
    await database.query(SAY_WHAT_BINDS, [
      bindings.map(({ campaignId }) => campaignId),
      bindings.map(({ day }) => day),
      bindings.map(({ code }) => code),
    ])
    const { planned, moved } = this.#slots
    return { planned, moved, withdrawn, givenUp }
  }

  /**
   * Makes the counters that claim wants to see at these slots, before it can see the slots. Returned are those that are to be written: what
   * another program keeps from having its counters is left to the next plan.
   */
  async #withDomainRows(
    { messages }: Pick<PlanInput, 'messages'>,
    { slots, restamps }: Plan,
    wasAtMs: SlotTimes,
  ): Promise<Pick<Plan, 'slots' | 'restamps'>> {
    const domains = new Map(messages.map(({ id, domain }) => [id, domain]))
    const domainOf = ({ messageId }: { messageId: number }): string | null => domains.get(messageId) ?? null
    const kept = restamps.map(({ messageId }) => ({ messageId, atMs: wasAtMs(messageId) ?? 0 }))
    const left = new Set<string | null>()
    for (const rows of inBatches([...slots, ...kept].filter((row) => domainOf(row) !== null))) {
      const [row] = await this.#database.query<{ left: string[] }>(MAKE_DOMAIN_ROWS, [
        rows.map(domainOf),
        rows.map(({ atMs }) => atMs),
      ])
      for (const domain of row?.left ?? []) left.add(domain)
    }
    if (left.size === 0) return { slots, restamps }
    const isToBeWritten = (row: { messageId: number }): boolean => !left.has(domainOf(row))
    return { slots: slots.filter(isToBeWritten), restamps: restamps.filter(isToBeWritten) }
  }
}

type Rest = Pick<Plan, 'withdrawals' | 'giveUps' | 'reasons' | 'bindings'> & {
  restamps: (Restamp & { atMs: number | null })[]
}

/** The time of the slot that a message had as it was read; null: it had none. */
type SlotTimes = (messageId: number) => number | null

/** Looked up only where anything is asked: most plans of each minute write nothing. */
function slotTimes({ messages }: Pick<PlanInput, 'messages'>): SlotTimes {
  let times: Map<number, number> | undefined
  return (messageId) => {
    times ??= new Map(messages.flatMap(({ id, slot }) => (slot ? [[id, slot.atMs]] : [])))
    return times.get(messageId) ?? null
  }
}

/** Takes these slots back: they would stand in the way of others. Resolves with how many. */
export async function withdraw(
  database: Database,
  slots: readonly { messageId: number; atMs: number; reason: string }[],
): Promise<number> {
  let withdrawn = 0
  for (const rows of inBatches(slots)) {
    const written = await database.query(WITHDRAW, [
      rows.map(({ messageId }) => messageId),
      rows.map(({ atMs }) => atMs),
      rows.map(({ reason }) => reason),
    ])
    withdrawn += written.length
  }
  return withdrawn
}

function* inBatches<Row>(rows: readonly Row[]): Generator<readonly Row[]> {
  for (let from = 0; from < rows.length; from += BATCH) yield rows.slice(from, from + BATCH)
}

/** The messages of a batch, locked in id order; what somebody else holds is left to the next plan. */
function locked(columns: string): string {
  return `
    given as (select * from unnest(${columns})),
    mine as (
      select m.id from goniec.message m
      where m.id in (select id from given) and m.status = 'pending'
      order by m.id
      for no key update skip locked
    )`
}

const MAKE_DOMAIN_ROWS = `
  select goniec.make_domain_rows($1, array(
    select ${instant('at')} from unnest($2::float8[]) with ordinality as given (at, place) order by place)) as left`

const RESTAMP = `
  with ${locked(`$1::bigint[], $2::float8[], $3::float8[], $4::bigint[], $5::bigint[])
                 as rows (id, was_at, closes_at, campaign_version, mailbox_version`)}
  update goniec.message m
  set window_closes_at = ${instant('given.closes_at')}, planned_campaign_version = given.campaign_version,
      planned_mailbox_version = given.mailbox_version
  from given
  join mine on mine.id = given.id
  where m.id = given.id and ${AS_READ}`

const WITHDRAW = `
  with ${locked(`$1::bigint[], $2::float8[], $3::text[]) as rows (id, was_at, reason`)}
  update goniec.message m
  set scheduled_at = null, mailbox_id = null, window_closes_at = null, slot_reason = given.reason,
      missed_from = case when given.reason = 'missed' then m.scheduled_at end
  from given
  join mine on mine.id = given.id
  where m.id = given.id and ${AS_READ}
  returning m.id`

const GIVE_UP = `
  with ${locked(`$1::bigint[]) as rows (id`)}
  update goniec.message m
  set status = 'failed', failed_reason = 'given up: tried on three sending days', scheduled_at = null, mailbox_id = null, window_closes_at = null
  from mine
  where m.id = mine.id
  returning m.id`

/** Only those of which something else is said are locked: most often it is nobody. */
const SAY_WHY = `
  with given as (select * from unnest($1::bigint[], $2::text[]) as rows (id, code)),
    mine as (
      select m.id, given.code
      from given
      join goniec.message m on m.id = given.id
      where m.status = 'pending' and m.scheduled_at is null and m.slot_reason is distinct from given.code
      order by m.id
      for no key update of m skip locked
    )
  update goniec.message m
  set slot_reason = mine.code
  from mine
  where m.id = mine.id`

/**
 * Days to come that are no sending days any more are forgotten; past ones stay as they were. Rows that are right are not written. Sorted, and with
 * it known before the first row is written: a planner that takes the table for empty would go through all that it has just written for each row.
 */
const SAY_WHAT_BINDS = `
  with given as (select * from unnest($1::bigint[], $2::date[], $3::text[]) as rows (campaign_id, day, code)),
  forgotten as (
    delete from goniec.campaign_binding b
    using goniec.campaign c
    where c.id = b.campaign_id and b.day > goniec.local_day(goniec.now(), c.timezone) and b.day >= (goniec.now() at time zone 'UTC')::date
      and not exists (select from given where given.campaign_id = b.campaign_id and given.day = b.day)
  )
  insert into goniec.campaign_binding (campaign_id, day, code)
  select given.campaign_id, given.day, given.code
  from given
  where not exists (select from goniec.campaign_binding b where b.campaign_id = given.campaign_id and b.day = given.day and b.code = given.code)
  order by given.campaign_id, given.day
  on conflict (campaign_id, day) do update set code = excluded.code, said_at = excluded.said_at`
