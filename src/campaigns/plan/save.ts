/**
 * Writes a plan down. It writes only where message, slot and versions are still as the plan read them: whatever happened meanwhile (a
 * claim, a pause, a change of settings) wins, and the next plan sees it.
 */
import type { Database } from '../../database/pool.ts'
import type { PlanInput } from '../../schedule/plan-input.ts'
import type { Plan } from '../../schedule/plan-result.ts'

/** Rows of one statement, so that messages are locked for a moment only. */
const BATCH = 2000

export interface SavedPlan {
  planned: number
  moved: number
  withdrawn: number
  givenUp: number
}

/** Stores slots, takes slots back, stamps versions, fails what is given up, says of each mail why it waits, and of each day what binds it. */
export async function savePlan(database: Database, input: PlanInput, plan: Plan): Promise<SavedPlan> {
  const before = new Map(input.messages.map((message) => [message.id, message]))
  const saved: SavedPlan = { planned: 0, moved: 0, withdrawn: 0, givenUp: 0 }
  const { slots, restamps } = await withDomainRows(database, input, plan)
  // What is due first is written first, and goes out while the rest is written: a hundred thousand slots take their time.
  const inOrder = slots.toSorted((one, other) => one.atMs - other.atMs)
  await eachOf(inBatches(inOrder), async (rows) => {
    const written = await database.query<{ moved: boolean }>(WRITE_SLOTS, [
      rows.map(({ messageId }) => messageId),
      rows.map(({ messageId }) => before.get(messageId)?.slot?.atMs ?? null),
      rows.map(({ atMs }) => atMs),
      rows.map(({ mailboxId }) => mailboxId),
      rows.map(({ windowClosesMs }) => windowClosesMs),
      rows.map(({ campaignVersion }) => campaignVersion),
      rows.map(({ mailboxVersion }) => mailboxVersion),
      rows.map(({ move }) => move),
    ])
    saved.moved += written.filter(({ moved }) => moved).length
    saved.planned += written.filter(({ moved }) => !moved).length
    await database.query(`select pg_notify('goniec', 'dispatch')`)
  })
  for (const rows of inBatches(restamps)) {
    await database.query(RESTAMP, [
      rows.map(({ messageId }) => messageId),
      rows.map(({ messageId }) => before.get(messageId)?.slot?.atMs ?? null),
      rows.map(({ windowClosesMs }) => windowClosesMs),
      rows.map(({ campaignVersion }) => campaignVersion),
      rows.map(({ mailboxVersion }) => mailboxVersion),
    ])
  }
  saved.withdrawn = await withdraw(
    database,
    plan.withdrawals.map(({ messageId, from, reason }) => ({ messageId, atMs: from.atMs, reason })),
  )
  for (const rows of inBatches(plan.giveUps)) {
    const failed = await database.query(GIVE_UP, [rows.map(({ messageId }) => messageId)])
    saved.givenUp += failed.length
  }
  for (const rows of inBatches(plan.waiting)) {
    await database.query(SAY_WHY, [rows.map(({ messageId }) => messageId), rows.map(({ code }) => code)])
  }
  await database.query(SAY_WHAT_BINDS, [
    plan.bindings.map(({ campaignId }) => campaignId),
    plan.bindings.map(({ day }) => day),
    plan.bindings.map(({ code }) => code),
  ])
  return saved
}

/**
 * Makes the counters that claim wants to see at these slots, before it can see the slots. Returned are those that are to be written: what
 * another program keeps from having its counters is left to the next plan.
 */
async function withDomainRows(
  database: Database,
  input: PlanInput,
  { slots, restamps }: Plan,
): Promise<Pick<Plan, 'slots' | 'restamps'>> {
  if (input.domainLimits.size === 0) return { slots, restamps }
  const messages = new Map(input.messages.map((message) => [message.id, message]))
  const domainOf = ({ messageId }: { messageId: number }): string | null => messages.get(messageId)?.domain ?? null
  const kept = restamps.map(({ messageId }) => ({ messageId, atMs: messages.get(messageId)?.slot?.atMs ?? 0 }))
  const left = new Set<string | null>()
  for (const rows of inBatches([...slots, ...kept].filter((row) => domainOf(row) !== null))) {
    const [row] = await database.query<{ left: string[] }>(MAKE_DOMAIN_ROWS, [
      rows.map(domainOf),
      rows.map(({ atMs }) => atMs),
    ])
    for (const domain of row?.left ?? []) left.add(domain)
  }
  if (left.size === 0) return { slots, restamps }
  const isToBeWritten = (row: { messageId: number }): boolean => !left.has(domainOf(row))
  return { slots: slots.filter(isToBeWritten), restamps: restamps.filter(isToBeWritten) }
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

/** Two batches at a time, each in a session of its own: no message is in both, and the database has a second core. */
async function eachOf<Batch>(batches: Iterable<Batch>, write: (batch: Batch) => Promise<void>): Promise<void> {
  const next = batches[Symbol.iterator]()
  const lane = async (): Promise<void> => {
    for (let batch = next.next(); batch.done !== true; batch = next.next()) await write(batch.value)
  }
  await Promise.all([lane(), lane()])
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

const INSTANT = (column: string): string => `to_timestamp(${column} / 1000.0)`

/** A slot as it was read: the same instant, or none. Stored slots are whole milliseconds. */
const AS_READ = `m.scheduled_at is not distinct from ${INSTANT('given.was_at')}`

/** Each of them is looked at once, as it is locked. */
const WRITE_SLOTS = `
  with mine as (
    select given.*
    from unnest($1::bigint[], $2::float8[], $3::float8[], $4::bigint[], $5::float8[], $6::bigint[], $7::bigint[], $8::text[])
         as given (id, was_at, at, mailbox_id, closes_at, campaign_version, mailbox_version, move)
    join goniec.message m on m.id = given.id
    join goniec.mailbox b on b.id = given.mailbox_id and b.version = given.mailbox_version
    where m.status = 'pending' and m.held_reason is null and ${AS_READ}
      and (given.campaign_version is null
           or exists (select from goniec.campaign c where c.id = m.campaign_id and c.status = 'running' and c.version = given.campaign_version))
    order by m.id
    for no key update of m skip locked
  )
  update goniec.message m
  set scheduled_at = ${INSTANT('given.at')}, mailbox_id = given.mailbox_id, window_closes_at = ${INSTANT('given.closes_at')},
      planned_campaign_version = given.campaign_version, planned_mailbox_version = given.mailbox_version,
      first_planned_at = coalesce(m.first_planned_at, ${INSTANT('given.at')}), slot_reason = given.move, missed_from = null
  from mine given
  where m.id = given.id
  returning given.move is not null as moved`

const MAKE_DOMAIN_ROWS = `
  select goniec.make_domain_rows($1, array(
    select ${INSTANT('at')} from unnest($2::float8[]) with ordinality as given (at, place) order by place)) as left`

const RESTAMP = `
  with ${locked(`$1::bigint[], $2::float8[], $3::float8[], $4::bigint[], $5::bigint[])
                 as rows (id, was_at, closes_at, campaign_version, mailbox_version`)}
  update goniec.message m
  set window_closes_at = ${INSTANT('given.closes_at')}, planned_campaign_version = given.campaign_version,
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

const SAY_WHY = `
  with ${locked(`$1::bigint[], $2::text[]) as rows (id, code`)}
  update goniec.message m
  set slot_reason = given.code
  from given
  join mine on mine.id = given.id
  where m.id = given.id and m.scheduled_at is null and m.slot_reason is distinct from given.code`

/** Days to come that are no sending days any more are forgotten; past ones stay as they were. Rows that are right are not written. */
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
  on conflict (campaign_id, day) do update set code = excluded.code, said_at = excluded.said_at`
