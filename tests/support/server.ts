/**
 * The Postgres server of a test run: embedded Postgres 18 without durability; with `GONIEC_TEST_POSTGRES=15` the programs of that
 * version that Debian installed; with `GONIEC_TEST_POSTGRES=docker:17` a container; with `GONIEC_TEST_DATABASE_URL` one that is given
 * (as its superuser).
 *
 * A server of ours ends with the run, also when the run is killed: a small shell waits for the end of a pipe that only we hold.
 */
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { dataDirectory } from '../../src/config.ts'
import { ensureCluster, stopCluster } from '../../src/database/cluster.ts'
import { embeddedPrograms } from '../../src/database/embedded-programs.ts'
import { startEmbedded, stopEmbedded } from '../../src/database/embedded.ts'
import { serverAccount, type ServerPrograms } from '../../src/database/server-process.ts'
import { GoniecError } from '../../src/errors.ts'

export interface TestServer {
  url: string
  /** Where its data is, if it is ours and can be looked at after the run. */
  directory: string | undefined
  /** Ends it; with `keep` its data stays, so that it can be started again. */
  stop(options: { keep: boolean }): Promise<void>
}

export async function startTestServer(env = process.env): Promise<TestServer> {
  const given = env['GONIEC_TEST_DATABASE_URL']
  if (given) return { url: given, directory: undefined, stop: async () => undefined }
  const wanted = env['GONIEC_TEST_POSTGRES'] ?? ''
  if (wanted.startsWith('docker:')) return startContainer(wanted.slice('docker:'.length))
  return startOwn(wanted === '' ? undefined : installedPrograms(wanted))
}

/** Nothing of a test has to survive a power cut. */
const SETTINGS = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  max_connections: '300',
  shared_buffers: '128MB',
  autovacuum_naptime: '1h',
  log_min_messages: 'fatal',
}

async function startOwn(installed: (() => Promise<ServerPrograms>) | undefined): Promise<TestServer> {
  removeLeftovers()
  const base = join(tmpdir(), `goniec-test-${process.pid}`)
  const directory = join(base, 'server')
  const endWatch = watchOver(base)
  const url = installed
    ? await ensureCluster(directory, installed, {
        settings: SETTINGS,
        initdbFlags: ['--locale', 'C.UTF-8', '--no-sync'],
      })
    : await startEmbedded(directory, { settings: SETTINGS })
  return {
    url,
    directory,
    async stop({ keep }) {
      await (installed ? stopCluster(directory, installed, 'fast') : stopEmbedded(directory))
      endWatch()
      if (!keep) rmSync(base, { recursive: true, force: true })
    },
  }
}

/** For servers that a test makes for itself: the programs that the run was asked to use, and their flags. A container's cannot be used so. */
export function chosenPrograms(env = process.env): { programs: () => Promise<ServerPrograms>; initdbFlags: string[] } {
  const wanted = env['GONIEC_TEST_POSTGRES'] ?? ''
  return /^\d+$/.test(wanted)
    ? { programs: installedPrograms(wanted), initdbFlags: ['--locale', 'C.UTF-8', '--no-sync'] }
    : { programs: () => embeddedPrograms(dataDirectory()), initdbFlags: ['--no-sync'] }
}

/** Debian's programs of a version; they need no `pg_config` of that version on the path. */
function installedPrograms(version: string): () => Promise<ServerPrograms> {
  const debian = `/usr/lib/postgresql/${version}/bin`
  const bin = existsSync(debian) ? debian : execFileSync('pg_config', ['--bindir'], { encoding: 'utf8' }).trim()
  const found = execFileSync(`${bin}/postgres`, ['--version'], { encoding: 'utf8' })
  if (!new RegExp(`\\) ${version}\\b`).test(found)) {
    throw new GoniecError('test_postgres', `GONIEC_TEST_POSTGRES=${version}, but ${bin} has ${found.trim()}`, {
      hint: `apt-get install postgresql-${version}`,
    })
  }
  return async () => ({ bin, account: await serverAccount() })
}

async function startContainer(tag: string): Promise<TestServer> {
  const { GenericContainer, Wait } = await import('testcontainers')
  const settings = Object.entries(SETTINGS).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const container = await new GenericContainer(`postgres:${tag}`)
    .withEnvironment({ POSTGRES_PASSWORD: 'goniec' })
    .withCommand(['postgres', ...settings, '-c', 'log_min_messages=warning'])
    .withExposedPorts(5432)
    // It starts once to set itself up and once to stay.
    .withWaitStrategy(Wait.forAll([Wait.forListeningPorts(), Wait.forSuccessfulCommand('pg_isready -h 127.0.0.1')]))
    .start()
  return {
    url: `postgres://postgres:goniec@${container.getHost()}:${container.getMappedPort(5432)}/postgres`,
    directory: undefined,
    stop: async () => void (await container.stop()),
  }
}

/** What earlier runs left: kept for a look, or killed before they could clean up. */
function removeLeftovers(): void {
  for (const name of readdirSync(tmpdir())) {
    const pid = /^goniec-test-(\d+)$/.exec(name)?.[1]
    if (pid === undefined || existsSync(`/proc/${pid}`)) continue
    try {
      rmSync(join(tmpdir(), name), { recursive: true, force: true })
    } catch (error) {
      // Another user's: theirs to remove.
      if (!(error instanceof Error && 'code' in error && (error.code === 'EACCES' || error.code === 'EPERM')))
        throw error
    }
  }
}

/** A server below this directory ends with this process, and its data goes. Returns what ends the watch without harm. */
export function watchOver(base: string): () => void {
  const pidFile = join(base, 'server', 'data', 'postmaster.pid')
  const script = `read word; [ "$word" = done ] && exit; kill -QUIT "$(head -n 1 '${pidFile}')" && sleep 1; rm -rf '${base}'`
  const watch = spawn('sh', ['-c', script], { stdio: ['pipe', 'ignore', 'ignore'], detached: true })
  watch.unref()
  return () => watch.stdin.end('done\n')
}
