/**
 * Applying definition files: a named object becomes what the files say, others stay.
 *
 * Owns the settings of the registry and their versions. Promises: all of it is committed or nothing; a file applied twice changes
 * nothing; what a person agreed to is what is done; when it returns, nothing goes on the wire by the old settings. Leaves new times for
 * the mails concerned to the plan, which it wakes.
 */
import { sql } from 'kysely'
import { asThisActor, nameActor } from '../../database/actor.ts'
import type { Database, Queries } from '../../database/pool.ts'
import { whileLocksAreGivenUp } from '../../database/given-up-locks.ts'
import { GoniecError } from '../../errors.ts'
import { passBarrier } from '../barrier.ts'
import type { Definition } from '../definition/definition.ts'
import { definitionError } from '../definition/problems.ts'
import { allChanges, type Change, type Changes, compare } from './changes.ts'
import { checkReferences, checkTemplates } from './check.ts'
import { countConcerned } from './concerned.ts'
import { readStored, type Stored } from './stored.ts'
import { sweepRetired } from './sweep-retired.ts'
import { lockThings, writeChanges } from './write.ts'

/** What applying would change. */
export interface Preview {
  changes: PreviewedChange[]
  /** Something changes. */
  changed: boolean
  /** Something changes by which mails are sent, or wait: a person should agree. */
  sensitive: boolean
}

export interface PreviewedChange extends Change {
  /** Mails that get another time, or text, by it. */
  mails: number
}

export interface Applied {
  /** Mails of removed steps. */
  cancelled: number
  /** Mails that were on the wire already; they went out by the old settings. */
  alreadyPassed: number
}

/** What applying these files would change now. Throws `definition_invalid` with every mistake. */
export async function previewApply(database: Database, definition: Definition): Promise<Preview> {
  return await database.transaction(async (tx) => {
    await sql`set transaction isolation level repeatable read, read only`.execute(tx)
    const { changes } = await judge(tx, definition)
    return await preview(tx, changes)
  })
}

/** Applies the files. `agreed` is what the person saw: if something else would be changed by now, nothing is. */
export async function applyDefinition(database: Database, definition: Definition, agreed: Preview): Promise<Applied> {
  const campaigns = await whileLocksAreGivenUp(() => database.transaction((tx) => write(tx, definition, agreed)))
  await whileLocksAreGivenUp(() => database.query('select goniec.make_day_rows(3)'))
  let cancelled = 0
  for (const id of campaigns) cancelled += await sweepRetired(asThisActor(database), id)
  const alreadyPassed = await passBarrier(database)
  await database.query(`select pg_notify('goniec', 'plan')`)
  return { cancelled, alreadyPassed }
}

/** Returns the campaigns of which a step was retired, now or before. */
async function write(tx: Queries, definition: Definition, agreed: Preview): Promise<number[]> {
  await nameActor(tx)
  await lockThings(tx, {
    salespeople: definition.salespeople.map(({ email }) => email),
    campaigns: definition.campaigns.map(({ name }) => name),
    // What the installation says of domains holds for all of them.
    all: definition.domainLimits !== undefined,
  })
  const { changes, stored } = await judge(tx, definition)
  if (JSON.stringify(allChanges(changes).map(summary)) !== JSON.stringify(agreed.changes.map(summary))) {
    throw new GoniecError(
      'changed_meanwhile',
      'somebody else has changed these settings meanwhile; nothing was changed',
      {
        hint: 'run the command again, and look at what it will change now',
      },
    )
  }
  await writeChanges(tx, changes, { salespeople: idsOf(stored.salespeople), mailboxes: idsOf(stored.mailboxes) })
  await record(tx, changes)
  return changes.campaigns.flatMap((change) => {
    return change.stored !== undefined && change.steps.retired.length > 0 ? [change.stored.id] : []
  })
}

function idsOf(things: Map<string, { id: number }>): Map<string, number> {
  return new Map([...things].map(([name, { id }]) => [name, id]))
}

/** Compares, and refuses what is wrong with the files. */
export async function judge(tx: Queries, definition: Definition): Promise<{ changes: Changes; stored: Stored }> {
  const stored = await readStored(tx, definition.campaigns.map(({ name }) => name)) // prettier-ignore
  const changes = compare(definition, stored)
  const problems = [...checkReferences(definition, stored), ...changes.problems, ...checkTemplates(definition)]
  if (problems.length > 0) throw definitionError(problems)
  return { changes, stored }
}

async function preview(tx: Queries, changes: Changes): Promise<Preview> {
  const mails = await countConcerned(tx, changes)
  const previewed = allChanges(changes).map((change) => ({ ...summary(change), mails: mails.get(change) ?? 0 }))
  const runs = changes.campaigns.some(({ change, stored }) => {
    return change === 'changed' && ['scheduled', 'running', 'paused'].includes(String(stored?.row['status']))
  })
  return {
    changes: previewed,
    changed: previewed.some(({ change }) => change !== 'unchanged'),
    sensitive: runs || previewed.some((change) => change.mails > 0),
  }
}

function summary({ kind, name, change, fields, notes }: Change): Change {
  return { kind, name, change, fields, notes }
}

async function record(tx: Queries, changes: Changes): Promise<void> {
  for (const { kind, name, change, fields } of allChanges(changes).filter(({ change }) => change !== 'unchanged')) {
    const data = JSON.stringify({ kind, name, change, fields: fields.map(shortened) })
    await sql`
      insert into goniec.event (type, campaign_id, mailbox_id, data)
      values ('applied', (select c.id from goniec.campaign c where ${kind} = 'campaign' and c.name = ${name}),
              (select b.id from goniec.mailbox b where ${kind} = 'mailbox' and b.address = ${name}), ${data})`.execute(
      tx,
    )
  }
}

/** The record names what changed; whole texts would fill it. */
function shortened({ field, from, to }: Change['fields'][number]): object {
  return { field, from: cut(from), to: cut(to) }
}

function cut(value: unknown): unknown {
  return typeof value === 'string' && value.length > 200 ? `${value.slice(0, 200)}…` : value
}
