/**
 * One Postgres data directory of ours: made, started, found running, stopped.
 *
 * A cluster lives in a directory with three things: `data` (Postgres' own directory, which also holds the password file, readable by
 * its owner only), `server.log` inside it, and `port`, the port used last. The server listens on 127.0.0.1 only.
 *
 * Promises: it needs no lock of its own, and yet two commands at once do not clash. A new cluster is built under another name and
 * renamed into place, so that it is there whole or not at all, and the slower one throws its own away. Of two servers started on one
 * directory Postgres lets one live (`postmaster.pid`); whoever is second joins it.
 */
// date: files carry times of the wall clock
import { randomBytes } from 'node:crypto'
import { appendFile, chown, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { clearStalePidFile, findPostmaster, ignoreMissing } from './postmaster.ts'
import { explainServerFailure } from './server-failures.ts'
import { makeFolder, runProgram, type ServerPrograms } from './server-process.ts'

/** Not "goniec": a schema of the user's own name is on his search path, and would hide a name that lacks its schema. */
const USER = 'postgres'
const DATABASE = 'goniec'

export interface ClusterOptions {
  /** Lines for postgresql.conf, written when the cluster is made. */
  settings?: Record<string, string>
  /** Further flags of initdb (their names differ between versions). */
  initdbFlags?: readonly string[]
}

/** The running server's URL, with its password; it is started, and before that made, where needed. */
export async function ensureCluster(
  directory: string,
  programs: () => Promise<ServerPrograms>,
  options: ClusterOptions = {},
): Promise<string> {
  const data = join(directory, 'data')
  const running = await waitForStarting(data)
  if (running !== undefined) return clusterUrl(data, running)
  const usable = await programs()
  if (!(await hasCluster(data))) await createCluster(directory, usable, options)
  return clusterUrl(data, await start(directory, usable))
}

/** Stops the server and waits until it has ended; false: none was running. */
export async function stopCluster(
  directory: string,
  programs: () => Promise<ServerPrograms>,
  mode: 'fast' | 'immediate' = 'fast',
): Promise<boolean> {
  const data = join(directory, 'data')
  if (!(await findPostmaster(data))) return false
  const { code, output } = await runProgram(await programs(), 'pg_ctl', ['stop', '-D', data, '-m', mode, '-w'])
  // It may have ended by itself in between.
  if (code !== 0 && (await findPostmaster(data))) throw explainServerFailure(data, output)
  return true
}

const START_TIMEOUT_MS = 60_000

/** The port once the server is ready; undefined when none is running. */
async function waitForStarting(data: string): Promise<number | undefined> {
  const deadline = performance.now() + START_TIMEOUT_MS
  for (;;) {
    const postmaster = await findPostmaster(data)
    if (!postmaster) return undefined
    if (postmaster.ready) return postmaster.port
    if (performance.now() > deadline) throw explainServerFailure(data, 'the server does not become ready')
    await wait(25)
  }
}

async function hasCluster(data: string): Promise<boolean> {
  return readFile(join(data, 'PG_VERSION')).then(
    () => true,
    () => false,
  )
}

async function createCluster(directory: string, programs: ServerPrograms, options: ClusterOptions): Promise<void> {
  await removeAbandoned(directory)
  const fresh = await prepareDirectory(directory, programs)
  try {
    await initialise(fresh, programs, options)
    // Fails when another command's cluster stands there by now: then that one is used.
    await rename(fresh, join(directory, 'data')).catch(async (error) => {
      if (!(await hasCluster(join(directory, 'data')))) throw error
    })
  } catch (error) {
    throw explainServerFailure(directory, error)
  } finally {
    await rm(fresh, { recursive: true, force: true })
  }
}

const ABANDONED_MS = 600_000

/** What commands left that were killed while they made a cluster. One being made is seconds old. */
async function removeAbandoned(directory: string): Promise<void> {
  const names = await readdir(directory).catch(ignoreMissing)
  for (const name of (names ?? []).filter((candidate) => candidate.startsWith('new-'))) {
    const path = join(directory, name)
    const found = await stat(path).catch(ignoreMissing)
    if (found && Date.now() - found.mtimeMs > ABANDONED_MS) await rm(path, { recursive: true, force: true })
  }
}

async function prepareDirectory(directory: string, { account }: ServerPrograms): Promise<string> {
  try {
    // Another user's server must be able to walk through it; what is secret stands in `data`, which is its owner's only.
    await makeFolder(directory, account)
    const fresh = await mkdtemp(join(directory, 'new-'))
    if (account) await chown(fresh, account.uid, account.gid)
    return fresh
  } catch (error) {
    throw explainServerFailure(directory, error)
  }
}

async function initialise(fresh: string, programs: ServerPrograms, options: ClusterOptions): Promise<void> {
  const { settings = {}, initdbFlags = [] } = options
  const password = randomBytes(18).toString('base64url')
  // Beside the new directory, since initdb wants an empty one.
  const passwordFile = `${fresh}.password`
  await writeOwned(passwordFile, password, programs)
  try {
    const flags = ['--username', USER, '--pwfile', passwordFile, '--auth', 'scram-sha-256', '--encoding', 'UTF8']
    await must(programs, 'initdb', ['-D', fresh, ...flags, '--no-instructions', ...initdbFlags])
    const lines = Object.entries({ ...SETTINGS, ...settings }).map(([name, value]) => `${name} = '${value}'\n`)
    await appendFile(join(fresh, 'postgresql.conf'), `\n# goniec\n${lines.join('')}`)
    await must(programs, 'postgres', ['--single', '-D', fresh, 'postgres'], `create database ${DATABASE};\n`)
    await rename(passwordFile, join(fresh, 'password'))
  } finally {
    await rm(passwordFile, { force: true })
  }
}

const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_checkpoints: 'off',
}

async function writeOwned(file: string, content: string, { account }: ServerPrograms): Promise<void> {
  await writeFile(file, content, { mode: 0o600 })
  if (account) await chown(file, account.uid, account.gid)
}

async function must(programs: ServerPrograms, program: string, args: string[], input?: string): Promise<void> {
  const { code, output } = await runProgram(programs, program, args, input)
  if (code !== 0) throw explainServerFailure(dirname(args[args.indexOf('-D') + 1] ?? ''), output)
}

/** What stands in the way for a moment only: another program on the port, or the last processes of a server that was killed. */
const PASSING = new Set(['embedded_port', 'embedded_still_ending'])
const START_TRIES = 20

async function start(directory: string, programs: ServerPrograms): Promise<number> {
  const data = join(directory, 'data')
  for (let tries = 1; ; tries += 1) {
    await clearStalePidFile(data)
    const complaint = await tryStart(data, programs, await choosePort(directory))
    // Ours, or the one of a command that was faster.
    const running = await waitForStarting(data)
    if (running !== undefined) {
      await writeFile(join(directory, 'port'), String(running))
      return running
    }
    const failure = explainServerFailure(data, complaint)
    if (!PASSING.has(failure.code) || tries === START_TRIES) throw failure
    await wait(100)
  }
}

/** Starts the server, detached; what it said, should it not have come up. */
async function tryStart(data: string, programs: ServerPrograms, port: number): Promise<string> {
  const log = join(data, 'server.log')
  const before = await readLog(log)
  const args = ['start', '-D', data, '-w', '-t', String(START_TIMEOUT_MS / 1000), '-l', log, '-o', `-p ${port}`]
  const { output } = await runProgram(programs, 'pg_ctl', args)
  return `${output}\n${(await readLog(log)).slice(before.length)}`
}

async function readLog(log: string): Promise<string> {
  return (await readFile(log, 'utf8').catch(ignoreMissing)) ?? ''
}

/** The port used last if it is free, so that a URL noted down stays true; else any free one. */
async function choosePort(directory: string): Promise<number> {
  const last = await readFile(join(directory, 'port'), 'utf8').catch(() => '0')
  return (await tryPort(Number(last) || 0)) ?? (await tryPort(0)) ?? 0
}

async function tryPort(port: number): Promise<number | undefined> {
  const server = createServer()
  return new Promise((resolve) => {
    server.on('error', () => resolve(undefined))
    server.listen(port, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' ? address?.port : undefined))
    })
  })
}

async function clusterUrl(data: string, port: number): Promise<string> {
  const password = await readFile(join(data, 'password'), 'utf8')
  // Said, since PGSSLMODE would stand for what is not: this server speaks no TLS, and nobody else is on the way to it.
  return `postgres://${USER}:${password}@127.0.0.1:${port}/${DATABASE}?sslmode=disable`
}
