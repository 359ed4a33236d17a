/**
 * The demo's workers: real processes, `goniec worker --name …`, each writing its log to a file in the demo's directory.
 *
 * Promises that a worker which ends without being told to is noticed: `check` throws then, with the last lines of its log, unless somebody
 * else has killed it.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as wait } from 'node:timers/promises'
import type { Environment } from '../../config.ts'
import { assert, GoniecError } from '../../errors.ts'
import type { Premises } from './premises.ts'

interface Member {
  child: ChildProcess
  /** It was told to end. */
  dismissed: boolean
  lastLines: string[]
}

export class Crew {
  #url: string
  #premises: Premises
  #members = new Map<string, Member>()

  constructor(url: string, premises: Premises) {
    this.#url = url
    this.#premises = premises
  }

  get names(): string[] {
    return [...this.#members.keys()]
  }

  /** Starts a worker, or one that was killed again, and resolves when it works. */
  async start(name: string): Promise<number> {
    const child = spawn(process.execPath, [GONIEC, 'worker', '--name', name], {
      cwd: this.#premises.directory,
      env: {
        ...workerEnvironment(process.env),
        DATABASE_URL: this.#url,
        GONIEC_STATE: join(this.#premises.directory, 'workers'),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const member: Member = { child, dismissed: false, lastLines: [] }
    this.#members.set(name, member)
    const { pid } = child
    assert(pid !== undefined, 'a worker has a process')
    this.#premises.guard(pid)
    child.on('exit', () => this.#premises.unguard(pid))
    await this.#follow(name, member)
    this.check()
    return pid
  }

  isWorking(name: string): boolean {
    const child = this.#members.get(name)?.child
    return child !== undefined && !hasEnded(child)
  }

  /** Kills a worker as a power cut would; resolves when its process is gone. */
  async kill(name: string): Promise<void> {
    const member = this.#members.get(name)
    if (member) await end(member, 'SIGKILL')
  }

  /** Lets all finish what they have in their hands, and kills who takes too long over it. */
  async dismiss(): Promise<void> {
    await Promise.all(
      [...this.#members.values()].map(async (member) => {
        const graceful = end(member, 'SIGTERM')
        await Promise.race([graceful, wait(LONGEST_GOODBYE_MS, undefined, { ref: false })])
        await end(member, 'SIGKILL')
      }),
    )
  }

  /** Throws where a worker has ended by itself; returns those whom somebody else has killed. */
  check(): string[] {
    const gone = [...this.#members].filter(([, { child, dismissed }]) => !dismissed && hasEnded(child))
    const failed = gone.find(([, { child }]) => child.exitCode !== null)
    if (!failed) return gone.map(([name]) => name)
    const [name, { lastLines }] = failed
    throw new GoniecError(
      'demo_worker',
      `the worker ${name} has ended by itself; the last of its log:\n${lastLines.join('\n')}`,
      {
        hint: 'run the demo once more; if it ends so again, report it with the lines above',
      },
    )
  }

  /** Keeps the log, and resolves when it says that the worker works, or the worker has ended. */
  async #follow(name: string, { child, lastLines }: Member): Promise<void> {
    const file = createWriteStream(join(this.#premises.directory, `${name}.log`), { flags: 'a' })
    // A full disk is the database's to tell; the log is a convenience.
    file.on('error', () => undefined)
    const working = Promise.withResolvers<void>()
    const keep = (line: string): void => {
      file.write(`${line}\n`)
      lastLines.splice(0, Math.max(0, lastLines.push(line) - MOST_LINES))
      if (line.includes('"worker started"')) working.resolve()
    }
    assert(child.stdout && child.stderr, 'a worker is heard')
    createInterface({ input: child.stdout }).on('line', keep)
    createInterface({ input: child.stderr }).on('line', keep)
    child.on('close', () => {
      file.end()
      working.resolve()
    })
    await working.promise
  }
}

const GONIEC = join(import.meta.dirname, '..', '..', '..', 'bin', 'goniec.js')
const LONGEST_GOODBYE_MS = 8000
const MOST_LINES = 8

/**
 * What a worker may take is shortened, so that a doubt can be settled while the demo runs: nobody may decide about a mail as long as
 * its attempt could be alive. The visitor's own settings are left out.
 */
function workerEnvironment(env: Environment): Environment {
  const others = Object.entries(env).filter(([name]) => !name.startsWith('GONIEC_') && name !== 'DATABASE_URL')
  return {
    ...Object.fromEntries(others),
    GONIEC_PHASE_DEADLINE: '10s',
    GONIEC_BEFORE_FENCE_DEADLINE: '12s',
    GONIEC_DOT_WITHIN: '5s',
    GONIEC_BLOCK_DEADLINE: '8s',
    GONIEC_DOT_DEADLINE: '8s',
    GONIEC_ATTEMPT_DEADLINE: '25s',
    GONIEC_LEASE: '15s',
    GONIEC_DRAIN: '5s',
  }
}

async function end(member: Member, signal: NodeJS.Signals): Promise<void> {
  member.dismissed = true
  if (hasEnded(member.child)) return
  const ended = once(member.child, 'exit')
  member.child.kill(signal)
  await ended
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null
}
