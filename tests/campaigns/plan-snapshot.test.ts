/** What a plan reads in two sessions is of one moment. */
import { expect, test } from 'vitest'
import { inOneMoment } from '../../src/campaigns/plan/snapshot.ts'
import { createTestDatabase } from '../support/database.ts'
import { TestWorld } from './world.ts'

const COUNT = 'select count(*)::integer as mails from goniec.message'

test('a second session sees what the first one does, whatever was committed in between', async () => {
  const database = await createTestDatabase()
  const world = new TestWorld(database)
  await world.salesperson()
  await world.mailbox('anna@firma.example')
  const campaign = await world.campaign('spring', { status: 'running' })
  await world.enroll(campaign, 'lead-1@kunde.example')
  const client = await database.pool.connect()
  const seen = await inOneMoment(database, client, async ({ query, share }) => {
    const [first, beside] = [await query(COUNT), await share()]
    await world.enroll(campaign, 'lead-2@kunde.example')
    return [...first, ...(await beside((other) => other(COUNT))), ...(await query(COUNT))] as { mails: number }[]
  })
  client.release()
  expect(seen.map(({ mails }) => mails)).toEqual([1, 1, 1])
  expect(await database.query(COUNT)).toEqual([{ mails: 2 }])
})

test('a second session reads while the first one waits for an answer', async () => {
  const database = await createTestDatabase()
  const [client, holder] = [await database.pool.connect(), await database.pool.connect()]
  await holder.query('begin; select pg_advisory_xact_lock(7)')
  const seen = await inOneMoment(database, client, async ({ query, share }) => {
    const beside = await share()
    const slow = query('select pg_advisory_xact_lock(7)')
    const mails = await beside((other) => other(COUNT))
    await holder.query('commit')
    await slow
    return mails as { mails: number }[]
  })
  client.release()
  holder.release()
  expect(seen).toEqual([{ mails: 0 }])
})
