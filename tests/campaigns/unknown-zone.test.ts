/** A campaign whose time zone the server no longer knows (an update of its time zone data, another server after a failover) holds up nobody else. */
import { expect, test } from 'vitest'
import { describeCampaign } from '../../src/campaigns/show.ts'
import { runPlan } from '../../src/campaigns/plan/run.ts'
import { explainCampaign } from '../../src/reports/why/campaign.ts'
import { createTestDatabase } from '../support/database.ts'
import { setClock } from '../support/clock.ts'
import { NOON } from '../support/world.ts'
import { TestWorld } from './world.ts'

test('one that is scheduled does not keep the others from being planned, and starts once its zone is known again', async () => {
  const database = await createTestDatabase()
  await setClock(database, NOON)
  const world = new TestWorld(database)
  await world.salesperson()
  await world.mailbox('anna@firma.example')
  const lost = await world.campaign('lost', { status: 'scheduled', starts_on: '2026-12-01' }, [{ key: 'intro' }])
  await world.enroll(lost, 'one@kunde.example')
  const spring = await world.campaign('spring', { status: 'running' }, [{ key: 'intro' }])
  await world.enroll(spring, 'two@kunde.example')
  await database.query('alter table goniec.campaign drop constraint campaign_timezone_is_known')
  const moveTo = (zone: string): Promise<unknown> =>
    database.query('update goniec.campaign set timezone = $1 where id = $2', [zone, lost])
  const planned = (): Promise<unknown> =>
    database.query('select recipient from goniec.message where scheduled_at is not null order by 1')

  await moveTo('Europe/Warschau')
  await runPlan(database)
  expect(await planned()).toEqual([{ recipient: 'two@kunde.example' }])
  expect(await describeCampaign(database, 'lost')).toMatchObject({ status: 'scheduled' })

  await moveTo('Europe/Warsaw')
  await runPlan(database)
  expect(await planned()).toEqual([{ recipient: 'one@kunde.example' }, { recipient: 'two@kunde.example' }])
  expect(await explainCampaign(database, 'lost')).toMatchObject({ status: 'running' })
})
