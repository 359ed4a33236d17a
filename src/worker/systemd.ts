/**
 * What systemd is told by a service of `Type=notify`: that the worker is ready, that it stops, and, for the watchdog, that it gets on.
 * Outside of such a unit (`NOTIFY_SOCKET` is not set) nothing is said.
 *
 * Node has no datagram sockets of Unix, so systemd's own `systemd-notify` speaks: the unit needs `NotifyAccess=all`. It is asked some
 * times a minute. See sd_notify(3), systemd.service(5) `WatchdogSec=`.
 */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Environment } from '../config.ts'
import { messageOf } from '../errors.ts'
import type { Logger } from '../log.ts'

const run = promisify(execFile)

/** systemd-notify waits until systemd has read what it said; a manager that hangs must not keep processes. */
const SAY_MS = 10_000

export class Systemd {
  /** The unit's `WatchdogSec=` in milliseconds, if it watches this process. */
  readonly watchdogMs: number | undefined
  readonly #socket: string
  readonly #log: Logger

  constructor(environment: Environment, log: Logger) {
    this.#socket = environment['NOTIFY_SOCKET'] ?? ''
    this.#log = log
    const microseconds = Number(environment['WATCHDOG_USEC'] ?? 0)
    const isOurs = [undefined, '', String(process.pid)].includes(environment['WATCHDOG_PID'])
    this.watchdogMs = this.#socket !== '' && isOurs && microseconds > 0 ? microseconds / 1000 : undefined
  }

  /** It sends. `status` stands in `systemctl status`. */
  async ready(status: string): Promise<void> {
    await this.#say('READY=1', `STATUS=${status}`)
  }

  /** It finishes what is in flight. */
  async stopping(): Promise<void> {
    await this.#say('STOPPING=1', 'STATUS=stopping: mails in flight are finished first')
  }

  /** It gets on; without this word for `watchdogMs` systemd ends it, and starts it again. */
  async alive(): Promise<void> {
    await this.#say('WATCHDOG=1')
  }

  /** That it could not be said is no reason to stop: the watchdog decides. */
  async #say(...words: string[]): Promise<void> {
    if (this.#socket === '') return
    try {
      await run('systemd-notify', words, { timeout: SAY_MS, env: { ...process.env, NOTIFY_SOCKET: this.#socket } })
    } catch (error) {
      this.#log.warn({ problem: messageOf(error) }, 'systemd could not be told; is systemd-notify installed?')
    }
  }
}

/** Between two looks of the watchdog: three fit into its time, so that one may be late. */
const LOOKS = 3

/**
 * Tells the watchdog so long as the worker gets on; once it does not, nothing is said any more and `onStuck` is called. Returns what ends
 * it. Does nothing where no watchdog is set.
 */
export function watch(systemd: Systemd, getsOn: () => Promise<boolean>, onStuck: () => void): () => void {
  if (systemd.watchdogMs === undefined) return () => undefined
  const timer = setInterval(() => void look(), systemd.watchdogMs / LOOKS)
  const look = async (): Promise<void> => {
    if (await getsOn()) return systemd.alive()
    clearInterval(timer)
    onStuck()
  }
  return () => clearInterval(timer)
}
