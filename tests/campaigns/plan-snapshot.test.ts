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
  const seen = await inOneMoment(database, client, async ({ query, beside }) => {
    const first = await query(COUNT)
    await world.enroll(campaign, 'lead-2@kunde.example')
    return [...first, ...(await beside((other) => other(COUNT))), ...(await query(COUNT))] as { mails: number }[]
  })
  client.release()
  expect(seen.map(({ mails }) => mails)).toEqual([1, 1, 1])
  expect(await database.query(COUNT)).toEqual([{ mails: 2 }])
})
