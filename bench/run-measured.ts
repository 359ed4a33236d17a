/** Runs a command of goniec to its end in a process of its own, and says what it took. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { assert } from '../src/errors.ts'
import { cpuMs, peakMb } from './processes.ts'

export interface Ran {
  tookMs: number
  cpuMs: number
  peakMb: number
  /** What it wrote to stdout. */
  output: string
}

/** A program with these arguments, on this database; `lean`: by a Node that holds as little as a worker's thread does (bin/goniec.js, lean-thread.ts). */
export async function runMeasured(
  url: string,
  program: string,
  { args = [], lean = false }: { args?: readonly string[]; lean?: boolean } = {},
): Promise<Ran> {
  const startedMs = performance.now()
  const child = spawn(process.execPath, [...(lean ? LEAN : []), program, ...args], {
    env: { ...process.env, ...(lean && { MALLOC_ARENA_MAX: '1' }), DATABASE_URL: url },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'close')
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  // What a process has used can be read only while it is there: looked at until it is not.
  const seen = { cpuMs: Number.NaN, peakMb: Number.NaN }
  const timer = setInterval(() => {
    const now = { cpuMs: cpuMs(child.pid ?? 0), peakMb: peakMb(child.pid ?? 0) }
    if (now.peakMb > 0) Object.assign(seen, now)
  }, 50)
  const [code] = (await ended) as [number | null]
  clearInterval(timer)
  assert(code === 0, `${program} ${args.join(' ')} ended with ${code}`)
  return { tookMs: performance.now() - startedMs, ...seen, output }
}

const LEAN = ['--max-semi-space-size=4', '--initial-old-space-size=24', '--heap-growing-percent=50']
