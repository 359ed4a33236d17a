/**
 * Two put a recalled mail on record at once: two workers that report, or a worker and a person who gives another one up. Whoever comes second finds
 * what the first has done; none of them fails, since a report that failed would be a mail that the database does not know of.
 */
import type { Client } from 'pg'
import { beforeEach, expect, test } from 'vitest'
import { resumeAfterRestore } from '../../src/delivery/resume-after-restore.ts'
import { pidOf, untilBlocked } from '../support/blocked.ts'
import { setClock } from '../support/clock.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { claim, fence, settle, stateOf } from '../support/protocol.ts'
import { untilRow } from '../support/until-row.ts'
import { NOON, World, type Mail } from '../support/world.ts'

let database: TestDatabase
let world: World
let mail: Mail
let one: Client
let two: Client

beforeEach(async () => {
  database = await createTestDatabase()
  await setClock(database, NOON)
  world = new World(database.pool)
  mail = await world.mail()
  one = await database.session()
  two = await database.session()
})

interface Told {
  attempt?: number
  outcome?: 'accepted' | 'unknown'
  worker?: string
}

/** Tells of the mail, as a logbook does; returns how many were forgotten. */
async function recall(
  sql: Client,
  { attempt = 4711, outcome = 'accepted', worker = 'one' }: Told = {},
): Promise<number> {
  const { rows } = await sql.query<{ recalled: number }>(
    `select goniec.recall_mails(goniec.notice_restoration('forgotten', 'a test'), $3, jsonb_build_array(jsonb_build_object(
       'attempt_id', $2::bigint, 'passed_at', $4::timestamptz, 'outcome', $5::text, 'response', '250 OK', 'kind', 'campaign',
       'recipient', m.recipient, 'campaign', c.name, 'step_key', m.step_key, 'mailbox', (select b.address from goniec.mailbox b), 'rfc_message_id', '<a@b.example>'))) as recalled
     from goniec.message m join goniec.campaign c on c.id = m.campaign_id where m.id = $1`,
    [mail.id, attempt, worker, NOON.subtract({ minutes: 2 }), outcome],
  )
  return rows[0]?.recalled ?? 0
}

/** The first has done its part and not committed; the second waits for it, and ends when it has. */
async function oneBehindTheOther(
  first: (session: Client) => Promise<unknown>,
  second: (session: Client) => Promise<unknown>,
): Promise<void> {
  await one.query('begin')
  await first(one)
  const done = second(two)
  await untilBlocked(database, two)
  await one.query('commit')
  await done
}

const doubtDue = (session: Client): Promise<unknown> =>
  session.query('select goniec.doubt_due(id) from goniec.restoration where ended_at is null')

async function onRecord(): Promise<unknown> {
  const [counted] = await database.query(
    `select (select count(*)::int from goniec.attempt) as attempts, (select sum(taken)::int from goniec.campaign_day) as taken`,
  )
  return { ...(await stateOf(database.pool, mail.id)), ...counted }
}

test.each([
  ['unknown', 'accepted'],
  ['accepted', 'unknown'],
] as const)(
  'two workers tell of one mail at once, the first as %s, the second as %s: it is sent, once',
  async (a, b) => {
    await oneBehindTheOther(
      (session) => recall(session, { outcome: a }),
      (session) => recall(session, { attempt: 4712, outcome: b, worker: 'two' }),
    )
    expect(await onRecord()).toEqual({ message: 'sent', attempt: 'accepted', attempts: 1, taken: 1 })
  },
)

test('a worker tells that a mail was accepted while a person puts in doubt what was due: it is sent', async () => {
  await database.query(`select goniec.notice_restoration('forgotten', 'a test')`)
  await oneBehindTheOther(doubtDue, (session) => recall(session))
  expect(await onRecord()).toEqual({ message: 'sent', attempt: 'accepted', attempts: 1, taken: 1 })
})

test('a person puts in doubt what was due while a worker tells that it was accepted: it stays sent', async () => {
  await database.query(`select goniec.notice_restoration('forgotten', 'a test')`)
  await oneBehindTheOther((session) => recall(session), doubtDue)
  expect(await onRecord()).toEqual({ message: 'sent', attempt: 'accepted', attempts: 1, taken: 1 })
})

test('a person lets sending go on while a worker still tells: none waits for the other in vain', async () => {
  await database.query(`insert into goniec.known_worker (worker, seen_at) values ('two', goniec.now())`)
  await database.query(`select goniec.notice_restoration('forgotten', 'a test')`)
  await one.query('begin')
  await one.query('select goniec.place_recalled()')
  const resuming = resumeAfterRestore(database, { without: ['two'] })
  await untilRow(database, 'select from pg_stat_activity where $1 = any (pg_blocking_pids(pid))', [pidOf(one)])
  await recall(one)
  await one.query('commit')
  expect(await resuming).toEqual({ changed: true, doubted: 0 })
  expect(await onRecord()).toEqual({ message: 'sent', attempt: 'accepted', attempts: 1, taken: 1 })
})

/** A mail that was told of while its lead was not there yet, with a server's answer that nobody had heard. */
async function tellWithoutRow(): Promise<void> {
  await database.query(`update goniec.lead set email = 'elsewhere@klient.example' where id = $1`, [mail.lead])
  await recall(one, { outcome: 'unknown' })
  await database.query(`update goniec.lead set email = $2 where id = $1`, [
    mail.lead,
    await world.value('select recipient from goniec.message where id = $1', [mail.id]),
  ])
}

test('one places a mail whose lead has come back while its worker tells that it was accepted: none waits for the other in vain', async () => {
  await tellWithoutRow()
  const holder = await database.session()
  await holder.query('begin')
  await holder.query('select from goniec.mailbox_day for update')
  const placing = one.query('select goniec.place_recalled()')
  await untilBlocked(database, one)
  const telling = recall(two)
  await untilBlocked(database, two)
  await holder.query('commit')
  await Promise.all([placing, telling])
  expect(await onRecord()).toEqual({ message: 'sent', attempt: 'accepted', attempts: 1, taken: 1 })
})

test('a mail that is claimed while it is placed is left to its fence, which refuses it, and is placed then', async () => {
  await tellWithoutRow()
  await database.query('select goniec.end_restoration(id, $1) from goniec.restoration', ['a test'])
  const worker = await world.worker()
  await one.query('begin')
  const { attempts } = await claim(one, worker)
  expect(attempts).toHaveLength(1)
  const placing = two.query<{ placed: number }>('select goniec.place_recalled() as placed')
  await untilBlocked(database, two)
  await one.query('commit')
  expect((await placing).rows).toEqual([{ placed: 0 }])
  const contents = attempts.map((attempt) => ({ attempt_id: attempt, headers: { 'message-id': '<a@b.example>' } }))
  const answers = await fence(database.pool, worker, attempts, contents)
  expect(answers.map(({ verdict }) => verdict)).toEqual(['sent_before_restore'])
  await settle(
    database.pool,
    worker,
    attempts.map((attempt) => ({ attempt, outcome: 'aborted', give_back: true })),
  )
  await two.query('select goniec.place_recalled()')
  expect(await stateOf(database.pool, mail.id)).toEqual({ message: 'in_doubt', attempt: 'in_doubt' })
})
