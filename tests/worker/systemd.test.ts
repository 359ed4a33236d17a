/** What systemd hears from a worker, over a real notification socket; and when the watchdog hears nothing any more. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { assert } from '../../src/errors.ts'
import { createLogger } from '../../src/log.ts'
import { getsOn } from '../../src/worker/progress.ts'
import { Systemd, watch } from '../../src/worker/systemd.ts'
import { setClock } from '../support/clock.ts'
import { createTestDatabase } from '../support/database.ts'
import { endWorkers, startWorker } from '../support/worker-process.ts'
import { NOON, World } from '../support/world.ts'

const log = createLogger({ level: 'silent' })
const canListen = ['systemd-notify', 'perl'].every((name) => spawnSync(name, ['--version']).status === 0)

let folder: string
let listener: ChildProcess
let heard: string[]
let wake: () => void

/** Perl has Unix datagrams, which Node has not: each one becomes a line. */
const LISTEN = `use Socket; $| = 1; socket(S, PF_UNIX, SOCK_DGRAM, 0) or die; bind(S, sockaddr_un($ARGV[0])) or die $!; print "ready\\n";
while (defined recv(S, my $said, 4096, 0)) { $said =~ s/\\n/ /g; print "$said\\n" }`

beforeEach(async (context) => {
  context.skip(!canListen, 'systemd-notify or perl is not installed')
  folder = mkdtempSync(join(tmpdir(), 'goniec-notify-'))
  heard = []
  wake = () => undefined
  listener = spawn('perl', ['-e', LISTEN, join(folder, 'socket')], { stdio: ['ignore', 'pipe', 'inherit'] })
  assert(listener.stdout, 'its output is a pipe')
  createInterface({ input: listener.stdout }).on('line', (line) => {
    heard.push(line)
    wake()
  })
  await hears('ready')
})

afterEach(async () => {
  await endWorkers()
  listener.kill()
  await once(listener, 'exit')
  rmSync(folder, { recursive: true })
})

test('a worker says that it is ready, that it gets on, and that it stops', async () => {
  const database = await createTestDatabase()
  const env = { NOTIFY_SOCKET: join(folder, 'socket'), WATCHDOG_USEC: '300000' }
  const worker = startWorker(database.urlAs('worker'), { args: ['--name', 'watched'], env })
  await hears('READY=1 STATUS=sends as watched')
  await hears('WATCHDOG=1')
  worker.kill('SIGTERM')
  await hears('STOPPING=1')
  expect(await worker.ended).toBe(0)
})

test('a worker that does not get on says nothing more, and is given up once', async () => {
  const systemd = new Systemd({ NOTIFY_SOCKET: join(folder, 'socket'), WATCHDOG_USEC: '60000' }, log)
  const stuck = Promise.withResolvers<void>()
  let looks = 0
  watch(
    systemd,
    async () => ++looks < 3,
    () => stuck.resolve(),
  )
  await stuck.promise
  await expect.poll(watchdogs).toBe(2)
  await systemd.ready('still here')
  await hears('READY=1 STATUS=still here')
  expect(watchdogs()).toBe(2)
  expect(looks).toBe(3)
})

test('outside of systemd, or for another process, nothing is watched', () => {
  expect(new Systemd({ WATCHDOG_USEC: '60000' }, log).watchdogMs).toBeUndefined()
  const ofAnother = { NOTIFY_SOCKET: join(folder, 'socket'), WATCHDOG_USEC: '60000', WATCHDOG_PID: '1' }
  expect(new Systemd(ofAnother, log).watchdogMs).toBeUndefined()
})

test('a worker whose claims are not answered while a mail could be claimed does not get on', async () => {
  const database = await createTestDatabase()
  await setClock(database, NOON)
  const world = new World(database.pool)
  await world.mail({ dueInMs: -120_000 })
  const asked = (sinceClaimMs: number): Promise<boolean> =>
    getsOn({ url: database.urlAs('worker'), graceMs: 300_000, sinceClaimMs: () => sinceClaimMs, log })
  expect(await asked(1_000)).toBe(true)
  expect(await asked(200_000)).toBe(false)
  await database.query(`update goniec.campaign set status = 'paused'`)
  expect(await asked(200_000)).toBe(true)
})

test('a database that is away is no reason to end a worker: it holds outcomes that nobody else knows', async () => {
  const url = 'postgres://nobody@127.0.0.1:1/goniec'
  expect(await getsOn({ url, graceMs: 300_000, sinceClaimMs: () => 200_000, log })).toBe(true)
})

const watchdogs = (): number => heard.filter((line) => line.startsWith('WATCHDOG')).length

async function hears(words: string): Promise<void> {
  while (!heard.some((line) => line.includes(words))) {
    await new Promise<void>((resolve) => {
      wake = resolve
    })
  }
}
