/**
 * A Postgres whose clock can be stepped while it runs: all its processes, the postmaster first, see the same faked clock. Its own, since a
 * step would reach whoever else stands on it.
 */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { dataDirectory } from '../../src/config.ts'
import { ensureCluster, stopCluster } from '../../src/database/cluster.ts'
import { embeddedPrograms } from '../../src/database/embedded-programs.ts'
import type { ServerPrograms } from '../../src/database/server-process.ts'
import type { FakedClock } from '../../tests/support/faked-clock.ts'
import { watchOver } from '../../tests/support/server.ts'

export interface FakedServer {
  url: string
  stop(): Promise<void>
}

/** Starts it below this directory, which must be empty. */
export async function startFakedServer(directory: string, clock: FakedClock): Promise<FakedServer> {
  // Its user walks through to the data and to the file of the clock.
  chmodSync(directory, 0o755)
  const real = await embeddedPrograms(dataDirectory())
  const programs = async (): Promise<ServerPrograms> => ({
    ...real,
    bin: wrap(real.bin, join(directory, 'bin'), clock),
  })
  const endWatch = watchOver(directory)
  const cluster = join(directory, 'server')
  const settings = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '100' }
  const url = await ensureCluster(cluster, programs, { settings, initdbFlags: ['--no-sync'] })
  return {
    url,
    async stop() {
      await stopCluster(cluster, programs, 'immediate')
      endWatch()
    },
  }
}

/** Scripts in the place of the programs: what `pg_ctl` starts gets the clock, and nothing else does. */
function wrap(real: string, folder: string, { env }: FakedClock): string {
  mkdirSync(folder, { recursive: true, mode: 0o755 })
  const faked = Object.entries(env).map(([name, value]) => `${name}='${value}'`)
  for (const program of ['initdb', 'postgres', 'pg_ctl']) {
    const variables = program === 'pg_ctl' ? faked.join(' ') : ''
    writeFileSync(join(folder, program), `#!/bin/sh\n${variables} exec '${real}/${program}' "$@"\n`)
    chmodSync(join(folder, program), 0o755)
  }
  return folder
}
