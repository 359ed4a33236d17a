/** The command as people call it: a process, its output, its exit code. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'

export interface Run {
  code: number | null
  stdout: string
  stderr: string
}

export interface RunOptions {
  /** The database's URL. */
  url?: string
  /** Standard input; without it there is none. */
  input?: string
  cwd?: string
}

/** Runs `goniec` with these arguments to its end. */
export async function runGoniec(
  args: readonly string[],
  { url = '', input = '', cwd = process.cwd() }: RunOptions = {},
): Promise<Run> {
  const bin = join(import.meta.dirname, '../../bin/goniec.js')
  const child = spawn(process.execPath, [bin, ...args], { cwd, env: { ...process.env, DATABASE_URL: url } })
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  // A command that does not read its input may have ended before it is written.
  child.stdin.on('error', () => undefined).end(input)
  const code = await new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve))
  return { code, stdout, stderr }
}
