/**
 * Where the runs of block C play: a durable Postgres of their own, the proxy before it, a mail server with its fsynced record, and one worker
 * process that lives through all of them. A run brings its own leads; when it is over, every mail of the world has ended, and is judged.
 */
import { chmod, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { messageOf } from '../../src/errors.ts'
import { startRecorder, type Recorder } from '../../tests/support/recorder.ts'
import { startWorker, type LogLine, type WorkerProcess } from '../../tests/support/worker-process.ts'
import { checkFinished, countDoubts } from '../invariants.ts'
import { openOracle, readOracle, type Oracle } from '../oracle.ts'
import { LIGHT } from '../light.ts'
import { Cluster } from './cluster.ts'
import { Disk } from './disk.ts'
import { guard } from './guard.ts'
import { Patience, pause, whileAway } from './patience.ts'
import { Proxy } from './proxy.ts'
import { makeWorld, openMails, putNothingOff, untilEngineRuns } from './world.ts'

/** A recovery of these servers takes a second. */
const HANGS_MS = 20_000

/** The protocol's times. Longer than what a busy machine needs by itself, so that what is seen is the fault's doing. */
const TIMES = {
  GONIEC_LEASE: '4s',
  GONIEC_PHASE_DEADLINE: '3s',
  GONIEC_BEFORE_FENCE_DEADLINE: '3500ms',
  GONIEC_DOT_WITHIN: '3s',
  GONIEC_BLOCK_DEADLINE: '4s',
  GONIEC_DOT_DEADLINE: '3s',
  GONIEC_ATTEMPT_DEADLINE: '10s',
  GONIEC_DATABASE_SILENCE: '2s',
}

/** What a fault needs of its stage. */
export interface Props {
  /** A synchronous standby, or one that only follows. */
  standby?: 'synchronous' | 'asynchronous'
  /** The server's disk is small. */
  smallDisk?: boolean
  /** Other times. */
  times?: Record<string, string>
}

export class Stage {
  cluster: Cluster
  standby: Cluster | undefined
  worker: WorkerProcess
  readonly disk: Disk | undefined
  readonly proxy: Proxy
  readonly props: Props
  readonly #directory: string
  readonly #mailServer: Recorder
  readonly #oracle: Oracle
  readonly #endGuard: () => void
  #clusters = 0

  private constructor(
    made: Pick<Stage, 'cluster' | 'disk' | 'proxy' | 'props'>,
    directory: string,
    mailServer: Recorder,
    oracle: Oracle,
  ) {
    this.cluster = made.cluster
    this.disk = made.disk
    this.proxy = made.proxy
    this.props = made.props
    this.#directory = directory
    this.#endGuard = guard(directory)
    this.#mailServer = mailServer
    this.#oracle = oracle
    this.worker = this.#startWorker()
  }

  static async open(directory: string, props: Props): Promise<Stage> {
    // The server's user must be able to walk through it.
    await chmod(directory, 0o755)
    await chmod(dirname(directory), 0o755)
    const disk = props.smallDisk ? await Disk.mount(join(directory, 'disk')) : undefined
    const cluster = await Cluster.create(join(disk?.path ?? directory, 'first'))
    const oracle = openOracle(join(directory, 'accepted'))
    const mailServer = await startRecorder({ onAccept: oracle.accept })
    await makeWorld(cluster.database, mailServer.port)
    const proxy = new Proxy(cluster.port)
    await proxy.listen()
    const stage = new Stage({ cluster, disk, proxy, props }, directory, mailServer, oracle)
    if (props.standby) await stage.addStandby()
    await stage.line(({ msg }) => msg === 'worker started')
    return stage
  }

  /** The worker's first line of that kind from here on; or since a number of lines. Rejects where it ends before. */
  line(fits: (line: LogLine) => boolean, since = 0): Promise<LogLine> {
    const { worker } = this
    return worker.line((line) => fits(line) && worker.log.indexOf(line) >= since)
  }

  /** Asks the server past the proxy; while it is away, again and again. */
  async ask<Row extends Record<string, unknown>>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    return whileAway(() => this.cluster.database.query<Row>(text, values))
  }

  /** The first row of that question, asked until there is one. */
  async until<Row extends Record<string, unknown>>(text: string, values: readonly unknown[] = []): Promise<Row> {
    for (;;) {
      const [row] = await this.ask<Row>(text, values)
      if (row) return row
      await pause()
    }
  }

  /** A moment, for whoever asks again and again. */
  async breathe(): Promise<void> {
    await pause()
  }

  /**
   * The server is up and takes writes: what a full disk has ended is started again. One that hangs is ended first, as its administrator would: Postgres 18
   * stays "not yet accepting connections" for ever where the disk was full once more at the end of its recovery.
   */
  async untilServed(): Promise<void> {
    const patience = new Patience('the server does not serve again')
    for (let hangsFromMs = performance.now() + HANGS_MS; ;) {
      patience.spend([])
      if (performance.now() > hangsFromMs) {
        await this.cluster.kill()
        hangsFromMs = performance.now() + HANGS_MS
      }
      try {
        await this.cluster.start()
        await this.cluster.database.query('create temporary table if not exists served ()')
        return
      } catch {
        await pause()
      }
    }
  }

  /** A standby of the server as it is now, which has everything. */
  async addStandby(): Promise<void> {
    this.#clusters += 1
    this.standby = await this.cluster.copyTo(join(this.#directory, `standby-${this.#clusters}`), 'standby')
    if (this.props.standby !== 'synchronous') return
    await this.cluster.set('synchronous_standby_names', 'standby')
    await this.until(`select from pg_stat_replication where sync_state = 'sync'`)
  }

  /** The standby is the server from now on; the old one is gone for good. */
  async failOver(): Promise<void> {
    const { cluster, standby } = this
    if (!standby) throw new RangeError('this stage has a standby')
    await standby.database.query('select pg_promote()')
    this.cluster = standby
    this.standby = undefined
    this.proxy.target = standby.port
    await cluster.remove()
  }

  /** Resolves when every mail has ended; rejects with what is open where that takes too long. */
  async untilAllEnded(): Promise<void> {
    const patience = new Patience('these mails did not end')
    for (;;) {
      const open = await whileAway(() => openMails(this.cluster.database), patience)
      if (open.length === 0) return
      patience.spend(open)
      await whileAway(() => putNothingOff(this.cluster.database), patience)
      await pause()
    }
  }

  /** What is broken now that everything should have ended. */
  async judge(): Promise<string[]> {
    try {
      await this.untilAllEnded()
      const patience = new Patience('the engine runs no jobs any more')
      const wait = async (): Promise<void> => (patience.spend([]), await pause())
      await whileAway(() => untilEngineRuns(this.cluster.database, wait), patience)
    } catch (error) {
      return [
        messageOf(error),
        ...(await this.#broken()),
        `the worker's last lines: ${JSON.stringify(this.worker.log.slice(-12))}`,
      ]
    }
    return this.#broken()
  }

  /** Mails that the server has accepted so far. */
  get accepted(): number {
    return readOracle(this.#oracle.path).length
  }

  async doubts(): Promise<number> {
    return countDoubts(this.cluster.database)
  }

  async close(): Promise<void> {
    this.worker.kill('SIGKILL')
    await this.worker.ended
    await writeFile(join(this.#directory, 'worker.log'), this.worker.log.map((line) => JSON.stringify(line)).join('\n'))
    await writeFile(join(this.#directory, 'server.log'), await this.cluster.log())
    await this.proxy.close()
    await this.#mailServer.close()
    this.#oracle.close()
    await this.standby?.remove()
    await this.cluster.remove()
    await this.disk?.unmount()
    this.#endGuard()
    await rm(join(this.#directory, 'first'), { recursive: true, force: true })
  }

  async #broken(): Promise<string[]> {
    const { database } = this.cluster
    const accepted = readOracle(this.#oracle.path)
    const doubts = await this.doubts()
    return [
      ...(await checkFinished({ database, accepted, allDue: true })),
      // The mail server answered every mail, and the worker lives: there is nothing that nobody can know.
      ...(doubts > 0 ? [`${doubts} mails are in doubt, though the worker has heard every answer`] : []),
    ]
  }

  #startWorker(): WorkerProcess {
    const url = this.cluster.workerUrl(this.proxy.port)
    return startWorker(url, { args: ['--name', 'proof'], env: { ...TIMES, ...LIGHT, ...this.props.times } })
  }
}
