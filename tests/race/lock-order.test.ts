/**
 * The lock order, seen: attempts in id order first, then messages in id order, then gates. A second session is stopped at each place in
 * turn, and what it holds by then is what stands before that place, and nothing behind it.
 */
import type { Client } from 'pg'
import { beforeEach, describe, expect, test } from 'vitest'
import { untilBlocked } from '../support/blocked.ts'
import { setClock } from '../support/clock.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { claim, fence, recover, settle } from '../support/protocol.ts'
import { NOON, World } from '../support/world.ts'

let database: TestDatabase
let world: World
let worker: number
/** Three mails under way, in the order of their ids: attempts, messages, mailboxes and campaigns alike. */
let attempts: number[]
let messages: number[]
let mailboxes: number[]
let campaigns: number[]

beforeEach(async () => {
  database = await createTestDatabase()
  await setClock(database, NOON)
  world = new World(database.pool)
  worker = await world.worker()
  for (let n = 0; n < 3; n += 1) {
    await world.mailbox({ min_gap_ms: 1000 })
    await world.campaign({ delay_ms: 1000 })
    await world.mail({ dueInMs: n - 10 })
  }
  ;({ attempts, messages } = await claim(database.pool, worker))
  const rows = await database.query<{ mailbox_id: number; campaign_id: number }>(
    'select * from goniec.attempt order by id',
  )
  mailboxes = rows.map(({ mailbox_id: id }) => id)
  campaigns = rows.map(({ campaign_id: id }) => id)
})

type Rows = [table: string, key: string, ids: number[]]

/** Which of these rows the blocked session holds. */
async function held([table, key, ids]: Rows): Promise<number[]> {
  const free = await database.query<{ id: number }>(
    `select ${key} as id from goniec.${table} where ${key} = any ($1) order by 1 for no key update skip locked`,
    [ids],
  )
  return ids.filter((id) => !free.some((row) => row.id === id))
}

/** Stops a call at one row, and says what it holds by then. The call goes on when the row is free. */
async function stoppedAt(
  [table, key]: Rows,
  id: number,
  call: (session: Client) => Promise<unknown>,
  look: () => Promise<unknown>,
): Promise<unknown> {
  const holder = await database.session()
  await holder.query('begin')
  await holder.query(`select from goniec.${table} where ${key} = $1 for update`, [id])
  const session = await database.session()
  const done = call(session)
  await untilBlocked(database, session)
  const seen = await look()
  await holder.query('rollback')
  await done
  return seen
}

const ofAttempts = (): Rows => ['attempt', 'id', attempts]
const ofMessages = (): Rows => ['message', 'id', messages]
const ofCampaignGates = (): Rows => ['campaign_gate', 'campaign_id', campaigns]
const ofMailboxGates = (): Rows => ['mailbox_gate', 'mailbox_id', mailboxes]

const settling = (session: Client): Promise<unknown> =>
  settle(
    session,
    worker,
    [...attempts].reverse().map((attempt) => ({ attempt, outcome: 'aborted', give_back: true })),
  )
const fencing = (session: Client): Promise<unknown> => fence(session, worker, [...attempts].reverse())

describe('settle', () => {
  test('locks attempts in id order, whatever the order asked, and no message before them', async () => {
    const seen = await stoppedAt(ofAttempts(), attempts[1] ?? 0, settling, async () => [
      await held(ofAttempts()),
      await held(ofMessages()),
    ])
    expect(seen).toEqual([attempts.slice(0, 2), []])
  })

  test('locks messages in id order, once it has the attempts', async () => {
    const seen = await stoppedAt(ofMessages(), messages[1] ?? 0, settling, async () => [
      await held(ofAttempts()),
      await held(ofMessages()),
    ])
    expect(seen).toEqual([attempts, messages.slice(0, 2)])
  })
})

describe('fence', () => {
  test('locks attempts in id order, whatever the order asked', async () => {
    const seen = await stoppedAt(ofAttempts(), attempts[1] ?? 0, fencing, async () => [
      await held(ofAttempts()),
      await held(ofCampaignGates()),
    ])
    expect(seen).toEqual([attempts.slice(0, 2), []])
  })

  test('then the gates of campaigns, then those of mailboxes, each in id order', async () => {
    const look = async () => [await held(ofAttempts()), await held(ofCampaignGates()), await held(ofMailboxGates())]
    expect(await stoppedAt(ofCampaignGates(), campaigns[1] ?? 0, fencing, look)).toEqual([
      attempts,
      campaigns.slice(0, 2),
      [],
    ])
  })

  test('and the gates of mailboxes last', async () => {
    const look = async () => [await held(ofCampaignGates()), await held(ofMailboxGates())]
    expect(await stoppedAt(ofMailboxGates(), mailboxes[1] ?? 0, fencing, look)).toEqual([
      campaigns,
      mailboxes.slice(0, 2),
    ])
  })
})

test('a doubt is resolved attempt first, then message', async () => {
  await fence(database.pool, worker, attempts)
  await recover(database.pool, null, { gone: [worker] })
  await setClock(database, NOON.add({ hours: 1 }))
  const resolving = (session: Client) => session.query(`select goniec.resolve_doubt($1, 'not-sent')`, [messages[0]])
  const look = async () => [await held(ofAttempts()), await held(ofMessages())]
  expect(await stoppedAt(ofMessages(), messages[0] ?? 0, resolving, look)).toEqual([
    attempts.slice(0, 1),
    messages.slice(0, 1),
  ])
})

test('two that meet in opposite orders take turns instead of deadlocking', async () => {
  const [one, two] = [await database.session(), await database.session()]
  const reports = attempts.map((attempt) => ({ attempt, outcome: 'aborted', give_back: true }) as const)
  await Promise.all([
    settle(one, worker, reports),
    settle(two, worker, [...reports].reverse()),
    recover(database.pool, null, { gone: [worker] }),
  ])
  expect(await database.query(`select from goniec.attempt where state = 'aborted'`)).toHaveLength(3)
})
