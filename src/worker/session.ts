/**
 * The worker's session: one direct connection that holds the lock on its name and hears what is notified.
 *
 * It is one of four things at any moment:
 *   opening   the first connection, and the name, are being taken. What fails here is told to whoever called `open`.
 *   held      no other process works under this name.
 *   away      the connection was lost: `held` is false from that instant. It connects again, with growing pauses, for as long as it takes,
 *             and takes the lock back.
 *   closed    by us; or because it cannot go on under this name, which `onOut` tells, once.
 *
 * It asks the server from time to time whether it is still there: a connection can be gone without a word, and the lock with it.
 *
 * Owns       the advisory lock (20201, hash of the name), the incarnation's row, the subscription to the channel `goniec`.
 * Leaves     what to do while away to the worker: claim nothing, fence nothing, keep outcomes.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { Client } from 'pg'
import { clientConfig } from '../database/pool.ts'
import { setUpSession } from '../database/session-settings.ts'
import { breakWhenSilent } from '../database/silence.ts'
import { refuseSharedProcess } from '../database/pooler.ts'
import { GoniecError } from '../errors.ts'
import { lifeOf, registerIncarnation, takeName, takeNameWithin, unfinished, type Predecessors } from './name.ts'

export interface SessionEvents {
  onNotification: (payload: string) => void
  onLost: (error: Error) => void
  /** A try to connect again has failed; another one follows. */
  onStillAway: (error: unknown) => void
  onRegained: () => void
  /** It cannot go on under this name: somebody else has it, the database has forgotten this worker's life, or its logbook cannot be used. */
  onOut: (reason: string) => void
  /** The name is ours: does the database still know what was done under it? Asked before anything is registered, or taken up again. */
  lookBack: (client: Client, name: string) => Promise<void>
}

/** The server is asked so often within the time that it may be silent. */
const BEATS = 2

export class WorkerSession {
  readonly url: string
  name = ''
  incarnationId = 0
  held = false
  #heldFromMs = 0
  #silenceMs: number
  /** How often the name was taken back. */
  #returns = 0
  #events: SessionEvents
  #client: Client | undefined
  #closed = false

  /** `silenceMs`: how long the server may owe an answer. */
  constructor(url: string, silenceMs: number, events: SessionEvents) {
    this.url = url
    this.#silenceMs = silenceMs
    this.#events = events
  }

  /** Which time of holding the name this is; undefined: it is not held. What was claimed in another time passes no fence. */
  get tenure(): number | undefined {
    return this.held ? this.#returns : undefined
  }

  /** How long the name has been held without a break; 0: it is not held. */
  get heldMs(): number {
    return this.held ? performance.now() - this.#heldFromMs : 0
  }

  /** Takes the name, or without one the first free of host, host-2, host-3 …, and registers this incarnation. */
  async open(wantedName: string | undefined): Promise<void> {
    const { client, lost } = await this.#connect()
    try {
      this.name = await takeName(client, wantedName)
      await this.#events.lookBack(client, this.name)
      this.incarnationId = await registerIncarnation(client, this.name)
      await client.query('listen goniec')
    } catch (error) {
      await client.end()
      throw error
    }
    await this.#adopt(client, lost)
  }

  /** Does this with the connection; nothing while it is away. */
  async withClient(work: (client: Client) => Promise<void>): Promise<void> {
    const client = this.#client
    if (client) await work(client)
  }

  /** Who worked under this name before and has not ended. */
  async predecessors(): Promise<Predecessors> {
    const client = this.#client
    return client ? unfinished(client, this.name, this.incarnationId) : { gone: [], seenGone: [] }
  }

  /** Marks those as ended that have nothing left to recover. */
  async endPredecessors(ids: readonly number[]): Promise<void> {
    if (ids.length === 0) return
    await this.#client?.query(END, [ids])
  }

  /** Ends the incarnation, gives the name back and closes. One that leaves attempts behind is ended by whoever recovers them. */
  async close(): Promise<void> {
    this.#closed = true
    this.held = false
    const client = this.#client
    this.#client = undefined
    if (!client) return
    try {
      await client.query(END, [[this.incarnationId]])
    } finally {
      await client.end()
    }
  }

  /** A connection that is not ours yet, and the promise of its loss. */
  async #connect(): Promise<{ client: Client; lost: Promise<Error> }> {
    const client = new Client(clientConfig(this.url, { name: 'worker session' }))
    const lost = new Promise<Error>((resolve) => {
      client.on('error', resolve)
      client.once('end', () => resolve(new GoniecError('database_lost', 'the connection to the database ended')))
    })
    client.on('notification', ({ payload = '' }) => this.#events.onNotification(payload))
    await client.connect()
    breakWhenSilent(client, this.#silenceMs)
    try {
      await refuseSharedProcess(client, this.url, { silenceMs: this.#silenceMs })
      await setUpSession(client)
    } catch (error) {
      // How it ends is of no interest any more: it may be broken.
      client.end().catch(() => undefined)
      throw error
    }
    return { client, lost }
  }

  /** From here on the name is held, until the connection is lost: maybe it already is. */
  async #adopt(client: Client, lost: Promise<Error>): Promise<void> {
    if (this.#closed) return client.end()
    this.#client = client
    this.held = true
    this.#heldFromMs = performance.now()
    const heartbeat = setInterval(() => client.query('select', this.#ignoreBeat), this.#silenceMs / BEATS)
    void lost.then((error) => this.#lost(client, error)).finally(() => clearInterval(heartbeat))
  }

  /** One that fails is told by the connection's end. */
  readonly #ignoreBeat = (): void => undefined

  #lost(client: Client, error: Error): void {
    if (client !== this.#client || this.#closed) return
    this.#client = undefined
    this.held = false
    this.#events.onLost(error)
    void this.#regain()
  }

  async #regain(): Promise<void> {
    for (let pauseMs = 100; !this.#closed; pauseMs = Math.min(pauseMs * 2, 3000)) {
      try {
        const reason = await this.#takeBack()
        if (reason === null) return
        this.#closed = true
        return this.#events.onOut(reason)
      } catch (error) {
        this.#events.onStillAway(error)
        await delay(pauseMs)
      }
    }
  }

  /**
   * Takes the lock again, waiting a moment for our old session to end. Null: it has it; else why it cannot go on. What a database has forgotten is
   * reported to it in any case, before anything else is done with it.
   */
  async #takeBack(): Promise<string | null> {
    const { client, lost } = await this.#connect()
    try {
      const reason = (await takeNameWithin(client, this.name)) ? await this.#whyNot(client) : TAKEN
      if (reason !== null) {
        await client.end()
        return reason.replace('NAME', this.name)
      }
      await client.query('listen goniec')
    } catch (error) {
      // It is broken already; how it ends is of no interest any more.
      client.end().catch(() => undefined)
      throw error
    }
    this.#returns += 1
    await this.#adopt(client, lost)
    if (this.held) this.#events.onRegained()
    return null
  }

  async #whyNot(client: Client): Promise<string | null> {
    try {
      await this.#events.lookBack(client, this.name)
    } catch (error) {
      if (error instanceof GoniecError && error.code.startsWith('logbook_')) return error.message
      throw error
    }
    const life = await lifeOf(client, this.name, this.incarnationId)
    return life === 'goes on' ? null : life === 'ended' ? TAKEN : FORGOTTEN
  }
}

/** What has nothing left to recover: behind its end nobody would look for it before its time is over. */
const END = `
  update goniec.incarnation i
  set ended_at = goniec.now()
  where i.id = any ($1)
    and not exists (select from goniec.attempt a where a.incarnation_id = i.id and a.state in ('claimed', 'transmitting'))`

const TAKEN = 'another process works under the name "NAME" now'
const FORGOTTEN = 'the database has forgotten that this worker was started'
