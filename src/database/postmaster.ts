/**
 * Is a Postgres server running on a data directory? `postmaster.pid` says so, and may lie: after a power loss, or in a new container on
 * an old volume, its process number may belong to somebody else. Postgres then refuses to start, so such a file is taken away here.
 */
// date: the file counts in seconds of the wall clock
import { readFile, readlink, realpath, rename, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { uptime } from 'node:os'
import { join } from 'node:path'

export interface Postmaster {
  pid: number
  port: number
  /** It accepts connections; otherwise it is starting or stopping. */
  ready: boolean
}

/** The live server of this data directory, if there is one. */
export async function findPostmaster(data: string): Promise<Postmaster | undefined> {
  const text = await readPidFile(data)
  if (text === undefined) return undefined
  const [pid = '', , startedAt = '', port = '', , , , status = ''] = text.split('\n').map((line) => line.trim())
  const postmaster = { pid: Number(pid), port: Number(port), ready: status === 'ready' }
  return (await isAlive(postmaster, Number(startedAt), data)) ? postmaster : undefined
}

/** Its server has ended without taking its `postmaster.pid` away, as one does that was stopped. */
export async function hasCrashed(data: string): Promise<boolean> {
  return (await readPidFile(data)) !== undefined && (await findPostmaster(data)) === undefined
}

/** Takes away a `postmaster.pid` whose server is surely gone, though its process number is in use. */
export async function clearStalePidFile(data: string): Promise<void> {
  const judged = await readPidFile(data)
  if (judged === undefined || (await findPostmaster(data))) return
  const file = join(data, 'postmaster.pid')
  const aside = `${file}.stale-${process.pid}`
  await rename(file, aside).catch(ignoreMissing)
  // Between the look and the renaming another command's server may have put its own file there: then it gets it back.
  const taken = await readFile(aside, 'utf8').catch(ignoreMissing)
  if (taken !== undefined && taken !== judged) await rename(aside, file)
  else await rm(aside, { force: true })
}

async function readPidFile(data: string): Promise<string | undefined> {
  return readFile(join(data, 'postmaster.pid'), 'utf8').catch(ignoreMissing)
}

/** For a file that may not be there: undefined then. */
export function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error
}

async function isAlive({ pid, port }: Postmaster, startedAt: number, data: string): Promise<boolean> {
  if (!processExists(pid)) return false
  if (process.platform === 'linux') return worksIn(pid, data)
  if (await listens(port)) return true
  // Nobody listens yet: it is starting, unless it claims to have started before this machine did.
  return startedAt >= Date.now() / 1000 - uptime() - 5
}

function processExists(pid: number): boolean {
  if (!(pid > 0)) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM: it exists and is another user's.
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

/** A postmaster works in its data directory, and nobody else does. */
async function worksIn(pid: number, data: string): Promise<boolean> {
  const folder = await realpath(data)
  return readlink(`/proc/${pid}/cwd`).then(
    (cwd) => cwd === folder,
    // Another user's process, whose folder we may not see. Its own server would be ours to see.
    () => false,
  )
}

async function listens(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  const answer = new Promise<boolean>((resolve) => {
    socket.once('connect', () => resolve(true))
    socket.once('error', () => resolve(false))
  })
  return answer.finally(() => socket.destroy())
}
