/** A worker whose mailbox logs in by access tokens: a real token server, and a mail server that demands the token of the moment. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { defaultDeadlines } from '../../src/delivery/deadlines.ts'
import { AccessTokens, type TokenSource } from '../../src/mailboxes/access-tokens.ts'
import { checkLogins } from '../../src/worker/tasks/check.ts'
import { reply, startFaultServer, type FaultServer } from '../smtp/fault-server.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { startTokenServer, type TokenServer } from '../support/token-server.ts'
import { untilRow } from '../support/until-row.ts'
import { endWorkers, startWorker } from '../support/worker-process.ts'
import { makeFleet } from '../crash/fleet.ts'

let database: TestDatabase
let tokenServer: TokenServer
let mailServer: FaultServer
let source: TokenSource

beforeEach(async () => {
  database = await createTestDatabase()
  tokenServer = await startTokenServer()
  mailServer = await startFaultServer({
    auth: true,
    plan: {
      auth: (connection) => {
        const said = Buffer.from(connection.commands.at(-1)?.split(' ')[2] ?? '', 'base64').toString()
        const isRight = said === `user=anna\u0001auth=Bearer ${tokenServer.given.at(-1)}\u0001\u0001`
        return reply(isRight ? '235 2.7.0 Accepted' : '535 5.7.3 Authentication unsuccessful')(connection)
      },
    },
  })
  await makeFleet(database, { mailboxes: 1, campaigns: 1, leads: 2, smtpPort: mailServer.port })
  source = {
    tokenUrl: tokenServer.url,
    clientId: 'goniec',
    clientSecret: null,
    refreshToken: 'env:ANNA_REFRESH',
    scope: null,
  }
  await database.query(`update goniec.mailbox set smtp_user = 'anna', smtp_oauth2 = $1`, [JSON.stringify(source)])
})

afterEach(async () => {
  await endWorkers()
  await mailServer.close()
})

test('it asks for a token before the dialogue, and sends', async () => {
  const worker = start('--until-idle')
  await worker.endedWell()
  expect(mailServer.accepted()).toHaveLength(4)
  expect(tokenServer.asked).toEqual([{ grant_type: 'refresh_token', client_id: 'goniec', refresh_token: 'refresh-1' }])
})

test('where consent was withdrawn the mailbox says so, nothing is connected, and no mail is used up', async () => {
  tokenServer.answer = () => ({ status: 400, body: { error: 'invalid_grant', error_description: 'revoked' } })
  const worker = start()
  await untilRow(
    database,
    `select from goniec.mailbox_gate where fault_reason like '%gives no access token: invalid_grant revoked%'`,
  )
  worker.kill('SIGTERM')
  await worker.endedWell()
  expect(mailServer.connections).toEqual([])
  expect(
    await database.query(
      `select status, counted_attempts from goniec.message where status <> 'pending' or counted_attempts > 0`,
    ),
  ).toEqual([])
  expect(await database.query('select from goniec.mailbox_day where campaign_taken > 0')).toEqual([])
})

test('a token that the mail server no longer takes is replaced by a new one', async () => {
  // As after a change of password at the provider: what it gave before is worth nothing.
  tokenServer.answer = () =>
    tokenServer.asked.length === 1 ? { body: { access_token: 'stale', expires_in: 3600 } } : undefined
  const worker = start()
  await untilRow(database, `select from goniec.mailbox_gate where faults = 1`)
  await database.query(`update goniec.mailbox_gate set free_from = null`)
  await untilRow(database, `select from goniec.message where status = 'sent' having count(*) >= 1`)
  worker.kill('SIGTERM')
  await worker.endedWell()
  expect(tokenServer.asked.length).toBeGreaterThanOrEqual(2)
})

test('a login that is tried for a person is tried with a new token where the one at hand is not taken any more', async () => {
  const tokens = new AccessTokens({ environment: { ANNA_REFRESH: 'refresh-1' }, onWarning: () => undefined })
  const tryLogin = async (): Promise<unknown> => {
    const [check] = await database.query<{ id: number }>(
      'insert into goniec.login_check (mailbox_id) select id from goniec.mailbox returning id',
    )
    const id = check?.id ?? 0
    await checkLogins({ database, deadlines: defaultDeadlines, worker: 'tokens', tokens }, [id])
    return (await database.query('select ok, response from goniec.login_check where id = $1', [id]))[0]
  }
  expect(await tryLogin()).toEqual({ ok: true, response: 'connected and logged in' })
  // As where consent was given anew: what was given before is worth nothing.
  await tokens.of({ ...source, scope: 'another' })
  expect(await tryLogin()).toEqual({ ok: true, response: 'connected and logged in' })
  expect(tokenServer.asked).toHaveLength(3)
})

function start(...args: string[]): ReturnType<typeof startWorker> {
  return startWorker(database.urlAs('worker'), {
    args: ['--name', 'tokens', ...args],
    env: { ANNA_REFRESH: 'refresh-1' },
  })
}
