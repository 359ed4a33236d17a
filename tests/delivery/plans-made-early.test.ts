/**
 * What a mail costs does not grow with the mails before it, though a worker's session makes its plans before there is any: generic plans stay until
 * their tables are analyzed, and while a table was empty, to go through all of it looked as good as to look into it.
 */
import type { Client } from 'pg'
import { beforeEach, expect, test } from 'vitest'
import { makeReady } from '../../src/delivery/ready.ts'
import { setClock } from '../support/clock.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { claim, claimOne, fence, recover, settle } from '../support/protocol.ts'
import { NOON, World } from '../support/world.ts'

const MAILS = 120
const TOGETHER = 10

let database: TestDatabase
let session: Client
let worker: number

beforeEach(async () => {
  database = await createTestDatabase()
  await setClock(database, NOON)
  session = await database.session('worker')
  worker = await new World(session).worker()
  // As a vacuum of all databases leaves them.
  await database.query('vacuum (analyze)')
})

/** Rows that this transaction has read so far, of every table. */
async function rowsRead(): Promise<Map<string, number>> {
  const { rows } = await session.query<{ name: string; read: number }>(
    `select relname as name, (coalesce(idx_tup_fetch, 0) + seq_tup_read)::integer as read
     from pg_stat_xact_user_tables where schemaname = 'goniec'`,
  )
  return new Map(rows.map(({ name, read }) => [name, read]))
}

/** Sends the next mails, and says what each step of it read. */
async function sendTogether(): Promise<Record<string, number>> {
  const all: Record<string, number> = {}
  let before = await rowsRead()
  const note = async (step: string): Promise<void> => {
    const now = await rowsRead()
    for (const [name, read] of now) all[`${step}: ${name}`] = read - (before.get(name) ?? 0)
    before = now
  }
  const { attempts, messages } = await claim(session, worker, { batch: TOGETHER })
  expect(attempts).toHaveLength(TOGETHER)
  await note('claim')
  const material = await session.query('select * from goniec.material($1, $2)', [messages, messages.map(() => null)])
  expect(material.rows).toHaveLength(TOGETHER)
  await note('material')
  const contents = attempts.map((attempt) => ({ attempt_id: attempt, subject: 'Dzień dobry', text: '…' }))
  const verdicts = await fence(session, worker, attempts, contents)
  expect(new Set(verdicts.map(({ verdict }) => verdict))).toEqual(new Set(['passed']))
  await note('fence')
  const reports = attempts.map((attempt) => ({ attempt, outcome: 'accepted' as const }))
  const settled = await settle(session, worker, reports)
  expect(new Set(settled.map(({ status }) => status))).toEqual(new Set(['sent']))
  await note('settle')
  return all
}

/** So many rows of a table a step may read. */
const most = (what: string): number => (what.startsWith('claim') ? 5 * MAILS : MAILS - 1)

test('what is read for a mail does not grow with the mails before it', async () => {
  await makeReady({ query: async (text) => (await session.query(text)).rows })
  const world = new World(database.pool)
  await world.campaign({ steps: ['intro', 'reminder'] })
  for (let n = 0; n < MAILS; n++) await world.mail({ mailbox: await world.mailbox() })
  await session.query('begin')
  const first = await sendTogether()
  for (let sent = 2 * TOGETHER; sent < MAILS; sent += TOGETHER) await sendTogether()
  const last = await sendTogether()
  await session.query('commit')
  // Claim goes through the mailboxes, and nothing once for each of them. What follows reads of no table more than there are mailboxes.
  expect(Object.entries(first).filter(([what, read]) => read > most(what))).toEqual([])
  // The one row more is of a mailbox that has no mail left.
  expect(Object.entries(last).filter(([what, read]) => read > (first[what] ?? 0) + 1)).toEqual([])
})

/** How often this transaction has looked into these indexes. */
async function looks(...indexes: string[]): Promise<number> {
  const { rows } = await session.query<{ looks: number }>(
    `select sum(pg_stat_get_xact_numscans(c.oid))::integer as looks from pg_class c
     where c.relnamespace = 'goniec'::regnamespace and c.relname = any ($1)`,
    [indexes],
  )
  return rows[0]?.looks ?? Number.NaN
}

test('a mail and its attempt are found by their own keys, and not in an index that holds them further back', async () => {
  await makeReady({ query: async (text) => (await session.query(text)).rows })
  const world = new World(database.pool)
  for (let n = 0; n < TOGETHER; n++) await world.mail({ mailbox: await world.mailbox() })
  await session.query('begin')
  const before = await looks('message_due_not_campaign')
  await sendTogether()
  expect(await looks('attempt_pkey', 'message_pkey')).toBeGreaterThan(TOGETHER)
  expect(await looks('attempt_by_mailbox', 'attempt_by_message', 'message_open_by_campaign')).toBe(0)
  // Which mailboxes have other mail than campaigns' is asked of the index that holds no campaign's.
  expect((await looks('message_due_not_campaign')) - before).toBe(1)
  // What the lead has had before.
  expect(await looks('message_by_lead')).toBeLessThanOrEqual(TOGETHER)
  await session.query('commit')
})

/** What a plan looks after in the tables, beside the slots. */
const MINUTELY = 'select array(select goniec.complete_campaigns()), goniec.make_day_rows(3)'

test('what a plan looks after is asked of each campaign and each mailbox, and not of all for each', async () => {
  await session.query(MINUTELY)
  const world = new World(database.pool)
  for (let n = 0; n < 30; n++) {
    await world.campaign()
    for (let k = 0; k < 4; k++) await world.mail({ mailbox: await world.mailbox() })
  }
  await session.query('begin')
  await session.query(MINUTELY)
  const read = await rowsRead()
  await session.query('commit')
  // Three days of each mailbox are made, and looked at.
  expect([...read].filter(([, rows]) => rows > 10 * MAILS)).toEqual([])
})

/** A session keeps a statement's plan when it has run it so often. */
const KEEPS_ITS_PLAN = 6

/** Rows of each table that this reads, called as often as a session does before there is anything, and then behind many mails. */
async function readBehindMany(what: {
  first?: (world: World) => Promise<unknown>
  before: () => Promise<unknown>
  prepare?: (world: World) => Promise<void>
  after: () => Promise<unknown>
}): Promise<[string, number][]> {
  const world = new World(database.pool)
  await what.first?.(world)
  for (let call = 0; call < KEEPS_ITS_PLAN; call++) await what.before()
  await world.campaign({ steps: ['intro', 'reminder'] })
  for (let n = 0; n < MAILS; n++) await world.mail({ mailbox: await world.mailbox() })
  for (let sent = 0; sent < MAILS; sent += TOGETHER) await sendTogether()
  await what.prepare?.(world)
  await session.query('begin')
  const before = await rowsRead()
  await what.after()
  const read = await rowsRead()
  await session.query('commit')
  return [...read].map(([table, rows]) => [table, rows - (before.get(table) ?? 0)])
}

/**
 * Tables of which more was read. What plans anew each time goes by what is there: an index of one page is as good as another then, so a few looks may
 * go through all of one. Plans made early went through all of a table for each row of another, or looked at all of what was in nobody's way.
 */
const tooMuch = (read: readonly [string, number][], most = 6 * MAILS): [string, number][] =>
  read.filter(([, rows]) => rows > most)

test('what recovery reads does not grow with the mails before it', async () => {
  let gone = 0
  const read = await readBehindMany({
    before: () => recover(session, worker),
    prepare: async (world) => {
      gone = await world.worker()
      for (let n = 0; n < TOGETHER; n++) await world.mail({ mailbox: await world.mailbox() })
      const { attempts } = await claim(database.pool, gone, { batch: TOGETHER })
      await fence(database.pool, gone, attempts.slice(TOGETHER / 2))
    },
    after: async () => expect(await recover(session, worker, { gone: [gone] })).toHaveLength(TOGETHER),
  })
  expect(tooMuch(read)).toEqual([])
})

test('what it reads to give back what a lost claim took does not grow with the mails before it', async () => {
  const read = await readBehindMany({
    before: () => recover(session, worker, { held: [] }),
    prepare: async (world) => {
      await world.mail({ mailbox: await world.mailbox() })
      await claim(database.pool, worker)
    },
    after: async () => expect(await recover(session, worker, { held: [] })).toHaveLength(1),
  })
  expect(tooMuch(read)).toEqual([])
})

test('what a bounced lead reads does not grow with the mails before it', async () => {
  let attempt = 0
  const read = await readBehindMany({
    before: () => recover(session, worker),
    prepare: async (world) => {
      const mail = await world.mail({ mailbox: await world.mailbox() })
      attempt = await claimOne(database.pool, worker, mail.id)
      await fence(database.pool, worker, attempt)
    },
    after: async () => {
      const report = { attempt, outcome: 'rejected', lead_bounced: true } as const
      expect(await settle(session, worker, report)).toEqual([{ verdict: 'settled', status: 'failed' }])
    },
  })
  expect(tooMuch(read)).toEqual([])
})

const brake = async (): Promise<unknown> => session.query('select goniec.brake_refused()')

test('what the brake reads each minute does not grow with the mails before it', async () => {
  const read = await readBehindMany({
    before: brake,
    prepare: async (world) => {
      const mail = await world.mail({ mailbox: await world.mailbox() })
      const attempt = await claimOne(database.pool, worker, mail.id)
      await fence(database.pool, worker, attempt)
      await settle(database.pool, worker, { attempt, outcome: 'rejected' })
    },
    after: brake,
  })
  // The share that is refused is counted in the last mails.
  expect(tooMuch(read, TOGETHER)).toEqual([['message', MAILS]])
})

async function mend(): Promise<number | undefined> {
  const { rows } = await session.query<{ mended: number }>('select goniec.mend_instants() as mended')
  return rows[0]?.mended
}

test('what mends instants ahead of the clock reads does not grow with the mails before it', async () => {
  const read = await readBehindMany({
    before: mend,
    prepare: async (world) => {
      await world.mail({ mailbox: await world.mailbox() })
      await claim(database.pool, worker)
      await database.query(
        `update goniec.attempt set claimed_at = claimed_at + interval '1 day', lease_until = lease_until + interval '1 day' where state = 'claimed'`,
      )
    },
    after: async () => expect(await mend()).toBe(1),
  })
  // Of each mailbox the gate.
  expect(tooMuch(read, TOGETHER)).toEqual([['mailbox_gate', MAILS + 1]])
})

const useSlots = async (): Promise<void> => {
  for (const used of [true, false]) {
    const { rows } = await session.query<{ slot: number }>(
      `select goniec.take_slot('inbox@firma.example', 'response') as slot`,
    )
    await session.query('select goniec.release_slot($1, $2)', [rows[0]?.slot, used])
  }
  await session.query(`select goniec.record_external_send('inbox@firma.example', 'response', goniec.now())`)
}

test('what other programs’ slots read does not grow with the mails before them', async () => {
  const read = await readBehindMany({
    first: async (world) => world.mailbox({ address: 'inbox@firma.example' }),
    before: useSlots,
    after: useSlots,
  })
  expect(tooMuch(read)).toEqual([])
})

test('what a response reads does not grow with the mails before it', async () => {
  let count = 0
  const respond = async (): Promise<unknown> =>
    session.query(
      `select goniec.enqueue_response($1, $2, 'Dzień dobry', 'Odpowiedź', "from" => 'inbox@firma.example')`,
      [`asks-${++count}@klient.example`, `key-${count}`],
    )
  const read = await readBehindMany({
    first: async (world) => {
      await world.mailbox({ address: 'inbox@firma.example' })
      for (let n = 1; n <= KEEPS_ITS_PLAN + 1; n++) await world.lead({ email: `asks-${n}@klient.example` })
    },
    before: respond,
    after: respond,
  })
  expect(tooMuch(read)).toEqual([])
})
