/** What a plan reads in two sessions is of one moment, and holds nobody up for long. */
import { expect, test } from 'vitest'
import { loadMails, type LoadedMails } from '../../src/campaigns/plan/load-mails.ts'
import * as reads from '../../src/campaigns/plan/reads.ts'
import { inOneMoment, type Snapshot } from '../../src/campaigns/plan/snapshot.ts'
import { HeldLeads } from '../../src/schedule/held-leads.ts'
import { untilBlocked } from '../support/blocked.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
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

test('who wants a table for himself gets it once the first session is done: the second one does not wait behind him', async () => {
  const database = await createTestDatabase()
  const { rooms, mails } = await twoCampaigns(database, { dailyLimit: 30_000 })
  const [client, migration] = [await database.pool.connect(), await database.pool.connect()]
  let altered: Promise<unknown> | undefined
  const loaded = await inOneMoment(database, client, async (snapshot) => {
    const share: Snapshot['share'] = async () => {
      const beside = await snapshot.share()
      altered = migration.query('alter table goniec.message add column note text')
      await untilBlocked(database, migration)
      return beside
    }
    await snapshot.query(COUNT)
    return load({ query: snapshot.query, share }, rooms)
  })
  expect(altered).toBeDefined()
  await altered
  client.release()
  migration.release()
  expect(idsOf(loaded)).toEqual(mails)
})

test('mailboxes that campaigns share have no places for what each could have alone: no second session is asked for', async () => {
  const database = await createTestDatabase()
  const { rooms, mails } = await twoCampaigns(database, { dailyLimit: 1000 })
  const client = await database.pool.connect()
  const loaded = await inOneMoment(database, client, ({ query }) => load({ query, share: refuse }, rooms))
  client.release()
  expect(idsOf(loaded)).toEqual(mails)
})

const refuse: Snapshot['share'] = () => Promise.reject(new Error('asked for'))

interface Room {
  id: number
  room: number
}

/** With one mailbox, and each with so much room that it is a piece of its own; a mail in each. */
async function twoCampaigns(
  database: TestDatabase,
  { dailyLimit }: { dailyLimit: number },
): Promise<{ rooms: Room[]; mails: number[] }> {
  const world = new TestWorld(database)
  await world.salesperson()
  await world.mailbox('anna@firma.example', { daily_limit: dailyLimit })
  const [rooms, mails]: [Room[], number[]] = [[], []]
  for (const name of ['spring', 'summer']) {
    const id = await world.campaign(name, { status: 'running' })
    mails.push(await world.enroll(id, `lead@${name}.example`))
    rooms.push({ id, room: 30_000 })
  }
  return { rooms, mails }
}

async function load(snapshot: Snapshot, rooms: readonly Room[]): Promise<LoadedMails> {
  const mailboxes = await reads.mailboxes(snapshot.query)
  return loadMails(snapshot, {
    rooms,
    mailboxes,
    places: mailboxes.reduce((sum, { daily_limit: ofDay }) => sum + ofDay, 0) * 8,
    domainLimits: new Map(),
    held: new HeldLeads({ timeZone: 'Europe/Warsaw', nowMs: 0, campaigns: [], contacts: new Map() }),
    horizonDays: 7,
    peek: null,
    meanwhile: () => undefined,
  })
}

function idsOf({ messages }: LoadedMails): number[] {
  const found = Array.from({ length: messages.length }, (_, place) => messages.at(place)?.id ?? 0)
  return found.toSorted((a, b) => a - b)
}
