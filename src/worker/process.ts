/**
 * Which process this is, so that another one can tell later whether it is still there: a pid alone may have been given to somebody
 * else since. The kernel's boot, the pid namespace and the process's start time make it unique on Linux; elsewhere they are unknown,
 * and nobody is ever seen gone.
 */
import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'

export interface ProcessIdentity {
  host: string
  bootId: string | null
  pidNamespace: string | null
  pid: number
  /** In clock ticks since boot, as the kernel writes it. */
  pidStarted: string | null
}

/** This process. */
export function thisProcess(): ProcessIdentity {
  return {
    host: hostname(),
    bootId: read(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()),
    pidNamespace: read(() => readlinkSync('/proc/self/ns/pid')),
    pid: process.pid,
    pidStarted: startTimeOf('self', '/proc'),
  }
}

/**
 * Whether that process was surely on this machine, in this namespace and boot, and is surely gone: its sockets are closed. Where `/proc`
 * hides the processes of other users (`hidepid`, systemd's `ProtectProc=`), not being seen proves nothing, and nobody is seen gone.
 */
export function isSeenGone(other: ProcessIdentity, self: ProcessIdentity = thisProcess(), proc = '/proc'): boolean {
  const isComparable =
    other.bootId !== null &&
    other.bootId === self.bootId &&
    other.pidNamespace !== null &&
    other.pidNamespace === self.pidNamespace &&
    other.pidStarted !== null &&
    self.pidStarted !== null
  return isComparable && showsEverybody(proc) && startTimeOf(String(other.pid), proc) !== other.pidStarted
}

/** The first process of the namespace is always there, and most often somebody else's. */
function showsEverybody(proc: string): boolean {
  return startTimeOf('1', proc) !== null
}

/** Field 22 of `stat`; a zombie counts as gone, since the kernel has closed its sockets. */
function startTimeOf(pid: string, proc: string): string | null {
  const stat = read(() => readFileSync(`${proc}/${pid}/stat`, 'utf8'))
  // The second field is the command's name in parentheses, which may hold spaces and parentheses.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields?.[0] === 'Z' ? null : (fields?.[19] ?? null)
}

function read(readIt: () => string): string | null {
  try {
    return readIt()
  } catch {
    return null // Not Linux, or no such process: both are answers.
  }
}
