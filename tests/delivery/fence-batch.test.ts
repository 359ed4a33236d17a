/** Fences of a batch: content that the database does not take, and one row that fails. */
import { expect, test } from 'vitest'
import { fence } from '../../src/delivery/fence.ts'
import { settle } from '../../src/delivery/settle.ts'
import { createTestDatabase } from '../support/database.ts'
import { setClock } from '../support/clock.ts'
import { claim, stateOf } from '../support/protocol.ts'
import { NOON, World, type Mail } from '../support/world.ts'

const HALF_A_PAIR = 'Hi \ud83d'

async function twoClaimed() {
  const database = await createTestDatabase()
  await setClock(database, NOON)
  const world = new World(database.pool)
  const worker = await world.worker()
  const mails: Mail[] = []
  for (const _ of [1, 2]) mails.push(await world.mail({ mailbox: await world.mailbox() }))
  const { of } = await claim(database.pool, worker)
  const [first, second] = mails.map((mail) => ({ ...mail, attempt: of.get(mail.id) ?? 0 }))
  return { database, world, worker, first, second }
}

function request(attemptId: number | undefined, text: string) {
  return { attemptId: attemptId ?? 0, content: { subject: text, text, html: null, headers: {} } }
}

test('content that jsonb would refuse passes its fence with its batch, and is kept as it went out', async () => {
  const { database, world, worker, first, second } = await twoClaimed()
  const requests = [request(first?.attempt, `${HALF_A_PAIR}\0`), request(second?.attempt, 'Hi')]
  const answers = await fence(database.pool, { incarnationId: worker, totalMs: 900_000, requests })
  expect(answers.map(({ verdict }) => verdict)).toEqual(['passed', 'passed'])
  const kept = await world.row('message_content', first?.id ?? 0, 'message_id')
  expect(kept).toMatchObject({ text: 'Hi \ufffd\ufffd' })
})

test('an attempt at which the fence fails is refused alone, with the reason', async () => {
  const { database, worker, first, second } = await twoClaimed()
  await database.query(`alter table goniec.message_content add constraint no_bad_text check (text <> 'bad')`)
  const requests = [request(first?.attempt, 'bad'), request(second?.attempt, 'good')]
  const [refused, passed] = await fence(database.pool, { incarnationId: worker, totalMs: 900_000, requests })
  expect(refused?.verdict).toMatch(/^the fence failed: .*no_bad_text/)
  expect(passed).toMatchObject({ verdict: 'passed', waitMs: null, passedAt: expect.anything() })
  expect((await stateOf(database.pool, first?.id ?? 0)).attempt).toBe('claimed')
})

test('a reply that ends in half a character is written down all the same', async () => {
  const { database, worker, first } = await twoClaimed()
  const answer = { outcome: 'deferred', stage: 'rcpt', code: 451, response: `451 later ${HALF_A_PAIR}` } as const
  const facts = { giveBack: false, leadBounced: false, permanent: false }
  const report = { attemptId: first?.attempt ?? 0, ...answer, ...facts }
  const settled = await settle(database.pool, { incarnationId: worker, reports: [report] })
  expect(settled).toEqual([{ verdict: 'settled', status: 'pending' }])
})

test('a gate that a person holds in a forgotten transaction refuses its own mail only', async () => {
  const { database, world, worker, first, second } = await twoClaimed()
  await database.query('update goniec.mailbox set min_gap_ms = 1000')
  const other = await database.session()
  await other.query('begin')
  await other.query('update goniec.mailbox_gate set faults = 0 where mailbox_id = $1', [first?.mailbox])
  const requests = [request(first?.attempt, 'theirs'), request(second?.attempt, 'ours')]
  const [refused, passed] = await fence(database.pool, { incarnationId: worker, totalMs: 900_000, requests })
  expect(refused?.verdict).toMatch(/^the fence failed: .*lock timeout/)
  expect(passed?.verdict).toBe('passed')
  expect(await world.value('select goniec.pass_barrier()')).toBe(1)
})
