/** How many mails a change concerns: those whose planned time is void with it. */
import { sql } from 'kysely'
import type { Queries } from '../../database/pool.ts'
import type { Changes, ThingChange } from './changes.ts'

/** Counted for each change that voids slots; the others concern none. */
export async function countConcerned(tx: Queries, changes: Changes): Promise<Map<object, number>> {
  const counts = new Map<object, number>()
  const { installation, salespeople, mailboxes, campaigns } = changes
  if (installation.timezone !== undefined) counts.set(installation, await count(tx, sql`true`))
  else if (installation.domainLimits !== undefined) counts.set(installation, await count(tx, sql`m.kind = 'campaign'`))
  else if (installation.warmupStages !== undefined) {
    const warming = sql`m.mailbox_id in (select b.id from goniec.mailbox b where b.warmup_started is not null)`
    counts.set(installation, await count(tx, warming))
  }
  for (const [change, id] of voiding(salespeople)) {
    counts.set(change, await count(tx, sql`m.mailbox_id in (select b.id from goniec.mailbox b where b.salesperson_id = ${id})`)) // prettier-ignore
  }
  for (const [change, id] of voiding(mailboxes)) counts.set(change, await count(tx, sql`m.mailbox_id = ${id}`))
  for (const [change, id] of voiding(campaigns)) counts.set(change, await countOpen(tx, id))
  return counts
}

function voiding<Change extends ThingChange<unknown>>(changes: readonly Change[]): [Change, number][] {
  return changes.flatMap((change) => {
    return change.stored !== undefined && change.voidsSlots ? [[change, change.stored.id] as [Change, number]] : []
  })
}

/** Mails with a slot. */
async function count(tx: Queries, condition: ReturnType<typeof sql>): Promise<number> {
  const { rows } = await sql<{ mails: number }>`
    select count(*) as mails from goniec.message m
    where m.status = 'pending' and m.scheduled_at > '-infinity' and ${condition}`.execute(tx)
  return rows[0]?.mails ?? 0
}

async function countOpen(tx: Queries, campaignId: number): Promise<number> {
  const { rows } = await sql<{ mails: number }>`
    select count(*) as mails from goniec.message m
    where m.campaign_id = ${campaignId} and m.status in ('pending', 'sending', 'in_doubt') and m.kind = 'campaign'`.execute(
    tx,
  )
  return rows[0]?.mails ?? 0
}
