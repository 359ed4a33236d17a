/**
 * A dump by the real pg_dump, read into another cluster by the steps that docs/operations.md shows, word for word; then a worker that knows by its
 * logbook what it had sent since.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, type TestContext } from 'vitest'
import { ensureCluster, stopCluster } from '../../src/database/cluster.ts'
import { openDatabase } from '../../src/database/pool.ts'
import { assert } from '../../src/errors.ts'
import { runGoniec } from '../cli/run-goniec.ts'
import { chosenPrograms } from '../support/server.ts'
import { untilRow } from '../support/until-row.ts'
import { endWorkers, startWorker, type WorkerProcess } from '../support/worker-process.ts'
import { makeRestoredWorld, type RestoredWorld } from './restored-world.ts'

const ROOT = join(import.meta.dirname, '..', '..')
const DEBIAN = '/usr/lib/postgresql'

/** The newest Postgres of Debian that can dump as well: the embedded one has no such programs. */
const version = (existsSync(DEBIAN) ? readdirSync(DEBIAN) : [])
  .filter(
    (name) => existsSync(join(DEBIAN, name, 'bin', 'pg_dump')) && existsSync(join(DEBIAN, name, 'bin', 'postgres')),
  )
  .toSorted((a, b) => Number(a) - Number(b))
  .at(-1)

/** Twelve leads, two steps each. */
const ALL = 24

const env = { ...process.env, GONIEC_TEST_POSTGRES: version ?? '' }

let world: RestoredWorld
let directory: string
/** The database that the dump is read into, empty at first, in a cluster that knows no role of goniec. */
let restored: string

beforeEach(async (context: TestContext) => {
  context.skip(version === undefined, `no pg_dump below ${DEBIAN}: apt-get install postgresql`)
  directory = mkdtempSync(join(tmpdir(), 'goniec-dump-'))
  chmodSync(directory, 0o755)
  const { programs, initdbFlags } = chosenPrograms(env)
  restored = await ensureCluster(join(directory, 'cluster'), programs, { initdbFlags })
  world = await makeRestoredWorld({}, { env })
}, 120_000)

afterEach(async () => {
  if (version === undefined) return
  await endWorkers()
  await world.end()
  await stopCluster(join(directory, 'cluster'), chosenPrograms(env).programs, 'immediate')
  rmSync(directory, { recursive: true, force: true })
}, 120_000)

test('what a dump has forgotten is noticed in another cluster, named, and mailed to nobody again', async () => {
  const known = await sendAroundDump()
  const read = await shell(shown('--single-transaction'))
  expect(read).toMatchObject({ code: 3 })
  expect(read.output).toMatch(/^ok +roles: goniec_worker and goniec_reporter are there, and may do what they are for$/m)
  expect(read.output).toMatch(/^PROBLEM +restored: .*no worker has noticed it yet, nor reported/m)

  const worker = start()
  await worker.line(({ msg }) => msg.startsWith('the database was restored'))
  const database = openDatabase(restored)
  try {
    await untilRow(database, 'select from goniec.restoration_report where is_complete')
    const { code, stdout } = await runGoniec(['resume', '--after-restore', '--yes', '--json'], { url: restored })
    expect(code).toBe(0)
    const { restoration, changed, doubted } = JSON.parse(stdout) as {
      changed: boolean
      doubted: number
      restoration: { mails: { recipient: string; step: string; became: string }[] }
    }
    expect({ changed, doubted }).toEqual({ changed: true, doubted: 0 })
    const forgotten = world.accepted().filter((mail) => !known.includes(mail))
    expect(forgotten.length).toBeGreaterThan(0)
    expect(restoration.mails.map(({ recipient, step }) => `${recipient} ${step}`).toSorted()).toEqual(forgotten)
    await untilRow(database, `select from goniec.message where status = 'sent' having count(*) = $1`, [ALL])
  } finally {
    await database.close()
  }
  worker.kill('SIGTERM')
  await worker.endedWell()
  expect(world.accepted()).toHaveLength(ALL)
  expect(new Set(world.accepted()).size).toBe(ALL)
  expect(await runGoniec(['audit'], { url: restored })).toMatchObject({ code: 0 })
})

test('a dump that was read without the roles has its rights back by the steps that are shown, as doctor says', async () => {
  await shell(shown('pg_dump '))
  const read = await shell('pg_restore --no-owner --dbname="$RESTORED_URL" goniec.dump')
  expect(read).toMatchObject({ code: 1, output: expect.stringContaining('role "goniec_worker" does not exist') })
  const before = await runGoniec(['doctor', '--no-logins'], { url: restored })
  expect(before.stdout).toMatch(/roles: goniec_worker and goniec_reporter are not there/)
  const mended = await shell(shown('rights.list'))
  expect(mended).toMatchObject({ code: 0 })
  const after = await runGoniec(['doctor', '--no-logins'], { url: restored })
  expect(after.stdout).toMatch(/^ok +roles: /m)
})

/** Some mails, a dump, and all the others. Returns what was under way or sent when it was made. */
async function sendAroundDump(): Promise<string[]> {
  const worker = start(world.workerUrl)
  await world.allowJust(4)
  const dumped = await shell(shown('pg_dump '))
  expect(dumped).toMatchObject({ code: 0 })
  const known = await knownToDump()
  world.allow(1000)
  await world.recorder.until(ALL)
  await untilRow(world.database, `select from goniec.message where status = 'sent' having count(*) = $1`, [ALL])
  worker.kill('SIGTERM')
  await worker.endedWell()
  return known
}

async function knownToDump(): Promise<string[]> {
  const known = await world.database.query<{ mail: string }>(
    `select m.recipient || ' ' || m.step_key as mail from goniec.message m join goniec.attempt a on a.message_id = m.id where a.transmitting_at is not null`,
  )
  return known.map(({ mail }) => mail)
}

/** The worker, under its name and with its logbook, wherever the database is. */
function start(url = asSender()): WorkerProcess {
  return startWorker(url, {
    args: ['--name', 'one'],
    env: { GONIEC_STATE: join(directory, 'state'), GONIEC_TICK: '500ms' },
  })
}

/** The login that the steps make. */
function asSender(): string {
  return Object.assign(new URL(restored), { username: 'sender', password: '…' }).href
}

/** The one block of docs/operations.md with these words in it. */
function shown(words: string): string {
  const page = readFileSync(join(ROOT, 'docs', 'operations.md'), 'utf8')
  const blocks = [...page.matchAll(/^```sh\n(.*?)^```/gms)].map(([, block = '']) => block)
  const [block, ...others] = blocks.filter((text) => text.includes(words) && text.includes('goniec.dump'))
  assert(block !== undefined && others.length === 0, `docs/operations.md has one block with “${words}”`)
  return block
}

/** What a person types, in the directory that he works in; it ends with the first command that fails. */
async function shell(script: string): Promise<{ code: number | null; output: string }> {
  const bin = join(directory, 'bin')
  mkdirSync(bin, { recursive: true })
  writeFileSync(
    join(bin, 'goniec'),
    `#!/bin/sh\nexec '${process.execPath}' '${join(ROOT, 'bin', 'goniec.js')}' "$@"\n`,
    {
      mode: 0o755,
    },
  )
  const isDump = script.startsWith('pg_dump')
  const child = spawn('sh', ['-e', '-c', script], {
    cwd: directory,
    env: {
      ...process.env,
      PATH: [bin, join(DEBIAN, version ?? '', 'bin'), process.env['PATH']].join(':'),
      DATABASE_URL: isDump ? world.url : restored,
      RESTORED_URL: restored,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => void (output += chunk.toString()))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, output }
}
