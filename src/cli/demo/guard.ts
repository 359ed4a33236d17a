/**
 * A process of its own that cleans up behind the demo, however the demo ends: done, interrupted, failed, or killed.
 *
 *     node guard.ts DIRECTORY
 *
 * Its standard input says which processes there are (`+123`, `-123`, a line each). When that ends, the demo has ended: the guard kills
 * those that are left, stops the Postgres server in DIRECTORY, and removes DIRECTORY.
 */
import { rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as wait } from 'node:timers/promises'
import { findPostmaster } from '../../database/postmaster.ts'
import { assert } from '../../errors.ts'

const [directory] = process.argv.slice(2)
assert(directory, 'the guard is told which directory it guards')

// A Ctrl-C, or a terminal that is closed, is meant for the demo; its end is what the guard waits for.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined)

const processes = new Set<number>()
for await (const line of createInterface({ input: process.stdin })) {
  const pid = Math.abs(Number(line))
  if (line.startsWith('+')) processes.add(pid)
  else processes.delete(pid)
}
for (const pid of processes) kill(pid, 'SIGKILL')
// A server that was just being made or started may show, or write, once more.
for (let tries = 1; tries <= 20; tries += 1) {
  await stopServer(join(directory, 'postgres', 'data'))
  await rm(directory, { recursive: true, force: true, maxRetries: 5 }).catch(() => wait(200))
  if (await isGone(directory)) break
}

/** What is in it is thrown away, so the server need not tidy up. */
async function stopServer(data: string): Promise<void> {
  const server = await findPostmaster(data)
  if (!server) return
  kill(server.pid, 'SIGQUIT')
  for (let waitedMs = 0; waitedMs < 10_000 && (await findPostmaster(data)); waitedMs += 20) await wait(20)
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    // It has ended by itself.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}

async function isGone(path: string): Promise<boolean> {
  return stat(path).then(
    () => false,
    () => true,
  )
}
