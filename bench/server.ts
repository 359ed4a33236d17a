/** The Postgres of a benchmark: goniec's own embedded one with its usual settings, durable, in a directory that goes with it. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startEmbedded, stopEmbedded } from '../src/database/embedded.ts'
import { migrate } from '../src/database/migrate.ts'
import { openDatabase, type Database } from '../src/database/pool.ts'
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

export async function startBenchServer(root: string, settings: Record<string, string> = {}): Promise<BenchServer> {
  const directory = mkdtempSync(join(tmpdir(), 'goniec-bench-'))
  // Started by root, the server runs as another user, who must be able to enter.
  chmodSync(directory, 0o755)
  const url = await startEmbedded(join(directory, 'server'), { settings, spare: join(directory, 'programs') })
  await migrate(url)
  const database = openDatabase(url, { name: 'bench' })
  return {
    url,
    database,
    root,
    async [Symbol.asyncDispose]() {
      await database.close()
      await stopEmbedded(join(directory, 'server'), { spare: join(directory, 'programs') })
      rmSync(directory, { recursive: true })
    },
  }
}
