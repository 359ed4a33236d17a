/** A password that is changed while a worker runs: the mail server takes only the one of the moment, and no login may fail. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { makeFleet } from '../crash/fleet.ts'
import { reply, startFaultServer, type FaultServer } from '../smtp/fault-server.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { untilRow } from '../support/until-row.ts'
import { endWorkers, startWorker, type WorkerProcess } from '../support/worker-process.ts'

/** Several processes start, one after the other. */
vi.setConfig({ testTimeout: 180_000 })

let database: TestDatabase
let mailServer: FaultServer
let directory: string
let password: string
/** Passwords that logins were tried with, and those of them that were wrong. */
let said: string[]
let wrong: string[]

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'goniec-passwords-'))
  password = 'the first one'
  said = []
  wrong = []
  database = await createTestDatabase()
  mailServer = await startFaultServer({
    auth: true,
    plan: {
      auth: (connection) => {
        const [, , pass = ''] = Buffer.from(connection.commands.at(-1)?.split(' ')[2] ?? '', 'base64')
          .toString()
          .split('\0')
        said.push(pass)
        if (pass !== password) wrong.push(pass)
        return reply(pass === password ? '235 2.7.0 Accepted' : '535 5.7.8 Bad credentials')(connection)
      },
    },
  })
  await makeFleet(database, { mailboxes: 1, campaigns: 1, leads: 1, smtpPort: mailServer.port })
})

afterEach(async () => {
  await endWorkers()
  await mailServer.close()
  rmSync(directory, { recursive: true })
})

const references = {
  'file:PATH': () => `file:${join(directory, 'anna')}`,
  'credential:NAME': () => 'credential:anna',
}

test.each(Object.entries(references))('a password by %s is taken up without a restart', async (_, reference) => {
  rotate(password)
  await useReference(reference())
  start()
  await untilSent(2)
  await untilDisconnected()
  rotate('the second one')
  await respond('later')
  await untilSent(3)
  expect(said.at(-1)).toBe('the second one')
  expect(wrong).toEqual([])
  expect(await database.query('select from goniec.mailbox_gate where faults > 0')).toEqual([])
})

test('a password file that everybody may read is told of in the log, once, and used', async () => {
  rotate(password)
  chmodSync(join(directory, 'anna'), 0o644)
  await useReference(references['file:PATH']())
  const worker = start()
  await untilSent(2)
  await untilDisconnected()
  await respond('later')
  await untilSent(3)
  const told = worker.log.filter(({ msg }) => msg.startsWith('every user of this machine may read'))
  expect(told).toMatchObject([{ level: 'warn', msg: expect.stringContaining(`chmod 600 ${join(directory, 'anna')}`) }])
})

test('a password by env:NAME is taken up by the worker that is started next', async () => {
  await useReference('env:ANNA')
  const first = start({ ANNA: password })
  await untilSent(2)
  first.kill('SIGTERM')
  await first.endedWell()
  rotate('the second one')
  start({ ANNA: password })
  await respond('later')
  await untilSent(3)
  expect(said.at(-1)).toBe('the second one')
  expect(wrong).toEqual([])
})

test('a password that was changed at the server first costs one failed login, and no mail', async () => {
  rotate(password)
  await useReference(references['file:PATH']())
  start()
  await untilSent(2)
  await untilDisconnected()
  password = 'the second one'
  await respond('later')
  await untilRow(database, 'select from goniec.mailbox_gate where faults = 1')
  rotate(password)
  // A minute later.
  await database.query('update goniec.mailbox_gate set free_from = null')
  await database.query(`select pg_notify('goniec', 'plan')`)
  await untilSent(3)
  expect(wrong).toEqual(['the first one'])
  expect(await database.query('select from goniec.message where counted_attempts > 0')).toEqual([])
})

function rotate(to: string): void {
  password = to
  writeFileSync(join(directory, 'anna'), `${to}\n`, { mode: 0o600 })
}

async function useReference(reference: string): Promise<void> {
  await database.query(`update goniec.mailbox set smtp_user = 'anna', smtp_password_ref = $1`, [reference])
}

function start(env: Record<string, string> = {}): WorkerProcess {
  return startWorker(database.urlAs('worker'), {
    args: ['--name', 'passwords'],
    env: { CREDENTIALS_DIRECTORY: directory, GONIEC_CONNECTION_IDLE: '50ms', ...env },
  })
}

async function respond(key: string): Promise<void> {
  await database.query(
    `select goniec.enqueue_response("to" => 'lead1@people.example', key => $1, subject => 'Answer', text => 'Here', "from" => 'box1@team.example')`,
    [key],
  )
}

async function untilSent(mails: number): Promise<void> {
  await untilRow(database, `select from goniec.message where status = 'sent' having count(*) >= $1`, [mails])
}

/** The connection that was kept is over. */
async function untilDisconnected(): Promise<void> {
  await Promise.all(mailServer.connections.map(({ closed }) => closed))
}
