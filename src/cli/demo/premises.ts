/**
 * Where the demo takes place: a directory of its own under the system's temporary one, and in it a Postgres server of its own, migrated.
 * Nothing of it is left behind: a guard process cleans up, however the demo ends.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { startEmbedded } from '../../database/embedded.ts'
import { migrate } from '../../database/migrate.ts'
import { GoniecError, messageOf } from '../../errors.ts'

export interface Premises {
  directory: string
  /** Makes and starts the server, and brings it to this goniec's schema. Resolves with its URL. */
  openDatabase: () => Promise<string>
  /** Has this process killed should the demo end before it. */
  guard: (pid: number) => void
  /** It has ended by itself. */
  unguard: (pid: number) => void
  /** Ends and removes everything. */
  close: () => Promise<void>
}

/** Makes the directory, and has it guarded. */
export async function openPremises(): Promise<Premises> {
  const directory = await makeDirectory()
  const guard = startGuard(directory)
  return {
    directory,
    async openDatabase() {
      const url = await startEmbedded(join(directory, 'postgres'), { spare: join(directory, 'programs') })
      await migrate(url)
      return url
    },
    guard: (pid) => guard.stdin?.write(`+${pid}\n`),
    unguard: (pid) => guard.stdin?.write(`-${pid}\n`),
    async close() {
      if (guard.exitCode !== null || guard.signalCode !== null) return
      const ended = once(guard, 'exit')
      guard.stdin?.end()
      await ended
    },
  }
}

async function makeDirectory(): Promise<string> {
  try {
    const directory = await mkdtemp(join(tmpdir(), 'goniec-demo-'))
    // Root's server runs as another user, who must be able to walk through it.
    await chmod(directory, 0o755)
    return directory
  } catch (error) {
    throw new GoniecError('demo_directory', `no directory can be made in ${tmpdir()}: ${messageOf(error)}`, {
      hint: 'make room there, or set TMPDIR to another directory',
      cause: error,
    })
  }
}

function startGuard(directory: string): ChildProcess {
  const program = join(import.meta.dirname, `guard${extname(import.meta.filename)}`)
  // In a group of its own, so that a signal to the demo's leaves it alone.
  const guard = spawn(process.execPath, ['--no-warnings', program, directory], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    cwd: '/',
  })
  guard.stdin.on('error', () => undefined)
  return guard
}
