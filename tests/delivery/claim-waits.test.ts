/** Claim waits for nobody: whatever another program holds in an open transaction, the call returns at once with everything else. */
import type { Client } from 'pg'
import { beforeEach, expect, test } from 'vitest'
import { setClock } from '../support/clock.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { claim } from '../support/protocol.ts'
import { NOON, World, type Mail } from '../support/world.ts'

let database: TestDatabase
let world: World
let worker: number
/** The other program. It never ends its transaction. */
let other: Client
/** What the other program works on, and what has nothing to do with it. */
let theirs: Mail
let ours: Mail

beforeEach(async () => {
  database = await createTestDatabase()
  await setClock(database, NOON)
  world = new World(database.pool)
  worker = await world.worker()
  other = await database.session()
  await world.salesperson()
  await world.mailbox({ address: 'theirs@firma.example' })
  await world.campaign({ name: 'theirs' })
  theirs = await world.mail({ dueInMs: -120_000 })
  await world.salesperson()
  await world.mailbox({ address: 'ours@firma.example' })
  await world.campaign({ name: 'ours' })
  ours = await world.mail()
})

/** A session in which the shortest wait for a lock is an error. */
async function impatient(): Promise<Client> {
  const session = await database.session()
  await session.query(`set lock_timeout = '20ms'`)
  await session.query(`set statement_timeout = '5s'`)
  return session
}

interface Hold {
  sql: (mail: Mail) => [text: string, ...values: unknown[]]
  /** Whether their mail waits for the end of that transaction. */
  holdsTheirs: boolean
}

const holds: Record<string, Hold> = {
  'a slot just taken': {
    sql: () => [`select goniec.take_slot('theirs@firma.example', 'warmup')`],
    holdsTheirs: true,
  },
  'a send just recorded': {
    sql: () => [`select goniec.record_external_send('theirs@firma.example', 'warmup', goniec.now())`],
    holdsTheirs: true,
  },
  'a response to the lead just enqueued': {
    sql: ({ lead }) => [
      `select goniec.enqueue_response(email, 'key', 'text', 'subject', null, 'theirs@firma.example') from goniec.lead where id = $1`,
      lead,
    ],
    holdsTheirs: false,
  },
  'an import that updates the lead': {
    sql: ({ lead }) => [`update goniec.lead set email_given = 'x' where id = $1`, lead],
    holdsTheirs: false,
  },
  'an import that enrolls into the campaign': {
    sql: ({ campaign }) => ['select from goniec.campaign where id = $1 for share', campaign],
    holdsTheirs: false,
  },
  'history just imported: another campaign mailed the lead today': {
    sql: ({ lead, campaign }) => [
      `insert into goniec.lead_day values ($1, '2026-12-01', $2::bigint + 1)`,
      lead,
      campaign,
    ],
    holdsTheirs: false,
  },
  'the campaign’s row': {
    sql: ({ campaign }) => ['select from goniec.campaign where id = $1 for update', campaign],
    holdsTheirs: false,
  },
  'the mailbox’s row': {
    sql: ({ mailbox }) => ['select from goniec.mailbox where id = $1 for update', mailbox],
    holdsTheirs: false,
  },
  'the lead’s row': {
    sql: ({ lead }) => ['select from goniec.lead where id = $1 for update', lead],
    holdsTheirs: false,
  },
  'a suppression of the lead': {
    sql: ({ lead }) => ['insert into goniec.suppression (value) select email from goniec.lead where id = $1', lead],
    holdsTheirs: false,
  },
  'the worker’s sign of life': {
    sql: () => ['update goniec.incarnation set seen_at = goniec.now()'],
    holdsTheirs: false,
  },
  'the message’s row': {
    sql: ({ id }) => ['select from goniec.message where id = $1 for update', id],
    holdsTheirs: true,
  },
  'a cancellation of the message': {
    sql: ({ id }) => [`update goniec.message set status = 'cancelled' where id = $1`, id],
    holdsTheirs: true,
  },
  'the campaign’s gate': {
    sql: ({ campaign }) => ['select from goniec.campaign_gate where campaign_id = $1 for update', campaign],
    holdsTheirs: true,
  },
  'the campaign’s day': {
    sql: ({ campaign }) => ['update goniec.campaign_day set daily_limit = 5 where campaign_id = $1', campaign],
    holdsTheirs: true,
  },
  'the salesperson’s day': {
    sql: ({ campaign }) => [
      `update goniec.salesperson_day set daily_limit = 5
       where salesperson_id = (select salesperson_id from goniec.campaign where id = $1)`,
      campaign,
    ],
    holdsTheirs: true,
  },
  'an attempt at the same mailbox, typed in by hand': {
    sql: ({ mailbox }) => [
      `insert into goniec.attempt (mailbox_id, kind, salesperson_id, lease_until, deadline_at, mailbox_day, claimed_at)
       select id, 'warmup', salesperson_id, now(), now(), '2026-12-01', now() from goniec.mailbox where id = $1`,
      mailbox,
    ],
    holdsTheirs: true,
  },
}

test.each(Object.entries(holds))('nothing else waits for %s', async (_, { sql, holdsTheirs }) => {
  const [text, ...values] = sql(theirs)
  await other.query('begin')
  await other.query(text, values)
  const { messages } = await claim(await impatient(), worker)
  expect(messages).toEqual(holdsTheirs ? [ours.id] : [theirs.id, ours.id])
  await other.query('rollback')
  const { messages: rest } = await claim(database.pool, worker)
  expect(rest).toEqual(holdsTheirs ? [theirs.id] : [])
})

test('a slot that is just being released holds its mailbox until that is committed', async () => {
  await database.query(`select goniec.take_slot('theirs@firma.example', 'warmup')`)
  await other.query('begin')
  await other.query('select goniec.release_slot(id) from goniec.attempt')
  expect(await claim(await impatient(), worker)).toMatchObject({ messages: [ours.id] })
  await other.query('commit')
  expect(await claim(database.pool, worker)).toMatchObject({ messages: [theirs.id] })
})

test('hundreds of locked mails in front of a mailbox do not starve the one behind them', async () => {
  const { mailbox, campaign } = theirs
  await world.mail({ mailbox, campaign: campaign ?? 0, dueInMs: -1000 })
  await database.query(
    `with leads as (
       insert into goniec.lead (email) select 'many-' || n || '@klient.example' from generate_series(1, 500) n returning id, email
     ), enrolled as (
       insert into goniec.enrollment (campaign_id, lead_id) select $1, id from leads returning id, lead_id
     )
     insert into goniec.message (kind, campaign_id, lead_id, enrollment_id, recipient, step_id, step_key, mailbox_id, scheduled_at, window_closes_at, planned_campaign_version, planned_mailbox_version)
     select 'campaign', $1, e.lead_id, e.id, 'x@klient.example', s.id, s.key, $2, $3, $3::timestamptz + interval '1 hour', 1, 1
     from enrolled e join goniec.step s on s.campaign_id = $1`,
    [campaign, mailbox, NOON.subtract({ minutes: 2 })],
  )
  await other.query('begin')
  await other.query(`select id from goniec.message where scheduled_at = $1 order by id for no key update`, [
    NOON.subtract({ minutes: 2 }),
  ])
  expect(await takeUntilNothing(await impatient())).toHaveLength(2)
})

test('hundreds of mailboxes held by another program do not starve the one behind them, in a batch of one', async () => {
  await world.update('message', ours.id, { scheduled_at: NOON.subtract({ seconds: 1 }) })
  const boxes = 150
  for (let n = 0; n < boxes; n += 1) await world.mail({ mailbox: await world.mailbox(), dueInMs: -60_000 })
  const last = await world.mail({ mailbox: await world.mailbox(), dueInMs: 0 })
  await other.query('begin')
  await other.query('select from goniec.mailbox_day where mailbox_id not in ($1, $2) for no key update', [
    ours.mailbox,
    last.mailbox,
  ])
  expect(await claim(await impatient(), worker, { batch: 1 })).toMatchObject({ messages: [ours.id] })
})

test('a second claimer is told busy at once', async () => {
  await other.query('begin')
  expect(await claim(other, worker)).toMatchObject({ status: 'claimed' })
  expect(await claim(await impatient(), worker)).toMatchObject({ status: 'busy', messages: [] })
  await other.query('commit')
  expect(await claim(await impatient(), worker)).toMatchObject({ status: 'nothing' })
})

test('ten claimers on one last slot: one wins, nine learn busy or nothing, none errs', async () => {
  await database.query('update goniec.mailbox_day set daily_limit = 0')
  const { mailbox } = theirs
  await database.query('update goniec.mailbox_day set daily_limit = 1 where mailbox_id = $1', [mailbox])
  for (let n = 0; n < 5; n += 1) await world.mail({ mailbox })
  const sessions = await Promise.all(Array.from({ length: 10 }, () => database.session('worker')))
  const answers = await Promise.all(sessions.map((session) => claim(session, worker)))
  expect(answers.filter(({ status }) => status === 'claimed')).toHaveLength(1)
  expect(answers.filter(({ status }) => status === 'busy' || status === 'nothing')).toHaveLength(9)
  expect(await database.query('select from goniec.attempt')).toHaveLength(1)
})

test('ten claimers that ask again until there is nothing take each mail once', async () => {
  for (let n = 0; n < 60; n += 1) await world.mail({ mailbox: await world.mailbox() })
  const sessions = await Promise.all(Array.from({ length: 10 }, () => database.session('worker')))
  const taken = await Promise.all(sessions.map(takeUntilNothing))
  expect(taken.flat().sort((a, b) => a - b)).toEqual(
    (await database.query<{ id: number }>('select id from goniec.message order by id')).map(({ id }) => id),
  )
})

async function takeUntilNothing(session: Client): Promise<number[]> {
  const taken: number[] = []
  for (;;) {
    const { status, messages } = await claim(session, worker, { batch: 3 })
    if (status === 'nothing') return taken
    taken.push(...messages)
  }
}

test('what was left out because somebody held it at that instant is asked for again within a second', async () => {
  await other.query('begin')
  await other.query('select from goniec.campaign_gate where campaign_id = $1 for update', [theirs.campaign])
  expect(await claim(database.pool, worker)).toMatchObject({ messages: [ours.id], nextAt: '2026-12-01T11:00:01+00:00' })
  expect(await claim(database.pool, worker)).toMatchObject({ status: 'nothing', nextAt: '2026-12-01T11:00:01+00:00' })
  await other.query('rollback')
  expect(await claim(database.pool, worker)).toMatchObject({ messages: [theirs.id], nextAt: null })
})

test('a database whose transactions are not “read committed” by default is refused, with the way out', async () => {
  const session = await database.session()
  await session.query(`set default_transaction_isolation = 'repeatable read'`)
  await expect(claim(session, worker)).rejects.toMatchObject({
    message: expect.stringContaining('"read committed", and this transaction is "repeatable read"'),
    hint: expect.stringContaining('default_transaction_isolation'),
  })
})
