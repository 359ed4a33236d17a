/** The workers of a run, and what befalls them: killed and started anew, stopped past their lease, their event loop blocked past it. */
import { join } from 'node:path'
// How long a worker stands still is the point, so it goes on at a time and not at a signal.
import { setTimeout as delay } from 'node:timers/promises'
import { assert } from '../../src/errors.ts'
import { startWorker, type LogLine, type WorkerProcess } from '../../tests/support/worker-process.ts'
import { BEGINS_ONCE, LIGHT } from '../light.ts'
import { LEASE_MS, TIMES } from './times.ts'

/** Longer than a lease. */
const STANDSTILL_MS = LEASE_MS + 500

export class Crew {
  #url: string
  #workers = new Map<string, WorkerProcess>()
  /** Those that stand still just now, or begin anew: nothing else befalls them. */
  #busy = new Map<string, Promise<void>>()
  /** What ended by itself, a sentence each. */
  readonly unexpected: string[] = []

  constructor(url: string, count: number) {
    this.#url = url
    for (let n = 1; n <= count; n += 1) this.#start(`worker-${n}`)
  }

  /** So many work at the moment. */
  get count(): number {
    return this.#workers.size
  }

  async kill(which: number): Promise<void> {
    await this.#befall(which, async (name, worker) => {
      this.#workers.delete(name)
      worker.kill('SIGKILL')
      await worker.ended
      this.#start(name)
    })
  }

  async stop(which: number): Promise<void> {
    await this.#befall(which, async (_, worker) => {
      worker.kill('SIGSTOP')
      await delay(STANDSTILL_MS)
      worker.kill('SIGCONT')
    })
  }

  /** `proof/many/standstill.ts` in the worker hears the signal. */
  async standstill(which: number): Promise<void> {
    await this.#befall(which, async (name) => {
      const worker = await this.#started(name)
      worker.kill('SIGUSR2')
      await delay(STANDSTILL_MS)
    })
  }

  /** Ends all of them well. */
  async end(): Promise<void> {
    const workers = await Promise.all([...this.#workers.keys()].map((name) => this.#started(name)))
    this.#workers.clear()
    for (const worker of workers) worker.kill('SIGTERM')
    for (const worker of workers) {
      // One whose connection was cut while it was stopping says so with its code; what it left is looked at by the checks.
      const code = await worker.ended
      if (code !== 0 && !wasCutOff(worker) && !couldNotBegin(worker)) await worker.endedWell()
    }
  }

  /** Nothing of it outlives the run, however it went. */
  async destroy(): Promise<void> {
    const workers = [...this.#workers.values()]
    this.#workers.clear()
    for (const worker of workers) {
      worker.kill('SIGCONT')
      worker.kill('SIGKILL')
      await worker.ended
    }
  }

  /** Of those that nothing befalls just now; while there are none it waits. */
  async #befall(which: number, act: (name: string, worker: WorkerProcess) => Promise<void>): Promise<void> {
    let free: [string, WorkerProcess][] = []
    while ((free = [...this.#workers].filter(([name]) => !this.#busy.has(name))).length === 0)
      await Promise.race(this.#busy.values())
    const [name, worker] = free[which % free.length] ?? []
    assert(name !== undefined && worker, 'one of them is free')
    const over = act(name, worker).finally(() => this.#busy.delete(name))
    this.#busy.set(name, over)
    await over
  }

  /** Its process, once it has started: before that it hears no signal but those that end it. */
  async #started(name: string): Promise<WorkerProcess> {
    for (;;) {
      const worker = this.#workers.get(name)
      assert(worker, `${name} is one of them`)
      if (await hasStarted(worker)) return worker
      assert(this.#workers.get(name) !== worker, `${name} starts: ${worker.errors().slice(-300)}`)
    }
  }

  /** One that could not begin says so and ends: it is started again, as its supervisor would. */
  async #watch(name: string, worker: WorkerProcess): Promise<void> {
    const code = await worker.ended
    if (this.#workers.get(name) !== worker) return
    if (couldNotBegin(worker)) this.#start(name)
    else this.unexpected.push(`${name} ended by itself with ${code}: ${worker.errors().slice(-300)}`)
  }

  #start(name: string): void {
    const worker = startWorker(this.#url, {
      args: ['--name', name],
      env: { ...TIMES, ...LIGHT, NODE_OPTIONS: `--import ${STANDSTILL} ${BEGINS_ONCE}` },
    })
    this.#workers.set(name, worker)
    void this.#watch(name, worker)
  }
}

const isStart = ({ msg }: LogLine): boolean => msg === 'worker started'

/** False where it ended instead, and who watches it has seen that. */
async function hasStarted(worker: WorkerProcess): Promise<boolean> {
  return worker.line(isStart).then(
    () => true,
    () => worker.ended.then(() => false),
  )
}

const STANDSTILL = join(import.meta.dirname, 'standstill.ts')

/** Postgres' words where it was waiting for an answer, and goniec's where it asked next on a connection that was gone. */
const CUT = ['terminating connection due to administrator command', 'the connection to the database was lost']

/** One that begins wants its connections at once, and ends where there are not so many. It has its name by then, and may have sent. */
const NONE_LEFT = 'has no connection left'

function wasCutOff(worker: WorkerProcess): boolean {
  return CUT.some((words) => worker.errors().includes(words))
}

function couldNotBegin(worker: WorkerProcess): boolean {
  return worker.errors().includes(NONE_LEFT) || (wasCutOff(worker) && !worker.log.some(isStart))
}
