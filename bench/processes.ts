/** What processes use, as Linux says it: CPU time and memory. NaN elsewhere. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'

/** Ticks of `/proc/<pid>/stat` are hundredths of a second on every Linux that people use. */
const MS_PER_TICK = 10

/** CPU time of a process so far, that of its ended children included. */
export function cpuMs(pid: number): number {
  return stat(pid)?.cpuMs ?? Number.NaN
}

/** The same of a process and its children: a Postgres server, by its postmaster. */
export function familyCpuMs(pid: number): number {
  const family = everyone().filter((other) => other === pid || stat(other)?.parent === pid)
  return family.reduce((sum, member) => sum + (stat(member)?.cpuMs ?? 0), 0)
}

/** The most memory that a process has had at once, in MB. */
export function peakMb(pid: number): number {
  return memory(pid, 'VmHWM')
}

/** The memory that it has now, in MB. */
export function residentMb(pid: number): number {
  return memory(pid, 'VmRSS')
}

/** The process above it: of a Postgres session, its server. */
export function parentOf(pid: number): number {
  return stat(pid)?.parent ?? Number.NaN
}

function everyone(): number[] {
  return existsSync('/proc') ? readdirSync('/proc').map(Number).filter(Number.isInteger) : []
}

function stat(pid: number): { parent: number; cpuMs: number } | undefined {
  // The name in parentheses may hold anything.
  const fields = read(`/proc/${pid}/stat`)
    ?.replace(/^.*\) /s, '')
    .split(' ')
    .map(Number)
  if (!fields) return undefined
  const [, parent = 0] = fields
  return { parent, cpuMs: fields.slice(11, 15).reduce((sum, ticks) => sum + ticks, 0) * MS_PER_TICK }
}

function memory(pid: number, name: string): number {
  const line = read(`/proc/${pid}/status`)
    ?.split('\n')
    .find((text) => text.startsWith(`${name}:`))
  return line === undefined ? Number.NaN : Number(line.replace(/\D/g, '')) / 1024
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // The process has ended, or this is no Linux.
    return undefined
  }
}
