/**
 * A Postgres of a cell's own that may be killed, stopped, filled and copied: durable, as in production (nothing of `fsync`,
 * `synchronous_commit` or `full_page_writes` is off), with its log, and able to have a standby.
 */
import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { chown, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { dataDirectory } from '../../src/config.ts'
import { ensureCluster, stopCluster } from '../../src/database/cluster.ts'
import { embeddedPrograms } from '../../src/database/embedded-programs.ts'
import { migrate } from '../../src/database/migrate.ts'
import { connectSession, openDatabase, type Database } from '../../src/database/pool.ts'
import { findPostmaster } from '../../src/database/postmaster.ts'
import { serverAccount } from '../../src/database/server-process.ts'
import { assert } from '../../src/errors.ts'
import { untilRow } from '../../tests/support/until-row.ts'

const run = promisify(execFile)
const programs = (): ReturnType<typeof embeddedPrograms> => embeddedPrograms(dataDirectory())

const SETTINGS = {
  max_connections: '40',
  shared_buffers: '32MB',
  min_wal_size: '8MB',
  max_wal_size: '32MB',
  autovacuum_naptime: '1h',
  wal_level: 'replica',
  wal_keep_size: '64MB',
  log_line_prefix: '%m [%p] %a ',
}

/** The login that workers of the proof use: goniec_worker, and no more. */
const WORKER_LOGIN = { username: 'worker', password: 'worker' }

export class Cluster {
  readonly directory: string
  /** As its owner, past any proxy; usable again after each start. */
  readonly database: Database

  private constructor(directory: string, url: string) {
    this.directory = directory
    this.database = openDatabase(url, { name: 'proof', size: 3 })
  }

  /** Makes one in this directory, with goniec's schema and a login for workers. */
  static async create(directory: string): Promise<Cluster> {
    const url = await ensureCluster(directory, programs, {
      settings: SETTINGS,
      initdbFlags: ['--locale', 'C.UTF-8', '--wal-segsize', '1'],
    })
    await migrate(url)
    const cluster = new Cluster(directory, url)
    const { username, password } = WORKER_LOGIN
    await cluster.database.query(`create role ${username} login password '${password}' in role goniec_worker`)
    return cluster
  }

  get port(): number {
    return Number(new URL(this.database.url).port)
  }

  get data(): string {
    return join(this.directory, 'data')
  }

  /** For a worker that reaches it at this port, through a proxy for example. */
  workerUrl(port: number): string {
    return Object.assign(new URL(this.database.url), { ...WORKER_LOGIN, port: String(port) }).href
  }

  /** All that the server has written down so far. */
  async log(): Promise<string> {
    return readFile(join(this.data, 'server.log'), 'utf8')
  }

  /** On the same port. */
  async start(): Promise<void> {
    const url = await ensureCluster(this.directory, programs)
    assert(url === this.database.url, `the server came back at ${url}`)
  }

  async stop(mode: 'fast' | 'immediate'): Promise<void> {
    await stopCluster(this.directory, programs, mode)
  }

  /** Changes a setting in the running server; null: its default again. */
  async set(name: string, value: string | null): Promise<void> {
    const session = await connectSession(this.database.url)
    try {
      // So that a server that takes no writes by default can be told to take them again.
      await session.query('set default_transaction_read_only = off')
      await session.query(value === null ? `alter system reset ${name}` : `alter system set ${name} = '${value}'`)
      await session.query('select pg_reload_conf()')
    } finally {
      await session.end()
    }
  }

  /** SIGKILL for the server and everything it has made, as the kernel does it when memory is short. Returns who was killed. */
  async kill(): Promise<number[]> {
    const postmaster = await findPostmaster(this.data)
    assert(postmaster, 'a server that is killed runs')
    const pids = [postmaster.pid, ...childrenOf(postmaster.pid)]
    for (const pid of pids) killIfThere(pid)
    // One that is still dying would be taken for one that runs, and not be started again.
    while (await findPostmaster(this.data)) await delay(5)
    return pids
  }

  /** A standby of this server, streaming; in time it has everything. */
  async copyTo(directory: string, name: string): Promise<Cluster> {
    const url = await this.#copyFiles(directory, name)
    const standby = new Cluster(directory, url)
    await untilRow(
      this.database,
      `select from pg_stat_replication where application_name = $1 and state = 'streaming'`,
      [name],
    )
    return standby
  }

  /** Ends the server and forgets it. */
  async remove(): Promise<void> {
    await this.database.close()
    await this.stop('immediate')
    await rm(this.directory, { recursive: true, force: true })
  }

  /** A base backup, as the manual has it under "Making a Base Backup Using the Low Level API". */
  async #copyFiles(directory: string, name: string): Promise<string> {
    const data = join(directory, 'data')
    const { password } = new URL(this.database.url)
    const session = await connectSession(this.database.url)
    try {
      await session.query(`select pg_backup_start('proof', fast => true)`)
      await rm(directory, { recursive: true, force: true })
      await mkdir(directory, { recursive: true })
      await run('cp', ['-a', this.data, data])
      for (const own of ['postmaster.pid', 'postmaster.opts', 'server.log', 'standby.signal', 'postgresql.auto.conf'])
        await rm(join(data, own), { force: true })
      const { rows } = await session.query<{ labelfile: string }>('select labelfile from pg_backup_stop(false)')
      await writeFile(join(data, 'backup_label'), rows[0]?.labelfile ?? '')
    } finally {
      await session.end()
    }
    const source = `host=127.0.0.1 port=${this.port} user=postgres password=${password} application_name=${name}`
    await writeFile(join(data, 'standby.signal'), '')
    await writeFile(
      join(data, 'postgresql.auto.conf'),
      `primary_conninfo = '${source}'\nwal_retrieve_retry_interval = '100ms'\n`,
    )
    await giveToServer(['backup_label', 'standby.signal', 'postgresql.auto.conf'].map((file) => join(data, file)))
    return ensureCluster(directory, programs)
  }
}

async function giveToServer(files: readonly string[]): Promise<void> {
  const account = await serverAccount()
  if (account) for (const file of files) await chown(file, account.uid, account.gid)
}

function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && parentOf(name) === pid)
    .map(Number)
}

function parentOf(pid: string): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
  } catch {
    return undefined // It has ended meanwhile.
  }
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended meanwhile.
  }
}
