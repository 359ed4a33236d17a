/** Settle and recover against what other programs hold in open transactions: they wait for none of it, and finish it later. */
import type { Client } from 'pg'
import { beforeEach, expect, test } from 'vitest'
import { settle as settleBatch } from '../../src/delivery/settle.ts'
import { setClock } from '../support/clock.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { claim, fence, recover, settle, stateOf } from '../support/protocol.ts'
import { NOON, World, type Mail } from '../support/world.ts'

let database: TestDatabase
let world: World
let worker: number
let other: Client
/** Two mails under way: what happens to the first must not touch the second. */
let theirs: Mail & { attempt: number }
let ours: Mail & { attempt: number }

beforeEach(async () => {
  database = await createTestDatabase()
  await setClock(database, NOON)
  world = new World(database.pool)
  worker = await world.worker()
  other = await database.session()
  const mails: Mail[] = []
  for (const name of ['theirs', 'ours']) {
    await world.salesperson()
    const mailbox = await world.mailbox({ address: `${name}@firma.example` })
    mails.push(await world.mail({ mailbox, campaign: await world.campaign({ name }) }))
  }
  const { of } = await claim(database.pool, worker)
  const [first, second] = mails.map((mail) => ({ ...mail, attempt: of.get(mail.id) ?? 0 }))
  if (!first || !second) throw new RangeError('two mails are under way')
  theirs = first
  ours = second
})

async function impatient(): Promise<Client> {
  const session = await database.session()
  await session.query(`set lock_timeout = '50ms'`)
  return session
}

async function hold(text: string, ...values: unknown[]): Promise<void> {
  await other.query('begin')
  await other.query(text, values)
}

const dayRows: Record<string, string> = {
  'a program that records a send': `select goniec.record_external_send('theirs@firma.example', 'warmup', goniec.now())`,
  'the campaign’s day': `update goniec.campaign_day set daily_limit = 10 where campaign_id = (select id from goniec.campaign where name = 'theirs')`,
  'the salesperson’s day': `update goniec.salesperson_day set daily_limit = 10 where salesperson_id = (select salesperson_id from goniec.campaign where name = 'theirs')`,
}

test.each(Object.entries(dayRows))('giving back does not wait for %s: recovery does it later', async (_, text) => {
  await hold(text)
  const reports = [theirs, ours].map(({ attempt }) => ({ attempt, outcome: 'aborted', give_back: true }) as const)
  expect(await settle(await impatient(), worker, reports)).toMatchObject([
    { verdict: 'settled' },
    { verdict: 'settled' },
  ])
  expect(await world.row('attempt', theirs.attempt)).toMatchObject({ give_back: true, holds_capacity: true })
  expect(await world.row('attempt', ours.attempt)).toMatchObject({ holds_capacity: false })
  await recover(await impatient(), worker)
  expect(await world.row('attempt', theirs.attempt)).toMatchObject({ holds_capacity: true })
  await other.query('rollback')
  await recover(await impatient(), worker)
  expect(await world.row('attempt', theirs.attempt)).toMatchObject({ holds_capacity: false })
  expect(await world.value('select sum(campaign_taken) from goniec.mailbox_day')).toBe(0)
  expect(await world.value('select sum(taken) from goniec.campaign_day')).toBe(0)
  expect(await world.value('select sum(taken) from goniec.salesperson_day')).toBe(0)
  expect(await world.value('select count(*) from goniec.lead_day')).toBe(0)
})

const leadRows: Record<string, string> = {
  'an import that updates the lead': `update goniec.lead set email_given = 'x' where id = $1`,
  'a list of suppressions with the same address': `insert into goniec.suppression (value) select email from goniec.lead where id = $1`,
}

test.each(Object.entries(leadRows))(
  'marking a lead as bounced does not wait for %s: recovery does it later',
  async (_, text) => {
    await hold(text, theirs.lead)
    const bounced = { outcome: 'rejected', code: 550, lead_bounced: true } as const
    const reports = [theirs, ours].map(({ attempt }) => ({ attempt, ...bounced }))
    expect(await settle(await impatient(), worker, reports)).toMatchObject([{ status: 'failed' }, { status: 'failed' }])
    expect(await world.row('lead', ours.lead ?? 0)).toMatchObject({ bounced_at: NOON })
    expect(await world.row('lead', theirs.lead ?? 0)).toMatchObject({ bounced_at: null })
    await other.query('commit')
    await recover(await impatient(), worker)
    expect(await world.row('lead', theirs.lead ?? 0)).toMatchObject({ bounced_at: NOON })
    expect(await world.value('select count(*) from goniec.suppression')).toBe(2)
    expect(await world.value(`select count(*) from goniec.event where type = 'lead_bounced'`)).toBe(2)
  },
)

const mailboxRows: Record<string, string> = {
  'the mailbox’s gate': 'select from goniec.mailbox_gate where mailbox_id = $1 for update',
  'the mailbox’s settings': 'select from goniec.mailbox where id = $1 for update',
}

test.each(Object.entries(mailboxRows))('counting a fault does not wait for %s', async (_, text) => {
  await database.query('update goniec.mailbox_gate set faults = 9')
  await hold(text, theirs.mailbox)
  const reports = [theirs, ours].map(({ attempt }) => ({ attempt, outcome: 'mailbox_fault', code: 421 }) as const)
  expect(await settle(await impatient(), worker, reports)).toMatchObject([{ status: 'pending' }, { status: 'pending' }])
  expect(await world.row('mailbox', ours.mailbox)).toMatchObject({ status: 'broken' })
  expect(await world.row('mailbox', theirs.mailbox)).toMatchObject({ status: 'active' })
})

test('an accepted mail’s next step does not wait for an import that holds its campaign', async () => {
  for (const { attempt } of [theirs, ours]) await fence(database.pool, worker, attempt)
  await database.query(
    `insert into goniec.step (campaign_id, position, key, keyed) select id, 2, 'reminder', true from goniec.campaign`,
  )
  await hold('select from goniec.campaign for share')
  const reports = [theirs, ours].map(({ attempt }) => ({ attempt, outcome: 'accepted' }) as const)
  expect(await settle(await impatient(), worker, reports)).toMatchObject([{ status: 'sent' }, { status: 'sent' }])
  expect(await world.value(`select count(*) from goniec.message where step_key = 'reminder'`)).toBe(2)
})

test('recovery does not wait for a program that took a slot of the doubtful mail’s mailbox in an open transaction', async () => {
  await fence(database.pool, worker, theirs.attempt)
  await hold('select from goniec.mailbox_gate where mailbox_id = $1 for update', theirs.mailbox)
  const recovered = await recover(await impatient(), await world.worker(), { gone: [worker] })
  expect(recovered.map(({ message_id: message }) => message)).toEqual([ours.id])
  expect(await stateOf(database.pool, theirs.id)).toEqual({ message: 'sending', attempt: 'transmitting' })
  await other.query('rollback')
  await recover(await impatient(), await world.worker(), { gone: [worker] })
  expect(await stateOf(database.pool, theirs.id)).toEqual({ message: 'in_doubt', attempt: 'in_doubt' })
  expect(await world.row('mailbox_gate', theirs.mailbox, 'mailbox_id')).toMatchObject({
    free_from: NOON.add({ minutes: 15 }),
  })
})

test('recovery does not wait for a mail that a person holds in a forgotten transaction: it is ended by a later call', async () => {
  await hold('select from goniec.message where id = $1 for update', theirs.id)
  const recovered = await recover(await impatient(), await world.worker(), { gone: [worker] })
  expect(recovered.map(({ message_id: message }) => message)).toEqual([ours.id])
  expect(await stateOf(database.pool, theirs.id)).toEqual({ message: 'sending', attempt: 'claimed' })
  await other.query('rollback')
  await recover(await impatient(), await world.worker(), { gone: [worker] })
  expect(await stateOf(database.pool, theirs.id)).toEqual({ message: 'pending', attempt: 'aborted' })
})

test('recovery leaves alone what is just being settled', async () => {
  await fence(database.pool, worker, theirs.attempt)
  await other.query('begin')
  await settle(other, worker, { attempt: theirs.attempt, outcome: 'accepted' })
  const recovered = await recover(await impatient(), await world.worker(), { gone: [worker] })
  expect(recovered.map(({ message_id: message }) => message)).toEqual([ours.id])
  await other.query('commit')
  expect(await stateOf(database.pool, theirs.id)).toEqual({ message: 'sent', attempt: 'accepted' })
})

test('an outcome whose mail or lead a person holds in a forgotten transaction is kept, and the others are written', async () => {
  const reports = [theirs, ours].map(({ attempt }) => ({
    attemptId: attempt,
    outcome: 'accepted' as const,
    ...NOTHING,
  }))
  await fence(database.pool, worker, [theirs.attempt, ours.attempt])
  await hold('select from goniec.message where id = $1 for update', theirs.id)
  const [kept, settled] = await settleBatch(database.pool, { incarnationId: worker, reports })
  expect(kept).toMatchObject({ failed: { code: '55P03' } })
  expect(settled).toEqual({ verdict: 'settled', status: 'sent' })
})

const NOTHING = { stage: null, code: null, response: null, giveBack: false, leadBounced: false, permanent: false }
