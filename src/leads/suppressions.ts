/**
 * Addresses and domains that must not be mailed. A domain covers its subdomains. When adding returns, nothing to them goes on the wire any
 * more; mails to them that are open are held, and go on if the suppression is lifted while their campaign runs.
 */
import { domainToASCII } from 'node:url'
import { sql } from 'kysely'
import { nameActor } from '../database/actor.ts'
import type { Database, Queries } from '../database/pool.ts'
import { transactOrRehearse } from '../database/rehearse.ts'
import type { Instant } from '../time.ts'
import { normaliseAddress, normaliseDomain } from './address.ts'
import { goOn, type GoingOn } from './lead-mails.ts'

export interface Suppression {
  value: string
  reason: string | null
  created_at: Instant
  created_by: string
}

/** The value as it is kept: an address, or a domain (`@firma.example` too). */
export function readSuppressible(given: string): { value: string; problem?: never } | { problem: string } {
  const text = given.trim()
  // To mail servers a star is a letter like others: an address kept with one would hold nobody, and look as if it held all.
  const all = /^[*%]+[@.]+(.+)$/.exec(text)?.[1]
  if (all !== undefined)
    return { problem: `${given}: a star stands for nobody; write ${all}, which covers its subdomains too` }
  if (text.replace(/^@/, '').includes('@')) {
    const read = normaliseAddress(text)
    return read.problem === undefined ? { value: read.address } : { problem: read.problem }
  }
  const read = normaliseDomain(text.replace(/^@/, ''))
  return read.problem === undefined ? { value: read.domain } : { problem: `${given}: ${read.problem}` }
}

export interface Suppressible {
  value: string
  reason: string | null
}

const BATCH = 5000

/** Adds values; returns those that were not there. Sorted, so that two lists added at once take turns. */
export async function addSuppressions(
  database: Database,
  values: readonly Suppressible[],
  { dryRun = false }: { dryRun?: boolean } = {},
): Promise<string[]> {
  const added: string[] = []
  const sorted = values.toSorted((a, b) => (a.value < b.value ? -1 : 1))
  for (let from = 0; from < sorted.length; from += BATCH) {
    const batch = sorted.slice(from, from + BATCH)
    added.push(...(await transactOrRehearse(database, { dryRun }, (tx) => insert(tx, batch))))
  }
  return added
}

/** Removes values; returns those that were there. Leads whose next step was not made because of them get it. */
export async function removeSuppressions(
  database: Database,
  values: readonly string[],
  { dryRun = false }: { dryRun?: boolean } = {},
): Promise<string[]> {
  return await transactOrRehearse(database, { dryRun }, async (tx) => {
    await nameActor(tx)
    const { rows } = await sql<{ value: string; since: Instant }>`
      with
      removed as (delete from goniec.suppression where value = any (${[...values]}) returning value, reason, created_at),
      recorded as (insert into goniec.event (type, data) select 'unsuppressed', jsonb_build_object('value', value, 'reason', reason) from removed)
      select value, created_at as since from removed order by value`.execute(tx)
    await goOn(tx, await coveredLeads(tx, rows))
    await sql`select pg_notify('goniec', 'plan')`.execute(tx)
    return rows.map(({ value }) => value)
  })
}

/** The leads that these values kept out, and since when. Addresses are looked up; only a domain has all leads gone through. */
async function coveredLeads(
  tx: Queries,
  removed: readonly { value: string; since: Instant }[],
): Promise<Required<GoingOn>[]> {
  const { rows } = await sql<Required<GoingOn>>`
    with
    removed as materialized (
      select * from unnest(${removed.map(({ value }) => value)}::text[], ${removed.map(({ since }) => since)}::timestamptz[]) as r (value, since)
    ),
    domains as (select array_agg(r.value) as names from removed r where position('@' in r.value) = 0),
    covered as (
      select l.id, r.since from removed r join goniec.lead l on l.email = r.value
      union all
      select l.id, r.since
      from domains
      join goniec.lead l on l.suppression_values && domains.names
      join removed r on r.value = any (l.suppression_values)
    )
    select id, min(since) as since from covered group by id order by id`.execute(tx)
  return rows
}

/** All of them, or those whose value holds a text: `firma`, `@firma.example`, `żółw`, which is kept as `xn--…`. */
export async function listSuppressions(database: Database, containing = ''): Promise<Suppression[]> {
  const domain = /[^@]*[\u0080-\u{10FFFF}][^@]*$/u.exec(containing)?.[0]
  const kept = domain === undefined ? containing : containing.slice(0, -domain.length) + domainToASCII(domain)
  return await database.query<Suppression & Record<string, unknown>>(
    `select value, reason, created_at, created_by from goniec.suppression where position($1 in value) > 0 order by value`,
    [kept.toLowerCase().replace(/^@/, '')],
  )
}

export interface Held {
  /** Open mails to these addresses and domains. */
  held: number
  /** Of them, those that were on the wire already; they end as the server says. */
  alreadyPassed: number
}

/** Passes the barrier, and counts the open mails to these values. */
export async function countHeld(database: Database, values: readonly string[]): Promise<Held> {
  await database.query('select goniec.pass_barrier()')
  const domains = values.filter((value) => !value.includes('@'))
  // Addresses are looked up; only a domain has all leads gone through.
  const [row] = await database.query<{ held: number; passed: number }>(
    `with
     leads as (
       select l.id from goniec.lead l where l.email = any ($1::text[])
       union
       select l.id from goniec.lead l where cardinality($2::text[]) > 0 and l.suppression_values && $2::text[]
     ),
     open as (
       select m.status, exists (select from goniec.attempt a where a.message_id = m.id and a.state = 'transmitting') as passed
       from leads join goniec.message m on m.lead_id = leads.id
       where m.status in ('pending', 'sending')
     )
     select count(*) filter (where not passed) as held, count(*) filter (where passed) as passed from open`,
    [values, domains],
  )
  return { held: row?.held ?? 0, alreadyPassed: row?.passed ?? 0 }
}

async function insert(tx: Queries, values: readonly Suppressible[]): Promise<string[]> {
  await nameActor(tx)
  const { rows } = await sql<{ value: string }>`
    with
    added as (
      insert into goniec.suppression (value, reason)
      select given.value, given.reason
      from unnest(${values.map(({ value }) => value)}::text[], ${values.map(({ reason }) => reason)}::text[]) as given (value, reason)
      order by given.value
      on conflict do nothing
      returning value, reason
    ),
    recorded as (
      insert into goniec.event (type, data) select 'suppressed', jsonb_build_object('value', value, 'reason', reason) from added
    )
    select value from added`.execute(tx)
  await sql`select pg_notify('goniec', 'plan')`.execute(tx)
  return rows.map(({ value }) => value)
}
