/** A step that is removed while mails of it are under way. */
import { expect, test } from 'vitest'
import { runPlan } from '../../src/campaigns/plan/run.ts'
import { createTestDatabase } from '../support/database.ts'
import { setClock } from '../support/clock.ts'
import { claimOne, fence, settle } from '../support/protocol.ts'
import { NOON, World } from '../support/world.ts'

test('a mail that was under way when its step was removed is not planned again: its lead goes on with the next step', async () => {
  const database = await createTestDatabase()
  await setClock(database, NOON)
  const world = new World(database.pool)
  const worker = await world.worker()
  const mailbox = await world.mailbox()
  const campaign = await world.campaign({ steps: ['intro', 'reminder'] })
  await world.insert('campaign_mailbox', { campaign_id: campaign, mailbox_id: mailbox }, 'campaign_id')
  const { id } = await world.mail({ step: 'intro' })
  const attempt = await claimOne(database.pool, worker, id)
  await database.query(
    `update goniec.step
     set position = case key when 'intro' then 2 else 1 end, retired_at = case key when 'intro' then goniec.now() end`,
  )
  await world.update('campaign', campaign, { version: 2 })
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
