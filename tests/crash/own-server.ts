/** A Postgres server of a test's own, that it may stop and start: the last commit of a worker must outlive it, so commits are synchronous. */
import { rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { dataDirectory } from '../../src/config.ts'
import { ensureCluster, stopCluster } from '../../src/database/cluster.ts'
import { embeddedPrograms } from '../../src/database/embedded-programs.ts'
import { migrate } from '../../src/database/migrate.ts'
import { openDatabase, type Database } from '../../src/database/pool.ts'

export interface OwnServer {
  /** As its owner; usable again after each start. */
  database: Database
  /** The URL of a user who is goniec_worker and no more. */
  workerUrl: string
  /** At once: no session is waited for, nothing is written down any more. */
  stop(): Promise<void>
  /** On the same port. */
  start(): Promise<void>
  /** Stops it for good and removes it. */
  remove(): Promise<void>
}

let count = 0

const programs = (): ReturnType<typeof embeddedPrograms> => embeddedPrograms(dataDirectory())

/** Makes a server with a migrated database. It takes a few seconds. */
export async function startOwnServer(): Promise<OwnServer> {
  count += 1
  const directory = join(tmpdir(), `goniec-own-server-${process.pid}-${count}`)
  const settings = { fsync: 'off', full_page_writes: 'off', log_min_messages: 'fatal' }
  const start = () => ensureCluster(directory, programs, { settings, initdbFlags: ['--no-sync'] })
  const url = await start()
  await migrate(url)
  const database = openDatabase(url)
  await database.query(`create role worker login password 'worker' in role goniec_worker`)
  return {
    database,
    workerUrl: Object.assign(new URL(url), { username: 'worker', password: 'worker' }).href,
    stop: async () => void (await stopCluster(directory, programs, 'immediate')),
    start: async () => void (await start()),
    async remove() {
      await database.close()
      await stopCluster(directory, programs, 'immediate')
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
