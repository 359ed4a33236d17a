/**
 * A Postgres server of a test's own that can be set back: from a base backup, taken while it runs, to what it was then; or promoted, as a standby
 * is, with all that it has or with the backup's. Always on the same port, as behind a name that a failover moves.
 */
import { execFileSync } from 'node:child_process'
import { chownSync, existsSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
// A server that is being promoted is asked again and again: nothing tells of its change.
import { setTimeout as wait } from 'node:timers/promises'
import { Client } from 'pg'
import { ensureCluster, stopCluster } from '../../src/database/cluster.ts'
import { migrate } from '../../src/database/migrate.ts'
import { clientConfig, openDatabase, type Database } from '../../src/database/pool.ts'
import { chosenPrograms } from '../support/server.ts'

export interface RestorableServer {
  /** Everything of it, gone with it. */
  directory: string
  /** As its owner; usable again after each start. */
  database: Database
  url: string
  /** The URL of a user who is goniec_worker and no more. */
  workerUrl: string
  /** Takes a base backup while it runs. */
  backUp(): Promise<void>
  /**
   * Stops it at once and starts it again. `setBack`: with the backup's data on the same timeline, as a disk's snapshot does it. `recovered`: with
   * the backup's data on a new timeline: an asynchronous standby that lacked the rest, or a recovery to a point in time. `promoted`: with all data
   * on a new timeline, as a synchronous standby.
   */
  fail(how: 'setBack' | 'recovered' | 'promoted'): Promise<void>
  /** A copy of the database in the same cluster, as a dump that is restored beside its original. Ends all sessions. */
  copyTo(name: string): Promise<Database>
  /** Stops it for good and removes it. */
  remove(): Promise<void>
}

let count = 0

/** Makes a server with a migrated database, of the version that the environment names. It takes a few seconds. */
export async function startRestorableServer(base = tmpdir(), env = process.env): Promise<RestorableServer> {
  count += 1
  const directory = join(base, `goniec-restorable-${process.pid}-${count}`)
  const [data, backup] = [join(directory, 'data'), join(directory, 'backup')]
  const { programs, initdbFlags } = chosenPrograms(env)
  const settings = { fsync: 'off', log_min_messages: 'fatal', max_connections: '60', restore_command: 'false' }
  const start = () => ensureCluster(directory, programs, { settings, initdbFlags })
  const url = await start()
  await migrate(url)
  const database = openDatabase(url)
  await database.query(`create role worker login password 'worker' in role goniec_worker`)
  return {
    directory,
    database,
    url,
    workerUrl: Object.assign(new URL(url), { username: 'worker', password: 'worker' }).href,
    async backUp() {
      rmSync(backup, { recursive: true, force: true })
      const session = new Client(clientConfig(url))
      await session.connect()
      try {
        await session.query(`select pg_backup_start('test', true)`)
        execFileSync('cp', ['-a', data, backup])
        const { rows } = await session.query<{ labelfile: string }>('select labelfile from pg_backup_stop(false)')
        writeFileSync(join(backup, 'backup_label'), rows[0]?.labelfile ?? '')
        // What was written while it was copied.
        rmSync(join(backup, 'pg_wal'), { recursive: true })
        execFileSync('cp', ['-a', join(data, 'pg_wal'), join(backup, 'pg_wal')])
        rmSync(join(backup, 'postmaster.pid'))
      } finally {
        await session.end()
      }
    },
    async fail(how) {
      await stopCluster(directory, programs, 'immediate')
      if (how !== 'promoted') {
        rmSync(data, { recursive: true })
        execFileSync('cp', ['-a', backup, data])
      }
      const made = ['backup_label', 'recovery.signal'].map((name) => join(data, name))
      if (how !== 'setBack') writeFileSync(join(data, 'recovery.signal'), '')
      const { account } = await programs()
      for (const path of made) if (account && existsSync(path)) chownSync(path, account.uid, account.gid)
      await start()
      await untilWritable(database)
    },
    async copyTo(name) {
      const maintenance = openDatabase(ofDatabase(url, 'postgres'), { size: 1 })
      try {
        await maintenance.query(`select pg_terminate_backend(pid) from pg_stat_activity where datname = 'goniec'`)
        await maintenance.query(`create database ${name} template goniec`)
      } finally {
        await maintenance.close()
      }
      return openDatabase(ofDatabase(url, name))
    },
    async remove() {
      await database.close()
      if (existsSync(data)) await stopCluster(directory, programs, 'immediate')
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

/** The same server and user, another database. */
export function ofDatabase(url: string, name: string): string {
  return Object.assign(new URL(url), { pathname: `/${name}` }).href
}

/** A server that has just been promoted refuses writes for a moment. */
async function untilWritable(database: Database): Promise<void> {
  for (;;) {
    try {
      const [row] = await database.query<{ recovering: boolean }>('select pg_is_in_recovery() as recovering')
      if (row?.recovering === false) return
    } catch {
      // A pooled connection to the server before it.
    }
    await wait(20)
  }
}
