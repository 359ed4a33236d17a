/** A real mail server, as the cells that use one see it: started and ended at will, and asked what it has in its queue. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import net from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { AcceptedMail } from '../oracle.ts'

export interface MailDaemon {
  /** Resolves when it answers. */
  start(): Promise<void>
  /** As its init script does. */
  stop(): Promise<void>
  /** SIGKILL to every process of it. */
  kill(): Promise<void>
  /** SIGKILL to the processes that are in a dialogue; how many they were. */
  killDialogues(): number
  /** What it has taken, by its own queue; nothing is delivered. */
  accepted(): AcceptedMail[]
}

/** The processes below this one. */
export function descendantsOf(pid: number): { pid: number; command: string }[] {
  const all = processIds().flatMap((id) => readProcess(id) ?? [])
  const children = (parent: number): typeof all =>
    all.filter(({ parent: of }) => of === parent).flatMap((child) => [child, ...children(child.pid)])
  return children(pid)
}

/** Ends every process that works in this directory, also such as have lost their parent meanwhile. */
export function endAllIn(directory: string): void {
  for (;;) {
    const found = processIds().filter((pid) => isIn(pid, directory) && endAtOnce(pid))
    if (found.length === 0) return
  }
}

/** Sends SIGKILL; one that has ended meanwhile is no matter. */
export function endAtOnce(pid: number): boolean {
  try {
    process.kill(pid, 'SIGKILL')
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false
    throw error
  }
}

/** Resolves when a mail server greets on this port. */
export async function untilAnswering(port: number): Promise<void> {
  for (;;) {
    const socket = net.connect(port, '127.0.0.1')
    const greeting = await new Promise<string>((resolve) => {
      socket.once('data', (chunk: Buffer) => resolve(chunk.toString()))
      socket.once('error', () => resolve(''))
      socket.once('close', () => resolve(''))
    })
    socket.destroy()
    if (greeting.startsWith('220')) return
    await delay(50)
  }
}

function processIds(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
}

function isIn(pid: number, directory: string): boolean {
  try {
    return readlinkSync(`/proc/${pid}/cwd`).startsWith(directory)
  } catch {
    // It has ended, or is none of ours.
    return false
  }
}

function readProcess(pid: number): { pid: number; parent: number; command: string } | undefined {
  const path = `/proc/${pid}/stat`
  try {
    const [, command = '', rest = ''] = /\((.*)\) (.*)$/s.exec(readFileSync(path, 'utf8')) ?? []
    return { pid, parent: Number(rest.split(' ')[1]), command }
  } catch {
    // It has ended since the directory was read.
    return undefined
  }
}
