/** The examination through the command, on a database of goniec's own that is durable as people's are. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startEmbedded, stopEmbedded } from '../../src/database/embedded.ts'
import { migrate } from '../../src/database/migrate.ts'
import { openDatabase, type Database } from '../../src/database/pool.ts'
import type { Checked } from '../../src/reports/doctor/checked.ts'
import { Temporal } from '../../src/time.ts'
import { startFaultServer } from '../smtp/fault-server.ts'
import { startDnsServer } from '../support/dns-server.ts'
import { goniec, type Ended } from '../support/goniec.ts'
import { endWorkers, startWorker } from '../support/worker-process.ts'
import { World } from '../support/world.ts'

let base = ''
let directory = ''
let count = 0
let database: Database
beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'goniec-doctor-'))
  await promisify(execFile)('chmod', ['755', base])
  directory = join(base, 'postgres')
  const url = await startEmbedded(directory)
  await migrate(url)
  database = openDatabase(url)
})
afterAll(async () => {
  await endWorkers()
  await database.close()
  await stopEmbedded(directory)
  await rm(base, { recursive: true })
})

const doctor = (...args: string[]): Promise<Ended> => goniec(['doctor', `--embedded=${directory}`, ...args])

test('a sound installation ends 0, and one that is not ends 3, with what is wrong and what to do in the last lines', async () => {
  const server = await startFaultServer()
  await new World(database.pool, Temporal.Now.instant()).mailbox({
    address: 'anna@firma.example',
    smtp_port: server.port,
  })
  const dns = await startDnsServer({
    'firma.example': ['v=spf1 include:_spf.firma.example ~all'],
    '_spf.firma.example': ['v=spf1 ip4:192.0.2.0/24 ~all'],
    '_dmarc.firma.example': ['v=DMARC1; p=none'],
    'ours._domainkey.firma.example': ['v=DKIM1; p=MIIBIjAN'],
  })
  const asked = ['--dns', dns.address, '--selector', 'ours']
  const worker = startWorker(database.url, { args: ['--name', 'w1'] })
  await worker.line(({ msg }) => msg === 'worker started')

  const { code, stdout } = await doctor('--json', ...asked)
  const { ok, checks } = JSON.parse(stdout) as { ok: boolean; checks: Checked[] }
  expect(checks.filter(({ verdict }) => verdict !== 'ok')).toEqual([])
  expect({ code, ok }).toEqual({ code: 0, ok: true })
  expect(checks).toContainEqual({ name: 'mailbox logins', verdict: 'ok', text: '1 of 1 work', try: null })

  await database.query('alter system set fsync = off')
  await database.query('alter table goniec.message disable trigger message_is_kept')
  await database.query('select pg_reload_conf()')
  const sick = await doctor(...asked)
  expect(sick.code).toBe(3)
  expect(sick.stdout.trimEnd().split('\n').slice(-4)).toEqual([
    'PROBLEM    durability: fsync is off: a power cut can spoil the database, and with it the record of what was sent',
    '           Try: alter system set fsync = on; select pg_reload_conf()',
    'PROBLEM    the-guards-are-on: trigger message_is_kept message switched off: D',
    expect.stringMatching(/^ {11}Try: put back what is missing/),
  ])
  expect(sick.stderr).toBe(`${checks.length} checks: 2 problems.\n`)
  await server.close()
})

test('without logins no worker is asked, and warnings alone end 0', async () => {
  const other = await startEmptyDatabase()
  const { code, stdout, stderr } = await goniec(['doctor', '--no-logins'], { env: { DATABASE_URL: other } })
  expect(stdout).toMatch(
    /^warning {4}workers: none is running; just now nothing waits for one\n {11}Try: goniec worker$/m,
  )
  expect(stdout).not.toContain('mailbox logins')
  expect({ code, stderr }).toEqual({
    code: 0,
    stderr: expect.stringMatching(/no problem, 1 warning, \d not tried\.\n$/),
  })
})

test('roles that are not there are a warning, since their owner can do all that they are for', async () => {
  const other = await startEmptyDatabase()
  for (const role of ['goniec_worker', 'goniec_reporter'])
    await database.query(`alter role ${role} rename to away_${role}`)
  const { code, stdout } = await goniec(['doctor', '--no-logins'], { env: { DATABASE_URL: other } })
  for (const role of ['goniec_worker', 'goniec_reporter'])
    await database.query(`alter role away_${role} rename to ${role}`)
  expect(stdout).toMatch(/^warning {4}roles: goniec_worker and goniec_reporter are not there/m)
  expect(code).toBe(0)
})

test('a database that does not answer ends 1, and a name server that is none ends 2', async () => {
  const away = await goniec(['doctor'], { env: { DATABASE_URL: 'postgres://goniec@127.0.0.1:1/goniec' } })
  expect(away).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(/^Error: .* does not answer/) })
  expect(await doctor('--dns', 'nobody')).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/^Error: --dns is the address of a name server, not "nobody"\n/),
  })
})

/** Migrated, on the same server; with its durability as the test before it does not leave it. */
async function startEmptyDatabase(): Promise<string> {
  await database.query('alter system reset fsync')
  await database.query('select pg_reload_conf()')
  const name = `other_${(count += 1)}`
  await database.query(`create database ${name}`)
  const url = Object.assign(new URL(database.url), { pathname: `/${name}` }).href
  await migrate(url)
  return url
}
