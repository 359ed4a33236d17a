/** A campaign completes by itself when nothing of it is open, never with open or doubtful mails, and never while an import adds some. */
import { beforeEach, expect, test } from 'vitest'
import { untilBlocked } from '../support/blocked.ts'
import { setClock } from '../support/clock.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { claim, fence, recover, settle } from '../support/protocol.ts'
import { NOON, World } from '../support/world.ts'

let database: TestDatabase
let world: World
let worker: number

beforeEach(async () => {
  database = await createTestDatabase()
  await setClock(database, NOON)
  world = new World(database.pool)
  worker = await world.worker()
  await world.mailbox()
  await world.campaign({ name: 'spring' })
})

const complete = async (): Promise<string[]> => {
  const rows = await database.query<{ name: string }>('select * from goniec.complete_campaigns() as name')
  return rows.map(({ name }) => name)
}

async function sendOne(): Promise<number> {
  const mail = await world.mail()
  const { attempts } = await claim(database.pool, worker)
  await fence(database.pool, worker, attempts)
  await settle(database.pool, worker, { attempt: attempts[0] ?? 0, outcome: 'accepted' })
  return mail.id
}

test('once its last mail is sent it completes, once, and says so', async () => {
  await world.mail({ dueInMs: 60_000 })
  await sendOne()
  expect(await complete()).toEqual([])
  await database.query(`update goniec.message set status = 'cancelled' where status = 'pending'`)
  expect(await complete()).toEqual(['spring'])
  expect(await complete()).toEqual([])
  expect(await database.query(`select status, completed_at from goniec.campaign`)).toEqual([
    { status: 'completed', completed_at: NOON },
  ])
  expect(await database.query(`select from goniec.event where type = 'campaign_completed'`)).toHaveLength(1)
})

test('a mail under way or in doubt keeps it open', async () => {
  await world.mail()
  const { attempts } = await claim(database.pool, worker)
  expect(await complete()).toEqual([])
  await fence(database.pool, worker, attempts)
  await recover(database.pool, await world.worker(), { gone: [worker] })
  expect(await complete()).toEqual([])
})

test('mails that are open only because their leads may not be mailed are cancelled with it', async () => {
  await sendOne()
  const { id } = await world.mail({ lead: await world.lead({ unsubscribed_at: NOON }) })
  expect(await complete()).toEqual(['spring'])
  expect(await world.row('message', id)).toMatchObject({ status: 'cancelled', slot_reason: 'out', scheduled_at: null })
})

test('a paused campaign, and a response that is open, are no matter', async () => {
  await sendOne()
  await world.mail({ kind: 'response', dueInMs: null })
  await database.query(`update goniec.campaign set status = 'paused'`)
  expect(await complete()).toEqual([])
  await database.query(`update goniec.campaign set status = 'running'`)
  expect(await complete()).toEqual(['spring'])
})

test('an import that is adding leads is not waited for, and keeps it running', async () => {
  await sendOne()
  const importing = await database.session()
  await importing.query('begin')
  await importing.query('select from goniec.campaign for share')
  const completing = await database.session()
  await completing.query(`set lock_timeout = '50ms'`)
  expect((await completing.query('select goniec.complete_campaigns()')).rows).toEqual([])
  await new World(importing).mail({ lead: await world.lead(), campaign: 1, mailbox: 1 })
  await importing.query('commit')
  expect(await complete()).toEqual([])
})

test('an import that comes while it completes waits, and finds it completed', async () => {
  await sendOne()
  const completing = await database.session()
  await completing.query('begin')
  await completing.query('select goniec.complete_campaigns()')
  const importing = await database.session()
  const status = importing.query('select status from goniec.campaign for share')
  await untilBlocked(database, importing)
  await completing.query('commit')
  expect((await status).rows).toEqual([{ status: 'completed' }])
})

test('an open mail that somebody holds keeps it running until the next time', async () => {
  await sendOne()
  const { id } = await world.mail({ lead: await world.lead({ unsubscribed_at: NOON }) })
  const other = await database.session()
  await other.query('begin')
  await other.query('select from goniec.message where id = $1 for no key update', [id])
  expect(await complete()).toEqual([])
  await other.query('commit')
  expect(await complete()).toEqual(['spring'])
})

test('a lead that is unblocked while it completes keeps its mail, and the campaign runs', async () => {
  await sendOne()
  const { id } = await world.mail({ lead: await world.lead({ unsubscribed_at: NOON }) })
  // Out for the two looks that decide whether to complete, and no more.
  await database.query(`create sequence looks`)
  await database.query(`create or replace function goniec.is_out(m goniec.message) returns boolean language sql volatile
    as $$ select nextval('looks') <= 2 $$`)
  expect(await complete()).toEqual([])
  expect(await world.row('message', id)).toMatchObject({ status: 'pending' })
})

test('“completed”, typed in by hand while leads are being added, waits for them and is refused', async () => {
  await sendOne()
  const importing = await database.session()
  await importing.query('begin')
  const lead = await world.lead()
  await new World(importing).mail({ lead, campaign: 1, mailbox: 1 })
  const typing = await database.session()
  const typed = typing.query(`update goniec.campaign set status = 'completed'`).then(
    () => 'completed',
    (error: Error) => error.message,
  )
  await untilBlocked(database, typing)
  await importing.query('commit')
  expect(await typed).toBe('campaign "spring" has 1 open mails, and cannot be completed')
})
