/**
 * Writes changes. The order of the locks is that of the calls: installation (one apply at a time), salespeople, campaigns with their
 * steps, mailboxes last, each kind by id. Nothing that sending locks is taken before the mailboxes: a settle that breaks a mailbox waits for
 * its row while it holds messages.
 */
import { sql } from 'kysely'
import type { Queries } from '../../database/pool.ts'
import { assert } from '../../errors.ts'
import type { DomainLimit, WarmupStage } from '../definition/definition.ts'
import type { CampaignChange, Changes, ThingChange } from './changes.ts'
import type { Value } from './settings.ts'
import { writeSteps } from './write-steps.ts'

/** Ids by name, of what was there and what was made. */
export interface Ids {
  salespeople: Map<string, number>
  mailboxes: Map<string, number>
}

type Table = 'salesperson' | 'mailbox' | 'campaign'

const NAME_COLUMNS: Record<Table, string> = { salesperson: 'email', mailbox: 'address', campaign: 'name' }

/** Writes the installation, salespeople, campaigns and mailboxes that differ. */
export async function writeChanges(tx: Queries, changes: Changes, ids: Ids): Promise<void> {
  await writeInstallation(tx, changes.installation)
  for (const change of byId(changes.salespeople)) {
    ids.salespeople.set(change.name, await writeThing(tx, 'salesperson', change, ids))
  }
  for (const change of changes.mailboxes.filter(({ stored }) => stored === undefined)) {
    const id = await writeThing(tx, 'mailbox', change, ids)
    await sql`insert into goniec.mailbox_gate (mailbox_id) values (${id})`.execute(tx)
    ids.mailboxes.set(change.name, id)
  }
  for (const change of byId(changes.campaigns)) await writeCampaign(tx, change, ids)
  const touched = touchedBy(changes)
  await sql`
    update goniec.campaign set version = version + 1
    where id = any (${touched.campaigns}) or salesperson_id = any (${touched.salespeople}) or ${touched.allCampaigns}`.execute(
    tx,
  )
  await lockMailboxes(tx, touched)
  for (const change of byId(changes.mailboxes)) {
    if (change.stored !== undefined) await writeThing(tx, 'mailbox', change, ids)
  }
  await sql`update goniec.mailbox b set version = b.version + 1 where ${isTouched(touched)}`.execute(tx)
}

/**
 * Locks what `writeChanges` changes and others change as well, before it is read. A campaign that has never run is locked "for update",
 * so that no import is just making mails of a step that is removed; one that runs is not, since settle's follow-ups would wait.
 */
export async function lockThings(
  tx: Queries,
  { salespeople, campaigns, all }: Record<'salespeople' | 'campaigns', string[]> & { all: boolean },
): Promise<void> {
  await sql`select from goniec.installation for no key update`.execute(tx)
  await sql`select from goniec.salesperson where email = any (${salespeople}) order by id for no key update`.execute(tx)
  await sql`
    select from goniec.campaign c where c.name = any (${campaigns}) and c.started_at is null order by c.id for update`.execute(
    tx,
  )
  await sql`
    select from goniec.campaign c
    where ${all} or c.name = any (${campaigns})
       or c.salesperson_id in (select s.id from goniec.salesperson s where s.email = any (${salespeople}))
    order by c.id for no key update`.execute(tx)
}

/** Whose slots are void after a change. */
interface Touched {
  campaigns: number[]
  salespeople: number[]
  mailboxes: number[]
  allMailboxes: boolean
  allCampaigns: boolean
  warmingMailboxes: boolean
}

function touchedBy({ installation, salespeople, mailboxes, campaigns }: Changes): Touched {
  return {
    campaigns: voided(campaigns),
    salespeople: voided(salespeople),
    mailboxes: voided(mailboxes),
    allMailboxes: installation.timezone !== undefined,
    allCampaigns: installation.domainLimits !== undefined,
    warmingMailboxes: installation.warmupStages !== undefined,
  }
}

function voided(changes: readonly ThingChange<unknown>[]): number[] {
  return changes.flatMap(({ stored, voidsSlots }) => (stored !== undefined && voidsSlots ? [stored.id] : []))
}

function isTouched({ mailboxes, salespeople, allMailboxes, warmingMailboxes }: Touched) {
  return sql`(b.id = any (${mailboxes}) or b.salesperson_id = any (${salespeople}) or ${allMailboxes}
              or (${warmingMailboxes} and b.warmup_started is not null))`
}

/** Gives up before a deadlock is looked for (a second), so that it is apply that begins again and never a settle. */
async function lockMailboxes(tx: Queries, touched: Touched): Promise<void> {
  await sql`set local lock_timeout = '400ms'`.execute(tx)
  await sql`select from goniec.mailbox b where ${isTouched(touched)} order by b.id for no key update`.execute(tx)
  await sql`set local lock_timeout = 0`.execute(tx)
}

/** What is there by id, then what is new in the order of the files. */
function byId<Change extends ThingChange<unknown>>(changes: readonly Change[]): Change[] {
  const idOf = ({ stored }: Change): number => stored?.id ?? Number.MAX_SAFE_INTEGER
  return changes.toSorted((a, b) => idOf(a) - idOf(b))
}

async function writeInstallation(
  tx: Queries,
  { timezone, warmupStages, domainLimits, refusalBrake }: Changes['installation'],
): Promise<void> {
  if (timezone !== undefined) await sql`update goniec.installation set timezone = ${timezone}`.execute(tx)
  if (warmupStages !== undefined) await writeStages(tx, warmupStages)
  if (domainLimits !== undefined) await writeDomainLimits(tx, domainLimits)
  if (refusalBrake === undefined) return
  const { share, least, last } = refusalBrake
  await sql`
    update goniec.installation set refusal_share = ${share}, refusal_least = ${least}, refusal_last = ${last}`.execute(
    tx,
  )
}

async function writeDomainLimits(tx: Queries, limits: readonly DomainLimit[]): Promise<void> {
  await sql`delete from goniec.domain_limit`.execute(tx)
  for (const { domain, dailyLimit, hourlyLimit } of limits) {
    await sql`
      insert into goniec.domain_limit (domain, daily_limit, hourly_limit)
      values (${domain}, ${dailyLimit}, ${hourlyLimit})`.execute(tx)
  }
}

async function writeStages(tx: Queries, warmupStages: readonly WarmupStage[]): Promise<void> {
  await sql`delete from goniec.warmup_stage`.execute(tx)
  for (const { fromDay, warmupLimit, campaignLimit } of warmupStages) {
    await sql`
      insert into goniec.warmup_stage (from_day, warmup_limit, campaign_limit)
      values (${fromDay}, ${warmupLimit}, ${campaignLimit})`.execute(tx)
  }
}

/** Writes the columns that differ; returns the row's id. */
async function writeThing(
  tx: Queries,
  table: Table,
  { name, stored, columns }: ThingChange<unknown>,
  ids: Ids,
): Promise<number> {
  const values = [...columns].map(([column, value]) => [column, columnValue(column, value, ids)] as const)
  if (stored === undefined) values.unshift([NAME_COLUMNS[table], name])
  const named = sql.table(`goniec.${table}`)
  if (stored === undefined) {
    const { rows } = await sql<{ id: number }>`
      insert into ${named} (${sql.join(values.map(([column]) => sql.ref(column)))})
      values (${sql.join(values.map(([, value]) => value))}) returning id`.execute(tx)
    assert(rows[0], `a row of ${table} was inserted`)
    return rows[0].id
  }
  if (values.length > 0) {
    await sql`
      update ${named} set ${sql.join(values.map(([column, value]) => sql`${sql.ref(column)} = ${value}`))}
      where id = ${stored.id}`.execute(tx)
  }
  return stored.id
}

function columnValue(column: string, value: Value, { salespeople }: Ids): Value {
  if (column !== 'salesperson_id') return value
  const id = salespeople.get(String(value))
  assert(id !== undefined, `salesperson ${String(value)} is there`)
  return id
}

async function writeCampaign(tx: Queries, change: CampaignChange, ids: Ids): Promise<void> {
  const id = await writeThing(tx, 'campaign', change, ids)
  if (change.stored === undefined) await sql`insert into goniec.campaign_gate (campaign_id) values (${id})`.execute(tx)
  if (change.mailboxes !== undefined) {
    const mailboxes = change.mailboxes.map((address) => ids.mailboxes.get(address))
    await sql`
      delete from goniec.campaign_mailbox where campaign_id = ${id} and mailbox_id <> all (${mailboxes})`.execute(tx)
    await sql`
      insert into goniec.campaign_mailbox (campaign_id, mailbox_id)
      select ${id}, mailbox_id from unnest(${mailboxes}::bigint[]) as given (mailbox_id) order by mailbox_id
      on conflict do nothing`.execute(tx)
  }
  await writeSteps(tx, id, change.steps)
}
