/** A step that is removed while mails of it are under way. */
import { describe, expect, test } from 'vitest'
import { runPlan } from '../../src/campaigns/plan/run.ts'
import { resolveDoubt } from '../../src/delivery/resolve-doubt.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { setClock } from '../support/clock.ts'
import { claimOne, fence, recover, settle } from '../support/protocol.ts'
import { NOON, World } from '../support/world.ts'

test('a mail that was under way when its step was removed is not planned again: its lead goes on with the next step', async () => {
  const { database, world } = await startWorld()
  const worker = await world.worker()
  const { id } = await world.mail({ step: 'intro' })
  const attempt = await claimOne(database.pool, worker, id)
  await database.query(
    `update goniec.step
     set position = case key when 'intro' then 2 else 1 end, retired_at = case key when 'intro' then goniec.now() end`,
  )
  await world.update('campaign', 1, { version: 2 })
  expect(await fence(database.pool, worker, attempt)).toMatchObject([{ verdict: 'settings_changed' }])
  await settle(database.pool, worker, { attempt, outcome: 'aborted', reason: 'settings', give_back: true })
  await runPlan(database)
  const mails = await database.query(
    'select step_key, status, scheduled_at is not null as planned from goniec.message order by id',
  )
  expect(mails).toEqual([
    { step_key: 'intro', status: 'cancelled', planned: false },
    { step_key: 'reminder', status: 'pending', planned: true },
  ])
})

describe('a mail of a step that was removed two days ago', () => {
  test('is not sent where it was in doubt, and is resolved as not sent only now', async () => {
    const held = await inTheHandsOf(1)
    await fence(held.database.pool, 1, held.attempt)
    await settle(held.database.pool, 1, { attempt: held.attempt, outcome: 'unknown' })
    await removeIntro(held)
    expect(await resolveDoubt(held.database, held.id, { as: 'not-sent', dryRun: true })).toBe('cancelled')
    expect(await resolveDoubt(held.database, held.id, { as: 'not-sent' })).toBe('cancelled')
    expect(await mails(held.database)).toEqual(GONE_ON)
  })

  test('is not sent where its worker was away, and what it had left is recovered only now', async () => {
    const held = await inTheHandsOf(1)
    await removeIntro(held)
    await recover(held.database.pool, await held.world.worker(), { gone: [1] })
    await runPlan(held.database)
    expect(await mails(held.database)).toEqual(GONE_ON)
  })

  test('is not sent where it is recovered by a worker that has been there all the while', async () => {
    const held = await inTheHandsOf(1)
    const other = await held.world.worker()
    await removeIntro(held)
    await held.database.query(`update goniec.incarnation set started_at = $1`, [NOON])
    await recover(held.database.pool, other, { gone: [1] })
    await runPlan(held.database)
    expect(await mails(held.database)).toEqual(GONE_ON)
  })
})

describe('a mail that was never tried', () => {
  test('is not planned where it came into being behind the sweep, and nobody has planned for days', async () => {
    const { database, world } = await startWorld()
    await world.mail({ step: 'intro' })
    await removeIntro({ database, world })
    await runPlan(database)
    expect(await mails(database)).toEqual(GONE_ON)
    expect(
      await database.query(`select from goniec.message where step_key = 'intro' and scheduled_at is not null`),
    ).toEqual([])
    expect(
      await database.query(`select from goniec.message where step_key = 'reminder' and scheduled_at is not null`),
    ).toHaveLength(1)
  })

  test('is left without a slot as long as somebody holds it', async () => {
    const { database, world } = await startWorld()
    const { id } = await world.mail({ step: 'intro' })
    await removeIntro({ database, world })
    const holder = await database.session()
    await holder.query('begin')
    await holder.query('select from goniec.message where id = $1 for update', [id])
    await runPlan(database)
    expect(await mails(database)).toEqual([{ step_key: 'intro', status: 'pending' }])
    await holder.query('rollback')
    await runPlan(database)
    expect(await mails(database)).toEqual(GONE_ON)
  })
})

/** Of a lead whose next step would be the reminder. */
async function inTheHandsOf(
  worker: number,
): Promise<{ database: TestDatabase; world: World; id: number; attempt: number }> {
  const { database, world } = await startWorld()
  const { id } = await world.mail({ step: 'intro' })
  expect(await world.worker()).toBe(worker)
  const attempt = await claimOne(database.pool, worker, id)
  return { database, world, id, attempt }
}

async function startWorld(): Promise<{ database: TestDatabase; world: World }> {
  const database = await createTestDatabase()
  await setClock(database, NOON)
  const world = new World(database.pool)
  const mailbox = await world.mailbox()
  const campaign = await world.campaign({ steps: ['intro', 'reminder'] })
  await world.insert('campaign_mailbox', { campaign_id: campaign, mailbox_id: mailbox }, 'campaign_id')
  return { database, world }
}

async function removeIntro({ database, world }: { database: TestDatabase; world: World }): Promise<void> {
  await database.query(
    `update goniec.step
     set position = case key when 'intro' then 2 else 1 end, retired_at = case key when 'intro' then goniec.now() end`,
  )
  await world.update('campaign', 1, { version: 2 })
  await setClock(database, NOON.add({ hours: 48 }))
}

async function mails(database: TestDatabase): Promise<unknown[]> {
  return database.query('select step_key, status from goniec.message order by id')
}

const GONE_ON = [
  { step_key: 'intro', status: 'cancelled' },
  { step_key: 'reminder', status: 'pending' },
]
