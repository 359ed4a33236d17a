/**
 * A worker has a mail in its hands, the server is about to say 354, and the world changes: whoever changed it has his word that nothing
 * goes on the wire any more. What counts is what the server got to read.
 */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { pullBrake } from '../../src/campaigns/brake.ts'
import { cancelCampaign } from '../../src/campaigns/cancel.ts'
import { pauseCampaign } from '../../src/campaigns/pause.ts'
import { actOnLeads } from '../../src/leads/lead-acts.ts'
import { addSuppressions, countHeld } from '../../src/leads/suppressions.ts'
import { pauseMailbox } from '../../src/mailboxes/pause.ts'
import type { LeadAct } from '../../src/leads/marks.ts'
import { makeFleet } from '../crash/fleet.ts'
import { startFaultServer, type FaultServer } from '../smtp/fault-server.ts'
import { setClock } from '../support/clock.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { recover } from '../support/protocol.ts'
import { untilRow } from '../support/until-row.ts'
import { endWorkers, startWorker } from '../support/worker-process.ts'
import { NOON } from '../support/world.ts'

let database: TestDatabase
let server: FaultServer
let go: () => void

beforeEach(async () => {
  database = await createTestDatabase()
  await setClock(database, NOON, { running: true })
  const { promise: held, resolve } = Promise.withResolvers<void>()
  go = resolve
  server = await startFaultServer({
    plan: (connection) => (connection === 0 ? { data: async (at) => (await held, at.takeContent()) } : {}),
  })
  await makeFleet(database, { mailboxes: 1, campaigns: 1, leads: 1, smtpPort: server.port })
  await database.query(`update goniec.campaign set window_from = '09:00', window_to = '12:30'`)
})

afterEach(async () => {
  await endWorkers()
  await server.close()
})

const acts: Record<string, () => Promise<unknown>> = {
  'its campaign is paused': () => pauseCampaign(database, 'campaign-1'),
  'its campaign is cancelled': () => cancelCampaign(database, 'campaign-1'),
  'the emergency brake is pulled': () => pullBrake(database, { all: true }),
  'its salesperson is paused': () => pullBrake(database, { salesperson: 'anna@team.example' }),
  'its mailbox is paused': () => pauseMailbox(database, 'box1@team.example'),
  'its lead is blocked': () => mark({ kind: 'block' }),
  'its lead has replied': () => mark({ kind: 'replied' }),
  'its lead is taken out of the campaign': () => mark({ kind: 'remove', campaignId: 1 }),
  'its lead’s domain is suppressed': async () => {
    await addSuppressions(database, [{ value: 'people.example', reason: null }])
    await countHeld(database, ['people.example'])
  },
  'its attempt was ended by another worker': () => recover(database.pool, null, { gone: [1] }),
  'its lease is over': () => setClock(database, NOON.add({ minutes: 4 }), { running: true }),
}

test.each(Object.entries(acts))('not a byte of a mail goes on the wire once %s', async (_, act) => {
  expect(await toldAfter(act)).toEqual([])
})

test('not a byte of a mail goes on the wire once its window has closed', async () => {
  expect(await toldAfter(closeWindow, { GONIEC_LEASE: '2h' })).toEqual([])
})

test('a mail goes on the wire where nothing has changed', async () => {
  expect(await toldAfter(async () => undefined)).toEqual(['lead1@people.example'])
})

async function closeWindow(): Promise<void> {
  await setClock(database, NOON.add({ minutes: 31 }), { running: true })
}

async function mark(act: LeadAct): Promise<void> {
  await actOnLeads(database, act, ['lead1@people.example'])
}

/** To whom content went, after this had returned, on the connection that waited for its 354. */
async function toldAfter(act: () => Promise<unknown>, env = {}): Promise<readonly string[]> {
  startWorker(database.urlAs('worker'), { args: ['--name', 'mine'], env })
  const connection = await server.connection(0)
  await connection.reached('data')
  await untilRow(database, `select from goniec.attempt where state = 'claimed'`)
  await act()
  go()
  await Promise.race([connection.closed, connection.reached('dot')])
  return connection.mails.filter(({ raw }) => raw !== '').flatMap(({ recipients }) => recipients)
}
