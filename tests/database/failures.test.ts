import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { TLSSocket } from 'node:tls'
import { DatabaseError } from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { explainDatabaseError, explainStatementError, isDatabaseLost } from '../../src/database/failures.ts'
import { connectDatabase, openDatabase } from '../../src/database/pool.ts'
import type { GoniecError } from '../../src/errors.ts'
import { selfSignedCertificate } from '../smtp/certificate.ts'
import { createTestDatabase } from '../support/database.ts'

const database = await createTestDatabase()

/** What a command would be told, and shown; never with the password in it. */
async function failure(
  change: Partial<Pick<URL, 'username' | 'password' | 'port' | 'pathname' | 'hostname' | 'search'>>,
): Promise<GoniecError> {
  const url = Object.assign(new URL(database.url), { password: 'tajne-haslo' }, change)
  const error = await connectDatabase(url.href, { connectTimeoutMs: 300 }).then(
    async (opened) => opened.close(),
    (reason: GoniecError) => reason,
  )
  expect(error).toMatchObject({ name: 'GoniecError', hint: expect.any(String) })
  const told = error as GoniecError
  expect(`${told.message} ${told.hint}`).not.toContain('tajne-haslo')
  return told
}

const right = new URL(database.url).password

test('a wrong password, an unknown user, a missing database and a closed port each say what is wrong and the way out', async () => {
  expect(await failure({})).toMatchObject({
    code: 'database_login',
    message: expect.stringMatching(/refused the login/),
  })
  expect(await failure({ username: 'nobody-here' })).toMatchObject({ code: 'database_login' })
  expect(await failure({ password: right, pathname: '/nowhere' })).toMatchObject({
    code: 'database_missing',
    message: expect.stringMatching(/nowhere/),
  })
  expect(await failure({ port: '1' })).toMatchObject({
    code: 'database_unreachable',
    message: expect.stringMatching(/:1\//),
  })
  expect(await failure({ password: right, search: '?ssl=true' })).toMatchObject({
    code: 'database_tls',
    hint: expect.stringContaining('sslmode'),
  })
  expect(await failure({ hostname: 'no-such-host.invalid' })).toMatchObject({ code: 'database_unreachable' })
})

test('a certificate that is not trusted, and a file for it that is not there, are told with the way out', async () => {
  const { key, cert } = selfSignedCertificate()
  const server = createServer((socket) => {
    socket.once('data', () => {
      socket.write('S')
      new TLSSocket(socket, { isServer: true, key, cert }).on('error', () => undefined)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const port = String((server.address() as AddressInfo).port)
  try {
    expect(await failure({ port, search: '?sslmode=verify-full' })).toMatchObject({
      code: 'database_certificate',
      hint: expect.stringMatching(/sslrootcert=.*no-verify/),
    })
    expect(await failure({ port, search: '?sslmode=verify-full&sslrootcert=/nowhere/ca.pem' })).toMatchObject({
      code: 'database_certificate_file',
      message: expect.stringContaining('/nowhere/ca.pem'),
    })
  } finally {
    server.close()
  }
})

test('a server that refuses TLS in the middle of it, and one that is no Postgres, are told as that', async () => {
  const unknownAuthority = Buffer.from([0x15, 3, 3, 0, 2, 2, 48])
  const refusing = await answering((socket) =>
    socket.write('S', () => socket.once('data', () => socket.end(unknownAuthority))),
  )
  expect(await failure({ port: refusing, search: '?sslmode=no-verify' })).toMatchObject({
    code: 'database_tls',
    message: expect.stringContaining('unknown ca'),
    hint: expect.stringContaining('sslcert'),
  })
  const mailServer = await answering((socket) => socket.end('220 mail.firma.example ESMTP\r\n'))
  expect(await failure({ port: mailServer, search: '?sslmode=no-verify' })).toMatchObject({
    code: 'database_tls',
    hint: expect.stringContaining('host and port'),
  })
})

test('a certificate that is no PEM file, and a key of another one, are told as files that cannot be used', async () => {
  const port = await answering((socket) => socket.write('S'))
  const folder = await mkdtemp(join(tmpdir(), 'goniec-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const [garbage, certificate, key] = ['garbage', 'certificate', 'key'].map((name) => join(folder, name))
  await writeFile(garbage ?? '', 'no PEM')
  await writeFile(certificate ?? '', selfSignedCertificate().cert)
  await writeFile(key ?? '', selfSignedCertificate().key)
  for (const files of [`sslcert=${garbage}&sslkey=${garbage}`, `sslcert=${certificate}&sslkey=${key}`]) {
    expect(await failure({ port, search: `?sslmode=no-verify&${files}` })).toMatchObject({
      code: 'database_certificate_file',
      hint: expect.stringContaining('belong together'),
    })
  }
})

test('a percent sign in the user’s name is no defect', async () => {
  const url = database.url.replace('//', '//50%off:x@').replace(/@.*@/, '@')
  await expect(connectDatabase(url)).rejects.toMatchObject({ code: 'database_login', message: /50%off@/ })
})

test('a socket that cannot be had is a database that does not answer; where no more may be opened the limit is named', async () => {
  for (const code of ['ENOTDIR', 'EAGAIN', 'EPERM', 'ENETDOWN', 'EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EMFILE', 'ENFILE']) {
    const error = Object.assign(new Error(`connect ${code} 127.0.0.1:5432 - Local (undefined:undefined)`), { code })
    expect(explainStatementError(error)).toMatchObject({ code: 'database_unreachable' })
    expect(isDatabaseLost(error)).toBe(true)
    expect(explainDatabaseError(error, '')?.hint?.includes('ulimit -n')).toBe(code.endsWith('FILE'))
  }
})

test('a server that accepts and says nothing is no database', async () => {
  const mute = createServer(() => undefined)
  await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve))
  try {
    expect(await failure({ port: String((mute.address() as AddressInfo).port) })).toMatchObject({
      code: 'database_unreachable',
    })
  } finally {
    mute.close()
  }
})

test('a server with no connection left says so', async () => {
  const worker = new URL(database.urlAs('worker'))
  await database.query(`alter role ${worker.username} connection limit 0`)
  try {
    await expect(connectDatabase(worker.href)).rejects.toMatchObject({ code: 'database_connections' })
  } finally {
    await database.query(`alter role ${worker.username} connection limit -1`)
  }
})

test('a full disk, a missing right and a read-only server are told apart', async () => {
  for (const [code, expected] of [
    ['53100', 'database_disk_full'],
    ['42501', 'database_permission'],
    ['25006', 'database_read_only'],
  ] as const) {
    const error: unknown = await raise(code).catch((reason: unknown) => reason)
    expect(explainDatabaseError(error, database.url)).toMatchObject({ code: expected, hint: expect.any(String) })
  }
})

test('to whoever lacks a right no role is advised that would not give it: changes are for the owner of the schema', async () => {
  const reader = await connectDatabase(database.urlAs('worker'))
  onTestFinished(() => reader.close())
  const error: unknown = await reader.query('delete from goniec.campaign').catch((reason: unknown) => reason)
  expect(explainDatabaseError(error, database.url)).toMatchObject({
    code: 'database_permission',
    hint: 'use the user that owns the schema; reading alone needs the role goniec_reporter, a worker goniec_worker',
  })
})

test('what the schema refuses is told in its own words', async () => {
  const unknown: unknown = await database
    .query(`select goniec.take_slot('x@y.example', 'campaign', '1 minute')`)
    .catch((reason: unknown) => reason)
  expect(explainStatementError(unknown)).toMatchObject({
    message: 'there is no mailbox "x@y.example"',
    hint: 'goniec mailbox list',
  })
  const refused: unknown = await database
    .query(`insert into goniec.salesperson (email, daily_limit) values ('a@b.pl', -1)`)
    .catch((reason: unknown) => reason)
  expect(explainStatementError(refused)).toMatchObject({
    code: 'salesperson_daily_limit_is_not_negative',
    message: expect.stringMatching(/daily limit is not negative/),
  })
})

test('a lost connection is told as one, and an error of a file is not taken for one', async () => {
  const session = await database.session()
  const { rows } = await session.query<{ pid: number }>('select pg_backend_pid() as pid')
  const asleep = session.query('select pg_sleep(60)').catch((reason: unknown) => reason)
  await database.query('select pg_terminate_backend($1)', [rows[0]?.pid])
  expect(explainStatementError(await asleep)).toMatchObject({ code: 'database_lost' })
  const socket = Object.assign(new Error('connect EACCES /run/x/.s.PGSQL.5432'), { code: 'EACCES', syscall: 'connect' })
  expect(explainDatabaseError(socket, '')).toMatchObject({ code: 'database_unreachable' })
  const file = Object.assign(new Error('ENOENT: no such file'), { code: 'ENOENT', syscall: 'open', path: 'x.yaml' })
  expect(explainStatementError(file)).toBe(undefined)
})

test('a connection that is reset in the middle of a command, and a server that is away when the next one is made, are told as such', async () => {
  const server = createServer((socket) => socket.resetAndDestroy()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const at = server.address() as AddressInfo
  const asked = openDatabase(`postgres://anna:tajne@127.0.0.1:${at.port}/firma?sslmode=disable`)
  onTestFinished(() => asked.close())
  const reset: unknown = await asked.query('select').catch((reason: unknown) => reason)
  expect(explainStatementError(reset)).toMatchObject({
    code: 'database_lost',
    message: expect.stringMatching(/ECONNRESET/),
  })
  server.close()
  await once(server, 'close')
  const refused: unknown = await asked.query('select').catch((reason: unknown) => reason)
  expect(explainStatementError(refused)).toMatchObject({ code: 'database_unreachable' })
  const both = new AggregateError([refused, refused])
  expect(explainStatementError(both)).toMatchObject({ code: 'database_unreachable' })
})

test.each([
  ['server login has been failing, try again later (server_login_retry)', 'database_unreachable'],
  ['server login has been failing, cached error: connect failed (server_login_retry)', 'database_unreachable'],
  ['query_wait_timeout', 'database_connections'],
  ['no more connections allowed (max_client_conn)', 'database_connections'],
  ['no such database: nowhere', 'database_missing'],
  ['server conn crashed?', 'database_lost'],
  ['client_idle_timeout', 'database_lost'],
  ['transaction blocks not allowed in statement pooling mode', 'database_pooler'],
])('pgbouncer’s “%s” is told as %s', (text, code) => {
  const said = Object.assign(new DatabaseError(text, text.length, 'error'), { code: '08P01' })
  expect(explainStatementError(said)).toMatchObject({ code, message: expect.stringContaining(text) })
})

test('a time that was set for the database or a login, a lock that is held and a server in trouble are told, with the way out', async () => {
  for (const [code, expected] of [
    ['57014', 'database_cancelled'],
    ['55P03', 'database_busy'],
    ['25P03', 'database_lost'],
    ['25P04', 'database_lost'],
    ['53200', 'database_failed'],
    ['53400', 'database_failed'],
    ['58030', 'database_failed'],
    ['XX001', 'database_failed'],
  ] as const) {
    const error: unknown = await raise(code).catch((reason: unknown) => reason)
    expect(explainStatementError(error)).toMatchObject({ code: expected, hint: expect.any(String) })
  }
  const session = await database.session()
  await session.query(`set statement_timeout = '1ms'`)
  const error: unknown = await session.query('select pg_sleep(10)').catch((reason: unknown) => reason)
  expect(explainStatementError(error)?.hint).toContain('statement_timeout')
})

/** The port of a server that does so when it is asked for TLS. */
async function answering(respond: (socket: Socket) => void): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.once('data', () => respond(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return String((server.address() as AddressInfo).port)
}

function raise(code: string): Promise<unknown> {
  return database.query(`do $$ begin raise exception 'x' using errcode = '${code}'; end $$`)
}
