/**
 * A real worker process, for tests that kill, stop and continue it. Its log is read as it is written; what a test waits for is a line
 * of it, a row, or what a server saw, never a time.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { createInterface } from 'node:readline'
import { join } from 'node:path'
import { assert } from '../../src/errors.ts'

export interface LogLine extends Record<string, unknown> {
  msg: string
  level: string
}

export interface WorkerProcess {
  readonly pid: number
  readonly log: readonly LogLine[]
  /** What it wrote to stderr. */
  errors(): string
  /** The first line that fits, waited for; rejects if the process ends before. */
  line(fits: (line: LogLine) => boolean): Promise<LogLine>
  kill(signal: NodeJS.Signals): void
  /** Resolves with the exit code (null: by a signal) when it has ended. */
  readonly ended: Promise<number | null>
  /** Resolves when it has ended with 0; rejects with what it said where it ended otherwise. */
  endedWell(): Promise<void>
}

/** Where workers keep their logbooks: for as long as this test file runs. */
export const STATE_DIRECTORY = mkdtempSync(join(tmpdir(), 'goniec-state-'))
process.once('exit', () => rmSync(STATE_DIRECTORY, { recursive: true, force: true }))

const ROOT = join(import.meta.dirname, '..', '..')
const running = new Set<ChildProcess>()

/** Starts `goniec worker` against this database; `root` is where another version of goniec is. */
export function startWorker(
  url: string,
  { args = [], env = {}, root = ROOT }: { args?: readonly string[]; env?: Record<string, string>; root?: string } = {},
): WorkerProcess {
  const child = spawn(process.execPath, [join(root, 'bin', 'goniec.js'), 'worker', ...args], {
    env: { ...process.env, DATABASE_URL: url, GONIEC_LOG_LEVEL: 'info', GONIEC_STATE: STATE_DIRECTORY, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  running.add(child)
  const log: LogLine[] = []
  let errors = ''
  let wake = Promise.withResolvers<void>()
  const woken = (): void => {
    wake.resolve()
    wake = Promise.withResolvers<void>()
  }
  createInterface({ input: child.stdout }).on('line', (text) => {
    if (text.startsWith('{')) log.push(JSON.parse(text) as LogLine)
    woken()
  })
  child.stderr.on('data', (chunk: Buffer) => void (errors += chunk.toString()))
  let hasEnded = false
  const ended = once(child, 'close').then(([code]: (number | null)[]) => {
    hasEnded = true
    running.delete(child)
    woken()
    return code ?? null
  })
  return {
    pid: child.pid ?? 0,
    log,
    errors: () => errors,
    async line(fits) {
      for (;;) {
        const found = log.find(fits)
        if (found) return found
        assert(!hasEnded, `the worker ended before it wrote that line\n${errors}\n${JSON.stringify(log.slice(-5))}`)
        await wake.promise
      }
    },
    kill: (signal) => void child.kill(signal),
    ended,
    async endedWell() {
      const code = await ended
      assert(code === 0, `the worker ended with ${code}\n${errors}\n${JSON.stringify(log.slice(-5))}`)
    },
  }
}

/** For `afterEach`: nothing that a test started outlives it. A stopped process is continued first, so that it can end. */
export async function endWorkers(): Promise<void> {
  const left = [...running]
  for (const child of left) {
    child.kill('SIGCONT')
    child.kill('SIGKILL')
  }
  await Promise.all(
    left.map(async (child) => {
      if (child.exitCode === null && child.signalCode === null) await once(child, 'close')
    }),
  )
}
