/** The view that proves that nobody got a mail twice would tell if somebody had: here the guards are off, and somebody did. */
import type { Client } from 'pg'
import { beforeEach, expect, test } from 'vitest'
import { setClock } from '../support/clock.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { claim, claimOne, fence, settle } from '../support/protocol.ts'
import { NOON, World, type Mail } from '../support/world.ts'

let database: TestDatabase
let world: World
let worker: number

beforeEach(async () => {
  database = await createTestDatabase()
  await setClock(database, NOON)
  world = new World(database.pool)
  worker = await world.worker()
})

async function send(mail: Mail, outcome: 'accepted' | 'unknown' = 'accepted'): Promise<number> {
  const attempt = await claimOne(database.pool, worker, mail.id)
  await fence(database.pool, worker, attempt)
  await settle(database.pool, worker, { attempt, outcome })
  return attempt
}

async function sendAll(): Promise<number> {
  const { attempts } = await claim(database.pool, worker)
  if (attempts.length === 0) return 0
  await fence(database.pool, worker, attempts)
  await settle(
    database.pool,
    worker,
    attempts.map((attempt) => ({ attempt, outcome: 'accepted' as const })),
  )
  return attempts.length + (await sendAll())
}

async function duplicates(): Promise<unknown[]> {
  return database.query(
    'select campaign, kind, recipient, step, times, message_ids, because from goniec_report.duplicates order by recipient',
  )
}

/** A superuser's session in which no trigger and no unique index of the promise stands in the way. */
async function withoutGuards(): Promise<Client> {
  const session = await database.session()
  await session.query(`
    set session_replication_role = replica;
    drop index goniec.one_message_per_campaign_lead_and_step, goniec.one_live_or_accepted_attempt_per_message, goniec.one_response_per_idempotency_key`)
  return session
}

/** Copies a row of a table, with other values in these columns. */
async function copy(session: Client, table: string, id: number, columns: Record<string, unknown>): Promise<number> {
  const { rows } = await session.query<{ id: number }>(
    `insert into goniec.${table} overriding system value
     select (jsonb_populate_record(null::goniec.${table}, to_jsonb(t) || $2)).* from goniec.${table} t where t.id = $1 returning id`,
    [id, JSON.stringify({ id: id + 1000, ...columns })],
  )
  return rows[0]?.id ?? 0
}

const DEFECT = 'a defect: report it'

test('it is empty, whatever was sent: other steps, other campaigns, tests, warm-up mails and responses', async () => {
  await world.campaign({ name: 'spring', steps: ['intro', 'reminder'] })
  const { lead, campaign } = await world.mail()
  await world.mail({ lead, campaign: campaign ?? 0, step: 'reminder' })
  await world.mail({ lead, kind: 'response' })
  await world.mail({ lead, kind: 'response', columns: { again: true } })
  for (const _ of [1, 2]) await world.mail({ lead: null, kind: 'warmup', columns: { idempotency_key: null } })
  for (const _ of [1, 2]) await world.mail({ lead: null, kind: 'response', columns: { is_test: true } })
  await world.mail({ lead, campaign: await world.campaign({ name: 'summer' }) })
  expect(await sendAll()).toBe(9)
  expect(await duplicates()).toEqual([])
})

test('one mail that servers took twice is in it', async () => {
  await world.campaign({ name: 'spring' })
  const lead = await world.lead({ email: 'jan@klient.example' })
  const mail = await world.mail({ lead })
  const attempt = await send(mail)
  await copy(await withoutGuards(), 'attempt', attempt, {})
  expect(await duplicates()).toEqual([
    {
      campaign: 'spring',
      kind: 'campaign',
      recipient: 'jan@klient.example',
      step: 'intro',
      times: 2,
      message_ids: [mail.id, mail.id],
      because: DEFECT,
    },
  ])
})

test('two mails of one step to one address are in it, also where they are two leads', async () => {
  await world.campaign({ name: 'spring' })
  const mail = await world.mail({ lead: await world.lead({ email: 'jan@klient.example' }) })
  const attempt = await send(mail)
  const session = await withoutGuards()
  const message = await copy(session, 'message', mail.id, { lead_id: await world.lead(), variant: 'B' })
  await copy(session, 'attempt', attempt, { message_id: message })
  expect(await duplicates()).toMatchObject([
    { recipient: 'jan@klient.example', times: 2, message_ids: [mail.id, message], because: DEFECT },
  ])
})

test('a response that went twice for one key is in it', async () => {
  const mail = await world.mail({ kind: 'response', columns: { idempotency_key: 'oferta-17' } })
  const attempt = await send(mail)
  const session = await withoutGuards()
  const message = await copy(session, 'message', mail.id, { again: true })
  await copy(session, 'attempt', attempt, { message_id: message })
  expect(await duplicates()).toMatchObject([{ campaign: null, kind: 'response', step: 'oferta-17', times: 2 }])
})

test('a doubt that a person resolved as not sent, wrongly, is in it once the server has said so, and named as that', async () => {
  const mail = await world.mail({ closesInMs: 7_200_000 })
  const doubtful = await send(mail, 'unknown')
  await setClock(database, world.at(3_000_000))
  await world.value(`select goniec.resolve_doubt($1, 'not-sent')`, [mail.id])
  const slot = { scheduled_at: world.at(3_000_000), window_closes_at: world.at(7_200_000), mailbox_id: mail.mailbox }
  await world.update('message', mail.id, slot)
  await send(mail)
  expect(await duplicates()).toEqual([])
  await settle(database.pool, worker, { attempt: doubtful, outcome: 'accepted', response: '250 late' })
  expect(await duplicates()).toMatchObject([
    { times: 2, message_ids: [mail.id, mail.id], because: expect.stringContaining('a person resolved') },
  ])
})
