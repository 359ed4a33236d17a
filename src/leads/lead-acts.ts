/**
 * What a person does to leads: blocks them, lets them go on, marks them as replied or unsubscribed, takes them out of a campaign.
 *
 * Owns these marks, and the open mails that end with them. Promises: when it returns, no mail that the mark forbids goes on the wire any more,
 * and it says how many had already passed. Each batch of leads is one transaction; leads are locked by id, then messages by id (a settle that
 * holds a message waits for no lead).
 *
 *   block        holds all mail; what is open waits, and goes on when the lead is unblocked
 *   replied      ends the open campaign mails; responses stay
 *   unsubscribe  ends all open mails, and suppresses the address, so that no later import brings it back
 *   remove       ends the open mails of one campaign
 *   unblock      lifts the block; on request also the marks replied, unsubscribed, bounced. What was cancelled stays cancelled; a step
 *                that was not made because of the mark is made now.
 */
import { sql } from 'kysely'
import { nameActor } from '../database/actor.ts'
import type { Database, Queries } from '../database/pool.ts'
import { transactOrRehearse } from '../database/rehearse.ts'
import { normaliseAddress } from './address.ts'
import { cancelMails, goOn } from './lead-mails.ts'
import type { LeadAct, Mark } from './marks.ts'

/** What became of one address. */
export interface LeadResult {
  /** As it was given, where it is no address. */
  address: string
  /** Why nothing could be done; null: something was, or had been before. */
  problem: string | null
  /** False: it was so already. */
  changed: boolean
  /** Open mails that ended by it. */
  cancelled: number
  /** Mails made by it: the next steps of a lead that goes on. */
  made: number
  /** Mails that were on the wire already; they end as the server says. */
  already_passed: number
}

const BATCH = 200

/** Does it to every address; unknown ones are named, the others done. */
export async function actOnLeads(
  database: Database,
  act: LeadAct,
  addresses: readonly string[],
  { dryRun = false }: { dryRun?: boolean } = {},
): Promise<LeadResult[]> {
  const asked = new Map<string, LeadResult>()
  for (const given of addresses) {
    const read = normaliseAddress(given)
    const address = read.problem === undefined ? read.address : given
    asked.set(address, {
      address,
      problem: read.problem ?? null,
      changed: false,
      cancelled: 0,
      made: 0,
      already_passed: 0,
    })
  }
  const valid = [...asked.values()].filter(({ problem }) => problem === null)
  const ids = new Map<number, LeadResult>()
  for (let from = 0; from < valid.length; from += BATCH) {
    const batch = new Map(valid.slice(from, from + BATCH).map((result) => [result.address, result]))
    const found = await transactOrRehearse(database, { dryRun }, (tx) => actOnBatch(tx, act, batch))
    for (const { id, email } of found) {
      const result = batch.get(email)
      if (result !== undefined) ids.set(id, result)
    }
  }
  if (!dryRun && ids.size > 0) await countPassed(database, act, ids)
  return [...asked.values()]
}

interface FoundLead {
  id: number
  email: string
}

async function actOnBatch(tx: Queries, act: LeadAct, batch: Map<string, LeadResult>): Promise<FoundLead[]> {
  await nameActor(tx)
  const { rows: leads } = await sql<FoundLead>`
    select id, email from goniec.lead where email = any (${[...batch.keys()]}) order by id for no key update`.execute(
    tx,
  )
  for (const result of batch.values()) {
    if (!leads.some(({ email }) => email === result.address)) result.problem = `there is no lead ${result.address}`
  }
  const changed = await mark(tx, act, leads)
  const cancelled = await cancelMails(tx, act, changed)
  const made =
    act.kind === 'unblock'
      ? await goOn(
          tx,
          changed.map((id) => ({ id })),
        )
      : new Map<number, number>()
  for (const { id, email } of leads) {
    const result = batch.get(email)
    if (result === undefined) continue
    result.changed = changed.includes(id)
    result.cancelled = cancelled.get(id) ?? 0
    result.made = made.get(id) ?? 0
  }
  await refuseStrangers(tx, act, leads, batch)
  await record(tx, act, changed)
  await sql`select pg_notify('goniec', 'plan')`.execute(tx)
  return leads
}

/** Sets or lifts the mark; returns the leads that did not have it, or had it. */
async function mark(tx: Queries, act: LeadAct, leads: readonly FoundLead[]): Promise<number[]> {
  const ids = leads.map(({ id }) => id)
  if (act.kind === 'remove') {
    const { rows } = await sql<{ id: number }>`
      update goniec.enrollment e set removed_at = goniec.now()
      where e.id in (
        select id from goniec.enrollment
        where campaign_id = ${act.campaignId} and lead_id = any (${ids}) and removed_at is null
        order by lead_id for no key update)
      returning e.lead_id as id`.execute(tx)
    return rows.map(({ id }) => id)
  }
  if (act.kind === 'unblock') return await lift(tx, act.marks, ids)
  const column = sql.ref(COLUMNS[act.kind])
  const { rows } = await sql<{ id: number }>`
    update goniec.lead set ${column} = goniec.now() where id = any (${ids}) and ${column} is null returning id`.execute(
    tx,
  )
  if (act.kind === 'unsubscribe') {
    await sql`
      insert into goniec.suppression (value, reason)
      select email, 'unsubscribed' from goniec.lead where id = any (${ids}) order by email
      on conflict do nothing`.execute(tx)
  }
  return rows.map(({ id }) => id)
}

const COLUMNS = { block: 'blocked_at', replied: 'replied_at', unsubscribe: 'unsubscribed_at' } as const

/** Lifts the marks, and the suppressions that came with them. */
async function lift(tx: Queries, marks: readonly Mark[], ids: number[]): Promise<number[]> {
  const columns = marks.map((name) => sql.ref(`${name}_at`))
  const { rows } = await sql<{ id: number }>`
    update goniec.lead set ${sql.join(columns.map((column) => sql`${column} = null`))}
    where id = any (${ids}) and (${sql.join(columns.map((column) => sql`${column} is not null`), sql` or `)})
    returning id`.execute(tx) // prettier-ignore
  const changed = rows.map(({ id }) => id)
  await sql`
    delete from goniec.suppression s using goniec.lead l
    where l.id = any (${changed}) and s.value = l.email and s.reason = any (${[...marks]})`.execute(tx)
  return changed
}

/** A lead that is not in the campaign cannot be removed from it. */
async function refuseStrangers(
  tx: Queries,
  act: LeadAct,
  leads: readonly FoundLead[],
  batch: Map<string, LeadResult>,
): Promise<void> {
  if (act.kind !== 'remove') return
  const { rows } = await sql<{ id: number }>`
    select lead_id as id from goniec.enrollment
    where campaign_id = ${act.campaignId} and lead_id = any (${leads.map(({ id }) => id)})`.execute(tx)
  for (const { id, email } of leads) {
    const result = batch.get(email)
    if (result !== undefined && !rows.some((row) => row.id === id)) result.problem = `${email} is not in this campaign`
  }
}

async function record(tx: Queries, act: LeadAct, leads: readonly number[]): Promise<void> {
  const data = act.kind === 'unblock' ? JSON.stringify({ lifted: act.marks }) : '{}'
  const campaign = act.kind === 'remove' ? act.campaignId : null
  await sql`
    insert into goniec.event (type, lead_id, campaign_id, data)
    select ${EVENTS[act.kind]}, id, ${campaign}::bigint, ${data}::jsonb from unnest(${[...leads]}::bigint[]) as lead (id)`.execute(
    tx,
  )
}

const EVENTS = {
  block: 'lead_blocked',
  unblock: 'lead_unblocked',
  replied: 'lead_replied',
  unsubscribe: 'lead_unsubscribed',
  remove: 'lead_removed',
} as const

/** Passes the barrier, and counts what had passed its fence before. */
async function countPassed(database: Database, act: LeadAct, leads: Map<number, LeadResult>): Promise<void> {
  if (act.kind === 'unblock') return
  await database.query('select goniec.pass_barrier()')
  const rows = await database.query<{ id: number; mails: number }>(
    `select a.lead_id as id, count(*) as mails from goniec.attempt a
     where a.state = 'transmitting' and a.lead_id = any ($1::bigint[])
       and ($2::text is null or a.kind = $2) and ($3::bigint is null or a.campaign_id = $3)
     group by 1`,
    [
      [...leads.keys()],
      act.kind === 'replied' || act.kind === 'remove' ? 'campaign' : null,
      act.kind === 'remove' ? act.campaignId : null,
    ],
  )
  for (const { id, mails } of rows) {
    const result = leads.get(id)
    if (result !== undefined) result.already_passed = mails
  }
}
