/**
 * The mail server of the throughput: postfix's `smtp-sink`, which takes everything and keeps nothing; where it is not installed, this
 * house's own recorder, in a process of its own.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as wait } from 'node:timers/promises'

/** It ends with the block that uses it. */
export interface Sink extends Disposable {
  port: number
  /** What it is, for the table. */
  name: string
  pid: number
}

const PROGRAMS = ['smtp-sink', '/usr/sbin/smtp-sink']

/** Starts it; it takes so many connections at once. */
export async function startSink(connections: number): Promise<Sink> {
  const program = PROGRAMS.find((name) => spawnSync(name, []).error === undefined)
  return program === undefined ? startRecorder() : startPostfixSink(program, connections)
}

async function startPostfixSink(program: string, connections: number): Promise<Sink> {
  const port = await freePort()
  // Each peer keeps its own open.
  const most = 4 * connections + 50
  const user = process.getuid?.() === 0 ? ['-u', 'nobody'] : []
  const child = spawn(program, [...user, '-c', '-m', String(most), `127.0.0.1:${port}`, String(most)], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  while (!(await answers(port))) {
    if (child.exitCode !== null)
      throw new Error(`${program} ended with ${child.exitCode} before it took a connection, see above`)
    await wait(20)
  }
  return sinkOf(child, port, 'smtp-sink')
}

async function startRecorder(): Promise<Sink> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'recorder.ts')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const { value } = await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next()
  return sinkOf(child, (JSON.parse(String(value)) as { port: number }).port, 'recorder (smtp-sink is not installed)')
}

function sinkOf(child: ChildProcess, port: number, name: string): Sink {
  return { port, name, pid: child.pid ?? 0, [Symbol.dispose]: () => void child.kill('SIGKILL') }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address ? address.port : 0
}

async function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket
      .once('connect', () => resolve(true))
      .once('error', () => resolve(false))
      .once('connect', () => socket.destroy())
  })
}
