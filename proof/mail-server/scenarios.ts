/**
 * What befalls a real mail server while mails are handed to it. A scenario is told of each stage that a dialogue comes to, and says what the
 * server is to answer; the witness of what happened goes to `strike`.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync, statfsSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Random } from '../../tests/simulation/random.ts'
import type { MailDaemon } from './daemon.ts'
import type { Cut } from './relay.ts'

/** A stage that a dialogue of this run has come to. */
export interface At {
  index: number
  seed: number
  state: 'RCPT' | 'DATA' | 'END-OF-MESSAGE'
}

/** Where a scenario takes place. */
export interface Stand {
  daemon: MailDaemon
  /** Its directory; the queue is in `queue`. */
  directory: string
  /** Whether this run has met its fault already. */
  isStruck: (index: number) => boolean
  /** The witness of a run's fault. */
  strike: (index: number, what: string) => void
  /** Does something to the server, one thing at a time; nothing is hurried meanwhile. */
  act: (what: () => Promise<void>) => Promise<void>
}

export interface Scenario {
  name: string
  /** The relay cuts a dialogue at its dot. */
  cut?: Cut
  /** Lines of the server's configuration. */
  settings?: Readonly<Record<string, string>>
  /** The queue is a file system of so many kilobytes. */
  queueKilobytes?: number
  /** The answer at a stage: `dunno` is yes. */
  at?: (at: At, stand: Stand) => string | Promise<string>
  /** Looks what the server has written down, before each look at the mails. */
  look?: (stand: Stand, runs: number) => void
  /** How large the run's mails are. */
  bytesOf?: (seed: number) => number
  /** Whether a run's mails are refused for good. */
  isRefused?: (seed: number) => boolean
  /** Between two looks; a server that counts tries is not to be tried all the time. */
  everyMs?: number
}

const STATES = ['RCPT', 'DATA', 'END-OF-MESSAGE'] as const

/** Ended and begun again while a dialogue is at a stage that chance picks. */
function ended(name: string, how: (daemon: MailDaemon) => Promise<void>): Scenario {
  return {
    name,
    everyMs: 1_000,
    at({ index, seed, state }, { daemon, isStruck, strike, act }) {
      if (isStruck(index) || state !== stateOf(name, seed)) return 'dunno'
      strike(index, `${name} while its dialogue was at ${state}`)
      void act(async () => {
        await how(daemon)
        await daemon.start()
      })
      return NEVER
    },
  }
}

/** The process that speaks is killed; the server itself goes on. */
const dialogueKilled: Scenario = {
  name: 'smtpd killed',
  everyMs: 1_000,
  at({ index, seed, state }, { daemon, isStruck, strike }) {
    if (isStruck(index) || state !== stateOf('smtpd killed', seed)) return 'dunno'
    const killed = daemon.killDialogues()
    if (killed > 0) strike(index, `${killed} processes killed while its dialogue was at ${state}`)
    return 'dunno'
  },
}

const diskFull: Scenario = {
  name: 'disk full',
  queueKilobytes: 1024,
  settings: { message_size_limit: '0' },
  bytesOf: () => 40_000,
  at({ index, seed, state }, { directory, isStruck, strike, act }) {
    if (isStruck(index) || state !== (seed % 2 === 0 ? 'RCPT' : 'DATA')) return 'dunno'
    const filler = join(directory, 'queue', FILLER)
    const left = fillUp(filler)
    strike(index, `the queue's disk was filled, ${left} bytes were left, when its dialogue was at ${state}`)
    // Whoever is tried ten times meanwhile is set aside, and that is right.
    void act(async () => await makeRoom(filler))
    return 'dunno'
  },
}

const greylisting: Scenario = {
  name: 'greylisting',
  at({ index, state }, { isStruck, strike }) {
    if (isStruck(index) || state !== 'RCPT') return 'dunno'
    strike(index, 'its recipient was greylisted')
    return 'defer_if_permit 4.2.0 Greylisted, come again in five minutes'
  },
}

const mailRate: Scenario = {
  name: 'message rate limit',
  settings: { smtpd_client_message_rate_limit: '3', anvil_rate_time_unit: '4s', smtpd_recipient_limit: '1' },
  everyMs: 2_000,
  look: strikeAllBy(/Message delivery request rate limit exceeded/),
}

const connections: Scenario = {
  name: 'connection limit',
  settings: { smtpd_client_connection_count_limit: '2', smtpd_recipient_limit: '1' },
  everyMs: 2_000,
  look: strikeAllBy(/Connection concurrency limit exceeded/),
}

const size: Scenario = {
  name: 'size limit',
  settings: { message_size_limit: '30000' },
  bytesOf: (seed) => (new Random('size', seed).chance(0.7) ? 60_000 : 20_000),
  isRefused: (seed) => (size.bytesOf?.(seed) ?? 0) > 30_000,
  at({ index, seed }, { isStruck, strike }) {
    if (!isStruck(index)) strike(index, `a mail of ${size.bytesOf?.(seed)} bytes, where 30,000 are allowed`)
    return 'dunno'
  },
}

/** In the order of the page. */
export const POSTFIX_SCENARIOS: readonly Scenario[] = [
  ended('restarted', (daemon) => daemon.stop()),
  ended('killed', (daemon) => daemon.kill()),
  dialogueKilled,
  diskFull,
  greylisting,
  mailRate,
  connections,
  size,
  { name: 'reply lost', cut: 'reply lost' },
  { name: 'dot lost', cut: 'dot lost' },
]

/** OpenSMTPD is one process to all dialogues; its greylisting would be a filter of somebody else's. */
export const OPENSMTPD_SCENARIOS: readonly Scenario[] = [
  ended('restarted', (daemon) => daemon.stop()),
  ended('killed', (daemon) => daemon.kill()),
  { ...diskFull, settings: {} },
  { ...size, settings: { size: 'smtp max-message-size 30000' } },
  { name: 'reply lost', cut: 'reply lost' },
  { name: 'dot lost', cut: 'dot lost' },
]

/** Its process is gone before it could be answered. */
const NEVER = new Promise<string>(() => undefined)

const FILLER = 'filler'

/** So long the disk stays full. */
const FULL_MS = 3_000

function stateOf(name: string, seed: number): (typeof STATES)[number] {
  return new Random(name, seed).pick(STATES)
}

/** Leaves some hundred bytes at most; returns how many. */
function fillUp(filler: string): number {
  try {
    execFileSync('dd', ['if=/dev/zero', `of=${filler}`, 'bs=4096'], { stdio: 'ignore' })
  } catch {
    // It ends where the disk does: that is its purpose.
  }
  const { bavail, bsize } = statfsSync(dirname(filler))
  return bavail * bsize
}

/** When it has been full for long enough since it was filled last: by then that has been seen. */
async function makeRoom(filler: string): Promise<void> {
  while (existsSync(filler)) {
    const leftMs = statSync(filler).mtimeMs + FULL_MS - Date.now()
    if (leftMs <= 0) rmSync(filler)
    else await delay(leftMs)
  }
}

function isInLog(directory: string, pattern: RegExp): boolean {
  const log = join(directory, 'log')
  return existsSync(log) && pattern.test(readFileSync(log, 'utf8'))
}

/** The server counts by the client's address, which is one for all: what it says is said to all. */
function strikeAllBy(pattern: RegExp): NonNullable<Scenario['look']> {
  return ({ directory, isStruck, strike }, runs) => {
    if (!isInLog(directory, pattern)) return
    for (const index of Array.from({ length: runs }).keys())
      if (!isStruck(index)) strike(index, `the server's log has "${pattern.source}"`)
  }
}
