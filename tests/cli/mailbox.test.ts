import { Logger, run } from 'graphile-worker'
import { expect, onTestFinished, test } from 'vitest'
import { settledMail } from '../delivery/in-state.ts'
import { setClock } from '../support/clock.ts'
import { createTestDatabase } from '../support/database.ts'
import { goniec, type Ended } from '../support/goniec.ts'
import { NOON, World } from '../support/world.ts'

const database = await createTestDatabase()
await setClock(database, NOON)
const world = new World(database.pool)
const mailbox = (...args: string[]): Promise<Ended> =>
  goniec(['mailbox', ...args], { env: { DATABASE_URL: database.url } })

const anna = await world.mailbox({ address: 'anna@firma.example', daily_limit: 50, warmup_started: '2026-11-24' })
await settledMail(world, { outcome: 'accepted', response: '250 ok' }, { mailbox: anna })

/** It takes its 15 seconds while the other tests run; in a database that no worker looks at. */
const elsewhere = await createTestDatabase()
await new World(elsewhere.pool).mailbox({ address: 'bartek@firma.example' })
const withoutWorker = goniec(['mailbox', 'test', 'bartek@firma.example'], { env: { DATABASE_URL: elsewhere.url } })

test('mailboxes are listed with today’s use and the day of the warm-up', async () => {
  const { stdout } = await mailbox('list', '--json')
  expect(JSON.parse(stdout)).toMatchObject([
    {
      address: 'anna@firma.example',
      status: 'active',
      today: { taken: 1, daily_limit: 50, campaign_limit: 10 },
      warmup: { day: 8 },
    },
  ])
  expect((await mailbox('list')).stdout).toMatch(/^anna@firma\.example .* active +1 of 50 +1 of 10 +0 +0 of 20 +8 /m)
})

test('one is shown with what servers said last', async () => {
  const { code, stdout } = await mailbox('show', 'anna@firma.example')
  expect(code).toBe(0)
  expect(stdout).toMatch(/warm-up +day 8, since 2026-11-24; the stage from day 8 holds\n/)
  expect(stdout).toMatch(/2026-12-01 12:00:00 .* accepted +250 ok\n/)
})

test('pause and resume say what they did, and a second time that it was so already', async () => {
  expect(await mailbox('pause', 'anna@firma.example')).toMatchObject({
    code: 0,
    stderr: expect.stringContaining('is paused: nothing more leaves from it'),
  })
  expect((await mailbox('pause', 'anna@firma.example', '--json')).stdout).toContain('"changed": false')
  expect(await mailbox('resume', 'anna@firma.example')).toMatchObject({
    code: 0,
    stderr: expect.stringContaining('is active again (was paused)'),
  })
})

test('a login is tried by a worker; the server’s refusal ends 3', async () => {
  const runner = await run({
    pgPool: database.pool,
    logger: new Logger(() => () => undefined),
    noHandleSignals: true,
    pollInterval: 100,
    taskList: {
      async check(payload) {
        await database.query(
          `update goniec.login_check set worker = 'w1', answered_at = goniec.now(), ok = false, response = '535 5.7.8 bad login' where id = any ($1)`,
          [(payload as { ids: number[] }).ids],
        )
        await database.query(`select pg_notify('goniec', 'check')`)
      },
    },
  })
  onTestFinished(() => runner.stop())
  const { code, stdout, stderr } = await mailbox('test', 'anna@firma.example')
  expect({ code, stdout }).toEqual({ code: 3, stdout: '535 5.7.8 bad login\n' })
  expect(stderr).toMatch(/^The login to anna@firma\.example does not work\.\nTry: /)
})

test('without a worker it is said that one is needed', async () => {
  const { code, stderr } = await withoutWorker
  expect(code).toBe(1)
  expect(stderr).toMatch(/^Error: no worker answered within 15 seconds.*\nTry: goniec worker/)
})
