/**
 * The Postgres of a benchmark, durable, in a directory that goes with it: goniec's own embedded one with its usual settings, or with the same ones
 * another that is installed.
 */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ensureCluster, stopCluster } from '../src/database/cluster.ts'
import { embeddedPrograms } from '../src/database/embedded-programs.ts'
import { sharedBuffers, startEmbedded } from '../src/database/embedded.ts'
import { migrate } from '../src/database/migrate.ts'
import { openDatabase, type Database } from '../src/database/pool.ts'
import { serverAccount } from '../src/database/server-process.ts'
import { parentOf } from './processes.ts'

export interface BenchServer extends AsyncDisposable {
  url: string
  /** Migrated, and empty at first. */
  database: Database
  /** Where `bin/goniec.js` is that is measured. */
  root: string
}

/** The process of a database's server, on this machine. */
export async function serverPid({ query }: Database): Promise<number> {
  const [row] = await query<{ pid: number }>('select pg_backend_pid() as pid')
  return parentOf(row?.pid ?? 0)
}

/** As the server says it itself: 18.4, or 18.6 (Debian 18.6-3). */
export async function serverVersion({ database }: BenchServer): Promise<string> {
  const [row] = await database.query<{ version: string }>(`select current_setting('server_version') as version`)
  return row?.version ?? ''
}

export interface BenchServerOptions {
  /** Lines for postgresql.conf. */
  settings?: Record<string, string> | undefined
  /** A folder with `initdb`, `pg_ctl` and `postgres`, in the place of the embedded ones. */
  bin?: string | undefined
}

export async function startBenchServer(
  root: string,
  { settings = {}, bin }: BenchServerOptions = {},
): Promise<BenchServer> {
  const directory = mkdtempSync(join(tmpdir(), 'goniec-bench-'))
  // Started by root, the server runs as another user, who must be able to enter.
  chmodSync(directory, 0o755)
  const [data, spare] = [join(directory, 'server'), join(directory, 'programs')]
  const programs = async () =>
    bin === undefined ? await embeddedPrograms(spare) : { bin, account: await serverAccount() }
  const url =
    bin === undefined
      ? await startEmbedded(data, { settings, spare })
      : await ensureCluster(data, programs, {
          settings: { shared_buffers: sharedBuffers(), ...settings },
          initdbFlags: ['--locale', 'C.UTF-8'],
        })
  await migrate(url)
  const database = openDatabase(url, { name: 'bench' })
  return {
    url,
    database,
    root,
    async [Symbol.asyncDispose]() {
      await database.close()
      await stopCluster(data, programs)
      rmSync(directory, { recursive: true })
    },
  }
}
