import { Logger, run, type Runner } from 'graphile-worker'
import { expect, onTestFinished, test } from 'vitest'
import { requestLoginChecks } from '../../src/mailboxes/login-check.ts'
import { Temporal } from '../../src/time.ts'
import { createTestDatabase } from '../support/database.ts'

const database = await createTestDatabase()
const [anna, bartek] = await database.query<{ id: number }>(
  `with person as (insert into goniec.salesperson (email) values ('anna@firma.example') returning id)
   insert into goniec.mailbox (address, salesperson_id, smtp_host, smtp_port, smtp_security)
   select address, person.id, 'smtp.firma.example', 587, 'starttls'
   from person, unnest(array['anna@firma.example', 'bartek@firma.example']) address
   returning id`,
)
const ids = [anna?.id ?? 0, bartek?.id ?? 0]

/** A worker whose logins end as `answer` says; undefined: it takes the job and never answers. */
async function startWorker(answer: (mailboxId: number) => string | undefined): Promise<Runner> {
  const runner = await run({
    pgPool: database.pool,
    schema: 'graphile_worker',
    logger: new Logger(() => () => undefined),
    noHandleSignals: true,
    pollInterval: 100,
    taskList: {
      async check(payload, { withPgClient }) {
        for (const id of (payload as { ids: number[] }).ids) {
          await withPgClient(async (client) => {
            const { rows } = await client.query<{ mailbox_id: number }>(
              'select mailbox_id from goniec.login_check where id = $1',
              [id],
            )
            const response = answer(Number(rows[0]?.mailbox_id))
            if (response === undefined) return
            await client.query(
              `update goniec.login_check
               set worker = 'w1', answered_at = goniec.now(), ok = $2 like '235%', response = $2 where id = $1`,
              [id, response],
            )
            await client.query(`select pg_notify('goniec', 'check')`)
          })
        }
      },
    },
  })
  onTestFinished(() => runner.stop())
  return runner
}

test('a worker answers for each mailbox, in the order they were asked for', async () => {
  await startWorker((id) => (id === anna?.id ? '235 2.7.0 Accepted' : '535 5.7.8 Error: authentication failed'))
  expect(await requestLoginChecks(database, ids.toReversed())).toEqual([
    {
      id: expect.any(Number),
      mailboxId: bartek?.id,
      ok: false,
      response: '535 5.7.8 Error: authentication failed',
      worker: 'w1',
      answeredAt: expect.any(Temporal.Instant),
    },
    expect.objectContaining({ mailboxId: anna?.id, ok: true, response: '235 2.7.0 Accepted' }),
  ])
  // Who asked, not the database's user.
  const [row] = await database.query<{ requested_by: string }>('select requested_by from goniec.login_check')
  expect(row?.requested_by).toMatch(/^[^@]+@.+$/)
})

test('without a worker the answer stays open, and the request is withdrawn', async () => {
  const [check] = await requestLoginChecks(database, [ids[0] ?? 0], { timeoutMs: 50 })
  expect(check).toMatchObject({ ok: null, response: null, answeredAt: null })
  expect(await database.query('select from graphile_worker.jobs')).toEqual([])
})

test('a worker that has taken the request is waited for beyond the time to take it', async () => {
  const release = Promise.withResolvers<void>()
  const begun = Promise.withResolvers<void>()
  const runner = await run({
    pgPool: database.pool,
    logger: new Logger(() => () => undefined),
    noHandleSignals: true,
    pollInterval: 20,
    taskList: {
      async check(payload) {
        begun.resolve()
        await release.promise
        await database.query(
          `update goniec.login_check set answered_at = goniec.now(), ok = true, response = '235 ok' where id = any ($1)`,
          [(payload as { ids: number[] }).ids],
        )
        await database.query(`select pg_notify('goniec', 'check')`)
      },
    },
  })
  onTestFinished(() => runner.stop())
  const asked = requestLoginChecks(database, ids, { timeoutMs: 2000 })
  await begun.promise
  // Not a wait for something to happen: the answer has to come after the time to take it.
  setTimeout(release.resolve, 2300)
  expect(await asked).toEqual([expect.objectContaining({ ok: true }), expect.objectContaining({ ok: true })])
})

test('a worker that never answers is given up', async () => {
  await startWorker(() => undefined)
  const [check] = await requestLoginChecks(database, [ids[0] ?? 0], { timeoutMs: 200, answerMs: 100 })
  expect(check?.ok).toBeNull()
})

test('no mailbox needs no worker', async () => {
  expect(await requestLoginChecks(database, [])).toEqual([])
})
