/** Writes a campaign's steps and their variants. */
import { sql } from 'kysely'
import type { Queries } from '../../database/pool.ts'
import { assert } from '../../errors.ts'
import type { StepsChange } from './steps.ts'
import type { WantedStep } from './wanted-step.ts'

/** Makes the campaign's live steps those that are wanted, in their order. */
export async function writeSteps(tx: Queries, campaignId: number, change: StepsChange): Promise<void> {
  for (const { id } of change.remove) await sql`delete from goniec.step where id = ${id}`.execute(tx)
  for (const step of change.wanted) {
    if (!step.changed) continue
    await writeVariants(tx, await writeStep(tx, campaignId, step), step.variants)
  }
  await writeRetired(tx, change)
}

async function writeStep(tx: Queries, campaignId: number, step: WantedStep): Promise<number> {
  const { key, keyed, position, wait, stored } = step
  const [waitDays, waitMs] = [wait?.days ?? null, wait?.ms ?? null]
  if (stored === undefined) {
    const { rows } = await sql<{ id: number }>`
      insert into goniec.step (campaign_id, position, key, keyed, wait_days, wait_ms)
      values (${campaignId}, ${position}, ${key}, ${keyed}, ${waitDays}, ${waitMs}) returning id`.execute(tx)
    assert(rows[0], 'a step was inserted')
    return rows[0].id
  }
  await sql`
    update goniec.step set keyed = ${keyed}, wait_days = ${waitDays}, wait_ms = ${waitMs}, retired_at = null
    where id = ${stored.id}`.execute(tx)
  await place(tx, stored, position)
  return stored.id
}

async function writeVariants(tx: Queries, stepId: number, variants: WantedStep['variants']): Promise<void> {
  const letters = variants.map(({ letter }) => letter)
  await sql`delete from goniec.variant where step_id = ${stepId} and letter <> all (${letters})`.execute(tx)
  for (const { letter, weight, subject, text, html } of variants) {
    await sql`
      insert into goniec.variant (step_id, letter, weight, subject, text, html)
      values (${stepId}, ${letter}, ${weight}, ${subject}, ${text}, ${html})
      on conflict (step_id, letter) do update
      set weight = excluded.weight, subject = excluded.subject, text = excluded.text, html = excluded.html`.execute(tx)
  }
}

/** Behind the live ones, so that these count from one. */
async function writeRetired(tx: Queries, { wanted, retired, retire }: StepsChange): Promise<void> {
  for (const [i, step] of retired.entries()) await place(tx, step, wanted.length + i + 1)
  await sql`update goniec.step set retired_at = goniec.now() where id = any (${retire.map(({ id }) => id)})`.execute(tx)
}

/** Written only where it differs: it is part of a unique key, and changing it waits for whoever is just inserting a mail of the step. */
async function place(
  tx: Queries,
  { id, position: before }: { id: number; position: number },
  position: number,
): Promise<void> {
  if (before !== position) await sql`update goniec.step set position = ${position} where id = ${id}`.execute(tx)
}
