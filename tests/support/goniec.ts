/** The command itself, in a process of its own, as a person or systemd would start it. */
import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'

const COMMAND = join(import.meta.dirname, '..', '..', 'bin', 'goniec.js')

export interface Ended {
  /** Null when a signal ended it. */
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

export interface RunOptions {
  /** Over the test's environment; undefined takes a variable away. */
  env?: Record<string, string | undefined>
  /** What comes on standard input. */
  input?: string
  cwd?: string
  /** The number of the user it runs as; whoever gives one has to be root. */
  uid?: number
}

/** Runs `goniec …` to its end. */
export async function goniec(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  return startGoniec(args, options).ended
}

/** Starts `goniec …`; `ended` tells how it ended. */
export function startGoniec(
  args: readonly string[],
  { env = {}, input = '', cwd, uid }: RunOptions = {},
): { child: ChildProcess; ended: Promise<Ended> } {
  const child = spawn(process.execPath, [COMMAND, ...args], {
    env: { ...process.env, ...env },
    ...(cwd === undefined ? {} : { cwd }),
    ...(uid === undefined ? {} : { uid, gid: uid }),
  })
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  // One that ends early does not read its input.
  child.stdin.on('error', () => undefined)
  child.stdin.end(input)
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }))
  })
  return { child, ended }
}
