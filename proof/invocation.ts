/** Who ran the proof, when, on what: what stands above each invocation's counts. */
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { availableParallelism, cpus, platform, release, totalmem } from 'node:os'
import { openDatabase } from '../src/database/pool.ts'
import { Temporal } from '../src/time.ts'
import { version } from '../src/version.ts'
import type { TestServer } from '../tests/support/server.ts'
import type { Invocation } from './record.ts'

/** An invocation that begins now and has run nothing yet. */
export async function beginInvocation({ url }: TestServer, args: readonly string[]): Promise<Invocation> {
  const startedAt = Temporal.Now.instant().toString({ smallestUnit: 'second' })
  return {
    id: `${startedAt}-${randomBytes(3).toString('hex')}`,
    startedAt,
    commit: git('rev-parse', '--short=12', 'HEAD'),
    // The record and its page are what an invocation writes.
    clean: git('status', '--porcelain', '--', '.', ':!docs/proof.json', ':!docs/proof.md') === '',
    machine: `${availableParallelism()} × ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GB, ${platform()} ${release()}`,
    versions: { node: process.version.slice(1), postgres: await postgresVersion(url), goniec: version },
    arguments: [...args],
    cells: {},
  }
}

function git(...args: string[]): string {
  return execFileSync('git', args, { cwd: import.meta.dirname, encoding: 'utf8' }).trim()
}

async function postgresVersion(url: string): Promise<string> {
  const database = openDatabase(url, { size: 1 })
  const [row] = await database.query<{ server_version: string }>('show server_version')
  await database.close()
  return row?.server_version ?? 'unknown'
}
